"""Init and periodic scripts: before the first claim, again after a failure, at each interval."""

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import Bench, Clock, alive, eventually, gate
from tests.worker.test_supervisor import Site, site
from wmctl.runner.outcome import Completed, failed
from wmctl.spool import Entry, Settings, Spool
from wmctl.testing.faults import Crash, CrashingDisk
from wmctl.testing.spool_contract import anything, audit
from wmctl.worker.chores import INIT, PERIODIC, Chores, tidy
from wmctl.worker.execute import Ran
from wmctl.worker.live import Fixed
from wmctl.worker.worker import CANNOT_START

__all__ = ["site"]

WELL = Ran(Completed(), None, None, 0)
ILL = Ran(failed("ExecutionErr", "no", exit_code=3), None, None, 0)


def scripts(bench: Bench, **changes: Any) -> dict[str, Any]:
    """Options of a worker with these scripts."""
    config = Fixed("default", {"bash": 0})
    config.served = dataclasses.replace(config.served, **changes)
    return {"configure": lambda: config}


def jobs(spool: Spool, tag: str = INIT) -> list[Entry]:
    return [entry for entry in spool.entries() if entry.name.tag == tag]


def test_the_init_script_runs_once_before_the_first_job(bench: Bench) -> None:
    bench.submit(f"echo job >> {bench.folder}/order")
    bench.submit(f"echo job >> {bench.folder}/order")
    code = f"echo init $WM_WORKSPACE >> {bench.folder}/order; echo hello"
    worker = bench.run(**scripts(bench, init_bash=code))
    assert (bench.folder / "order").read_text().split() == ["init", "admins", "job", "job"]
    (entry,) = jobs(bench.spool)
    assert entry.state == "success"
    job = bench.spool.job(entry)
    assert (job.name, job.created_by) == (f"init_script_{worker.name}", worker.name)
    assert bench.spool.log_paths(entry)[0].read_text() == "hello\n"
    ((_, log),) = bench.spool.logs(entry)
    assert log.exists()


