"""prune: finished jobs leave after their retention; rubbish leaves too. It never guesses.

Ages are mtimes against a probe of the same file server. The name in `completed/` goes first; what
is left behind by dying in between is found as an orphan later.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from wmctl.errors import MalformedJob
from wmctl.spool import fs, lookup
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.ids import is_id
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.lookup import Entry
from wmctl.spool.store import Store

#: A file in `tmp/` or an orphan is left alone so long; a writer gives up after an hour.
PATIENCE = 36 * 3600.0
#: What is in `trash/` can be brought back for so long.
TRASH = 24 * 3600.0


@dataclass
class Pruned:
    """How many of each were removed."""

    jobs: int = 0
    orphans: int = 0
    blobs: int = 0
    leftovers: int = 0


class Pruner:
    """One pass. `older_than` in seconds since a job was finished."""

    def __init__(self, store: Store, older_than: float) -> None:
        self.store = store
        self.older_than = older_than
        self.now = store.now()
        self.done = Pruned()

    def run(self) -> Pruned:
        """Do everything, in an order in which dying anywhere leaves nothing that lies."""
        with fs.translated("prune"):
            self._jobs()
            self._orphans()
            self._blobs()
            self._keys()
            self._leftovers()
            self._empty_folders()
        return self.done

    def age(self, path: str) -> float:
        """Seconds since the file's mtime; 0 for what is gone."""
        try:
            return (self.now - self.store.disk.stat(path).st_mtime_ns) / 1e9
        except FileNotFoundError:
            return 0.0

    def _jobs(self) -> None:
        for folder, found in groupby(
            lookup.completed(self.store), key=lambda entry: entry.path.rpartition("/")[0]
        ):
            old = [
                entry
                for entry in found
                if self.age(entry.path) >= self.older_than and self._free(entry)
            ]
            if old:
                with contextlib.suppress(FileNotFoundError):  # another pruner was here
                    self._bucket(folder, old)

    def _bucket(self, folder: str, old: list[Entry]) -> None:
        """Remove records of one bucket: durable before we act on them, gone for good before what
        belongs to them goes, since a record must not come back without its result."""
        self.store.sync({folder})
        gone = [entry for entry in old if self.store.remove(entry.path)]
        self.done.jobs += len(gone)
        self.store.sync({folder})
        for entry in gone:
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
        known: set[str] = set()
        for path, job_id in list(self._owned()):
            if job_id in known or self.age(path) < PATIENCE:
                continue
            if lookup.locate(self.store, job_id) is not None:
                known.add(job_id)
            elif self.store.remove(path):
                self.done.orphans += 1

    def _owned(self) -> Iterator[tuple[str, str]]:
        """Old enough files that belong to a job, with its id."""
        for top in ("results", "logs"):
            for hour in self.store.disk.scan(self.store.path(top)):
                for bucket in self.store.disk.scan(hour.path):
                    for found in self.store.disk.scan(bucket.path):
                        yield found.path, found.name.partition(".")[0]
        for found in self.store.disk.scan(self.store.path("control", "cancel")):
            if is_id(found.name):
                yield found.path, found.name

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
        for sha in old:
            if sha not in wanted and self.age(store.blob(sha)) >= TRASH:
                self._trash(store.blob(sha), f"blob-{sha}")
                self.done.blobs += 1
        for sha in gone:
            path = store.trash(f"blob-{sha}")
            if sha in wanted:
                with contextlib.suppress(FileNotFoundError):
                    store.disk.rename(path, store.blob(sha))
            elif self.age(path) >= TRASH:
                store.remove(path)

    def _trash(self, path: str, label: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.store.disk.touch(path)  # first, so that its day in the trash is a whole one
            self.store.disk.rename(path, self.store.trash(label))

    def _wanted_blobs(self) -> set[str]:
        wanted: set[str] = set()
        for _ in range(2):  # a job in mid-rename can be missing from one pass
            for path in self._job_files():
                job = self._job(path)
                if job is not None:
                    wanted.update(job.blobs)
        return wanted

    def _job_files(self) -> Iterator[str]:
        for entry in lookup.entries(self.store):
            yield entry.path
        for folder in self.store.disk.scan(self.store.path("keys")):
            for found in self.store.disk.scan(folder.path):
                if names.parse(found.name) is not None:
                    yield found.path

    def _keys(self) -> None:
        """Generations below a key's newest; the newest stays, so that numbers never repeat."""
        store = self.store
        newest: dict[str, int] = {}
        folders = []
        for found in store.disk.scan(store.path("keys")):
            digest, _, number = found.name.partition(".")
            if number.isdigit():
                newest[digest] = max(int(number), newest.get(digest, 0))
                folders.append((found.path, digest, int(number)))
        for path, digest, generation in folders:
            files = [found.name for found in store.disk.scan(path)]
            if generation < newest[digest] and files == ["id"] and self.age(path) >= PATIENCE:
                store.remove(f"{path}/id")
                with contextlib.suppress(OSError):
                    store.disk.rmdir(path)

    def _leftovers(self) -> None:
        store = self.store
        for found in list(store.disk.scan(store.path("tmp"))):
            if self.age(found.path) >= PATIENCE:
                self._drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
        for found in list(store.disk.scan(store.path("trash"))):
            if self.age(found.path) >= TRASH and not found.name.startswith("blob-"):
                self._drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
        for folder in ("held", "quarantine"):
            for found in list(store.disk.scan(store.path(folder))):
                job = found.path.removesuffix(".reason")
                alone = job != found.path and not fs.present(store.disk, job)
                if alone and self.age(found.path) >= PATIENCE:
                    self._drop(found.path, is_folder=False)

    def _drop(self, path: str, *, is_folder: bool) -> None:
        if is_folder:
            for found in list(self.store.disk.scan(path)):
                self._drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
            with contextlib.suppress(OSError):
                self.store.disk.rmdir(path)
        elif self.store.remove(path):
            self.done.leftovers += 1

    def _empty_folders(self) -> None:
        """Buckets and queues that are empty and were not changed for a while."""
        for top in ("completed", "results", "logs"):
            for hour in list(self.store.disk.scan(self.store.path(top))):
                for bucket in list(self.store.disk.scan(hour.path)):
                    self._remove_if_empty(bucket.path)
                self._remove_if_empty(hour.path)
        for queue in list(self.store.disk.scan(self.store.path("queue"))):
            self._remove_if_empty(queue.path)

    def _remove_if_empty(self, path: str) -> None:
        if self.age(path) >= 2 * 3600:
            with contextlib.suppress(OSError):
                self.store.disk.rmdir(path)
