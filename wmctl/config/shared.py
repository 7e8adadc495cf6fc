"""The configuration files that all hosts share, in the spool: read whole, changed one at a time.

A change is made under a lock from what was read under it, and put in place by one rename: two
editors lose nothing of each other's, and who reads sees the old file or the new one.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wmctl.config.yamltree import CAP
from wmctl.errors import ConfigError, MalformedJob, SpoolBusy, SpoolError, WmctlError
from wmctl.spool import fs
from wmctl.spool.store import Store

LOCK = "control/config.lock"
SUFFIX = ".yaml"
#: Seconds that an editor waits for another one, whose change takes milliseconds. An NFS server that
#: has just started gives no locks for 90 s, so that those come first who had some before.
_PATIENCE = 120.0
_ATTEMPTS = 5

Stamp = tuple[int, int, int]


class Document(NamedTuple):
    """A file as it was read."""

    text: bytes
    #: Of its bytes; another one means that somebody changed it.
    version: str
    #: Its path, for messages.
    origin: str


class EditConflict(WmctlError):
    """Somebody else changed the file since it was read."""


def read(store: Store, relative: str) -> Document | None:
    """A file of the spool, or None where there is none; ConfigError if it cannot be believed."""
    origin = store.path(relative)
    try:
        with fs.translated(f"read {relative}", but=(FileNotFoundError, PermissionError)):
            text = fs.read_checked(store.disk, origin, CAP, store.trust)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise ConfigError(f"{origin} cannot be read", hint="its mode is to be mended: chmod") from (
            None
        )
    except MalformedJob as error:
        raise ConfigError(f"{origin} is not used: {error.message}", hint=error.hint) from None
    return Document(text, _version(text), origin)


def names(store: Store, folder: str) -> list[str]:
    """The files of a folder, without their `.yaml`, in order."""
    with fs.translated(f"list {folder}"):
        found = [item.name for item in store.disk.scan(store.path(folder))]
    return sorted(
        name.removesuffix(SUFFIX)
        for name in found
        if name.endswith(SUFFIX) and not name.startswith(".")
    )


def stamp(store: Store, relative: str) -> Stamp | None:
    """What changes with a file's content, for those who look often; None where there is none.

    By its folder, which makes an NFS client ask the server.
    """
    folder, _, name = store.path(relative).rpartition("/")
    try:
        with fs.translated(f"look at {relative}", but=(FileNotFoundError,)):
            return _stamp(store, folder, name)
    except FileNotFoundError:
        return None


def _stamp(store: Store, folder: str, name: str) -> Stamp:
    with contextlib.ExitStack() as opened:
        fds = [fs.enter(store.disk, folder)]
        opened.callback(store.disk.close, fds[0])
        fds.append(store.disk.open_in(fds[0], name))
        opened.callback(store.disk.close, fds[1])
        found = store.disk.stat_open(fds[1])
    return found.st_ino, found.st_size, found.st_mtime_ns


def edit(store: Store, relative: str, change: Callable[[bytes | None], bytes | None]) -> None:
    """Change a file: `change` gets what it holds (None: there is none) and gives what it shall.

    None removes it. `change` may be asked again: a file that somebody wrote to by hand meanwhile,
    without the lock, is read afresh.
    """
    with locked(store):
        for _ in range(_ATTEMPTS):
            before = read(store, relative)
            text = change(before.text if before else None)
            if (before.text if before else None) == text:
                return
            if text is not None and len(text) > CAP:
                raise ConfigError(f"{relative} would be longer than {CAP} bytes")
            if read(store, relative) == before and _publish(store, relative, text):
                return
    raise SpoolBusy(f"{store.path(relative)} changes all the time", hint="try again")


def replace(store: Store, relative: str, text: bytes | None, based_on: str | None) -> None:
    """Put a text in the place of the version that was read (None: of no file at all).

    EditConflict, and nothing is changed, if somebody else changed it since.
    """

    def change(now: bytes | None) -> bytes | None:
        if (None if now is None else _version(now)) != based_on:
            raise EditConflict(
                f"somebody else changed {store.path(relative)} meanwhile",
                hint="look at it again, then make your change once more",
            )
        return text

    edit(store, relative, change)


def discard(store: Store, relative: str) -> str | None:
    """Remove a file, whatever is in it: where it can be found for a day; None: there was none."""
    source = store.path(relative)
    label = f"{relative.replace('/', '.')}.{os.urandom(4).hex()}"
    with locked(store), fs.translated(f"remove {relative}"):
        with contextlib.suppress(OSError):
            store.disk.touch(source)  # its day in the trash begins now
        if not fs.move(store.disk, source, store.trash(label), mine=True):
            return None
        store.sync({os.path.dirname(source)})
    return store.trash(label)


@contextlib.contextmanager
def locked(store: Store) -> Iterator[None]:
    """One editor of the spool's configuration at a time, on all hosts."""
    from filelock import Timeout, UnixFileLock  # only who changes something needs it

    store.must_be_ours()
    path = store.path(LOCK)
    lock = UnixFileLock(
        path,
        timeout=_PATIENCE,
        mode=store.settings.mode,
        fallback_to_soft=False,
        poll_interval=0.01,
    )
    try:
        lock.acquire()
    except Timeout:
        raise SpoolBusy(
            f"somebody else has been changing the configuration for {_PATIENCE:g} s ({path})",
            hint="wait, or see who it is: lsof, or fuser -v, on the host where it runs",
        ) from None
    except OSError as error:
        raise _no_lock(path, error) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # closing frees it too
            lock.release()


def _no_lock(path: str, error: OSError) -> SpoolError:
    if error.errno in {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}:
        return SpoolError(
            f"the file system of {path} has no locks ({error.strerror}), and without one the"
            " change of another host could be lost",
            hint="mount it with locks (NFS 4, or lockd), or edit where it is a local disk",
        )
    if error.errno in fs.BUSY:
        return SpoolBusy(f"cannot lock {path}: {error.strerror}", hint="try again")
    return SpoolError(f"cannot lock {path}: {error.strerror}", hint="wmctl doctor checks the spool")


def _publish(store: Store, relative: str, text: bytes | None) -> bool:
    """Put it in place, durably; False if it is not there afterwards."""
    target = store.path(relative)
    folder = os.path.dirname(target)
    with fs.translated(f"write {relative}"):
        if text is None:
            store.remove(target)
        else:
            store.put(text, target, make=lambda: store.mkdir(folder))
        store.sync({folder})
    # A rename whose reply was lost says nothing, and the older file has the same name.
    after = read(store, relative)
    return (after.text if after else None) == text


def _version(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
