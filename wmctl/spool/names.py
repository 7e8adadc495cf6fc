"""The names in a folder that seldom changes: asked for often, listed only when it has changed."""

from collections.abc import Callable, Collection
from itertools import islice

from wmctl.spool import fs
from wmctl.spool.fs import Disk

#: Nanoseconds: of a folder that changed so lately, the time stamp may hide a further change.
GRAIN = 100_000_000
#: More names than these are looked up one by one instead of being remembered.
_MOST = 1000


class Names:
    """Whether a folder holds a name: one call to the server where a look at each would take two.

    `now`: the file server's clock, nanoseconds.
    """

    def __init__(self, disk: Disk, folder: str, now: Callable[[], int]) -> None:
        self._disk = disk
        self._folder = folder
        self._now = now
        self._stamp = -1
        self._names: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """As the server has it now."""
        return bool(self.among([name]))

    def among(self, names: Collection[str]) -> list[str]:
        """Those of the names that are there; one look for all of them, as a rule."""
        try:
            stamp = self._changed_at()
        except FileNotFoundError:
            return []
        if stamp != self._stamp and not self._list(stamp):
            return [name for name in names if fs.present(self._disk, f"{self._folder}/{name}")]
        return [name for name in names if name in self._names]

    def _changed_at(self) -> int:
        fd = self._disk.open_folder(self._folder)  # which asks the server
        try:
            return self._disk.stat_open(fd).st_mtime_ns
        finally:
            self._disk.close(fd)

    def _list(self, stamp: int) -> bool:
        """Remember the names, if they can be relied upon until the next change."""
        self._stamp = -1
        if stamp > self._now() - GRAIN:
            return False
        found = frozenset(item.name for item in islice(self._disk.scan(self._folder), _MOST + 1))
        if len(found) > _MOST:
            return False
        self._stamp, self._names = stamp, found
        return True
