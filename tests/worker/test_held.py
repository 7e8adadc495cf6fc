"""What a worker believes it holds against what its folder says."""

import threading
from pathlib import Path

import pytest

from tests.worker.bench import PATIENCE, Bench, DirectRunner, eventually
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed
from wmctl.spool import Spool
from wmctl.testing.faults import Call, WatchedDisk
from wmctl.testing.spool_contract import audit, claim
from wmctl.worker.held import Held, compare

ME = "wk-default-test-00000"


@pytest.fixture
def held() -> Held:
    return Held()


def test_what_both_know_is_neither_extra_nor_missing(bench: Bench, held: Held) -> None:
    taken = bench.claimed(ME)
    held.expect(taken.name.file)
    held.confirm(taken)
    assert compare(bench.spool, ME, held) == ([], set())
    assert len(held) == 1


def test_a_claim_that_we_do_not_know_of_is_extra(bench: Bench, held: Held) -> None:
    """The reply to its rename was lost."""
    taken = bench.claimed(ME)
    extra, missing = compare(bench.spool, ME, held)
    assert [entry.id for entry in extra] == [taken.id]
    assert not missing


def test_a_claim_that_was_taken_from_us_is_missing(bench: Bench, held: Held) -> None:
    taken = bench.claimed(ME)
    held.expect(taken.name.file)
    held.confirm(taken)
    bench.spool.rescue(ME)
    assert compare(bench.spool, ME, held) == ([], {taken.name.file})


def test_a_claim_in_progress_is_neither(bench: Bench, held: Held) -> None:
    """Expected and not there yet, or there and not confirmed yet."""
    entry = bench.entry(bench.submit())
    bench.spool.join(ME, {})
    held.expect(entry.name.claimed().file)
    assert compare(bench.spool, ME, held) == ([], set())
    assert claim(bench.spool, ME, entry) is not None
    assert compare(bench.spool, ME, held) == ([], set())


def test_a_claim_that_failed_is_forgotten(bench: Bench, held: Held) -> None:
    taken = bench.claimed(ME)
    held.expect(taken.name.file)
    held.confirm(taken)
    held.drop(taken.name.file)
    held.drop(taken.name.file)
    assert len(held) == 0
    assert [entry.id for entry in compare(bench.spool, ME, held)[0]] == [taken.id]


class _DuringListing(WatchedDisk):
    """Does something just before our folder is listed."""

    def __init__(self, act: list[object]) -> None:
        super().__init__()
        self.act = act

    def around(self, call: Call, go):  # type: ignore[no-untyped-def]
        if call.name == "scan" and call.paths[0].endswith(ME) and self.act:
            self.act.pop()()  # type: ignore[operator]
        return go()


def test_a_claim_made_and_ended_meanwhile_is_neither(bench: Bench, held: Held) -> None:
    """Between two looks at what we hold a whole job can come or go."""
    taken = bench.claimed(ME)
    held.expect(taken.name.file)
    held.confirm(taken)

    def finish() -> None:
        assert bench.spool.finish(taken, "success", {"result": 1})
        held.drop(taken.name.file)

    disk = _DuringListing([finish])
    assert compare(Spool.open(bench.spool.path, disk=disk), ME, held) == ([], set())


def test_one_listing_is_no_proof(bench: Bench, held: Held) -> None:
    """A listing that misses a name that is there is asked again."""
    taken = bench.claimed(ME)
    held.expect(taken.name.file)
    held.confirm(taken)
    aside = Path(taken.path).with_name("aside")

    def hide() -> None:
        Path(taken.path).rename(aside)

    def show() -> None:
        aside.rename(taken.path)

    disk = _DuringListing([show, hide])
    assert compare(Spool.open(bench.spool.path, disk=disk), ME, held) == ([], set())
    audit(bench.spool.path).must_hold([taken.id])


class _SlowCommit(WatchedDisk):
    """The committer's calls wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def around(self, call: Call, go):  # type: ignore[no-untyped-def]
        if threading.current_thread().name == "committer":
            assert self.open.wait(PATIENCE)
        return go()


def test_a_late_event_does_not_claim_a_job_again(bench: Bench) -> None:
    """Its end is not published yet, so that the target of a second claim's rename is there."""
    disk, ran = _SlowCommit(), []

    def run(ctx: RunContext) -> Completed:
        ran.append(ctx.id)
        return Completed()

    bench.runners["bash"] = DirectRunner("bash", run)
    first = bench.submit()
    path = bench.entry(first).path
    worker = bench.worker(spool=Spool.open(bench.spool.path, disk=disk), burst=False)
    try:
        with bench.running(worker):
            eventually(lambda: ran == [first])
            worker._wakeup._told(path, folder=False)
            second = bench.submit()
            eventually(lambda: second in ran)
            disk.open.set()
            eventually(lambda: bench.state(second) == "success")
    finally:
        disk.open.set()
    assert ran == [first, second]
    assert bench.state(first) == "success"
