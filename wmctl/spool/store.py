"""The spool's folder: its settings, where things are in it, and the file server's clock.

What the verbs share; no verb is in here.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from wmctl.errors import (
    BadInput,
    ConfigError,
    SpoolBusy,
    SpoolError,
    SpoolFormat,
    SpoolNotFound,
)
from wmctl.spool import fs, strict
from wmctl.spool.fs import Disk, Trust
from wmctl.spool.ids import bucket
from wmctl.spool.name import MAJOR, Name, encode_tag

SETTINGS_FILE = "spool.json"
#: Every folder of a new spool.
FOLDERS = (
    "tmp", "queue", "running", "suspended", "completed", "held", "quarantine", "results", "logs",
    "state", "children", "blobs", "trash", "keys", "workers", "control", "control/cancel",
    "control/drain", "control/pause", "groups", "workspaces", "intake",
)  # fmt: skip
#: How deep folders inside a queue's are looked into.
DEPTH = 8
_SETTINGS_CAP = 64 << 10
#: A remembered folder costs some 150 bytes; buckets change every hour.
_MADE_CAP = 20_000
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all processes that share a spool must agree on (`spool.json`)."""

    format: int = MAJOR
    #: Seconds without a beat after which a worker is dead, and between beats.
    lease: float = 60.0
    beat: float = 5.0
    #: `durable`, or `none` for spools that need not outlive a power cut.
    durability: str = "durable"
    #: Mode of job files, in octal: `0600` for one user, `0660` for a group.
    file_mode: str = "0600"
    #: Seconds that finished jobs are kept.
    retention: float = 30 * 86400.0

    def __post_init__(self) -> None:
        if self.durability not in ("durable", "none"):  # a tuple: JSON may hold a list here
            raise BadInput(f"durability is 'durable' or 'none', not {self.durability!r}")
        if self.file_mode not in ("0600", "0640", "0660"):
            raise BadInput(f"file_mode is '0600', '0640' or '0660', not {self.file_mode!r}")
        for name in ("lease", "beat", "retention"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise BadInput(f"{name} is a number of seconds above 0, not {value!r}")
        if self.lease < 3 * self.beat:
            raise BadInput(
                f"lease ({self.lease:g} s) must be at least three beats of {self.beat:g} s"
            )

    @property
    def mode(self) -> int:
        """Mode of files, as a number."""
        return int(self.file_mode, 8)

    @property
    def folder_mode(self) -> int:
        """Mode of folders: whoever may read may also enter; a group's folders are setgid."""
        mode = self.mode | (self.mode & 0o444) >> 2
        return mode | 0o2000 if mode & 0o070 else mode


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
        self._probe = self.path("tmp")
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
        with fs.translated(f"make the spool {root}"):
            above = _mkdirs(os.path.dirname(root), disk)
            if not _taken(root, disk):
                _build(root, settings, disk)
            fs.sync_folders(disk, above)
        return cls.open(root, disk)

    @classmethod
    def open(cls, root: str, disk: Disk) -> Self:
        """Open a spool that exists."""
        root = os.path.abspath(root)
        return cls(root, _read_settings(root, disk), disk)

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

    def must_be_ours(self) -> None:
        """SpoolError where our files would be believed by nobody else: another's private spool."""
        if self.owner is not None and os.geteuid() != self.owner:
            raise SpoolError(
                f"{self.root} is the private spool of uid {self.owner}; we are uid {os.geteuid()}",
                hint="run as its owner (sudo -u), or make a shared one: wmctl init --shared",
            )

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
        if self.durable:
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
        if self.durable:
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


def _mkdirs(folder: str, disk: Disk) -> set[str]:
    """Make the folders that lead to the spool; those to be synced, so that they stay."""
    unsynced: set[str] = set()
    at = folder
    while at != os.path.dirname(at) and not fs.present(disk, at):
        at = os.path.dirname(at)
        unsynced.add(at)
    disk.mkdirs(folder)
    return unsynced


def _taken(root: str, disk: Disk) -> bool:
    """True if a spool is there; ConfigError if something else is."""
    if fs.present(disk, f"{root}/{SETTINGS_FILE}"):
        return True
    if not fs.present(disk, root):
        return False
    if not stat.S_ISDIR(disk.stat(root).st_mode) or next(disk.scan(root), None) is not None:
        raise ConfigError(
            f"{root} exists and is not a spool",
            hint="name an empty or a new folder: wmctl init FOLDER",
        )
    return False


def _build(root: str, settings: Settings, disk: Disk) -> None:
    """The whole tree beside its place, then one rename, which a non-empty target refuses."""
    aside = f"{root}.{os.urandom(6).hex()}.new"
    try:
        _lay_out(aside, settings, disk)
        disk.rename(aside, root)
    except OSError:
        _discard(aside, disk)
        if not fs.present(disk, f"{root}/{SETTINGS_FILE}"):
            raise
    fs.sync_folders(disk, {os.path.dirname(root)})


def _lay_out(aside: str, settings: Settings, disk: Disk) -> None:
    for folder in ("", *FOLDERS):
        path = f"{aside}/{folder}".rstrip("/")
        disk.mkdir(path, settings.folder_mode)
        disk.chmod_path(path, settings.folder_mode)
    content = (strict.dumps(asdict(settings)) + "\n").encode()
    fs.write_new(disk, f"{aside}/{SETTINGS_FILE}", content, settings.mode, sync=True)
    fs.sync_folders(disk, {aside, f"{aside}/control"})


def _discard(aside: str, disk: Disk) -> None:
    """What was laid out, as far as it came; it is gone if the rename was done after all."""
    with contextlib.suppress(OSError):
        disk.unlink(f"{aside}/{SETTINGS_FILE}")
    for folder in (*sorted(FOLDERS, key=len, reverse=True), ""):
        with contextlib.suppress(OSError):
            disk.rmdir(f"{aside}/{folder}".rstrip("/"))


def _read_settings(root: str, disk: Disk) -> Settings:
    path = f"{root}/{SETTINGS_FILE}"
    with fs.translated("open the spool"):
        found = fs.present(disk, path)
    if not found:
        raise SpoolNotFound(
            f"{root} is not a spool: it holds no {SETTINGS_FILE}",
            hint=f"make one with: wmctl init {root}   (is a network folder not mounted?)",
        )
    with fs.translated("open the spool"):
        text = fs.read_checked(disk, path, _SETTINGS_CAP, Trust(None, 0o002))
    try:
        content = strict.loads_object(text, path)
    except BadInput as error:
        raise ConfigError(error.message) from None
    return _settings(content, path)


def _settings(content: dict[str, Any], path: str) -> Settings:
    number = content.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ConfigError(f'{path}: "format" must be a whole number, not {number!r}')
    if number > MAJOR:
        raise SpoolFormat(
            f"{path}: the spool has format {number}; this wmctl reads {MAJOR}",
            hint="install a newer wmctl on this host",
        )
    known = {item.name for item in fields(Settings)}
    try:
        return Settings(**{key: value for key, value in content.items() if key in known})
    except BadInput as error:
        raise ConfigError(f"{path}: {error.message}") from None
