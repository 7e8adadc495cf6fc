"""Each verb dies before each of its disk calls, and each call fails in every way."""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.spool.scenes import BY_NAME, Scene, World, finish, job, running
from wmctl.errors import WmctlError
from wmctl.spool import Settings, Spool, claims, fs
from wmctl.testing.faults import (
    REPEATABLE,
    Call,
    CountingDisk,
    Crash,
    CrashingDisk,
    FailingDisk,
    WatchedDisk,
)
from wmctl.testing.spool_contract import audit, drain

Fresh = Callable[[], Path]


def calls_of(scene: Scene, root: Path) -> list[Call]:
    """What the scene's verb does to the disk when nothing goes wrong."""
    world = scene.build(root)
    disk = CountingDisk(world.clock)
    spool = Spool.open(root, disk=disk)
    opened = len(disk.calls)
    scene.act(spool, world)
    check(world, "nothing went wrong")
    return disk.calls[opened:]


def act(scene: Scene, world: World, disk: WatchedDisk, healthy: int) -> None:
    """Do the verb on a disk that goes wrong; opening the spool takes `healthy` calls."""
    spool = Spool.open(world.root, disk=disk)
    assert disk.made == healthy
    scene.act(spool, world)


def check(world: World, what: str) -> None:
    """What must hold at once, and again after the next worker has done its part."""
    try:
        found = audit(world.root)
        found.wrong *= not world.ill
        found.must_hold(world.acknowledged)
        spool = world.open()
        drain(spool)
        found = audit(world.root)
        found.must_hold(world.acknowledged)
        for job_id, places in found.places.items():
            assert places[0].state not in {"queued", "running"}, f"{job_id} was left behind"
        for job_id in world.canceled:
            assert found.state(job_id) in {"canceled", "quarantined"}, f"{job_id} was not canceled"
    except (AssertionError, WmctlError) as error:
        raise AssertionError(f"{what}: {error}") from error


def opening(root: Path) -> int:
    """How many calls `Spool.open` makes."""
    disk = CountingDisk()
    Spool.open(root, disk=disk)
    return disk.made


@pytest.mark.parametrize("name", BY_NAME)
def test_dies_before_each_call(name: str, fresh: Fresh) -> None:
    scene = BY_NAME[name]
    calls = calls_of(scene, fresh())
    for number, call in enumerate(calls):
        world = scene.build(fresh())
        healthy = opening(world.root)
        disk = CrashingDisk(healthy + number, clock=world.clock)
        try:
            act(scene, world, disk, healthy)
        except Crash:
            check(world, f"died before {call}")
        else:  # ids are random, so that another time there may be a bucket less
            assert disk.made <= healthy + number


@pytest.mark.parametrize("name", BY_NAME)
def test_dies_after_the_last_call(name: str, fresh: Fresh) -> None:
    scene = BY_NAME[name]
    last = len(calls_of(scene, fresh())) - 1
    world = scene.build(fresh())
    healthy = opening(world.root)
    disk = CrashingDisk(healthy + last, done=True, clock=world.clock)
    try:
        act(scene, world, disk, healthy)
    except Crash:
        check(world, "died after the last call")
    else:  # as above
        assert disk.made <= healthy + last


