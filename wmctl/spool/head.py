"""The head of the queues: a bounded, sorted list of names, so that no claim costs a listing.

A hint: the rename decides. Listed by streaming, fed by events where there are any, listed again
when it is used up or a folder changed, and never more often than 20 times what a listing costs.
"""

import bisect
import heapq
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from wmctl.errors import SpoolError
from wmctl.spool import fs
from wmctl.spool import name as names
from wmctl.spool.name import Name, due_after
from wmctl.spool.names import GRAIN
from wmctl.spool.store import DEPTH, Store

#: Names kept; about 250 bytes each.
SIZE = 32_768
#: Names kept of each priority whatever others there are, so that none starves.
_EACH = 64
#: One pick in so many takes the oldest due name, whatever its priority.
_FAIR = 16
#: A listing may take this share of the time.
_LISTING_SHARE = 20
#: Picks among so many equals at the most, after lost races.
_SPREAD = 1024
#: Picks after a lost race before each of which the head is listed anew, where that is allowed.
_CONTESTED = 8
#: Seconds by which a file's time stamp may run ahead of a probe: the clock's tick.
_TICK = 0.01
#: Seconds after which a poll lists anew whatever the time stamps say; where they hide changes.
_SURELY, _OFTEN = 60.0, 10.0
_PRIORITY = slice(24, 27)
_SHORTEST = 64

#: Order: tag rank (highest first), priority (highest first); then due time, then id.
Rank = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pick:
    """A waiting job as the head knows it."""

    tag: str
    path: str
    file: str

    @property
    def name(self) -> Name | None:
        """Parsed; None for a name that is no job's."""
        return names.parse(self.file, self.tag)


#: (file, tag, path): sorts by due time and id within one rank.
_Item = tuple[str, str, str]


def _priority(file: str) -> int:
    digits = file[_PRIORITY]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


