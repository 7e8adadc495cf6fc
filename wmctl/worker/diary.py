"""A worker's own log in the spool, `logs/workers/<worker>.log`, for people on other hosts.

A thread of its own writes it: a spool that hangs must hold up neither a job nor a heart. What it
cannot write is not waited for.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import deque

from wmctl.errors import SpoolError
from wmctl.spool import fs
from wmctl.spool.store import Store

#: Bytes of a log, after which the next one is begun; the one before it is kept as `.log.1`.
CAP = 512 << 10
_WAITING = 1000
#: Records of a worker that nobody may ever ask for, until it has something to complain of.
_KEPT = 50
#: Seconds that the end of a process waits for the last lines.
_PATIENCE = 1.0


class Diary(logging.Handler):
    """Give it to the logger `wmctl.worker`. `only_trouble`: no file until there is a warning."""

    def __init__(self, store: Store, worker: str, *, only_trouble: bool = False) -> None:
        super().__init__(logging.INFO)
        formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self._store = store
        self._folder = store.path("logs", "workers")
        self._path = f"{self._folder}/{worker}.log"
        self._early: deque[str] | None = deque(maxlen=_KEPT) if only_trouble else None
        self._queue: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._size: int | None = None
        self._thread = threading.Thread(target=self._run, name="diary", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits."""
        line = self.format(record)
        if self._early is not None and record.levelno < logging.WARNING:
            self._early.append(line)
            return
        early, self._early = self._early or (), None
        for text in (*early, line):
            try:
                self._queue.put_nowait(text)
            except queue.Full:
                return

    def close(self) -> None:
        """Write what is there, unless the disk does not take it now."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=_PATIENCE)
            self._thread.join(_PATIENCE)
        super().close()

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            with contextlib.suppress(SpoolError, OSError):
                self._write((line + "\n").encode("utf-8", "replace"))

    def _write(self, data: bytes) -> None:
        """The file is not kept open, so that the disk can be unmounted, or made read-only."""
        disk = self._store.disk
        if self._size is not None and self._size + len(data) > CAP:
            disk.rename(self._path, f"{self._path}.1")
            self._size = None
        if self._size is None:
            self._begin()
        try:
            disk.append(self._path, data)
        except FileNotFoundError:  # pruned
            self._begin()
            disk.append(self._path, data)
        self._size = (self._size or 0) + len(data)

    def _begin(self) -> None:
        store = self._store
        store.ensure(self._folder)
        try:
            self._make()
        except FileNotFoundError:
            store.remake(self._folder)  # pruned while it was empty
            self._make()
        self._size = 0

    def _make(self) -> None:
        mode = self._store.settings.mode
        fd = fs.open_own(self._store.disk, self._path, mode)
        try:
            if mode & 0o077:
                self._store.disk.chmod(fd, mode)
        finally:
            self._store.disk.close(fd)