def test_while_it_fails_nothing_is_claimed_and_the_beat_says_why(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    job_id = bench.submit()
    mended = bench.folder / "mended"
    worker = bench.worker(burst=False, **scripts(bench, init_bash=f"[ -e {mended} ] || exit 3"))
    with bench.running(worker):
        eventually(lambda: (bench.beat().get("reason") or "").startswith("init script failed"))
        beat = bench.beat()
        assert beat["reason"] in {f"init script failed (exit 3), next try in {n} s" for n in (1, 2)}
        assert (beat["state"], beat["ok"], beat["failed"]) == ("init", 0, 0)
        assert beat["last_job"] in {entry.id for entry in jobs(bench.spool)}
        assert beat["last_job_workspace"] == "admins"
        assert bench.state(job_id) == "queued"
        mended.touch()
        eventually(lambda: bench.state(job_id) == "success")
        eventually(lambda: bench.beat()["state"] == "idle" and bench.beat()["reason"] is None)
        worker.drain()
    states = [entry.state for entry in jobs(bench.spool)]
    assert sorted(set(states)) == ["failure", "success"]
    assert states.count("success") == 1


def test_a_failing_one_ends_a_burst_with_an_error(bench: Bench) -> None:
    job_id = bench.submit()
    worker = bench.worker(**scripts(bench, init_bash="exit 1"))
    assert worker.run() == CANNOT_START
    assert bench.state(job_id) == "queued"


def test_one_that_leaves_a_process_with_its_pipes_does_not_hang(bench: Bench) -> None:
    """As windmill-labs/windmill#7029."""
    pids = bench.folder / "pids"
    job_id = bench.submit()
    bench.run(**scripts(bench, init_bash=f"sleep 600 & echo $! > {pids}"))
    assert bench.state(job_id) == "success"
    assert not alive(int(pids.read_text()))


def test_told_to_end_while_it_waits_for_the_next_try_it_ends(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    worker = bench.worker(burst=False, **scripts(bench, init_bash="exit 3"))
    with bench.running(worker) as thread:
        eventually(lambda: (bench.beat().get("reason") or "").endswith("next try in 2 s"))
        worker.drain()
        thread.join(1.5)
        assert not thread.is_alive()


def test_the_pauses_between_tries_grow_to_a_minute(spool: Spool) -> None:
    clock = Clock()
    chores = Chores(spool, "wk-1", init="x", clock=clock)
    pauses: list[float] = []
    while len(pauses) < 9:
        assert chores.due() == INIT
        chores.ended(INIT, ILL)
        assert chores.due() is None
        pauses.append(chores.left())
        clock.now += chores.left()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not chores.ready
    chores.ended(INIT, WELL)
    assert (chores.ready, chores.due(), chores.problem) == (True, None, None)


def test_the_periodic_script_runs_at_start_and_each_interval(spool: Spool) -> None:
    clock = Clock()
    chores = Chores(spool, "wk-1", init="x", periodic="y", interval=60, clock=clock)
    assert chores.due() == INIT
    chores.ended(INIT, WELL)
    assert chores.due() == PERIODIC
    chores.ended(PERIODIC, WELL)
    assert (chores.due(), chores.left()) == (None, 60)
    clock.now += 60
    assert chores.due() == PERIODIC
    chores.ended(PERIODIC, ILL)
    assert chores.problem == "periodic script failed (exit 3)"
    assert (chores.ready, chores.due(), chores.left()) == (True, None, 60)
    clock.now += 60
    chores.ended(PERIODIC, WELL)
    assert chores.problem is None


def test_an_idle_worker_wakes_for_its_periodic_script_and_goes_on_after_failures(
    bench: Bench,
) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    options = scripts(bench, periodic_bash="exit 1", periodic_interval=0.2)
    worker = bench.worker(burst=False, **options)
    with bench.running(worker):
        eventually(lambda: len(jobs(bench.spool, PERIODIC)) >= 3)
        eventually(lambda: bench.beat().get("reason") == "periodic script failed (exit 1)")
        job_id = bench.submit()
        eventually(lambda: bench.state(job_id) == "success")
        worker.drain()
    assert worker._account.executed == 1


def test_one_that_is_canceled_while_it_waits_or_runs_is_made_anew(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    worker = bench.worker(
        burst=False, **scripts(bench, init_bash=f"[ -e {bench.folder}/2 ] && exit; {code} sleep 99")
    )
    with bench.running(worker):
        started()
        (bench.folder / "2").touch()
        bench.spool.cancel(jobs(bench.spool)[0].id, by="ada", reason="a test")
        eventually(lambda: {e.state for e in jobs(bench.spool)} == {"canceled", "success"})
        worker.drain()


def test_only_its_own_worker_runs_it(bench: Bench) -> None:
    """Another's waits, although somebody is told to serve that tag."""
    bench.spool.join("wk-other", {})
    made = Chores(bench.spool, "wk-other", init="exit 1").make(INIT)
    assert made
    bench.run(**scripts(bench, init_bash=":"))
    assert bench.state(made.id) == "queued"
    bench.spool.rescue("wk-other")
    assert tidy(bench.spool, "wk-2") == 1
    assert bench.state(made.id) == "canceled"
    assert (bench.spool.reason(bench.entry(made.id)) or {})["reason"] == "worker wk-other is gone"


@pytest.mark.parametrize("done", [False, True])
def test_dying_at_each_disk_call_leaves_nothing_that_waits_for_ever(
    memory: Path, *, done: bool
) -> None:
    number, over = 0, False
    while not over:
        root = memory / f"{number}"
        Spool.create(root, Settings())
        acknowledged: list[str] = []
        try:
            spool = Spool.open(root, disk=CrashingDisk(number, done=done))
            _life(spool, acknowledged)
            over = True
        except Crash:
            number += 1
        after = Spool.open(root)
        for worker in after.joined():
            after.rescue(worker)
        tidy(after, "wk-2")
        assert audit(root).problems == []
        found = list(after.entries())
        assert all(entry.terminal for entry in found), [entry.state for entry in found]
        assert {entry.id for entry in found} >= set(acknowledged)
        assert len({entry.id for entry in found}) == len(found)
    assert number > 20


def _life(spool: Spool, acknowledged: list[str]) -> None:
    spool.join("wk-1", {})
    chores = Chores(spool, "wk-1", init=":")
    entry = chores.make(INIT)
    assert entry
    acknowledged.append(entry.id)
    claim = spool.claim("wk-1", entry.name, entry.path, anything)
    assert claim
    assert spool.finish(claim, "success", {"result": None})
    chores.ended(INIT, WELL)
    spool.leave("wk-1")


def test_an_error_at_making_it_leaves_no_second_one(spool: Spool, memory: Path) -> None:
    spool.join("wk-1", {})
    chores = Chores(spool, "wk-1", init=":")

    def submit(*args: Any, **more: Any) -> str:
        del chores._spool.submit
        spool.submit(*args, **more)
        raise OSError("it was written, and the reply was lost")

    chores._spool.submit = submit  # type: ignore[method-assign]
    with pytest.raises(OSError, match="reply"):
        chores.make(INIT)
    made = chores.make(INIT)
    assert made
    assert sorted(entry.state for entry in jobs(spool)) == ["canceled", "queued"]
    assert made.id == next(entry.id for entry in jobs(spool) if entry.state == "queued")
    chores.close()
    assert {entry.state for entry in jobs(spool)} == {"canceled"}


def test_killed_in_its_init_script_a_worker_is_started_anew(site: Site) -> None:
    """kill -9: the script's own job is canceled, and a new one made."""
    bench = site.bench
    go = bench.folder / "go"
    waits = f"echo $$ >> {site.pids}; echo up > {site.pipe}; sleep 99"
    bench.group("default", f"worker_tags: [bash]\ninit_bash: '[ -e {go} ] || {{ {waits}; }}'\n")
    job_id = bench.submit()
    site.start(group="default", impatient=True)
    site.hear()
    go.touch()
    os.kill(site.worker_pid(), signal.SIGKILL)
    eventually(lambda: bench.state(job_id) == "success")
    eventually(lambda: {entry.state for entry in jobs(bench.spool)} == {"canceled", "success"})
    assert len(jobs(bench.spool)) == 2
    assert eventually(lambda: not any(map(alive, site.job_pids())))


def test_an_edited_init_script_restarts_the_workers_of_its_group_alone(site: Site) -> None:
    bench = site.bench
    for name in ("a", "b"):
        bench.group(name, f"worker_tags: [{name}]\ninit_bash: 'true'\n")
        site.start(group=name)
    eventually(lambda: len(_idle(bench)) == 2)
    before = _idle(bench)
    go = bench.folder / "go"
    job_id = bench.submit(f"until [ -e {go} ]; do sleep 0.05; done", tag="a")
    eventually(lambda: bench.state(job_id) == "running")
    bench.group("a", "worker_tags: [a]\ninit_bash: 'true; true'\n")
    eventually(lambda: any("init_bash" in (beat.content.get("reason") or "")
                           for beat in bench.spool.workers()))  # fmt: skip
    assert bench.state(job_id) == "running", "not while a job runs"
    go.touch()
    eventually(lambda: len(_idle(bench)) == 2 and _idle(bench)["a"] != before["a"])
    assert _idle(bench)["b"] == before["b"]
    assert bench.state(job_id) == "success"
    (worker,) = (beat for beat in bench.spool.workers() if beat.content["group"] == "a")
    assert worker.content["restarts"] == 1


def _idle(bench: Bench) -> dict[str, str]:
    return {
        str(beat.content["group"]): beat.worker
        for beat in bench.spool.workers()
        if beat.content.get("state") == "idle"
    }
