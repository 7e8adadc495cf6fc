"""A spool in memory: these tests are about order and faults, not about the speed of a disk."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wmctl.spool import Spool
from wmctl.testing.faults import FakeClock, FakeClockDisk

MEMORY = Path("/dev/shm")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on tmpfs, or the ordinary one where there is no tmpfs."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="wmctl-test-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def fresh(memory: Path) -> Callable[[], Path]:
    """A new place for a spool at every call; the one before is removed."""
    count = 0

    def place() -> Path:
        nonlocal count
        shutil.rmtree(memory / f"{count}", ignore_errors=True)
        count += 1
        (memory / f"{count}").mkdir()
        return memory / f"{count}" / "spool"

    return place


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(memory: Path, clock: FakeClock) -> Spool:
    """An empty spool whose time stands still until the test moves it."""
    return Spool.create(memory / "spool", disk=FakeClockDisk(clock))
