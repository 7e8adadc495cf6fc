"""A new user's home, a spool of its own, and the real `wmctl` in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host import Host

MEMORY = Path("/dev/shm")


@pytest.fixture
def host() -> Iterator[Host]:
    """In memory where there is any: these tests are about processes, not about a disk."""
    folder = Path(tempfile.mkdtemp(prefix="wmctl-test-", dir=MEMORY if MEMORY.is_dir() else None))
    made = Host(folder)
    yield made
    made.close()
    shutil.rmtree(folder)
