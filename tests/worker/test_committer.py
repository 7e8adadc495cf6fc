"""The committer: durable first, told afterwards; a full disk loses and doubles nothing."""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.worker.bench import PATIENCE, Bench, refuse
from wmctl.runner.outcome import Completed
from wmctl.spool import Claim, Spool, Staged
from wmctl.testing.faults import REPEATABLE, Call, CountingDisk, FailingDisk, WatchedDisk
from wmctl.testing.spool_contract import audit, claim
from wmctl.worker.committer import BATCH, Committer, Finished

ME = "wk-default-test-00000"
Done = Callable[[bool], None]


@contextmanager
def committing(spool: Spool) -> Iterator[Committer]:
    committer = Committer(spool, first_pause=0.0005)
    try:
        yield committer
    finally:
        committer.close(give_up=True)


def claims(bench: Bench, count: int) -> list[Claim]:
    """Claimed jobs that have written a log."""
    taken = [bench.claimed(ME) for _ in range(count)]
    for one in taken:
        fd = bench.spool.open_log(one)
        os.write(fd, b"hello\n")
        os.close(fd)
    return taken


def finished(taken: Claim, done: Done) -> Finished:
    return Finished(taken, "success", {"exit_code": 0, "result": 1}, done)


class GateDisk(CountingDisk):
    """Stands still before its first call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.open = threading.Event()

    def around(self, call: Call, go):  # type: ignore[no-untyped-def]
        if threading.current_thread().name == "committer":
            self.reached.set()
            assert self.open.wait(PATIENCE)
        return super().around(call, go)


def commit_on(bench: Bench, disk: WatchedDisk, taken: Sequence[Claim]) -> dict[str, list[bool]]:
    """Publish all of them in one batch on this disk; what was told about each."""
    told: dict[str, list[bool]] = {one.id: [] for one in taken}
    committer = Committer(Spool.open(bench.spool.path, disk=disk), first_pause=0.0005)
    for one in taken:
        committer.finish(finished(one, told[one.id].append))
    committer.close()
    return told


@pytest.mark.parametrize("count", [1, 3, 9])
def test_results_and_log_then_the_rename_then_its_folder_then_the_news(
    bench: Bench, count: int
) -> None:
    disk = GateDisk()
    taken = claims(bench, count)
    told: list[tuple[str, int]] = []
    with committing(Spool.open(bench.spool.path, disk=disk)) as committer:
        opened = len(disk.calls)
        for one in taken:
            committer.finish(
                finished(one, lambda ours, one=one: told.append((one.id, len(disk.calls))))  # type: ignore[misc]
            )
        disk.open.set()
        committer.close()
    calls = disk.calls[opened:]
    assert [job_id for job_id, _ in told] == [one.id for one in taken]
    for job_id, when in told:
        _check_order(job_id, calls, when - opened)


def _check_order(job_id: str, calls: Sequence[Call], told: int) -> None:
    def last(name: str, *parts: str, before: int = len(calls)) -> int:
        """The number of the last such call on a path that holds all of these parts."""
        found = [
            number
            for number, call in enumerate(calls[:before])
            if call.name == name and all(part in call.paths[-1] for part in parts)
        ]
        assert found, (name, parts)
        return found[-1]

    def synced(path: str, before: int) -> int:
        """When it was last made durable, by itself or with the whole file system."""
        return max(
            number
            for number, call in enumerate(calls[:before])
            if call.name == "syncfs" or (call.name == "sync" and call.paths[-1].endswith(path))
        )

    commit = last("rename", "/completed/", job_id)
    bucket = os.path.dirname(calls[commit].paths[1])
    hour = bucket.rpartition("/completed/")[2]
    written = last("write", "/results/", job_id)
    for path in (f"{job_id}.1.json", f"/results/{hour}", f"{job_id}.1.log", f"/logs/{hour}"):
        assert written < synced(path, commit) < commit, path
    assert commit < synced(f"/completed/{hour}", told) < told


def test_the_order_check_sees_a_missing_sync(bench: Bench) -> None:
    """The control: a spool that is not told to be durable fails it."""
    disk = CountingDisk()
    spool = Spool.open(bench.spool.path, disk=disk)
    spool.store.durable = False
    taken = claims(bench, 1)[0]
    with committing(spool) as committer:
        committer.finish(finished(taken, lambda _: None))
        committer.close()
    with pytest.raises((AssertionError, ValueError)):
        _check_order(taken.id, disk.calls, len(disk.calls))


def test_what_waits_while_the_disk_is_busy_goes_in_one_batch(bench: Bench) -> None:
    """Two syncs of the whole file system for any number of jobs up to a batch."""
    disk = GateDisk()
    told: list[bool] = []
    taken = claims(bench, BATCH + 1)
    with committing(Spool.open(bench.spool.path, disk=disk)) as committer:
        committer.finish(finished(taken[0], told.append))
        assert disk.reached.wait(PATIENCE)
        for one in taken[1:]:
            committer.finish(finished(one, told.append))
        disk.open.set()
        committer.close()
        assert told == [True] * (BATCH + 1)
    assert disk.count("syncfs") <= 4
    audit(bench.spool.path).must_hold([one.id for one in taken])


FAULTS = [(errno.ENOSPC, False), (errno.EIO, False), (errno.ENOENT, True), (errno.EIO, True)]


@pytest.mark.parametrize(("error", "done"), FAULTS, ids=str)
@pytest.mark.parametrize("count", [2, 5])
def test_one_error_anywhere_loses_and_doubles_nothing(
    bench: Bench, memory: Path, count: int, error: int, done: bool
) -> None:
    """Each disk call of a batch fails once, or is done and said to have failed."""
    at = 0
    while True:
        bench.spool = Spool.create(memory / f"spool-{at}")
        taken = claims(bench, count)
        disk = FailingDisk(-1, error, done=done, only=REPEATABLE if done else ())
        spool = Spool.open(bench.spool.path, disk=disk)
        disk.at = disk.seen + at
        told: dict[str, list[bool]] = {one.id: [] for one in taken}
        with committing(spool) as committer:
            for one in taken:
                committer.finish(finished(one, told[one.id].append))
            committer.close()
        if not disk.failed:
            break
        assert set(map(tuple, told.values())) == {(True,)}, (disk.failed, told)
        found = audit(bench.spool.path)
        found.must_hold(told)
        assert {found.state(job_id) for job_id in told} == {"success"}, disk.failed
        shutil.rmtree(bench.spool.path)
        at += 1
    assert at >= 4


class FullDisk(WatchedDisk):
    """Takes nothing new as long as it is full."""

    def __init__(self) -> None:
        super().__init__()
        self.full = threading.Event()
        self.refused = threading.Semaphore(0)

    def around(self, call: Call, go):  # type: ignore[no-untyped-def]
        if self.full.is_set() and call.name in {"create", "write", "mkdir"}:
            self.refused.release()
            refuse(errno.ENOSPC, call)
        return go()


def test_a_full_disk_is_waited_for(bench: Bench) -> None:
    disk = FullDisk()
    taken = claims(bench, 7)
    told: list[bool] = []
    with committing(Spool.open(bench.spool.path, disk=disk)) as committer:
        disk.full.set()
        for one in taken:
            committer.finish(finished(one, told.append))
        for _ in range(5):
            assert disk.refused.acquire(timeout=PATIENCE)
        assert not told
        assert {bench.state(one.id) for one in taken} == {"running"}
        disk.full.clear()
        committer.close()
        assert told == [True] * 7
    found = audit(bench.spool.path)
    found.must_hold([one.id for one in taken])
    assert not found.tmp


def test_who_gives_up_leaves_the_job_to_others(bench: Bench) -> None:
    disk = FullDisk()
    taken = claims(bench, 2)
    told: list[bool] = []
    committer = Committer(Spool.open(bench.spool.path, disk=disk), first_pause=PATIENCE)
    disk.full.set()
    for one in taken:
        committer.finish(finished(one, told.append))
    assert disk.refused.acquire(timeout=PATIENCE)
    committer.close(give_up=True)
    assert not told
    assert {bench.state(one.id) for one in taken} == {"running"}


def test_giving_up_can_be_asked_for_while_somebody_waits_for_the_end(bench: Bench) -> None:
    """A second TERM while the first one's drain waits for a full disk."""
    disk = FullDisk()
    taken = claims(bench, 1)[0]
    committer = Committer(Spool.open(bench.spool.path, disk=disk), first_pause=0.01)
    disk.full.set()
    committer.finish(finished(taken, lambda _: None))
    closing = threading.Thread(target=committer.close)
    closing.start()
    assert disk.refused.acquire(timeout=PATIENCE)
    committer.give_up()
    closing.join(PATIENCE)
    assert not closing.is_alive()


