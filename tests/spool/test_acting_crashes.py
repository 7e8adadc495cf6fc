"""A signal, and the ways out of quarantine: each dies before each disk call, each call fails."""

from pathlib import Path

import pytest

from tests.spool.points import FAULTS, Fresh, deaths, failures
from tests.spool.scenes import Scene, World, queued, running
from wmctl.spool import Spool, quarantine
from wmctl.testing.spool_contract import claim


def aside(spool: Spool, world: World) -> None:
    """A job in quarantine that is fit to run by now."""
    queued(spool, world)
    entry = spool.find(world.acknowledged[0])
    Path(entry.path).chmod(0o666)
    spool.join("w", {"n": 1})
    assert claim(spool, "w", entry) is None
    spool.leave("w")
    Path(spool.find(entry.id).path).chmod(0o600)


def stray(spool: Spool) -> quarantine.Stray:
    return next(quarantine.strays(spool.store))


def release(spool: Spool, world: World) -> None:
    del world
    quarantine.readmit(spool.store, stray(spool))


def discard(spool: Spool, world: World) -> None:
    world.acknowledged.clear()
    quarantine.discard(spool.store, stray(spool))


def signal(spool: Spool, world: World) -> None:
    spool.signal(spool.find(world.acknowledged[0]), "USR1", by="ann")


def deliver(spool: Spool, world: World) -> None:
    for found in spool.signals_for("w", world.claims[0]):
        spool.signal_done(found)


def signaled(spool: Spool, world: World) -> None:
    running(spool, world)
    signal(spool, world)


SCENES = {
    "release": Scene("release", aside, release),
    "discard": Scene("discard", aside, discard),
    "signal": Scene("signal", running, signal),
    "deliver": Scene("deliver", signaled, deliver),
}


@pytest.mark.parametrize("name", SCENES)
def test_dies_at_each_call(name: str, fresh: Fresh) -> None:
    assert deaths(SCENES[name], fresh)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SCENES)
def test_each_call_fails(name: str, fault: str, fresh: Fresh) -> None:
    failures(SCENES[name], fault, fresh)


def test_a_signal_that_was_acknowledged_is_there(fresh: Fresh) -> None:
    """Whatever the disk did meanwhile: told means told."""
    world = SCENES["signal"].build(fresh())
    spool = world.open()
    assert spool.signal(spool.find(world.acknowledged[0]), "USR1", by="ann")
    found = spool.signals_for("w", world.claims[0])
    assert [(one.name, one.by) for one in found] == [("USR1", "ann")]
