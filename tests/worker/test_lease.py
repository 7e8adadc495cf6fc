"""The lease: taken away, not renewed, not relied upon; and threads that break."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, MoodyDisk, alive, eventually, gate
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed
from wmctl.spool import Settings, Spool
from wmctl.worker.guard import Guard
from wmctl.worker.worker import RESTART


def test_a_job_that_was_taken_from_us_is_stopped_and_not_published(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        pid = int(started())
        taken = Path(bench.entry(job_id).path)
        away = bench.spool.path / "held" / taken.name
        taken.rename(away)
        assert eventually(lambda: not alive(pid))
        worker.drain()
        thread.join(PATIENCE)
    assert bench.state(job_id) == "held"
    assert ("job_end", job_id) not in bench.witness.seen


def test_who_was_declared_dead_starts_anew(bench: Bench) -> None:
    """Its folder is gone: the job is killed, the exit status says: start me again."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker(burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    pid = int(started())
    bench.spool.rescue(worker.name)
    thread.join(PATIENCE)
    assert codes == [RESTART]
    assert not alive(pid)
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.lost) == ("queued", 1)
    assert worker.name not in bench.spool.joined()


def test_an_idle_worker_that_was_declared_dead_starts_anew_too(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    worker = bench.worker(burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    eventually(lambda: worker.name in bench.spool.joined())
    bench.spool.rescue(worker.name)
    thread.join(PATIENCE)
    assert codes == [RESTART]


def test_nothing_is_claimed_without_a_lease(bench: Bench, moody: MoodyDisk) -> None:
    """Beats fail, the queue works: the supervisor would kill every job that were started."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=0.9, beat=0.05), disk=moody)
    job_id = bench.submit()
    moody.bad = lambda call: "/workers/" in "".join(call.paths) and call.name == "open"
    guard = Guard(0.9)
    guard.renewed(0.0)
    assert guard.overdue()
    worker = bench.worker(guard=guard, burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        eventually(lambda: moody.refused > 5)
        assert bench.state(job_id) == "queued"
        moody.bad = lambda _call: False
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"


def test_a_job_that_the_supervisor_stopped_is_given_back_as_lost(bench: Bench) -> None:
    """Its end is not its own, whatever it looks like; it runs again once a beat works."""
    guard = Guard(60.0)
    ends = []

    def run(ctx: RunContext) -> Completed:
        ends.append(ctx.attempt)
        if len(ends) == 1:
            guard.stop(lambda: 1)
        return Completed(ctx.attempt)

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run(guard=guard)
    assert ends == [1, 2]
    assert bench.result(job_id) == 2
    assert bench.entry(job_id).name.lost == 1


@pytest.mark.parametrize("frozen", [True, False])
def test_a_job_does_not_start_if_the_lease_ran_out_since_its_claim(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, frozen: bool
) -> None:
    """We stood still: others may have taken it by now, and have run it to its end."""
    guard = Guard(60.0)
    starts: list[int] = []

    def stand_still(job: RunContext) -> None:
        if frozen and job.attempt == 1:
            guard.renewed(0.0)

    monkeypatch.setattr(bench.witness, "job_start", stand_still)
    bench.direct("runs", lambda ctx: Completed(starts.append(ctx.attempt)))
    job_id = bench.submit(kind="runs")
    bench.run(guard=guard)
    assert starts == [1 + frozen]
    assert bench.state(job_id) == "success"


def test_without_the_mark_such_an_end_would_be_published(bench: Bench) -> None:
    """The control: the job's end by a signal is an ordinary failure."""
    job_id = bench.submit("kill -9 $$")
    bench.run()
    assert bench.record(job_id)["exit_code"] == 137
    assert bench.entry(job_id).name.lost == 0


def test_a_beat_that_was_under_way_renews_nothing_that_was_asked_for_later(
    bench: Bench, moody: MoodyDisk
) -> None:
    """The beat that hung while the supervisor acted comes back: it is too old to count."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.2), disk=moody)
    guard = Guard(3.0)
    worker = bench.worker(guard=guard, burst=False)
    hangs, go = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert go.wait(PATIENCE)

    heart = worker._heart
    bench.spool.join(worker.name, {})
    moody.bad = lambda call: (
        call.name == "write"
        and "/workers/" in "".join(call.paths)
        and (hang() is not None if not go.is_set() else False)
    )
    heart.start()
    assert hangs.wait(PATIENCE)
    answers: list[tuple[bool, float]] = []
    asked = time.clock_gettime(time.CLOCK_BOOTTIME)
    waiter = threading.Thread(
        target=lambda: answers.append((heart.await_beat(PATIENCE), guard.renewed_at))
    )
    waiter.start()
    go.set()
    waiter.join(PATIENCE)
    heart.stop()
    ((beaten, renewed),) = answers
    assert beaten
    assert renewed >= asked


def test_a_heart_that_breaks_ends_the_worker(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that dies in silence would leave a worker that holds jobs without a lease."""

    class Broken(Spool):
        def order_for(self, worker: str) -> Mapping[str, Any] | None:
            raise ZeroDivisionError(worker)

    worker = bench.worker(spool=Broken.open(bench.spool.path), burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    thread.join(PATIENCE)
    assert codes == [RESTART]
    assert "the heart broke" in caplog.text


def test_a_sweep_that_breaks_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    swept = threading.Semaphore(0)

    class Broken(Spool):
        def joined(self) -> set[str]:
            swept.release()
            raise ZeroDivisionError

    spool = Broken.open(Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.02)).path)
    worker = bench.worker(spool=spool, burst=False)
    with bench.running(worker):
        for _ in range(3):
            assert swept.acquire(timeout=PATIENCE)
    assert "looking after the spool broke" in caplog.text
