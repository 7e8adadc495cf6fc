"""Of all hosts that look, one tells, and then none within the cooldown; two in every order."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.points import calls_of
from tests.spool.scenes import Scene, World
from tests.spool.test_interleavings import every_order
from wmctl.spool import Spool, told
from wmctl.testing.faults import Crash, CrashingDisk, FailingDisk, FakeClock

Fresh = Callable[[], Path]
COOLDOWN = 600.0
NAME = "jobs\0backlog\0gpu"


def telling(spool: Spool, world: World) -> bool:
    return told.claim(spool.store, NAME, COOLDOWN) is not None


def told_before(spool: Spool, world: World) -> None:
    assert told.claim(spool.store, NAME, COOLDOWN)
    world.clock.forward(COOLDOWN)


@pytest.mark.parametrize("prepare", [scenes.nothing, told_before])
def test_two_hosts_tell_once(fresh: Fresh, prepare: Callable[[Spool, World], None]) -> None:
    seen = set()
    for run, _, world in every_order(fresh, prepare, {"one": telling, "two": telling}):
        assert sorted(map(str, run.results.values())) == ["False", "True"], run.order
        seen.add(run.results["one"])
        assert len(os.listdir(world.root / "control/alerts")) == 1
    assert seen == {True, False}


def test_one_host_tells_beside_one_that_tidies_up(fresh: Fresh) -> None:
    """What is removed is older than every cooldown, so whoever comes then may tell."""

    def tidying(spool: Spool, world: World) -> None:
        told.forget(spool.store, COOLDOWN)

    for run, _, world in every_order(fresh, told_before, {"one": telling, "two": tidying}):
        assert run.results["one"] is True, run.order
        assert told.claim(world.open().store, NAME, COOLDOWN) is None, run.order


def test_the_cooldown_is_the_file_server_s(spool: Spool, clock: FakeClock) -> None:
    assert told.claim(spool.store, NAME, COOLDOWN)
    clock.forward(COOLDOWN - 1)
    assert told.claim(spool.store, NAME, COOLDOWN) is None
    assert told.claim(spool.store, "another", COOLDOWN)
    assert told.ages(spool.store)[told.digest(NAME)] == COOLDOWN - 1
    clock.forward(1)
    assert told.claim(spool.store, NAME, COOLDOWN)
    assert len(told.tellings(spool.store)) == 2
    told.forget(spool.store, 0)
    assert os.listdir(spool.path / "control/alerts") == []


def test_what_could_not_be_told_is_tried_again(spool: Spool) -> None:
    path = told.claim(spool.store, NAME, COOLDOWN)
    assert path is not None
    told.withdraw(spool.store, path)
    assert told.claim(spool.store, NAME, COOLDOWN)


def test_one_that_stood_still_does_not_tell_again(
    spool: Spool, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and its rename others have told twice, and removed the first telling."""
    take = told._take

    def late(store, alert, path):
        monkeypatch.setattr(told, "_take", take)
        for _ in range(2):
            assert told.claim(store, NAME, COOLDOWN)
            clock.forward(COOLDOWN)
        return take(store, alert, path)

    monkeypatch.setattr(told, "_take", late)
    assert told.claim(spool.store, NAME, COOLDOWN) is None
    assert [one.generation for one in told.tellings(spool.store).values()] == [2]


def test_dying_at_each_call_leaves_nothing_that_silences_for_ever(fresh: Fresh) -> None:
    scene = Scene("tell", scenes.nothing, telling)
    calls = len(calls_of(scene, fresh()))
    for at in range(calls):
        world = scene.build(fresh())
        disk = CrashingDisk(10**9, clock=world.clock)
        spool = Spool.open(world.root, disk=disk)
        disk.at = disk.made + at
        with pytest.raises(Crash):
            telling(spool, world)
        world.clock.forward(COOLDOWN)
        assert told.claim(world.open().store, NAME, COOLDOWN), f"call {at}"


def test_a_lost_reply_to_the_rename(fresh: Fresh) -> None:
    for done in (True, False):
        world = Scene("", scenes.nothing, scenes.nothing).build(fresh())
        (world.root / "control/alerts").mkdir(mode=0o700)
        disk = FailingDisk(0, done=done, only=["rename"], clock=world.clock)
        spool = Spool.open(world.root, disk=disk)
        assert (told.claim(spool.store, NAME, COOLDOWN) is not None) == done
        assert (told.claim(world.open().store, NAME, COOLDOWN) is None) == done
        assert not [name for name in os.listdir(world.root / "tmp") if name.startswith(".")]
