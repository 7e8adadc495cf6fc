"""The build-once folder of a group: another one whenever the group's `cache_clear` changes.

Workers share a lock on theirs while they live; whoever starts removes those of other numbers that
nobody uses, and so never pulls one from under a running job.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
from pathlib import Path

from wmctl.worker.folders import remove

log = logging.getLogger("wmctl.worker")

#: Beside the folders of runners, none of which is named so.
_FOLDER = ".groups"
_LOCK = ".lock"


class Cache:
    """One worker's use of a build-once folder. Number 0: the folder that all groups share."""

    def __init__(self, root: Path, spool: str, group: str, number: int) -> None:
        spool_id = hashlib.sha256(os.path.realpath(spool).encode()).hexdigest()[:12]
        self._above = root / _FOLDER
        self._prefix = f"{spool_id}.{group}."
        name = f"{self._prefix}{number}"
        self.folder = self._above / name if number else root
        self._fd = -1
        if number:
            self._above.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = self._locked(name, fcntl.LOCK_SH)
            self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._above.is_dir():
            self._discard_others(name)

    def close(self) -> None:
        """The worker goes."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _locked(self, name: str, how: int) -> int:
        fd = os.open(self._above / f"{name}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _discard_others(self, own: str) -> None:
        """Each is renamed under its lock, which takes no time, and removed afterwards."""
        aside = []
        for name in sorted(os.listdir(self._above)):
            if name.startswith(f"gone.{self._prefix}"):
                aside.append(name)
            is_folder = name.startswith(self._prefix) and not name.endswith(_LOCK)
            if not is_folder or name == own:
                continue
            with contextlib.suppress(OSError):
                fd = self._locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    gone = f"gone.{name}.{os.urandom(4).hex()}"
                    os.rename(self._above / name, self._above / gone)
                    aside.append(gone)
                finally:
                    os.close(fd)
        if aside:
            log.info("%d old cache folders are removed", len(aside))
            paths = [f"{self._above}/{name}" for name in aside]
            threading.Thread(target=_remove, args=(paths,), name="cache", daemon=True).start()


def _remove(paths: list[str]) -> None:
    for path in paths:
        remove(path)
