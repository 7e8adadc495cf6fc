"""prune: finished jobs leave after their retention; rubbish leaves too. It never guesses.

Ages are mtimes against a probe of the same file server. The name in `completed/` goes first; what
is left behind by dying in between is found as an orphan later.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from wmctl.errors import MalformedJob
from wmctl.spool import fs, journal, keys, lookup
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.ids import bucket, is_id
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.lookup import Entry
from wmctl.spool.store import Store

#: A file in `tmp/` or an orphan is left alone so long; a writer gives up after an hour.
PATIENCE = 36 * 3600.0
#: What is in `trash/` can be brought back for so long.
TRASH = 24 * 3600.0
#: Where the id is in a job file's name.
_ID = slice(28, 64)


@dataclass
class Pruned:
    """How many of each were removed, and how many things could not be looked at or removed."""

    jobs: int = 0
    orphans: int = 0
    blobs: int = 0
    leftovers: int = 0
    failed: int = 0


def is_due(store: Store, interval: float) -> bool:
    """Whether the last prune began `interval` seconds ago or earlier."""
    try:
        began = store.disk.stat(store.path("control", "pruned")).st_mtime_ns
    except FileNotFoundError:
        return True
    return not 0 <= (store.now() - began) / 1e9 < interval


class Pruner:
    """One pass. `older_than` in seconds since a job was finished."""

    def __init__(self, store: Store, older_than: float) -> None:
        self.store = store
        self.older_than = older_than
        self.now = store.now()
        self.done = Pruned()
        self._known: set[str] = set()
        self._newer: set[str] | None = None

    def run(self) -> Pruned:
        """Do everything, in an order in which dying anywhere leaves nothing that lies."""
        with fs.translated("prune"):
            self._stamp()
        for part in (
            self._jobs, self._orphans, self._blobs, self._keys, self._leftovers,
            self._empty_folders,
        ):  # fmt: skip
            with self._item():
                part()
        return self.done

    def _stamp(self) -> None:
        """Others need not begin soon."""
        path = self.store.path("control", "pruned")
        try:
            self.store.disk.touch(path)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                fs.write_new(self.store.disk, path, b"", self.store.settings.mode, sync=False)

    @contextlib.contextmanager
    def _item(self) -> Iterator[None]:
        """What resists is counted and does not stop the rest; what is gone is another's work."""
        try:
            yield
        except FileNotFoundError:
            pass
        except (OSError, MalformedJob):
            self.done.failed += 1

    def _listed(self, folder: str) -> list[os.DirEntry[str]]:
        with self._item():
            return list(self.store.disk.scan(folder))
        return []

    def _buckets(self, top: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        """The buckets of a tree that hold anything, oldest hour first; the empty ones go."""
        for hour in sorted(found.path for found in self._listed(self.store.path(top))):
            for folder in self._listed(hour):
                found = self._listed(folder.path)
                if found:
                    yield folder.path, found
                else:
                    self._remove_if_empty(folder.path)

    def age(self, path: str) -> float:
        """Seconds since the file's mtime; 0 for what is gone."""
        try:
            return (self.now - self.store.disk.stat(path).st_mtime_ns) / 1e9
        except FileNotFoundError:
            return 0.0

    def _jobs(self) -> None:
        for folder, found in self._buckets("completed"):
            old = []
            for item in found:
                name = names.parse(item.name)
                if name is None or name.outcome is None:
                    continue
                entry = Entry(name, name.outcome, item.path)
                with self._item():
                    if self.age(entry.path) >= self.older_than and self._free(entry):
                        old.append(entry)
            if old:
                with self._item():
                    self._bucket(folder, old)

    def _bucket(self, folder: str, old: list[Entry]) -> None:
        """Remove records of one bucket.

        They are durable before we act on them, and gone for good before what belongs to them
        goes: a record must not come back without its result.
        """
        self.store.sync({folder})
        gone = [entry for entry in old if self.store.remove(entry.path)]
        self.done.jobs += len(gone)
        self.store.sync({folder})
        for entry in gone:
            self.store.note("prune", entry.name)
            with self._item():
                self._belongings(entry.id)

    def _free(self, entry: Entry) -> bool:
        """A job with a root is pruned with its root."""
        job = self._job(entry.path)
        root = job.root if job is not None else None
        return root is None or root == entry.id or lookup.locate(self.store, root) is None

    def _job(self, path: str) -> Job | None:
        try:
            text = fs.read_checked(self.store.disk, path, JOB_CAP, self.store.trust)
            return jobs.from_json(text)
        except (MalformedJob, FileNotFoundError):
            return None

    def _belongings(self, job_id: str) -> None:
        for some in (self.store.result(job_id, 0), self.store.log(job_id, 0)):
            for found in list(self.store.disk.scan(some.rpartition("/")[0])):
                if found.name.startswith(job_id):
                    self.store.remove(found.path)
        self.store.remove(self.store.cancel_marker(job_id))

    def _orphans(self) -> None:
        """Results, logs and cancel markers whose job is nowhere, after two full passes."""
        for top in ("results", "logs"):
            for folder, found in self._buckets(top):
                label = folder[len(self.store.path(top)) + 1 :]
                finished = self._ids(label)
                for item in found:
                    job_id = item.name.partition(".")[0]
                    if job_id not in finished and is_id(job_id):
                        with self._item():
                            self._orphan(item.path, job_id)
        for item in self._listed(self.store.path("control", "cancel")):
            if is_id(item.name):
                with self._item():
                    self._orphan(item.path, item.name)

    def _orphan(self, path: str, job_id: str) -> None:
        if job_id in self._known or self.age(path) < PATIENCE:
            return
        if lookup.locate(self.store, job_id) is not None or self._is_newer(job_id):
            self._known.add(job_id)
        elif self.store.remove(path):
            self.done.orphans += 1

    def _ids(self, label: str) -> set[str]:
        """The ids of a bucket's records, of whatever format."""
        return {
            item.name[_ID] for item in self.store.disk.scan(self.store.path("completed", label))
        }

    def _is_newer(self, job_id: str) -> bool:
        """Whether a job of this id is there whose name is of a newer format: not ours to judge."""
        return self._waits_newer(job_id) or job_id in self._ids(bucket(job_id))

    def _waits_newer(self, job_id: str) -> bool:
        """The same, of unfinished jobs."""
        if self._newer is None:
            found = (
                names.newer_id(file)
                for _ in range(2)  # a job in mid-rename can be missing from one pass
                for _, file in lookup.files(self.store, finished=False)
            )
            self._newer = {newer for newer in found if newer is not None}
        return job_id in self._newer

    def _blobs(self) -> None:
        """Unreferenced blobs go to `trash/` for a day; there, wanted ones are put back."""
        store = self.store
        old = [
            found.name
            for found in store.disk.scan(store.path("blobs"))
            if self.age(found.path) >= TRASH
        ]
        gone = [
            found.name[5:]
            for found in store.disk.scan(store.path("trash"))
            if found.name.startswith("blob-")
        ]
        if not old and not gone:
            return
        wanted = self._wanted_blobs()
        if wanted is None:
            return
        for sha in old:
            with self._item():
                if sha not in wanted and self.age(store.blob(sha)) >= TRASH:
                    self._trash(store.blob(sha), f"blob-{sha}")
                    self.done.blobs += 1
        for sha in gone:
            path = store.trash(f"blob-{sha}")
            with self._item():
                if sha in wanted:
                    store.disk.rename(path, store.blob(sha))
                elif self.age(path) >= TRASH:
                    store.remove(path)

    def _trash(self, path: str, label: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.store.disk.touch(path)  # first, so that its day in the trash is a whole one
            self.store.disk.rename(path, self.store.trash(label))

    def _wanted_blobs(self) -> set[str] | None:
        """The blobs that jobs refer to; None if there are jobs of a newer format to ask."""
        wanted: set[str] = set()
        read: set[str] = set()
        for _ in range(2):  # a job in mid-rename can be missing from one pass
            for path, file in lookup.files(self.store):
                if names.is_newer(file):
                    return None
                if file[_ID] in read or not (names.parse(file) or names.parse(file, "-")):
                    continue
                job = self._job(path)
                if job is not None:
                    read.add(file[_ID])
                    wanted.update(job.blobs)
        return wanted

    def _keys(self) -> None:
        """Generations below a key's newest; the newest stays, so that numbers never repeat."""
        newest: dict[str, int] = {}
        folders = []
        for found in self._listed(self.store.path("keys")):
            digest, _, text = found.name.partition(".")
            number = keys.generation(text)
            if number is not None:
                newest[digest] = max(number, newest.get(digest, 0))
                folders.append((found.path, digest, number))
        for path, digest, number in folders:
            if number < newest[digest]:
                with self._item():
                    self._generation(path)

    def _generation(self, path: str) -> None:
        """It goes once its job is over: while that runs, it holds the key."""
        store = self.store
        files = [found.name for found in store.disk.scan(path)]
        if files not in ([], ["id"]) or self.age(path) < PATIENCE:
            return
        job_id = keys.holder_id(store, path)
        if job_id is not None:
            entry = lookup.locate(store, job_id)
            if (entry is not None and not entry.terminal) or self._waits_newer(job_id):
                return
        store.remove(f"{path}/id")
        with contextlib.suppress(OSError):
            store.disk.rmdir(path)

    def _leftovers(self) -> None:
        store = self.store
        for found in self._listed(store.path("tmp")):
            with self._item():
                if self.age(found.path) >= PATIENCE:
                    self._drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
        for found in self._listed(store.path(journal.FOLDER)):
            with self._item():
                if self.age(found.path) >= store.settings.retention:
                    self._drop(found.path, is_folder=False)
        for found in self._listed(store.path("trash")):
            with self._item():
                if self.age(found.path) >= TRASH and not found.name.startswith("blob-"):
                    self._drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
        for folder in ("held", "quarantine"):
            for found in self._listed(store.path(folder)):
                job = found.path.removesuffix(".reason")
                with self._item():
                    alone = job != found.path and not fs.present(store.disk, job)
                    if alone and self.age(found.path) >= PATIENCE:
                        self._drop(found.path, is_folder=False)

    def _drop(self, path: str, *, is_folder: bool) -> None:
        if not is_folder:
            self.done.leftovers += self.store.remove(path)
            return
        folders = [path]
        for folder in folders:  # which grows
            for found in self._listed(folder):
                if found.is_dir(follow_symlinks=False):
                    folders.append(found.path)
                    continue
                with self._item():
                    self.done.leftovers += self.store.remove(found.path)
        for folder in reversed(folders):
            with contextlib.suppress(OSError):
                self.store.disk.rmdir(folder)

    def _empty_folders(self) -> None:
        """Hours and queues that are empty and were not changed for a while."""
        for top in ("completed", "results", "logs", "queue"):
            for found in self._listed(self.store.path(top)):
                self._remove_if_empty(found.path)

    def _remove_if_empty(self, path: str) -> None:
        with contextlib.suppress(OSError):
            if self.age(path) >= 2 * 3600:
                self.store.disk.rmdir(path)
