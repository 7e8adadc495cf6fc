"""The open spool: where things are in it, and the file server's clock.

What the verbs share; no verb is in here.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Self

from wmctl.errors import SpoolBusy, SpoolError
from wmctl.spool import creation, fs
from wmctl.spool.fs import Disk, Trust
from wmctl.spool.ids import bucket
from wmctl.spool.name import Name, encode_tag
from wmctl.spool.names import Names
from wmctl.spool.settings import Settings, read_settings

if TYPE_CHECKING:
    from wmctl.spool.journal import Journal

#: How deep folders inside a queue's are looked into.
DEPTH = 8
#: A remembered folder costs some 150 bytes; buckets change every hour.
_MADE_CAP = 20_000
_ATTEMPTS = 3


class Store:
    """An open spool: where it is, on which disk, with which settings."""

    def __init__(self, root: str, settings: Settings, disk: Disk) -> None:
        self.root = root
        self.settings = settings
        self.disk = disk
        self.durable = settings.durability == "durable"
        self._made: set[str] = set()
        #: Told of what no caller asks for: a file that was put into quarantine.
        self.tell: Callable[[str], None] = lambda _: None
        #: Whether concurrency limits count here.
        self.limits = True
        #: Where it is written down what happens to the jobs, if anywhere.
        self.journal: Journal | None = None
        self._probe = self.path("tmp")
        #: The cancel markers, as claimers look at them.
        self.marks = Names(disk, self.path("control", "cancel"), self.now)
        #: What suspended jobs wait for, as those look who end a job.
        self.awaited = Names(disk, self.path("control", "waiters"), self.now)
        private = not settings.mode & 0o070
        with fs.translated("open the spool"):
            #: Whose it is, where it is one user's alone.
            self.owner = disk.stat(f"{root}/.").st_uid if private else None
        owners = None if self.owner is None else frozenset({os.geteuid(), self.owner})
        self.trust = Trust(owners, 0o022 & ~settings.mode)

    @classmethod
    def create(cls, root: str, settings: Settings, disk: Disk) -> Self:
        """Make a spool, whole or not at all; a spool that is already there is opened."""
        root = os.path.abspath(root)
        creation.make(root, settings, disk)
        return cls.open(root, disk)

    @classmethod
    def open(cls, root: str, disk: Disk) -> Self:
        """Open a spool that exists."""
        root = os.path.abspath(root)
        return cls(root, read_settings(root, disk), disk)

    @cached_property
    def synchronous(self) -> bool:
        """NFS: a name is durable before the server answers; fsync of a folder says nothing.

        Files are synced there one by one, before they are closed, which would write them anyway.
        """
        from wmctl.spool.fskind import detect

        return detect(self.root).kind == "nfs"

    @cached_property
    def hides_changes(self) -> bool:
        """NFS 3 tells changes by time stamps: the second within one tick of the server is hidden.

        It stays so, for a client that looked in between, until the folder changes again.
        """
        from wmctl.spool.fskind import mount

        found = mount(self.root) if self.synchronous else None
        return found is not None and (found.nfs or "").startswith("3")

    def reveal(self, folder: str) -> None:
        """Change a folder's time, so that a listing shows what is hidden."""
        if self.hides_changes:
            with contextlib.suppress(FileNotFoundError):
                self.disk.touch(folder)

    # Where things are.

    def path(self, *parts: str) -> str:
        """A path inside the spool."""
        return "/".join((self.root, *parts))

    def queue(self, tag: str) -> str:
        """The folder of the jobs that wait under a tag."""
        return f"{self.root}/queue/{encode_tag(tag)}"

    def queued(self, name: Name) -> str:
        """Where a job of this name waits."""
        return f"{self.queue(name.tag)}/{name.queued}"

    def running(self, worker: str, name: Name) -> str:
        """Where a worker's claim is."""
        return f"{self.root}/running/{worker}/{name.file}"

    def at(self, state: str, name: Name) -> str:
        """Where a job of this name is in `suspended`, `held` or `quarantine`."""
        return f"{self.root}/{state}/{name.file}"

    def completed(self, name: Name) -> str:
        """Where the terminal record of this name (with its outcome) is."""
        return f"{self.root}/completed/{bucket(name.id)}/{name.file}"

    def result(self, job_id: str, claims: int) -> str:
        """The result that the holder of this claim writes."""
        return f"{self.root}/results/{bucket(job_id)}/{job_id}.{claims}.json"

    def log(self, job_id: str, claims: int) -> str:
        """The log that the holder of this claim writes."""
        return f"{self.root}/logs/{bucket(job_id)}/{job_id}.{claims}.log"

    def log_errors(self, job_id: str, claims: int) -> str:
        """Which parts of the log were standard error."""
        return f"{self.root}/logs/{bucket(job_id)}/{job_id}.{claims}.err"

    def notice(self, job_id: str, claims: int) -> str:
        """What befell a job while it waited, for its log; `claims`: of its name after that."""
        return f"{self.root}/logs/{bucket(job_id)}/{job_id}.{claims}.note"

    def cancel_marker(self, job_id: str) -> str:
        """Who wants the job canceled, and why."""
        return f"{self.root}/control/cancel/{job_id}"

    def blob(self, sha: str) -> str:
        """A long text or long args, by the sha256 of their bytes."""
        return f"{self.root}/blobs/{sha}"

    def trash(self, label: str) -> str:
        """A place in `trash/` that nobody else uses."""
        return f"{self.root}/trash/{label}"

    def temporary(self) -> str:
        """A name in `tmp/` that nobody else uses."""
        return self.path("tmp", os.urandom(12).hex())

    # Folders and files.

    def write(self, data: bytes, *, sync: bool | None = None) -> tuple[str, int]:
        """A new file in `tmp/`: its path and its mtime in nanoseconds."""
        path = self.temporary()
        durable = self.durable if sync is None else sync and self.durable
        return path, fs.write_new(self.disk, path, data, self.settings.mode, sync=durable)

    def place(self, path: str, target: str, *, make: Callable[[], None] | None = None) -> bool:
        """Move our own file out of `tmp/`, where nothing stays behind on failure.

        False: it is gone from `tmp/`, by a rename that was not seen to work, or removed by others.
        """
        try:
            return fs.moved(self.disk, path, target, mine=False, make=make)
        except OSError:
            with contextlib.suppress(OSError):
                self.remove(path)
            raise

    def put(
        self, data: bytes, target: str, *, sync: bool | None = None,
        make: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """A small file under a name that an older one may have: written until it is there."""
        for _ in range(_ATTEMPTS):
            path, _stamp = self.write(data, sync=sync)
            if self.place(path, target, make=make) or fs.present(self.disk, target):
                return
        raise SpoolBusy(f"what is written in {self._probe} disappears", hint="try again")

    def put_own(
        self, data: bytes, target: str, *, sync: bool = True,
        make: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """A file under a name that is ours alone to write, and that nobody reads yet."""
        sync = self.durable and sync
        try:
            fs.write_own(self.disk, target, data, self.settings.mode, sync=sync)
        except FileNotFoundError:
            make()  # its folder was pruned, being empty
            fs.write_own(self.disk, target, data, self.settings.mode, sync=sync)

    def must_be_ours(self) -> None:
        """SpoolError where our files would be believed by nobody else: another's private spool."""
        if self.owner is not None and os.geteuid() != self.owner:
            raise SpoolError(
                f"{self.root} is the private spool of uid {self.owner}; we are uid {os.geteuid()}",
                hint="run as its owner (sudo -u), or make a shared one: wmctl init --shared",
            )

    def note(self, verb: str, name: Name, **facts: object) -> None:
        """Write down what was done to a job, where a journal is kept."""
        if self.journal is not None:
            self.journal.note(verb, name, **facts)

    def mkdir(self, folder: str) -> None:
        """A new folder, open to the group where the spool is a group's, whatever the umask."""
        mode = self.settings.folder_mode
        self.disk.mkdir(folder, mode)
        if mode & 0o070:
            self.disk.chmod_path(folder, mode)

    def ensure(self, folder: str) -> set[str]:
        """Make a folder and those above it; the folders to sync before it can be relied upon."""
        if folder in self._made or os.path.dirname(folder) == self.root:
            return set()
        above = os.path.dirname(folder)
        for attempt in range(_ATTEMPTS):
            unsynced = self.ensure(above) | {above}
            try:
                self._make(folder)
            except FileExistsError:
                break
            except FileNotFoundError:  # the one above was pruned meanwhile, being empty
                self._made.discard(above)
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                break
        return unsynced

    def _make(self, folder: str) -> None:
        """A folder as others shall find it.

        A group's is made aside: dying between mkdir and chmod would leave one that the group
        cannot write to.
        """
        if not self.settings.folder_mode & 0o070:
            self.mkdir(folder)
            return
        if fs.present(self.disk, folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), folder)
        aside = self.temporary()
        self.mkdir(aside)
        try:
            self.disk.rename(aside, folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.disk.rmdir(aside)
            if error.errno == errno.ENOTEMPTY:  # somebody else made it, and it is in use
                raise FileExistsError(error.errno, error.strerror, folder) from None
            raise

    def remake(self, folder: str) -> None:
        """Make a folder again that was pruned under us."""
        self._made.discard(folder)
        self.sync(self.ensure(folder), {folder})

    def sync(self, folders: Iterable[str], made: Iterable[str] = ()) -> None:
        """Sync folders; those in `made` (and above) need no second thought from now on."""
        if self.durable and not self.synchronous:
            fs.sync_folders(self.disk, set(folders))
        self.remember(made)

    def sync_queue(self, queue: str, above: set[str]) -> None:
        """After a move into a queue.

        A queue that is gone was pruned, being empty: then the job was moved by somebody else and
        has gone on, and there is nothing to make durable.
        """
        with contextlib.suppress(FileNotFoundError):
            self.sync(above | {queue}, {queue})

    def settle(self, paths: Iterable[str]) -> None:
        """Make names durable that another made, and may have died before syncing them."""
        if self.synchronous:
            return
        folders: set[str] = set()
        for path in paths:
            folder = os.path.dirname(path)
            folders.add(folder)
            while folder not in self._made and os.path.dirname(folder) != self.root:
                folder = os.path.dirname(folder)
                folders.add(folder)
        for folder in sorted(folders, key=len):
            with contextlib.suppress(FileNotFoundError):  # pruned meanwhile, with what was in it
                self.sync({folder})

    def remember(self, made: Iterable[str]) -> None:
        """These folders, and the ones above them, are there and durable."""
        if len(self._made) > _MADE_CAP:
            self._made.clear()
        for folder in made:
            self._made.add(folder)
            self._made.add(os.path.dirname(folder))

    def sync_all(self) -> None:
        """One syncfs for everything that was written."""
        if self.durable and not self.synchronous:
            self.disk.sync_filesystem(self.root)

    def remove(self, path: str) -> bool:
        """Unlink; False if it was gone."""
        try:
            self.disk.unlink(path)
        except FileNotFoundError:
            return False
        return True

    def now(self) -> int:
        """The file server's now, in nanoseconds since 1970."""
        return self.disk.server_time(self._probe)
