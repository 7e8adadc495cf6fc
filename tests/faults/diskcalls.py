"""Every disk call of every verb dies or fails in every way: the points of `tests/spool` (G4)."""

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.scenario import Ground, Scenario, Tally
from tests.spool.points import FAULTS, deaths, failures
from tests.spool.scenes import SCENES, Scene
from wmctl.spool import Disk, claims


def _places(ground: Ground) -> Callable[[], Path]:
    """A new place for a spool at every call; the one before is removed."""
    folder, numbers = ground.folder(memory=True), itertools.count()

    def fresh() -> Path:
        number = next(numbers)
        shutil.rmtree(folder / f"{number - 1}", ignore_errors=True)
        (folder / f"{number}").mkdir()
        return folder / f"{number}" / "spool"

    return fresh


def _link_and_unlink(ground: Ground) -> None:
    """Publish in two steps instead of by one rename, until the story is over."""
    real = claims.fs.move

    def two_steps(disk: Disk, source: str, target: str, **_: object) -> bool:
        disk.call("create", os.link, source, target)
        disk.unlink(source)
        return True

    claims.fs.move = two_steps
    ground.later(lambda: setattr(claims.fs, "move", real))


def sweep(ground: Ground, count: int) -> Tally:
    """So many scenes, or all: each dies everywhere and meets every fault everywhere."""
    tally, fresh = Tally(), _places(ground)
    scenes = SCENES if count >= len(SCENES) else ground.rng.sample(SCENES, count)
    if ground.without:
        _link_and_unlink(ground)
        scenes = [scene for scene in SCENES if scene.name == "finish"]
    for scene in scenes:
        tally.jobs += len(scene.build(fresh()).acknowledged)
        for story in (deaths, *(_failing(fault) for fault in FAULTS)):
            try:
                tally.faults += story(scene, fresh)
            except AssertionError as wrong:
                tally.problems.append(f"{scene.name}: {wrong}")
        ground.said(f"{scene.name}: {tally.faults} points so far")
    tally.note = f"{len(scenes)} of {len(SCENES)} scenes"
    return tally


def _failing(fault: str) -> Callable[[Scene, Callable[[], Path]], int]:
    return lambda scene, fresh: failures(scene, fault, fresh)


SCENARIOS = [
    Scenario(
        "G4", "diskcalls", "each disk call of each verb dies, or fails in eight ways", sweep,
        short=4, long=len(SCENES), control="one-rename", control_size=1,
    ),
]  # fmt: skip
