"""Build-once folders."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from wmctl.runner.cache import ABANDONED, STAGING, build_once


def build(folder: Path) -> None:
    """Something to find again."""
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text("built")


def test_builds_once(tmp_path: Path) -> None:
    """The second time nothing is built."""
    folder = tmp_path / "cache" / "key"
    calls: list[Path] = []

    def counted(staging: Path) -> None:
        calls.append(staging)
        build(staging)

    assert build_once(folder, counted) == folder
    assert build_once(folder, counted) == folder
    assert len(calls) == 1
    assert (folder / "deep" / "file").read_text() == "built"
    assert os.listdir(folder.parent) == ["key"]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    """And the next one may succeed."""

    def fails(staging: Path) -> None:
        build(staging)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        build_once(tmp_path / "key", fails)
    assert os.listdir(tmp_path) == []
    build_once(tmp_path / "key", build)
    assert (tmp_path / "key" / "deep").is_dir()


def test_who_comes_second_uses_the_first_ones(tmp_path: Path) -> None:
    """Also if both built; nobody sees half a folder."""

    def overtaken(staging: Path) -> None:
        build_once(tmp_path / "key", build)
        (staging / "mine").write_text("too late")

    build_once(tmp_path / "key", overtaken)
    assert os.listdir(tmp_path) == ["key"]
    assert os.listdir(tmp_path / "key") == ["deep"]


def test_an_error_of_the_disk_is_not_taken_for_a_lost_race(tmp_path: Path) -> None:
    """The control of the test above: an OSError with nobody else's folder there passes through."""

    def fails(_staging: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        build_once(tmp_path / "key", fails)


def _race(barrier: "multiprocessing.synchronize.Barrier", folder: Path) -> None:
    barrier.wait()
    build_once(folder, build)
    if (folder / "deep" / "file").read_text() != "built":
        os._exit(1)


def test_many_processes_at_once(tmp_path: Path) -> None:
    """All end with a whole folder."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    workers = [context.Process(target=_race, args=(barrier, tmp_path / "key")) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert os.listdir(tmp_path) == ["key"]


def test_what_a_killed_builder_left_is_swept_after_a_day(tmp_path: Path) -> None:
    """And not before: it may be somebody's who is still building."""
    for name, age in (("old", ABANDONED + 60), ("new", ABANDONED - 60)):
        folder = tmp_path / f"{STAGING}{name}"
        folder.mkdir()
        os.utime(folder, (0, time.time() - age))
    build_once(tmp_path / "key", build)
    assert sorted(os.listdir(tmp_path)) == [f"{STAGING}new", "key"]
