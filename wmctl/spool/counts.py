"""How much waits under a tag, counted by names alone: of a million, each step on each is felt."""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from wmctl.spool.name import SUFFIX, Name
from wmctl.spool.store import DEPTH, Store

#: So many names at once.
_PART = 10_000
#: Where things are in the name of a queued job, and the shortest one.
_DUE, _PRIORITY, _ID = slice(0, 23), slice(24, 27), slice(28, 64)
_SHORTEST = 64
#: Where the two underscores are on both sides of the priority.
_AROUND = slice(23, 28, 4)
_priority = itemgetter(_PRIORITY)
#: Behind the `_` that ends a due time, and behind every name.
_END = "~"


class Queue(NamedTuple):
    """What waits under one tag."""

    #: How many are due, and how many are for later.
    due: int
    later: int
    #: The id that is claimed next, and the due time of the one that waits longest, as names say it.
    next_id: str | None
    oldest: str | None
    #: How many were due at each of some earlier moments already.
    long: tuple[int, ...] = ()


def queue(store: Store, tag: str, limit: str, earlier: Sequence[str] = ()) -> Queue:
    """What waits under a tag; due is what a name says up to `limit`."""
    due = later = 0
    first: dict[str, str] = {}
    end, ends = limit + _END, [one + _END for one in earlier]
    long = [0] * len(ends)
    for names in _parts(store, store.queue(tag), DEPTH):
        ready = [name for name in names if name < end]
        due += len(ready)
        later += len(names) - len(ready)
        for at, before in enumerate(ends):
            long[at] += len([name for name in ready if name < before])
        priorities = set(map(_priority, ready))
        for one in priorities:
            same = ready
            if len(priorities) > 1:
                same = [name for name in ready if name[_PRIORITY] == one]
            first[one] = min([first.get(one, _END), *same])
    if not first:
        return Queue(due, later, None, None, tuple(long))
    # Due time, priority, id: names of one priority sort as they are claimed, and all by due time.
    oldest = min(first.values())[_DUE]
    return Queue(due, later, first[max(first)][_ID], oldest, tuple(long))


def ahead(store: Store, name: Name, limit: str) -> int:
    """How many due jobs of its tag are claimed before this one."""
    own, priority, end = name.queued, f"{name.priority:03d}", limit + _END
    return sum(
        len([
            one for one in names
            if one < end
            and (one[_PRIORITY] > priority or (one < own and one[_PRIORITY] == priority))
        ])
        for names in _parts(store, store.queue(name.tag), DEPTH)
    )  # fmt: skip


def _parts(store: Store, folder: str, depth: int) -> Iterator[list[str]]:
    """The names of the jobs in a queue's folder and in those below, many at a time."""
    end = len(SUFFIX)
    found = store.disk.scan(folder)
    while part := list(islice(found, _PART)):
        names = [
            name for entry in part
            if len(name := entry.name) > _SHORTEST
            and name[-end:] == SUFFIX
            and name[_AROUND] == "__"
            and name[_PRIORITY].isdecimal()
        ]  # fmt: skip
        yield names
        if depth and len(names) < len(part):
            jobs = set(names)
            for entry in part:
                if entry.name not in jobs and entry.is_dir(follow_symlinks=False):
                    yield from _parts(store, entry.path, depth - 1)
