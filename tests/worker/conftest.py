"""A spool in memory and a bench with everything that a worker needs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.bench import Bench, MoodyDisk
from wmctl.spool import Settings, Spool

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
def spool(memory: Path) -> Spool:
    return Spool.create(memory / "spool", Settings(lease=60.0, beat=5.0))


@pytest.fixture
def bench(spool: Spool, memory: Path) -> Bench:
    return Bench(spool, memory)


@pytest.fixture
def moody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> MoodyDisk:
    """The bench's spool on a disk with moods; troubles are waited out quickly."""
    monkeypatch.setattr("wmctl.worker.worker._TROUBLE", 0.01)
    monkeypatch.setattr("wmctl.worker.worker.BUSY_POLL", 0.01)
    monkeypatch.setattr("wmctl.worker.committer._LAST_PAUSE", 0.01)
    disk = MoodyDisk()
    bench.spool = Spool.open(bench.spool.path, disk=disk)
    return disk
