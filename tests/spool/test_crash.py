"""Each verb dies before each of its disk calls, and each call fails in every way."""

import os

import pytest

from tests.spool.points import FAULTS, Fresh, deaths, failures, survives
from tests.spool.scenes import BY_NAME, Scene, World, finish, job, running
from wmctl.spool import Settings, Spool, claims, fs
from wmctl.testing.faults import CountingDisk, Crash, CrashingDisk, FailingDisk


@pytest.mark.parametrize("name", BY_NAME)
def test_dies_at_each_call(name: str, fresh: Fresh) -> None:
    assert deaths(BY_NAME[name], fresh)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", BY_NAME)
def test_each_call_fails(name: str, fault: str, fresh: Fresh) -> None:
    failures(BY_NAME[name], fault, fresh)


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
        deaths(Scene("finish", running, finish), fresh)


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
        deaths(Scene("finish", running, hasty), fresh)
