"""What has ended is kept for so long and so much of it, and then gone; nothing else is touched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.scenes import DAY, LONG, World, after, job
from tests.spool.test_interleavings import every_order, finishing
from wmctl.spool import OUTCOMES, Spool
from wmctl.spool.broom import Retention
from wmctl.spool.deletion import LEAST
from wmctl.testing.faults import Crash, CrashingDisk, FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import audit, claim

Fresh = Callable[[], Path]
KEEP_ALL = Retention.of(1e9)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock) -> Spool:
    opened = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    opened.join("w", {})
    return opened


def ended(spool: Spool, outcome: str = "success", size: int = 10, **fields: object) -> str:
    job_id = spool.submit(job(**fields), tag="t")
    if outcome == "canceled":
        spool.cancel(job_id)
        return job_id
    taken = claim(spool, "w", spool.find(job_id))
    assert taken
    scenes.write_log(spool, taken)
    assert spool.finish(taken, outcome, {"result": "x" * size})
    return job_id


def left(spool: Spool) -> set[str]:
    return {entry.id for entry in spool.entries()}


def everything(spool: Spool, job_id: str) -> list[str]:
    return [path for path in map(str, spool.path.rglob("*")) if job_id in path]


# Retention.


def test_each_end_has_its_time(spool: Spool, clock: FakeClock) -> None:
    ids = {outcome: ended(spool, outcome) for outcome in OUTCOMES}
    kept = Retention(success=1, failure=100, canceled=10, skipped=1000, logs=1)
    for seconds, gone in ((0, 0), (5, 1), (50, 2), (500, 3), (5000, 4)):
        clock.forward(seconds)
        spool.prune(retention=kept)
        assert len(left(spool)) == 4 - gone
    assert not any(everything(spool, job_id) for job_id in ids.values())


def test_more_than_may_be_kept_goes_oldest_end_first(spool: Spool, clock: FakeClock) -> None:
    ids = []
    for _ in range(6):
        ids.append(ended(spool, size=100_000))
        clock.forward(1)
    waits = spool.submit(job(), tag="t")
    kept = Retention(*[1e9] * 5, max_bytes=350_000)
    plan = spool.prune(retention=kept, dry=True)
    assert (plan.jobs, len(left(spool))) == (3, 7)
    done = spool.prune(retention=kept)
    assert (done.jobs, left(spool)) == (3, {*ids[3:], waits})
    assert spool.prune(retention=kept).jobs == 0


def test_what_is_not_over_is_never_touched(spool: Spool, clock: FakeClock) -> None:
    """Nor what somebody waits for, nor a step before its root; however little may be kept."""
    awaited = ended(spool, size=50_000)
    other = spool.submit(job(), tag="t")
    waits = spool.submit(job(after=(after(awaited), after(other))), tag="t")
    held = spool.submit(job(hold=True), tag="t")
    root = spool.submit(job(), tag="t")
    assert claim(spool, "w", spool.find(root))
    step = ended(spool, size=50_000, root=root, parent=root)
    plain = ended(spool, size=50_000)
    clock.forward(100 * DAY)
    done = spool.prune(retention=Retention(*[0] * 5, max_bytes=0))
    assert done.jobs == 1
    assert left(spool) == {awaited, other, waits, held, root, step}
    assert plain not in left(spool)


def test_a_root_takes_its_steps_with_it(spool: Spool, clock: FakeClock) -> None:
    root = spool.submit(job(), tag="t")
    taken = claim(spool, "w", spool.find(root))
    assert taken
    for _ in range(3):
        ended(spool, size=50_000, root=root, parent=root)
        clock.forward(1)
    spool.finish(taken, "success", {})
    clock.forward(1)
    last = ended(spool, size=50_000)
    kept = Retention(*[1e9] * 5, max_bytes=100_000)
    assert spool.prune(retention=kept, dry=True).jobs == 4
    spool.prune(retention=kept)
    assert left(spool) == {last}


def test_dying_while_the_surplus_goes(tmp_path: Path) -> None:
    """Whatever is left is whole, and the next prune goes on."""
    for number in range(0, 400, 7):
        root = tmp_path / str(number)
        clock = FakeClock()
        healthy = Spool.create(root, disk=FakeClockDisk(clock))
        healthy.join("w", {})
        for _ in range(2):
            ended(healthy, size=50_000)
            clock.forward(1)
        last = ended(healthy)
        kept = Retention(*[1e9] * 5, max_bytes=30_000)
        disk = CrashingDisk(number, clock=clock)
        try:
            Spool.open(root, disk=disk).prune(retention=kept)
        except Crash:
            audit(root).must_hold([last])
            healthy.prune(retention=kept)
            assert left(healthy) == {last}
        else:
            assert number > 40
            return
    raise AssertionError("it never came through")


def test_logs_of_workers_go_with_their_worker(spool: Spool, clock: FakeClock) -> None:
    folder = spool.path / "logs/workers"
    folder.mkdir()
    now = clock.now / 1e9
    for name in ("w.log", "gone.log", "young.log", "gone.log.1"):
        (folder / name).write_text("x")
        at = now if name == "young.log" else now - 10 * DAY
        os.utime(folder / name, (at, at))
    assert spool.prune(retention=Retention.of(1e9, logs=2 * DAY)).failed == 0
    assert sorted(os.listdir(folder)) == ["w.log", "young.log"]


# delete_after_secs.


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_nothing_is_left_after_its_time(spool: Spool, clock: FakeClock, outcome: str) -> None:
    stays = ended(spool, outcome)
    job_id = ended(spool, outcome, args={"secret": "s"}, delete_after_secs=100)
    clock.forward(99)
    assert spool.delete_if_due() == 0
    assert spool.find(job_id).state == outcome
    clock.forward(25)
    assert spool.delete_if_due() == 1
    assert everything(spool, job_id) == []
    assert left(spool) == {stays}


def test_zero_still_lets_who_waits_read_the_result(spool: Spool, clock: FakeClock) -> None:
    job_id = ended(spool, delete_after_secs=0)
    clock.forward(LEAST - 1)
    assert spool.delete_if_due() == 0
    assert (spool.record(spool.find(job_id)) or {})["result"] == "x" * 10
    clock.forward(30)
    assert spool.delete_if_due() == 1


def test_it_is_looked_for_now_and_then_by_one_of_all(spool: Spool, clock: FakeClock) -> None:
    ended(spool, delete_after_secs=0)
    clock.forward(100)
    other = Spool.open(spool.path, disk=FakeClockDisk(clock))
    assert [spool.delete_if_due(), other.delete_if_due()] == [1, 0]


def test_one_that_came_without_a_submitter(spool: Spool, clock: FakeClock) -> None:
    """Somebody renamed its file into the queue, and nobody announced that it is to be deleted."""
    job_id = spool.submit(job(delete_after_secs=0), tag="t")
    (spool.path / "control/delete" / job_id).unlink()
    taken = claim(spool, "w", spool.find(job_id))
    assert taken
    spool.finish(taken, "success", {})
    clock.forward(100)
    assert spool.delete_if_due() == 1


def test_with_a_key(spool: Spool, clock: FakeClock) -> None:
    ended(spool, key="k", delete_after_secs=0)
    clock.forward(100)
    assert spool.delete_if_due() == 1


def test_not_before_who_waits_for_it_nor_before_its_root(spool: Spool, clock: FakeClock) -> None:
    awaited = ended(spool, delete_after_secs=0)
    held = spool.submit(job(hold=True, after=(after(awaited),)), tag="t")
    root = spool.submit(job(), tag="t")
    taken = claim(spool, "w", spool.find(root))
    assert taken
    step = ended(spool, root=root, delete_after_secs=0)
    clock.forward(1000)
    assert spool.delete_if_due() == 0
    spool.finish(taken, "success", {})
    clock.forward(LEAST - 1)
    assert spool.delete_if_due() == 0, "its root has only just ended"
    clock.forward(30)
    assert spool.delete_if_due() == 1
    assert left(spool) == {awaited, held, root}
    assert not everything(spool, step)
    spool.cancel(held)
    clock.forward(100)
    assert spool.delete_if_due() == 1


def test_markers_of_what_never_came_are_pruned(spool: Spool, clock: FakeClock) -> None:
    """Its submitter died between the marker and the job."""
    for number in range(3, 60):
        disk = CrashingDisk(number, clock=clock)
        try:
            Spool.open(spool.path, disk=disk).submit(job(delete_after_secs=0), tag="t")
        except Crash:
            continue
        break
    else:
        raise AssertionError("it never came through")
    there = left(spool)
    assert there < set(os.listdir(spool.path / "control/delete"))
    clock.forward(2 * DAY)
    assert spool.delete_if_due() == 0
    assert set(os.listdir(spool.path / "control/delete")) == there


def test_a_deletion_and_an_end_at_the_same_time(fresh: Fresh) -> None:
    def prepare(spool: Spool, world: World) -> None:
        world.acknowledged.append(spool.submit(job(delete_after_secs=0), tag="bash"))
        spool.join("w", {})
        taken = claim(spool, "w", spool.find(world.acknowledged[0]))
        assert taken
        world.claims.append(taken)
        scenes.write_log(spool, taken)

    def deleting(spool: Spool, world: World) -> int:
        return spool.delete_if_due(0)

    for run, found, world in every_order(
        fresh, prepare, {"finish": finishing(), "delete": deleting}
    ):
        assert run.results["delete"] == 0
        assert found.state(world.acknowledged[0]) == "success"


def test_long_code_goes_with_the_blobs(spool: Spool, clock: FakeClock) -> None:
    """Into the trash after a day, for good after another one."""
    ended(spool, args={"secret": LONG}, delete_after_secs=0)
    clock.forward(100)
    spool.delete_if_due()
    for _ in range(3):
        clock.forward(DAY + 1)
        spool.prune()
    assert not os.listdir(spool.path / "blobs")
    assert not [name for name in os.listdir(spool.path / "trash") if name.startswith("blob")]


def test_hints_at_answers_that_are_gone_are_pruned(spool: Spool, clock: FakeClock) -> None:
    for key in ("a", "b"):
        ended(spool, cache_ttl=60, args={"key": key})
    spool.store.remove(next(iter(spool.entries(["success"]))).path)
    clock.forward(2 * DAY)
    spool.prune(retention=KEEP_ALL)
    assert len(os.listdir(spool.path / "control/cache")) == 1
