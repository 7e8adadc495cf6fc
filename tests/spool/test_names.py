"""A folder's names, remembered: never wrong, whatever the time stamps hide."""

import os
from pathlib import Path

import pytest

from wmctl.spool.names import GRAIN, Names
from wmctl.testing.faults import CountingDisk, FakeClock

OLD = 1_700_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "here").touch()
    os.utime(path, (OLD, OLD))
    return path


def names(folder: Path, clock: FakeClock) -> tuple[Names, CountingDisk]:
    disk = CountingDisk()
    return Names(disk, str(folder), lambda: clock.now), disk


def test_it_lists_once_while_nothing_changes(folder, clock):
    found, disk = names(folder, clock)
    assert [found.has(name) for name in ("here", "nowhere", "here")] == [True, False, True]
    assert disk.count("scan") == 1
    assert disk.count("open") == 3  # each asks the server


def test_it_lists_again_after_a_change(folder, clock):
    found, _ = names(folder, clock)
    assert not found.has("new")
    (folder / "new").touch()
    os.utime(folder, (OLD + 1, OLD + 1))
    assert found.has("new")


def test_a_fresh_time_stamp_is_not_believed(folder, clock):
    """A second change within one tick of the server's clock leaves the stamp as it is."""
    found, disk = names(folder, clock)
    fresh = clock.now - GRAIN // 2
    os.utime(folder, ns=(fresh, fresh))
    assert not found.has("new")
    (folder / "new").touch()
    os.utime(folder, ns=(fresh, fresh))
    assert found.has("new")
    assert disk.count("scan") == 0


def test_control_believing_it_misses_the_second_change(folder, clock, monkeypatch):
    monkeypatch.setattr("wmctl.spool.names.GRAIN", 0)
    found, _ = names(folder, clock)
    fresh = clock.now - GRAIN // 2
    os.utime(folder, ns=(fresh, fresh))
    assert not found.has("new")
    (folder / "new").touch()
    os.utime(folder, ns=(fresh, fresh))
    assert not found.has("new")


def test_a_crowded_folder_is_not_remembered(folder, clock, monkeypatch):
    monkeypatch.setattr("wmctl.spool.names._MOST", 3)
    for number in range(5):
        (folder / str(number)).touch()
    os.utime(folder, (OLD, OLD))
    found, _ = names(folder, clock)
    assert found.has("4")
    assert not found.has("5")


def test_no_folder_holds_nothing(tmp_path, clock):
    found, _ = names(tmp_path / "nowhere", clock)
    assert not found.has("x")
