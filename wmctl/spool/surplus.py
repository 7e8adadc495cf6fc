"""Which finished jobs go where they take more room than they may: those that ended first."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from wmctl.spool import lookup, rubbish
from wmctl.spool import name as names
from wmctl.spool.broom import Broom
from wmctl.spool.lookup import Entry

Buckets = Callable[[str], Iterator[tuple[str, list[os.DirEntry[str]]]]]


class _Ended(NamedTuple):
    """A finished job; sorts by its end."""

    at: int
    entry_path: str
    entry: Entry


class Surplus:
    """One look at everything in `completed/`, `results/` and `logs/`."""

    def __init__(self, broom: Broom, states: Collection[str], spared: Collection[str]) -> None:
        """`states`: the outcomes of jobs that may go; `spared`: ids of those that may not."""
        self._broom = broom
        self._states = states
        self._spared = spared
        self._sizes: Counter[str] = Counter()
        self._ended: list[_Ended] = []
        self._finished: set[str] = set()

    def beyond(self, most: int, buckets: Buckets) -> list[Entry]:
        """The jobs without which the rest takes no more than that, as far as there are any."""
        for top in ("completed", "results", "logs"):
            for _, found in buckets(top):
                for item in found:
                    with self._broom.item():
                        self._weigh(item, finished=top == "completed")
        # Only what belongs to a finished job can go; a log that is being written cannot.
        total = sum(self._sizes[job_id] for job_id in self._finished)
        chosen: dict[str, Entry] = {}
        #: By their root, which goes first.
        steps: dict[str, list[Entry]] = defaultdict(list)
        for _, _, entry in sorted(self._ended):
            if total <= most:
                break
            root = self._root(entry)
            if root is not None and root not in chosen:
                steps[root].append(entry)
                continue
            for one in (entry, *steps.pop(entry.id, ())):
                chosen[one.id] = one
                total -= self._sizes[one.id]
        return list(chosen.values())

    def _weigh(self, item: os.DirEntry[str], *, finished: bool) -> None:
        if item.path in self._broom.gone:
            return
        name = names.parse(item.name) if finished else None
        job_id = name.id if name is not None else item.name.partition(".")[0]
        self._sizes[job_id] += self._broom.size(item.path)
        if name is not None:
            self._finished.add(job_id)
        if name is not None and name.outcome in self._states and job_id not in self._spared:
            at = self._broom.store.disk.stat(item.path).st_mtime_ns
            self._ended.append(_Ended(at, item.path, Entry(name, name.outcome or "", item.path)))

    def _root(self, entry: Entry) -> str | None:
        """The job that it is a step of, if that is still somewhere."""
        job = rubbish.job_of(self._broom, entry.path)
        root = job.root if job is not None else None
        if root is None or root == entry.id:
            return None
        found = lookup.locate(self._broom.store, root)
        return None if found is None or found.path in self._broom.gone else root
