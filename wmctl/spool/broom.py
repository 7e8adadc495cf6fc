"""What all parts of a prune have in common: what they count, how they remove, what resists.

With `dry` nothing is changed: what would be removed is counted, and that is all.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from wmctl.errors import MalformedJob
from wmctl.spool import fs
from wmctl.spool.store import Store

#: A file in `tmp/` or an orphan is left alone so long; a writer gives up after an hour.
PATIENCE = 36 * 3600.0
#: What is in `trash/` can be brought back for so long.
TRASH = 24 * 3600.0


@dataclass(frozen=True)
class Retention:
    """Seconds that finished jobs are kept after their end, and how much of them."""

    success: float
    failure: float
    canceled: float
    skipped: float
    #: Workers' own logs, and journals.
    logs: float
    #: Bytes of all records, results and logs; above it the jobs go that ended first.
    max_bytes: int | None = None

    @classmethod
    def of(cls, seconds: float, *, logs: float | None = None) -> Self:
        """The same for all."""
        return cls(seconds, seconds, seconds, seconds, seconds if logs is None else logs)

    def of_outcome(self, outcome: str) -> float:
        """Seconds that a job is kept that ended so."""
        return float(getattr(self, outcome))


@dataclass
class Pruned:
    """How many of each were removed, and how many things could not be looked at or removed."""

    jobs: int = 0
    orphans: int = 0
    blobs: int = 0
    leftovers: int = 0
    failed: int = 0
    #: How many of the jobs ended in which way.
    states: Counter[str] = field(default_factory=Counter)
    #: What all of it took on the disk; 0 where nobody wanted to know.
    bytes: int = 0


class Broom:
    """One prune's hand. `told` hears of the progress, now and then."""

    def __init__(
        self,
        store: Store,
        *,
        dry: bool = False,
        told: Callable[[Pruned], None] | None = None,
    ) -> None:
        self.store = store
        self.dry = dry
        self.now = store.now()
        self.done = Pruned()
        self.told: Callable[[Pruned], None] = told or (lambda _: None)
        #: Seconds that logs are kept which belong to no job.
        self.keep_logs = store.settings.retention
        #: Jobs' files that a dry run would have removed.
        self.gone: set[str] = set()
        self._weigh = dry or told is not None

    @contextlib.contextmanager
    def item(self) -> Iterator[None]:
        """What resists is counted and does not stop the rest; what is gone is another's work."""
        try:
            yield
        except FileNotFoundError:
            pass
        except (OSError, MalformedJob):
            self.done.failed += 1

    def listed(self, folder: str) -> list[os.DirEntry[str]]:
        """What is in a folder; nothing where it cannot be looked at."""
        with self.item():
            return list(self.store.disk.scan(folder))
        return []

    def age(self, path: str) -> float:
        """Seconds since the file's mtime; 0 for what is gone."""
        try:
            return (self.now - self.store.disk.stat(path).st_mtime_ns) / 1e9
        except FileNotFoundError:
            return 0.0

    def remove(self, path: str) -> bool:
        """Unlink; False if it was gone."""
        size = self._size(path) if self._weigh else 0
        if self.dry:
            gone = size is not None
            self.gone.add(path)
        else:
            gone = self.store.remove(path)
        self.done.bytes += size or 0 if gone else 0
        return gone

    def size(self, path: str) -> int:
        """What a file takes on the disk; 0 for what is gone."""
        return self._size(path) or 0

    def _size(self, path: str) -> int | None:
        try:
            return self.store.disk.stat(path).st_blocks * 512
        except FileNotFoundError:
            return None

    def rmdir(self, path: str) -> None:
        """An empty folder less; one that is in use stays."""
        if not self.dry:
            with contextlib.suppress(OSError):
                self.store.disk.rmdir(path)

    def rmdir_if_old(self, path: str) -> None:
        """The same, of a folder that was not changed for a while."""
        with contextlib.suppress(OSError):
            if not self.dry and self.age(path) >= 2 * 3600:
                self.store.disk.rmdir(path)

    def drop(self, path: str, *, is_folder: bool) -> None:
        """A leftover goes, a folder with all that is in it."""
        if not is_folder:
            self.done.leftovers += self.remove(path)
            return
        folders = [path]
        for folder in folders:  # which grows
            for found in self.listed(folder):
                if found.is_dir(follow_symlinks=False):
                    folders.append(found.path)
                    continue
                with self.item():
                    self.done.leftovers += self.remove(found.path)
        for folder in reversed(folders):
            self.rmdir(folder)

    def rename(self, path: str, target: str) -> None:
        """Into the trash, or out of it."""
        if not self.dry:
            self.store.disk.rename(path, target)

    def trash(self, path: str, label: str) -> None:
        """Move something to `trash/`, for a whole day."""
        if not self.dry:
            with contextlib.suppress(FileNotFoundError):
                self.store.disk.touch(path)
                self.store.disk.rename(path, self.store.trash(label))

    def sync(self, folder: str) -> None:
        """What was removed from a folder stays removed."""
        if not self.dry:
            self.store.sync({folder})

    def stamp(self, path: str) -> None:
        """Touch a file, or make it."""
        if self.dry:
            return
        try:
            self.store.disk.touch(path)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                fs.write_new(self.store.disk, path, b"", self.store.settings.mode, sync=False)