#: Error, whether the call was carried out all the same, which calls, whether it stays so.
FAULTS = {
    "eio": (errno.EIO, False, (), False),
    "enospc": (errno.ENOSPC, False, (), False),
    "estale": (errno.ESTALE, False, (), False),
    "eio-though-done": (errno.EIO, True, REPEATABLE, False),
    "enoent-though-done": (errno.ENOENT, True, REPEATABLE, False),
    "eexist-though-done": (errno.EEXIST, True, REPEATABLE, False),
    "eio-for-ever": (errno.EIO, False, (), True),
    "full-for-ever": (errno.ENOSPC, False, {"create", "write", "mkdir"}, True),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", BY_NAME)
def test_each_call_fails(name: str, fault: str, fresh: Fresh) -> None:
    scene = BY_NAME[name]
    error, done, only, forever = FAULTS[fault]
    calls = calls_of(scene, fresh())
    problems = []
    for number, call in enumerate(calls):
        if only and call.name not in only:
            continue
        world = scene.build(fresh())
        healthy = opening(world.root)
        disk = FailingDisk(
            _number(calls, number, only) + (0 if only else healthy), error,
            done=done, forever=forever, only=only, clock=world.clock,
        )  # fmt: skip
        before = open_files()
        try:
            refused = survives(lambda w=world, d=disk, h=healthy: act(scene, w, d, h))
            assert open_files() == before, "a file was left open"
            if refused and not forever and call.name not in {"unlink", "rmdir"}:
                assert not audit(world.root).tmp, "left in tmp/"
            check(world, "after it")
        except (AssertionError, WmctlError) as wrong:
            problems.append(f"{fault} at {call}: {wrong}")
    assert not problems, "\n".join(problems)


def survives(action: Callable[[], object]) -> bool:
    """True if the verb said, in its own words, that it could not."""
    try:
        action()
    except WmctlError:
        return True
    except OSError as error:
        raise AssertionError(f"a naked {error!r}") from error
    return False


def _number(calls: list[Call], number: int, only: Iterable[str]) -> int:
    """The number of a call among those that count."""
    return sum(1 for call in calls[:number] if not only or call.name in only)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_spool_is_made_whole_or_not_at_all(fresh: Fresh) -> None:
    root = fresh()
    disk = CountingDisk()
    Spool.create(root, Settings(), disk=disk)
    for number in range(disk.made):
        root = fresh()
        with pytest.raises(Crash):
            Spool.create(root, Settings(), disk=CrashingDisk(number))
        Spool.create(root, Settings())
        for fault, (error, done, only, forever) in FAULTS.items():
            root = fresh()
            broken = FailingDisk(number, error, done=done, forever=forever, only=only)
            if survives(lambda r=root, b=broken: Spool.create(r, Settings(), disk=b)):
                kinds = {call.name for call in broken.failed}
                if not forever and not kinds & {"unlink", "rmdir"}:
                    left = [path.name for path in root.parent.iterdir()]
                    assert left in ([], ["spool"]), f"{fault} at {broken.failed}: {left}"
            Spool.create(root, Settings()).submit(SUBMITTED, tag="bash")


SUBMITTED = job()


# Negative controls: what these tests are worth.


def test_control_a_result_published_in_two_steps_is_found(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Link, then unlink, instead of one rename: dying in between leaves a job in two places."""

    def two_steps(disk: fs.Disk, source: str, target: str, **_: object) -> bool:
        disk.call("create", os.link, source, target)
        disk.unlink(source)
        return True

    monkeypatch.setattr(claims.fs, "move", two_steps)
    with pytest.raises(AssertionError, match="several places"):
        dies_everywhere(Scene("finish", running, finish), fresh)


def test_control_a_result_written_after_the_commit_is_found(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record must not be seen before its result."""

    def hasty(spool: Spool, world: World) -> None:
        taken = world.claims[0]
        target = spool.store.completed(taken.name.but(outcome="failure"))
        spool.store.ensure(target.rpartition("/")[0])
        spool.store.disk.rename(taken.path, target)
        spool.stage(taken, "failure", {"result": 1})

    with pytest.raises(AssertionError, match="no whole result"):
        dies_everywhere(Scene("finish", running, hasty), fresh)


def dies_everywhere(scene: Scene, fresh: Fresh) -> None:
    world = scene.build(fresh())
    healthy = opening(world.root)
    for number in range(200):
        world = scene.build(fresh())
        try:
            act(scene, world, CrashingDisk(healthy + number, clock=world.clock), healthy)
        except Crash:
            check(world, f"died before call {number}")
            continue
        return
