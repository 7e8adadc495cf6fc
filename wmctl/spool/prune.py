"""prune: finished jobs leave after their retention; rubbish leaves too. It never guesses.

Ages are mtimes against a probe of the same file server. The name in `completed/` goes first; what
is left behind by dying in between is found as an orphan later.
"""

import os
from collections.abc import Collection, Iterator

from wmctl.spool import fs, lookup, rubbish, signals
from wmctl.spool import name as names
from wmctl.spool.broom import PATIENCE, Broom, Pruned, Retention
from wmctl.spool.ids import bucket, is_id
from wmctl.spool.lookup import Entry
from wmctl.spool.name import OUTCOMES
from wmctl.spool.newer import Newer
from wmctl.spool.store import Store
from wmctl.spool.surplus import Surplus

_STAMP = ("control", "pruned")


def is_due(store: Store, interval: float, stamp: tuple[str, ...] = _STAMP) -> bool:
    """Whether the last prune (or who else leaves a stamp) began that many seconds ago or more."""
    try:
        began = store.disk.stat(store.path(*stamp)).st_mtime_ns
    except FileNotFoundError:
        return True
    return not 0 <= (store.now() - began) / 1e9 < interval


class Pruner:
    """One pass. `kept`: for how long, or so many seconds; `states`: outcomes that go."""

    def __init__(
        self,
        store: Store,
        kept: Retention | float,
        *,
        states: Collection[str] = OUTCOMES,
        broom: Broom | None = None,
    ) -> None:
        self.store = store
        logs = store.settings.retention
        self._kept = kept if isinstance(kept, Retention) else Retention.of(kept, logs=logs)
        self._states = frozenset(states)
        self._broom = broom or Broom(store)
        self._broom.keep_logs = self._kept.logs
        self._known: set[str] = set()
        self._newer = Newer(store)
        self._signals: dict[str, list[str]] | None = None
        self._awaited: set[str] | None = None

    @property
    def done(self) -> Pruned:
        """What was removed so far."""
        return self._broom.done

    def run(self) -> Pruned:
        """Do everything, in an order in which dying anywhere leaves nothing that lies."""
        broom = self._broom
        with fs.translated("prune"):
            broom.stamp(self.store.path(*_STAMP))  # others need not begin soon
        for part in (
            self._jobs, self._surplus, self._orphans, self._blobs, self._keys, self._waiting,
            self._leftovers, self._empty_folders,
        ):  # fmt: skip
            with broom.item():
                part()
            broom.told(broom.done)
        return self.done

    def _buckets(self, top: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        """The buckets of a tree that hold anything, oldest hour first; the empty ones go."""
        broom = self._broom
        hours = (found for found in broom.listed(self.store.path(top)) if found.name.isdecimal())
        for hour in sorted(found.path for found in hours):
            for folder in broom.listed(hour):
                found = broom.listed(folder.path)
                if found:
                    yield folder.path, found
                else:
                    broom.rmdir_if_old(folder.path)

    def _jobs(self) -> None:
        for folder, found in self._buckets("completed"):
            old = []
            for item in found:
                name = names.parse(item.name)
                if name is None or name.outcome not in self._states:
                    continue
                entry = Entry(name, name.outcome, item.path)
                with self._broom.item():
                    kept = self._kept.of_outcome(entry.state)
                    if self._broom.age(entry.path) >= kept and self._free(entry):
                        old.append(entry)
            if old:
                with self._broom.item():
                    self.remove(folder, old)
                self._broom.told(self.done)

    def _surplus(self) -> None:
        """What is more than may be kept: the jobs that ended first, each with its steps."""
        if self._kept.max_bytes is None:
            return
        surplus = Surplus(self._broom, self._states, self._awaited_ids())
        by_folder: dict[str, list[Entry]] = {}
        for entry in surplus.beyond(self._kept.max_bytes, self._buckets):
            by_folder.setdefault(entry.path.rpartition("/")[0], []).append(entry)
        for folder, entries in by_folder.items():
            with self._broom.item():
                self.remove(folder, entries)
            self._broom.told(self.done)

    def remove(self, folder: str, old: Collection[Entry]) -> None:
        """Remove records of one bucket.

        They are durable before we act on them, and gone for good before what belongs to them
        goes: a record must not come back without its result.
        """
        self._broom.sync(folder)
        gone = [entry for entry in old if self._broom.remove(entry.path)]
        self.done.jobs += len(gone)
        self.done.states.update(entry.state for entry in gone)
        self._broom.sync(folder)
        for entry in gone:
            if not self._broom.dry:
                self.store.note("prune", entry.name)
            with self._broom.item():
                self._belongings(entry.id)

    def _free(self, entry: Entry) -> bool:
        """A job with a root is pruned with its root, and no job while another waits for its end."""
        if entry.id in self._awaited_ids():
            return False
        job = rubbish.job_of(self._broom, entry.path)
        root = job.root if job is not None else None
        if root is None or root == entry.id:
            return True
        found = lookup.locate(self.store, root)
        return found is None or found.path in self._broom.gone

    def _awaited_ids(self) -> set[str]:
        if self._awaited is None:
            self._awaited = rubbish.awaited(self._broom)
        return self._awaited

    def _belongings(self, job_id: str) -> None:
        for some in (self.store.result(job_id, 0), self.store.log(job_id, 0)):
            for found in list(self.store.disk.scan(some.rpartition("/")[0])):
                if found.name.startswith(job_id):
                    self._broom.remove(found.path)
        for path in self._signals_of(job_id):
            self._broom.remove(path)
        self._broom.remove(self.store.cancel_marker(job_id))

    def _signals_of(self, job_id: str) -> list[str]:
        if self._signals is None:
            self._signals = {}
            for path, of in signals.markers(self.store):
                self._signals.setdefault(of, []).append(path)
            for found in self.store.disk.scan(self.store.path("control", "delete")):
                self._signals.setdefault(found.name, []).append(found.path)
        return self._signals.get(job_id, [])

    def _orphans(self) -> None:
        """Results, logs and markers whose job is nowhere, after two full passes."""
        for top in ("results", "logs"):
            for folder, found in self._buckets(top):
                label = folder[len(self.store.path(top)) + 1 :]
                finished = self._ids(label)
                for item in found:
                    job_id = item.name.partition(".")[0]
                    if job_id not in finished and is_id(job_id):
                        with self._broom.item():
                            self._orphan(item.path, job_id)
        for item in self._broom.listed(self.store.path("control", "cancel")):
            if is_id(item.name):
                with self._broom.item():
                    self._orphan(item.path, item.name)
        for path, job_id in list(signals.markers(self.store)):
            with self._broom.item():
                self._orphan(path, job_id)

    def _orphan(self, path: str, job_id: str) -> None:
        if job_id in self._known or self._broom.age(path) < PATIENCE:
            return
        if lookup.locate(self.store, job_id) is not None or self._is_newer(job_id):
            self._known.add(job_id)
        elif self._broom.remove(path):
            self.done.orphans += 1

    def _ids(self, label: str) -> set[str]:
        """The ids of a bucket's records, of whatever format."""
        found = self.store.disk.scan(self.store.path("completed", label))
        return {item.name[rubbish.ID] for item in found}

    def _is_newer(self, job_id: str) -> bool:
        """Whether a job of this id is there whose name is of a newer format: not ours to judge."""
        return self._newer.waits(job_id) or job_id in self._ids(bucket(job_id))

    def _blobs(self) -> None:
        rubbish.blobs(self._broom)

    def _keys(self) -> None:
        rubbish.generations(self._broom, self._newer)

    def _waiting(self) -> None:
        rubbish.waiting(self._broom)

    def _leftovers(self) -> None:
        rubbish.leftovers(self._broom)

    def _empty_folders(self) -> None:
        rubbish.empty_folders(self._broom)
