"""delete_after_secs: so long after its end nothing of a job is left, its args and code neither.

A job file never changes, so the whole record goes, as by prune. `control/delete/<id>` says which
jobs want that and is there before the job is; so nobody has to read what has ended.
"""

import contextlib
from collections import defaultdict

from wmctl.errors import MalformedJob
from wmctl.spool import fs, lookup, rubbish
from wmctl.spool.broom import PATIENCE, Broom
from wmctl.spool.ids import is_id
from wmctl.spool.job import Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name
from wmctl.spool.prune import Pruner, is_due
from wmctl.spool.store import Store

#: Seconds after its end for which a job stays however short its time: who waits for it shall read
#: the result.
LEAST = 60.0
_STAMP = ("control", "deleted")
_CAP = 20


def announce(store: Store, name: Name, job: Job) -> None:
    """Before a job is there, or at its claim: somebody shall delete it; durable."""
    folder = store.path("control", "delete")
    target = f"{folder}/{name.id}"
    made = store.ensure(folder)
    if not fs.present(store.disk, target):
        data = f"{job.delete_after_secs}\n".encode()
        store.put(data, target, make=lambda: store.remake(folder))
        store.sync({folder, *made}, {folder})


def delete(store: Store, interval: float) -> int:
    """Delete what is due, unless anybody did less than `interval` seconds ago; how many jobs."""
    with contextlib.suppress(StopIteration):
        next(iter(store.disk.scan(store.path("control", "delete"))))
        if is_due(store, interval, _STAMP):
            return _Deletion(store).run()
    return 0


class _Deletion:
    """One pass."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._broom = Broom(store)

    def run(self) -> int:
        store, broom = self._store, self._broom
        broom.stamp(store.path(*_STAMP))
        found: dict[str, list[Entry]] = defaultdict(list)
        for item in broom.listed(store.path("control", "delete")):
            with broom.item():
                entry = self._due(item.path, item.name) if is_id(item.name) else None
                if entry is not None:
                    found[entry.path.rpartition("/")[0]].append(entry)
        if not found:
            return 0
        awaited = rubbish.awaited(broom)
        pruner = Pruner(store, 0.0, broom=broom)
        for folder, entries in found.items():
            with broom.item():
                pruner.remove(folder, [one for one in entries if one.id not in awaited])
        return broom.done.jobs

    def _due(self, marker: str, job_id: str) -> Entry | None:
        """The record of a marker whose time has come."""
        entry = lookup.terminal(self._store, job_id)
        if entry is None:
            if self._broom.age(marker) >= PATIENCE and lookup.is_gone(self._store, job_id):
                self._broom.remove(marker)
            return None
        delay = max(LEAST, self._delay(marker))
        if self._broom.age(entry.path) < delay or not self._is_free(entry, delay):
            return None
        return entry

    def _delay(self, marker: str) -> float:
        text = fs.read_checked(self._store.disk, marker, _CAP, self._store.trust).strip()
        if not text.isdigit():
            raise MalformedJob(f"{marker} is no number of seconds")
        return float(text)

    def _is_free(self, entry: Entry, delay: float) -> bool:
        """A step stays for as long as its root."""
        job = rubbish.job_of(self._broom, entry.path)
        if job is None or job.root is None or job.root == entry.id:
            return True
        root = lookup.locate(self._store, job.root)
        return root is None or (root.terminal and self._broom.age(root.path) >= delay)
