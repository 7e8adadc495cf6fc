"""Every side effect on the spool's disk, and nothing else: the seam where tests inject faults.

`Disk` is one method per system call, each through `Disk.call`; the functions below it are the few
sequences that all verbs are made of. Paths are texts; nothing here knows what a job is.
"""

import contextlib
import errno
import functools
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from wmctl.errors import MalformedJob, SpoolBusy, SpoolError

#: After these a rename may have happened or not: NFS loses replies, a cut-off client retries late.
QUESTIONS = frozenset(
    {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.ESTALE, errno.EIO, errno.ETIMEDOUT}
)
#: The disk cannot take more, or not now; the same call may work later.
BUSY = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
)
_ATTEMPTS = 3
#: What opening a link, a FIFO without a reader, or a socket answers.
_NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV})

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_IN_PLACE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_END = _IN_PLACE | os.O_APPEND
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


_touch = functools.partial(os.utime, follow_symlinks=False)


def _scandir(path: str) -> "os._ScandirIterator[str]":
    """A link in a folder's place is not entered: it may lead out of the spool."""
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
    return os.scandir(path)


R = TypeVar("R")


class Disk:
    """The system calls. A test's subclass overrides `call` to count, delay, refuse or die."""

    def call(self, name: str, function: Callable[..., R], *args: object) -> R:
        """Do one system call; `name` says which to whoever overrides this."""
        del name
        return function(*args)

    def create(self, path: str, mode: int) -> int:
        """A new file, open for writing; it must not exist."""
        return self.call("create", os.open, path, _NEW, mode)

    def create_or_open(self, path: str, mode: int) -> int:
        """A file, open for writing, new or not; see `open_own`."""
        return self.call("create", os.open, path, _OWN, mode)

    def truncate(self, fd: int) -> None:
        """Empty an open file."""
        self.call("write", os.ftruncate, fd, 0)

    def write(self, fd: int, data: bytes) -> None:
        """All of `data`."""
        view = memoryview(data)
        while view:
            view = view[self.call("write", os.write, fd, view) :]

    def chmod(self, fd: int, mode: int) -> None:
        """An explicit mode, whatever the umask took away."""
        self.call("chmod", os.fchmod, fd, mode)

    def chmod_path(self, path: str, mode: int) -> None:
        """The same for a folder."""
        self.call("chmod", os.chmod, path, mode)

    def sync(self, fd: int) -> None:
        """The file's (or folder's) content is on the disk afterwards."""
        self.call("sync", os.fsync, fd)

    def close(self, fd: int) -> None:
        """Close; network file systems report delayed write errors here."""
        self.call("close", os.close, fd)

    def stat_open(self, fd: int) -> os.stat_result:
        """What the server knows of an open file."""
        return self.call("stat", os.fstat, fd)

    def stat(self, path: str) -> os.stat_result:
        """What is at a path; links are not followed."""
        return self.call("stat", os.lstat, path)

    def rename(self, source: str, target: str) -> None:
        """One rename; see `move` for what an error means."""
        self.call("rename", os.rename, source, target)

    def mkdir(self, path: str, mode: int) -> None:
        """One folder."""
        self.call("mkdir", os.mkdir, path, mode)

    def mkdirs(self, path: str) -> None:
        """Folders outside the spool that lead to it."""
        self.call("mkdir", lambda: os.makedirs(path, exist_ok=True))

    def rmdir(self, path: str) -> None:
        """One empty folder less."""
        self.call("rmdir", os.rmdir, path)

    def unlink(self, path: str) -> None:
        """One file less."""
        self.call("unlink", os.unlink, path)

    def touch(self, path: str) -> None:
        """Set a file's times to the file server's now (no times given); links are not followed."""
        self.call("touch", _touch, path)

    def overwrite(self, path: str, data: bytes) -> None:
        """Write over the beginning of an existing file in place; it never shrinks."""
        fd = self.call("open", os.open, path, _IN_PLACE)
        try:
            self.call("write", os.pwrite, fd, data, 0)
        finally:
            self.close(fd)

    def append(self, path: str, data: bytes) -> None:
        """Write at the end of an existing file, which is not kept open."""
        fd = self.call("open", os.open, path, _AT_END)
        try:
            self.write(fd, data)
        finally:
            self.close(fd)

    def open_folder(self, path: str) -> int:
        """Opening a folder makes an NFS client ask the server what is in it."""
        return self.call("open", os.open, path, _FOLDER)

    def open_read(self, path: str) -> int:
        """A file for reading; never follows a link at its end, never blocks."""
        return self.call("open", os.open, path, _READ)

    def open_in(self, folder: int, name: str) -> int:
        """A file of an open folder, for reading; never follows a link, never blocks."""
        return self.call("open", lambda: os.open(name, _READ, dir_fd=folder))

    def stat_in(self, folder: int, name: str) -> os.stat_result:
        """What an open folder holds under a name."""
        return self.call("stat", lambda: os.stat(name, dir_fd=folder, follow_symlinks=False))

    def read(self, fd: int, size: int) -> bytes:
        """At most `size` bytes."""
        return self.call("read", os.read, fd, size)

    def scan(self, path: str) -> Iterator[os.DirEntry[str]]:
        """The entries of a folder, streamed; nothing where there is no such folder, or a link."""
        found = self._entries(path)
        if found is None and present(self, path):  # it was a cache that knew no such folder
            found = self._entries(path)
        if found is not None:
            with found:
                yield from found

    def _entries(self, path: str) -> "os._ScandirIterator[str] | None":
        try:
            return self.call("scan", _scandir, path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def space(self, path: str) -> tuple[int, int]:
        """Bytes that are free for users on the disk of `path`, and all that it has."""
        found = self.call("statvfs", os.statvfs, path)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    def sync_filesystem(self, path: str) -> None:
        """One syncfs: everything written to the file system of `path` is on the disk."""
        fd = self.open_folder(path)
        try:
            self.call("syncfs", _syncfs, fd)
        finally:
            self.close(fd)

    def server_time(self, path: str) -> int:
        """The file server's now in nanoseconds: the mtime of a probe that was just touched."""
        self.touch(path)
        return self.stat(path).st_mtime_ns


class Trust(NamedTuple):
    """Whose files are believed: owners (None = anybody) and the bits nobody may have set."""

    owners: frozenset[int] | None
    forbidden: int = 0o022


def write_new(disk: Disk, path: str, data: bytes, mode: int, *, sync: bool) -> int:
    """A new file with this content; its mtime in nanoseconds. Leaves nothing behind on failure."""
    fd = disk.create(path, mode)
    try:
        try:
            if mode & 0o077:
                disk.chmod(fd, mode)
            disk.write(fd, data)
            if sync:
                disk.sync(fd)
            stamp = disk.stat_open(fd).st_mtime_ns
        finally:
            disk.close(fd)
    except OSError:
        with contextlib.suppress(OSError):
            disk.unlink(path)
        raise
    return stamp


def open_own(disk: Disk, path: str, mode: int) -> int:
    """An empty file under a name that is ours alone to write; an older one is emptied.

    As safe as O_EXCL, which costs an NFS client one more call: what we did not make is replaced.
    """
    try:
        fd = disk.create_or_open(path, mode)
        try:
            found = disk.stat_open(fd)
            if _is_own(found, mode):
                if found.st_size:
                    disk.truncate(fd)
                return fd
        except OSError:
            disk.close(fd)
            raise
        disk.close(fd)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
    disk.unlink(path)
    return disk.create(path, mode)


def _is_own(found: os.stat_result, mode: int) -> bool:
    """An ordinary file, ours, with one name and no wider mode."""
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_nlink == 1
        and found.st_uid == os.geteuid()
        and not stat.S_IMODE(found.st_mode) & ~mode
    )