def fence(bench: Bench, taken: Claim) -> None:
    """Somebody else declares us dead, and runs the job to another end."""
    bench.spool.rescue(ME)
    bench.spool.join("other", {})
    again = claim(bench.spool, "other", bench.entry(taken.id))
    assert again is not None
    assert bench.spool.finish(again, "failure", {"result": "other"})


def test_a_fenced_job_is_not_published_and_nothing_is_deleted(bench: Bench) -> None:
    lost, kept = claims(bench, 2)
    bench.spool.rescue_claim(bench.entry(lost.id))
    bench.spool.join("other", {})
    again = claim(bench.spool, "other", bench.entry(lost.id))
    assert again is not None
    assert bench.spool.finish(again, "failure", {"result": "other"})
    told: dict[str, bool] = {}
    with committing(bench.spool) as committer:
        for one in (lost, kept):
            committer.finish(finished(one, lambda ours, one=one: told.update({one.id: ours})))  # type: ignore[misc]
        committer.close()
        assert committer.fenced == 1
    assert told == {lost.id: False, kept.id: True}
    assert bench.result(lost.id) == "other"
    stale = Path(bench.spool.store.result(lost.id, lost.name.claims))
    assert stale.exists()
    assert Path(bench.spool.store.log(lost.id, lost.name.claims)).exists()
    audit(bench.spool.path).must_hold([lost.id, kept.id])


