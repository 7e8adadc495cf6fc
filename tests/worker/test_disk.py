"""A disk with moods: the worker waits, gives back, publishes later; nothing is lost."""

import errno
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, MoodyDisk, eventually, order
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Canceled, Completed, Retry, Suspended
from wmctl.spool import Settings, Spool
from wmctl.testing.faults import Call
from wmctl.testing.spool_contract import audit


def is_clock(bench: Bench) -> Callable[[Call], bool]:
    return lambda call: call.name == "touch" and call.paths == (str(bench.spool.path / "tmp"),)


def test_a_clock_that_cannot_be_read_after_the_job_ran_loses_nothing(
    bench: Bench, moody: MoodyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record needs the time; the job must not stay claimed for ever, nor run again."""
    monkeypatch.setattr("wmctl.worker.clock._PROBE", -1.0)

    def run(ctx: RunContext) -> Completed:
        del ctx
        moody.refuse_times(3, is_clock(bench))
        return Completed("ran")

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused >= 3
    assert bench.result(job_id) == "ran"
    assert order(bench) == [job_id]


def test_a_reason_that_cannot_be_read_is_waited_for(bench: Bench, moody: MoodyDisk) -> None:
    def run(ctx: RunContext) -> Canceled:
        bench.spool.cancel(ctx.id, by="ann")
        moody.refuse_times(2, lambda call: call.name == "read" and "cancel" in "".join(call.paths))
        return Canceled()

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert bench.record(job_id)["result"]["error"]["canceler"] == "ann"


@pytest.mark.parametrize("outcome", [Suspended(), Retry(3600.0)], ids=["suspended", "queued"])
def test_a_claim_that_cannot_be_given_up_is_kept_until_it_can(
    bench: Bench, moody: MoodyDisk, outcome: Any
) -> None:
    def run(ctx: RunContext) -> Any:
        del ctx
        moody.error = errno.ENOSPC
        moody.refuse_times(3, lambda call: call.name == "rename" and "/running/" in call.paths[0])
        return outcome

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused >= 3
    assert bench.state(job_id) == ("suspended" if isinstance(outcome, Suspended) else "queued")
    assert order(bench) == [job_id]


@pytest.mark.parametrize("kind", ["touch", "scan", "stat", "rename", "open"])
@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_disk_in_a_bad_mood_does_not_end_the_worker(
    bench: Bench, moody: MoodyDisk, kind: str, error: int
) -> None:
    jobs = [bench.submit() for _ in range(3)]
    moody.error = error
    me = threading.current_thread()
    moody.refuse_times(
        6,
        lambda call: (
            call.name == kind
            and threading.current_thread() is me
            and not any(part in "".join(call.paths) for part in ("/workers/", "/locks/"))
            and bool(bench.witness.seen)
        ),
    )
    bench.run()
    assert moody.refused == 6
    assert [bench.state(job_id) for job_id in jobs] == ["success"] * 3
    audit(bench.spool.path).must_hold(jobs)


def test_a_machine_that_cannot_gives_the_job_back_unharmed(bench: Bench, moody: MoodyDisk) -> None:
    """A full local disk is not the job's fault: neither lost nor tried."""
    troubles = [OSError(errno.ENOSPC, "full"), OSError(errno.EMFILE, "files")]

    def run(ctx: RunContext) -> Completed:
        if troubles:
            raise troubles.pop()
        return Completed(ctx.attempt)

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused == 0
    name = bench.entry(job_id).name
    assert (name.claims, name.lost, name.tries) == (3, 0, 0)
    assert bench.result(job_id) == 1


def test_a_claim_whose_reply_was_lost_is_given_back_by_the_heart(
    bench: Bench, moody: MoodyDisk
) -> None:
    """The rename happened, what came after it failed: nobody believes to hold the job."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05), disk=moody)
    job_id = bench.submit()
    markers = "control/cancel"
    moody.refuse_times(1, lambda call: call.name == "open" and markers in "".join(call.paths))
    worker = bench.worker(burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        thread.join(PATIENCE)
    name = bench.entry(job_id).name
    assert (bench.state(job_id), name.claims, name.lost) == ("success", 2, 0)


def test_a_machine_that_cannot_start_a_job_is_left_alone_for_a_moment(
    bench: Bench, moody: MoodyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job given back is an event in the queue; it must not end the pause."""
    monkeypatch.setattr("wmctl.worker.worker._TROUBLE", 0.3)
    moody.bad = lambda call: call.name == "create" and "/logs/" in "".join(call.paths)
    job_id = bench.submit()
    started = time.monotonic()
    with bench.running(bench.worker(burst=False)):
        eventually(lambda: moody.refused >= 4)
        took = time.monotonic() - started
        moody.bad = lambda _call: False
        eventually(lambda: bench.state(job_id) == "success")
    assert took >= 3 * 0.3
