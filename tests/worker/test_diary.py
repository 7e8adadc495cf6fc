"""A worker's own log in the spool: written beside the work, bounded, and never waited for."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import eventually
from wmctl.spool import Spool
from wmctl.testing.faults import Call, WatchedDisk
from wmctl.worker import diary
from wmctl.worker.diary import Diary

Keep = Callable[..., Diary]


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("wmctl.worker.diary-under-test")
    logger.setLevel(logging.INFO)
    yield logger
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def is_open(path: Path) -> bool:
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return any(os.readlink(link) == str(path) for link in links if os.path.lexists(link))


def test_what_a_worker_logs_is_in_the_spool(spool: Spool, log: logging.Logger) -> None:
    kept = Diary(spool.store, "wk-1")
    log.addHandler(kept)
    log.info("up; tags %s", "bash")
    log.debug("not this")
    path = spool.path / "logs/workers/wk-1.log"
    eventually(lambda: path.exists() and path.stat().st_size and not is_open(path))
    kept.close()
    assert path.read_text().endswith("Z INFO up; tags bash\n")
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_that_comes_and_goes_leaves_a_file_only_if_something_went_wrong(
    spool: Spool, log: logging.Logger
) -> None:
    kept = Diary(spool.store, "wk-1", only_trouble=True)
    log.addHandler(kept)
    log.info("up")
    log.info("down")
    kept.close()
    assert not (spool.path / "logs/workers").exists()
    other = Diary(spool.store, "wk-2", only_trouble=True)
    log.handlers[:] = [other]
    log.info("up")
    log.warning("ouch")
    other.close()
    lines = (spool.path / "logs/workers/wk-2.log").read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["INFO", "WARNING"]


def test_it_is_bounded(spool: Spool, log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "CAP", 2000)
    kept = Diary(spool.store, "wk-1")
    log.addHandler(kept)
    for number in range(200):
        log.info("line %d", number)
    kept.close()
    files = {file.name: file.read_text() for file in (spool.path / "logs/workers").iterdir()}
    assert set(files) == {"wk-1.log", "wk-1.log.1"}
    assert all(len(text) <= 2000 for text in files.values())
    assert files["wk-1.log"].endswith("line 199\n")


def test_a_spool_that_hangs_or_refuses_holds_up_nobody(spool: Spool, log: logging.Logger) -> None:
    healed = threading.Event()

    class Hanging(WatchedDisk):
        def around(self, call: Call, go: Callable[[], Any]) -> Any:
            if threading.current_thread().name == "diary" and not healed.wait(30.0):
                raise OSError(5, os.strerror(5))
            return go()

    slow = Spool.open(spool.path, disk=Hanging())
    kept = Diary(slow.store, "wk-1")
    log.addHandler(kept)
    started = time.monotonic()
    for number in range(5000):
        log.info("line %d", number)
    assert time.monotonic() - started < 5.0
    healed.set()
    kept.close()
    assert "line 0\n" in (spool.path / "logs/workers/wk-1.log").read_text()