class Head:
    """The names that one worker may claim next, of the tags that it serves."""

    def __init__(
        self,
        store: Store,
        tags: Mapping[str, int],
        *,
        clock: Callable[[], float],
        size: int = SIZE,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        #: Tag -> rank; a tag of a higher rank comes first whatever the jobs' priorities.
        self._tags = dict(tags)
        self._clock = clock
        self._size = size
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._due: dict[Rank, list[_Item]] = {}
        self._later: list[_Item] = []
        self._known: set[str] = set()
        self._picks = 0
        self._spread = 1
        self._contested = 0
        #: Names that sort behind this one may be missing; None if all fitted.
        self._horizon: str | None = None
        self._changed = True
        self._listed_at = float("-inf")
        self._cost = 0.0
        self._stamps: dict[str, int] = {}
        #: Paths in the queues whose names are no job's.
        self.strays: dict[str, str] = {}

    def pick(self, now: int) -> Pick | None:
        """The next name that is due at `now` (file server's clock, ns), or None.

        It leaves the head: claim it, or forget it.
        """
        limit = due_after(_TICK, now)
        if self._may_list() or self._used_up(limit):
            self.relist()
        self._ripen(limit)
        self._picks += 1
        rank = self._fair_rank() if self._picks % _FAIR == 0 else self._first_rank()
        if rank is None:
            return None
        items = self._due[rank]
        offset = self._rng.randrange(min(self._spread, len(items))) if self._spread > 1 else 0
        file, tag, path = items.pop(len(items) - 1 - offset)
        self._known.discard(path)
        return Pick(tag, path, file)

    def lost(self) -> None:
        """A pick was claimed by somebody else, as others that we know may be: spread out."""
        self._spread = min(self._spread * 2, _SPREAD)
        self._contested, self._changed = _CONTESTED, True

    def won(self) -> None:
        """A pick was claimed: come back to strict order, slower than we left it."""
        self._spread -= -(-(self._spread - 1) // 8)
        if self._contested:
            self._contested, self._changed = self._contested - 1, True

    def note(self, tag: str, path: str) -> None:
        """A name appeared (an event said so)."""
        file = path.rpartition("/")[2]
        if tag not in self._tags or path in self._known:
            return
        if names.parse(file, tag) is None:
            self._changed = True
            return
        self._known.add(path)
        bisect.insort(self._later, (file, tag, path))
        if len(self._later) > self._size:
            file, _, path = self._later.pop()
            self._known.discard(path)
            self._cut(file)

    def serve(self, tags: Mapping[str, int]) -> None:
        """From now on these tags, and the jobs of no others."""
        if dict(tags) == self._tags:
            return
        self._tags = dict(tags)
        self._due, self._later, self._known = {}, [], set()
        self._changed, self._cost = True, 0.0

    def changed(self) -> None:
        """Something happened that no event described: list again when that is allowed."""
        self._changed = True

    def poll(self) -> None:
        """Look whether a folder changed since it was listed; now and then do not believe it."""
        surely = _OFTEN if self._store.hides_changes else _SURELY
        with fs.translated("look at the queues"):
            if self._clock() - self._listed_at >= surely:
                for folder in self._stamps:
                    self._store.reveal(folder)
                self._changed = True
                return
            for folder, stamp in list(self._stamps.items()):
                if self._stamp(folder) != stamp:
                    self._changed = True
                    return
        if any(self._store.queue(tag) not in self._stamps for tag in self._tags):
            self._changed = True

    def next_due_ns(self) -> int | None:
        """The due time (ns since 1970) of the first name that is not due yet."""
        while self._later:
            file, tag, path = self._later[0]
            name = names.parse(file, tag)
            if name is not None:
                moment = name.scheduled_for - datetime(1970, 1, 1, tzinfo=UTC)
                return (moment.days * 86400 + moment.seconds) * 10**9 + moment.microseconds * 1000
            del self._later[0]  # due on the 30th of February
            self._known.discard(path)
            self.strays[path] = tag
        return None

    def __len__(self) -> int:
        return len(self._known)

    # Listing.

    def relist(self) -> None:
        """Read the folders anew."""
        started = self._clock()
        self._changed, self._horizon = False, None
        self._stamps.clear()
        self.strays.clear()
        try:
            with fs.translated("list the queues"):
                keep = self._collect()
        except SpoolError:
            self._changed = True
            raise
        self._due = {}
        self._later = sorted(item for items in keep.values() for item in items)
        self._known = {item[2] for item in self._later}
        self._listed_at = self._clock()
        self._cost = self._listed_at - started

    def _collect(self) -> dict[Rank, list[_Item]]:
        """The first names, by rank; never many more in memory than are kept."""
        keep: dict[Rank, list[_Item]] = {}
        count, most = 0, 2 * self._size
        for rank, item in self._scan():
            keep.setdefault(rank, []).append(item)
            count += 1
            if count >= most:
                count = self._shorten(keep)
                most = 2 * max(count, self._size)
        self._shorten(keep)
        return keep

    def _shorten(self, keep: dict[Rank, list[_Item]]) -> int:
        """Cut to size from the lowest rank up, a few of each left; how many are left."""
        left = self._size
        for rank in sorted(keep, reverse=True):
            self._trim(keep[rank], max(left, _EACH))
            left -= len(keep[rank])
        return self._size - left

    def _trim(self, items: list[_Item], size: int) -> None:
        if len(items) > size:
            items[:] = heapq.nsmallest(size, items)
            self._cut(items[-1][0])

    def _cut(self, file: str) -> None:
        self._horizon = file if self._horizon is None else min(self._horizon, file)

    def _scan(self) -> Iterator[tuple[Rank, _Item]]:
        settled = self._store.now() - GRAIN
        for tag, weight in self._tags.items():
            folders = [(self._store.queue(tag), 0)]
            while folders:
                folder, depth = folders.pop()
                stamp = self._stamp(folder)
                # A change within the same tick as this one would leave the same time stamp.
                self._stamps[folder] = stamp if stamp < settled else -1
                for found in self._store.disk.scan(folder):
                    file = found.name
                    if len(file) > _SHORTEST and file[23] == "_" and file.endswith(names.SUFFIX):
                        yield (weight, _priority(file)), (file, tag, found.path)
                    elif found.is_dir(follow_symlinks=False):
                        if depth < DEPTH:
                            folders.append((found.path, depth + 1))
                    elif not names.is_newer(file) and not file.startswith("."):
                        self.strays[found.path] = tag

    def _stamp(self, folder: str) -> int:
        disk = self._store.disk
        try:
            fd = fs.enter(disk, folder)  # asks the server; a stat may be answered by a cache
        except (FileNotFoundError, NotADirectoryError):
            return 0
        try:
            return disk.stat_open(fd).st_mtime_ns
        finally:
            disk.close(fd)

    def _may_list(self) -> bool:
        pause = self._clock() - self._listed_at
        return self._changed and pause >= _LISTING_SHARE * self._cost

    # Picking.

    def _used_up(self, limit: str) -> bool:
        """Nothing due is known, and something due may have been cut off."""
        if self._horizon is None or self._horizon > limit:
            return False
        return not any(self._due.values()) and not (self._later and self._later[0][0] <= limit)

    def _ripen(self, limit: str) -> None:
        """Move what has become due from `later` to its rank."""
        count = bisect.bisect_right(self._later, (limit,))
        if not count:
            return
        touched: set[Rank] = set()
        for item in self._later[:count]:
            file, tag, _ = item
            rank = (self._tags[tag], _priority(file))
            self._due.setdefault(rank, []).append(item)
            touched.add(rank)
        del self._later[:count]
        for rank in touched:
            self._due[rank].sort(reverse=True)
        self._bound()

    def _bound(self) -> None:
        """Events may tell of more than is kept: forget the last due of the lowest ranks."""
        left = self._size
        for rank in sorted(self._due, reverse=True):
            items = self._due[rank]
            excess = len(items) - max(left, _EACH)
            if excess > 0:
                self._known.difference_update(path for _, _, path in items[:excess])
                del items[:excess]
                self._cut(items[0][0])
            left -= len(items)

    def _first_rank(self) -> Rank | None:
        return max((rank for rank, items in self._due.items() if items), default=None)

    def _fair_rank(self) -> Rank | None:
        ranks = [rank for rank, items in self._due.items() if items]
        return min(ranks, key=lambda rank: self._due[rank][-1], default=None)