def write_own(disk: Disk, path: str, data: bytes, mode: int, *, sync: bool) -> None:
    """Write a file under a name that is ours alone to write; half a file is not left behind."""
    fd = open_own(disk, path, mode)
    try:
        try:
            if mode & 0o077:
                disk.chmod(fd, mode)
            disk.write(fd, data)
            if sync:
                disk.sync(fd)
        finally:
            disk.close(fd)
    except OSError:
        with contextlib.suppress(OSError):
            disk.unlink(path)
        raise


def move(
    disk: Disk, source: str, target: str, *, mine: bool, make: Callable[[], None] | None = None
) -> bool:
    """Rename, and take an error as a question, not as an answer.

    `mine`: nobody else uses `target`, so finding it there means that the rename was done; False
    says that somebody else took the source. Not `mine`: others move the target on, so a source
    that is gone means done. `make` makes the target's folder, which may have been pruned.
    """
    return moved(disk, source, target, mine=mine, make=make) or not mine


def moved(
    disk: Disk, source: str, target: str, *, mine: bool, make: Callable[[], None] | None = None
) -> bool:
    """As `move`, but False for every source that is gone.

    Whoever must know that it went to the target, and was not thrown away, looks for it there.
    """
    failure: OSError | None = None
    for _ in range(_ATTEMPTS):
        try:
            disk.rename(source, target)
        except OSError as error:
            if error.errno not in QUESTIONS:
                raise
            failure = error
        else:
            return True
        if mine and present(disk, target):
            return True
        if not present(disk, source):
            return False
        if make is not None:
            make()
    raise failure or OSError(errno.EIO, "rename neither worked nor failed", source)


