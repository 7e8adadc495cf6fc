"""Each verb dies before each of its disk calls, and each call fails in every way: point by point.

A point is one run of a scene on a disk that goes wrong at one call. Used by `test_crash.py` and by
the scenario `diskcalls`.
"""

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.spool.scenes import Scene, World
from wmctl.errors import WmctlError
from wmctl.spool import Spool
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
        drain(spool, idle=lambda: world.clock.forward(4))
        found = audit(world.root)
        found.must_hold(world.acknowledged)
        for job_id, places in found.places.items():
            assert places[0].state not in {"queued", "running"}, f"{job_id} was left behind"
        for entry in spool.entries(["suspended"]):
            assert not spool.job(entry).waits, f"{entry.id} waits for what has ended"
        for job_id in world.canceled:
            assert found.state(job_id) in {"canceled", "quarantined"}, f"{job_id} was not canceled"
    except (AssertionError, WmctlError) as error:
        raise AssertionError(f"{what}: {error}") from error


def opening(root: Path) -> int:
    """How many calls `Spool.open` makes."""
    disk = CountingDisk()
    Spool.open(root, disk=disk)
    return disk.made


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


def deaths(scene: Scene, fresh: Fresh) -> int:
    """Die before each call, and after the last one; how many points."""
    calls = calls_of(scene, fresh())
    points = [(number, False, f"died before {call}") for number, call in enumerate(calls)]
    points.append((len(calls) - 1, True, "died after the last call"))
    for number, done, what in points:
        world = scene.build(fresh())
        healthy = opening(world.root)
        disk = CrashingDisk(healthy + number, done=done, clock=world.clock)
        try:
            act(scene, world, disk, healthy)
        except Crash:
            check(world, what)
        else:  # ids are random, so that another time there may be a bucket less
            assert disk.made <= healthy + number
    return len(points)


def failures(scene: Scene, fault: str, fresh: Fresh) -> int:
    """Let each call fail in one way; how many points."""
    error, done, only, forever = FAULTS[fault]
    calls = calls_of(scene, fresh())
    counted = [(number, call) for number, call in enumerate(calls) if not only or call.name in only]
    problems = []
    for number, call in counted:
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
    return len(counted)


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
