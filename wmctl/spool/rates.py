"""How many jobs of each tag ended lately; from names and times alone, no record is read.

There may be a hundred thousand: the innermost loop does as little as it can.
"""

from collections.abc import Iterator, Sequence

from wmctl.errors import BadInput
from wmctl.spool import listing
from wmctl.spool.ids import hour_of
from wmctl.spool.name import OUTCOMES, SUFFIX, decode_tag
from wmctl.spool.store import Store

#: Seconds: of jobs that were submitted longer before the longest window, nothing is told.
_EARLIER = 86400
#: Where the id is in a job file's name; behind it come the counters, then an `@` and the tag.
_ID = slice(28, 64)
_COUNTERS = 64
_ENDINGS = tuple(f"{SUFFIX}.{outcome}" for outcome in OUTCOMES)


def ended(store: Store, windows: Sequence[float], now: int) -> dict[str, list[int]]:
    """The numbers of jobs that ended within the last so many seconds, by tag.

    `now`: the file server's, in ns. A bucket that has not changed within the longest window is
    passed over, and of one that has not within the others the files' times are not asked for.
    """
    limits = [now - int(seconds * 10**9) for seconds in windows]
    counts = _Counts(store, limits)
    first = hour_of(max(min(limits) // 10**6 - _EARLIER * 1000, 0))
    for hour in store.disk.scan(store.path("completed")):
        for bucket in store.disk.scan(hour.path) if hour.name >= first else ():
            try:
                counts.add(bucket.path, store.disk.stat(bucket.path).st_mtime_ns)
            except FileNotFoundError:
                continue  # pruned
    return dict(counts.by_tag())


class _Counts:
    """The counts of the folders that were added."""

    def __init__(self, store: Store, limits: Sequence[int]) -> None:
        self._disk = store.disk
        self._limits = limits
        self._least = min(limits)
        #: Ids from here on were made within the longest window, and so ended within it.
        self._first = listing.first_id(self._least // 10**6)
        #: By all that follows the `@` of a name.
        self._counts: dict[str, list[int]] = {}

    def add(self, folder: str, changed: int) -> None:
        """Count what ended in a bucket that changed last at this time (ns)."""
        if changed < self._least:
            return
        fresh = any(self._least < limit <= changed for limit in self._limits)
        counts, limits, first, stat = self._counts, self._limits, self._first, self._disk.stat
        for found in self._disk.scan(folder):
            file = found.name
            tail = file[file.find("@", _COUNTERS) + 1 :]
            if tail not in counts:
                if not tail.endswith(_ENDINGS):
                    continue
                counts[tail] = [0] * len(limits)
            if fresh or file[_ID] < first:
                try:
                    stamp = stat(found.path).st_mtime_ns
                except FileNotFoundError:
                    continue
            else:
                stamp = self._least
            row = counts[tail]
            for at, limit in enumerate(limits):
                if stamp >= limit:
                    row[at] += 1

    def by_tag(self) -> Iterator[tuple[str, list[int]]]:
        """The sums over all outcomes."""
        sums: dict[str, list[int]] = {}
        for tail, row in self._counts.items():
            label = tail.rpartition(".")[0].removesuffix(SUFFIX)
            before = sums.get(label, [0] * len(row))
            sums[label] = [one + other for one, other in zip(before, row, strict=True)]
        for label, row in sums.items():
            try:
                yield decode_tag(label), row
            except BadInput:
                continue  # a file of somebody else's
