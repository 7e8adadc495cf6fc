"""How a worker ends: drained, halted, with claims in hand; and what it leaves."""

import errno
import logging
import os
import signal
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, MoodyDisk, alive, eventually, gate, order, script
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed
from wmctl.spool import Settings, Spool
from wmctl.spool.name import due_after
from wmctl.testing.faults import Call
from wmctl.testing.spool_contract import audit
from wmctl.worker import identity


def test_a_drain_finishes_the_job_and_claims_no_more(bench: Bench) -> None:
    code, started = gate(bench)
    go_on, let = gate(bench)
    first, second = bench.submit(code + go_on), bench.submit()
    worker = bench.worker()
    with bench.running(worker) as thread:
        started()
        worker.drain()
        let()
        thread.join(PATIENCE)
    assert bench.state(first) == "success"
    assert bench.state(second) == "queued"


def test_a_drain_marker_does_the_same(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        eventually(lambda: worker.name in bench.spool.joined())
        (bench.spool.path / "control" / "drain" / worker.name).write_text("")
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert bench.spool.joined() == set()


def test_a_draining_worker_still_obeys_a_cancel_and_still_beats(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker()
    with bench.running(worker) as thread:
        started()
        worker.drain()

        def beat() -> Any:
            return next(iter(bench.spool.workers())).content

        eventually(lambda: beat().get("state") == "draining")
        sequence = beat()["sequence"]
        eventually(lambda: beat()["sequence"] > sequence)
        bench.spool.cancel(job_id)
        thread.join(PATIENCE)
    assert bench.state(job_id) == "canceled"


@pytest.mark.parametrize("drains", [0, 1, 2])
def test_a_halt_stops_the_job_and_gives_it_back_uncounted(bench: Bench, drains: int) -> None:
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker()
    with bench.running(worker) as thread:
        pid = int(started())
        for _ in range(drains):  # a TERM to the whole group comes twice; that is no halt
            worker.drain()
        assert alive(pid)
        worker.halt()
        thread.join(PATIENCE)
    assert not alive(pid)
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.lost, entry.name.tries) == ("queued", 0, 0)
    assert bench.spool.joined() == set()


def test_who_goes_with_a_claim_in_hand_leaves_a_proof_of_it(bench: Bench, moody: MoodyDisk) -> None:
    """A disk that refuses to the end: the next worker on this host rescues at once."""
    job_id = bench.submit()
    moody.error = errno.ENOSPC
    blocked = threading.Event()

    def bad(call: Call) -> bool:
        if call.name == "create" and threading.current_thread().name == "committer":
            blocked.set()
            return True
        return False

    moody.bad = bad
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        assert blocked.wait(PATIENCE)
        worker.drain()
        thread.join(0.05)
        assert thread.is_alive()  # it insists
        worker.halt()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert bench.state(job_id) == "running"
    (beat,) = bench.spool.workers()
    assert identity.proven_dead(bench.work, worker.name, beat.content)
    moody.bad = lambda _call: False
    with bench.running(bench.worker(burst=False, max_jobs=1)) as thread:
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"
    assert bench.entry(job_id).name.lost == 1


def test_nothing_new_is_claimed_while_results_cannot_be_published(
    bench: Bench, moody: MoodyDisk
) -> None:
    """On a full disk further jobs would only run to lose their logs."""
    moody.error = errno.ENOSPC
    refused = threading.Semaphore(0)
    ran: list[str] = []

    def bad(call: Call) -> bool:
        if call.name == "create" and threading.current_thread().name == "committer":
            refused.release()
            return True
        return False

    def run(ctx: RunContext) -> Completed:
        ran.append(ctx.id)
        if len(ran) == 2:  # the first one's result is refused while this one runs
            assert refused.acquire(timeout=PATIENCE)
            assert refused.acquire(timeout=PATIENCE)
        return Completed(1)

    bench.direct("runs", run)
    jobs = [bench.submit(kind="runs") for _ in range(5)]
    moody.bad = bad
    with bench.running(bench.worker()) as thread:
        for _ in range(4):
            assert refused.acquire(timeout=PATIENCE)
        assert ran == jobs[:2]
        assert [bench.state(job_id) for job_id in jobs[2:]] == ["queued"] * 3
        moody.bad = lambda _call: False
        thread.join(PATIENCE)
    assert {bench.state(job_id) for job_id in jobs} == {"success"}


def test_a_join_that_fails_leaves_nothing(bench: Bench, moody: MoodyDisk) -> None:
    moody.bad = lambda call: call.name == "mkdir"
    with pytest.raises(Exception, match="cannot join"):
        bench.worker().run()
    assert list((bench.work / "locks").iterdir()) == []


def test_kept_job_folders_outlive_the_worker(bench: Bench) -> None:
    job_id = bench.submit("echo kept > file")
    worker = bench.run(keep_job_dir=True)
    assert (bench.work / worker.name / job_id / "file").read_text() == "kept\n"


def test_signals_may_come_at_any_moment(bench: Bench) -> None:
    """Drain from a handler in the worker's own thread, many times, wherever it is."""
    jobs = [bench.submit() for _ in range(300)]
    worker = bench.worker(burst=False)
    old = signal.signal(signal.SIGUSR1, lambda *_: worker.drain())
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert worker.run() == 0
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    found = audit(bench.spool.path)
    found.must_hold(jobs)
    assert {found.state(job_id) for job_id in jobs} <= {"success", "queued"}
    assert bench.spool.joined() == set()


def test_two_workers_share_the_work(bench: Bench) -> None:
    jobs = list(bench.spool.submit_all((script() for _ in range(60)), tag="bash"))
    one, other = bench.worker(), bench.worker()
    with bench.running(one) as first, bench.running(other) as second:
        first.join(PATIENCE)
        second.join(PATIENCE)
    audit(bench.spool.path).must_hold(jobs)
    assert sorted(order(bench)) == sorted(jobs)


def test_due_times_are_the_file_servers(bench: Bench) -> None:
    """A due time a minute ahead of the spool's clock is the future, whatever this host thinks."""
    ahead = due_after(60.0, bench.spool.now())
    job_id = bench.submit(due=datetime.strptime(ahead, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC))
    bench.run()
    assert bench.state(job_id) == "queued"


def test_the_log_of_a_fenced_job_is_a_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.direct("rescued", lambda ctx: (bench.spool.rescue(ctx.worker), Completed(1))[1])
    job_id = bench.submit(kind="rescued")
    with caplog.at_level(logging.WARNING, "wmctl.worker"):
        bench.worker(max_jobs=1).run()
    assert "taken from us" in caplog.text
    assert bench.state(job_id) == "queued"
    assert ("job_end", job_id) not in bench.witness.seen