def present(disk: Disk, path: str) -> bool:
    """Whether the server has something at `path`: the folder is opened first, which asks it.

    So are those above where the folder is missing too: an NFS client remembers for a minute that
    there was no such name.
    """
    try:
        return _look(disk, path)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
    return _look(disk, path)  # what was cached is stale: it says nothing, so ask once more


def enter(disk: Disk, path: str) -> int:
    """Open a folder; FileNotFoundError only if the server, and not a cache, knows none."""
    try:
        return disk.open_folder(path)
    except FileNotFoundError:
        if path == os.path.dirname(path) or not _look(disk, path):
            raise
    return disk.open_folder(path)


def _look(disk: Disk, path: str) -> bool:
    folder, name = os.path.split(path)
    try:
        fd = enter(disk, folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        disk.stat_in(fd, name)
    except FileNotFoundError:
        return False
    finally:
        disk.close(fd)
    return True


def sync_folders(disk: Disk, folders: set[str]) -> None:
    """fsync each folder, so that the names in it survive a power cut."""
    # A name is of use only where the names above it survive: from the top down.
    for folder in sorted(folders, key=len):
        fd = disk.open_folder(folder)
        try:
            disk.sync(fd)
        finally:
            disk.close(fd)


def sync_file(disk: Disk, path: str) -> None:
    """fsync the content of an existing file; a file that is not there is not waited for."""
    folder, name = os.path.split(path)
    try:
        dfd = disk.open_folder(folder)
    except FileNotFoundError:
        return
    try:
        fd = disk.open_in(dfd, name)
        try:
            disk.sync(fd)
        finally:
            disk.close(fd)
    except FileNotFoundError:
        return
    finally:
        disk.close(dfd)


def read_checked(disk: Disk, path: str, cap: int, trust: Trust) -> bytes:
    """A file's whole content, or MalformedJob if it is not an ordinary, trusted, small file.

    An OSError means "later": it says nothing about the content.
    """
    fd = _opened(lambda: _open_fresh(disk, path))
    return _read_open(disk, fd, cap, trust)[0]


def read_beginning(disk: Disk, path: str, size: int) -> bytes:
    """The first bytes of an ordinary file, whoever wrote it; for a person to look at."""
    fd = _opened(lambda: _open_fresh(disk, path))
    try:
        if not stat.S_ISREG(disk.stat_open(fd).st_mode):
            raise MalformedJob("not a regular file", reason="not-a-file")
        return disk.read(fd, size)
    finally:
        disk.close(fd)


def read_own(disk: Disk, path: str, cap: int, trust: Trust) -> tuple[bytes, os.stat_result]:
    """As `read_checked`, of a file that we have just put there ourselves, and what it is."""
    return _read_open(disk, _opened(lambda: disk.open_read(path)), cap, trust)


def _opened(open_it: Callable[[], int]) -> int:
    try:
        return open_it()
    except OSError as error:
        if error.errno in _NO_FILE:
            raise MalformedJob("not a regular file", reason="not-a-file") from None
        raise


def _read_open(disk: Disk, fd: int, cap: int, trust: Trust) -> tuple[bytes, os.stat_result]:
    """Read and close."""
    try:
        found = disk.stat_open(fd)
        _check(found, cap, trust)
        return _read_all(disk, fd, cap, found.st_size), found
    finally:
        disk.close(fd)


def _open_fresh(disk: Disk, path: str) -> int:
    """Open a file by its folder, which makes an NFS client ask the server."""
    folder, _, name = path.rpartition("/")
    dfd = enter(disk, folder)
    fd = -1
    try:
        try:
            fd = disk.open_in(dfd, name)
        finally:
            disk.close(dfd)
    except OSError:
        if fd >= 0:
            disk.close(fd)
        raise
    return fd


def _read_all(disk: Disk, fd: int, cap: int, size: int) -> bytes:
    """All of it: usually in one call, sized by what the file was when it was opened."""
    parts: list[bytes] = []
    left = cap + 1
    while left > 0 and (part := disk.read(fd, min(left, max(size + 1, 4096), 1 << 20))):
        parts.append(part)
        left -= len(part)
        if len(part) == size:
            break  # all of it at once, as of nearly every job
    if left <= 0:
        raise MalformedJob(f"longer than {cap} bytes", reason="too-large")
    return b"".join(parts)


def _check(found: os.stat_result, cap: int, trust: Trust) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise MalformedJob("not a regular file", reason="not-a-file")
    if found.st_nlink > 1:
        raise MalformedJob("the file has a second name (hard link)", reason="hard-link")
    if found.st_size > cap:
        raise MalformedJob(f"{found.st_size} bytes; {cap} are allowed", reason="too-large")
    if trust.owners is not None and found.st_uid not in trust.owners:
        raise MalformedJob(f"the file belongs to uid {found.st_uid}", reason="owner")
    if found.st_mode & trust.forbidden:
        mode = stat.S_IMODE(found.st_mode)
        raise MalformedJob(f"others may write to it (mode {mode:04o})", reason="mode")


class translated:  # noqa: N801 - it reads as a function; a generator would take three times as long
    """Turn the disk's errors into sentences; those in `but` mean something to the caller."""

    __slots__ = ("_but", "_what")

    def __init__(self, what: str, *, but: tuple[type[OSError], ...] = ()) -> None:
        self._what = what
        self._but = but

    def __enter__(self) -> None:
        """Nothing is needed at first."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """SpoolBusy where the same may work later, SpoolError else."""
        if not isinstance(error, OSError) or isinstance(error, self._but):
            return
        where = f" ({error.filename})" if error.filename else ""
        message = f"cannot {self._what}: {error.strerror or error}{where}"
        if error.errno in BUSY:
            raise SpoolBusy(
                message, hint="free space or repair the disk, then try again"
            ) from error
        raise SpoolError(message, hint="wmctl doctor checks the spool") from error


def boottime() -> float:
    """Seconds on a clock of this host that goes on while it sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _syncfs(fd: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