class CopyingSpool(Spool):
    """The control: a commit that writes the record instead of renaming the claim."""

    def commit(self, batch: Sequence[Staged]) -> list[bool]:
        for item in batch:
            target = Path(self.store.completed(item.claim.name.but(outcome=item.outcome)))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(item.claim.job.to_json())
        return [True] * len(batch)


def test_without_the_fence_a_late_worker_publishes_twice(bench: Bench) -> None:
    taken = claims(bench, 1)[0]
    fence(bench, taken)
    with committing(CopyingSpool.open(bench.spool.path)) as committer:
        committer.finish(finished(taken, lambda _: None))
        committer.close()
    with pytest.raises(AssertionError):
        audit(bench.spool.path).must_hold([taken.id])


def test_a_listener_that_breaks_stops_nobody(bench: Bench) -> None:
    one, other = claims(bench, 2)
    told: list[bool] = []
    with committing(bench.spool) as committer:
        committer.finish(finished(one, lambda _: 1 / 0))  # type: ignore[arg-type, return-value]
        committer.finish(finished(other, told.append))
        committer.close()
    assert told == [True]
    audit(bench.spool.path).must_hold([one.id, other.id])


def test_a_record_that_cannot_be_written_stops_nobody(bench: Bench) -> None:
    """Nothing should hand one over; if something does, its job stays claimed and is rescued."""
    one, other = claims(bench, 2)
    told: list[bool] = []
    with committing(bench.spool) as committer:
        committer.finish(Finished(one, "success", {"result": object()}, told.append))
        committer.finish(finished(other, told.append))
        committer.close()
    assert told == [True]
    assert bench.state(one.id) == "running"
    assert bench.state(other.id) == "success"


def test_somebody_who_finishes_too_fast_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backlog is bounded."""
    monkeypatch.setattr("wmctl.worker.committer.BACKLOG", 1)
    disk = GateDisk()
    taken = claims(bench, 3)
    with committing(Spool.open(bench.spool.path, disk=disk)) as committer:
        committer.finish(finished(taken[0], lambda _: None))
        assert disk.reached.wait(PATIENCE)
        committer.finish(finished(taken[1], lambda _: None))
        third = threading.Thread(
            target=committer.finish, args=(finished(taken[2], lambda _: None),)
        )
        third.start()
        third.join(0.05)
        assert third.is_alive()
        disk.open.set()
        third.join(PATIENCE)
        assert not third.is_alive()
        committer.close()


@pytest.mark.parametrize("lost", [True, False])
def test_what_has_ended_is_published_before_a_job_starts_that_was_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """That one may kill this worker too, and others would be counted as lost with it."""
    monkeypatch.setattr("wmctl.worker.committer.LINGER", 1.0)
    dead = bench.claimed("wk-default-test-dead0", kind="runs")
    if lost:
        os.close(bench.spool.open_log(dead))
    bench.spool.rescue("wk-default-test-dead0")
    first = bench.submit(priority=9)
    seen: list[str] = []
    bench.direct("runs", lambda ctx: Completed(seen.append(bench.state(first))))
    bench.run()
    assert seen == ["success" if lost else "running"]
    assert bench.state(dead.id) == "success"
