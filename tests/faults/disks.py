"""Rigs that put another disk under every spool of a process: it counts, hangs, lies or forgets."""

import errno
import os
import time
from collections.abc import Callable
from typing import TypeVar

from wmctl.spool import Disk, fs
from wmctl.spool import spool as facade
from wmctl.testing.faults import REPEATABLE, Call, WatchedDisk

R = TypeVar("R")


def _use(disk: Callable[[], Disk]) -> None:
    """Every spool that is opened from now on lies on this disk."""
    fs.Disk = disk  # type: ignore[assignment,misc]
    facade.Disk = disk  # type: ignore[assignment,misc]


def count_lost(path: str) -> None:
    """A byte in a file for each claim that came too late."""

    class Counting(WatchedDisk):
        def around(self, call: Call, go: Callable[[], R]) -> R:
            claim = call.name == "rename" and "/queue/" in call.paths[0]
            try:
                return go()
            except FileNotFoundError:
                if claim:
                    _tally(path)
                raise

    _use(Counting)


def hang(flag: str) -> None:
    """Every call to the spool's disk waits as long as the file `flag` is there."""

    class Hanging(Disk):
        def call(self, name: str, function: Callable[..., R], *args: object) -> R:
            while os.path.exists(flag):
                time.sleep(0.01)
            return super().call(name, function, *args)

    _use(Hanging)


def lost_replies(value: str) -> None:
    """Each n-th call that can be repeated is carried out and answered with an error.

    `n@FILE` also counts them in a file.
    """
    every, _, path = value.partition("@")
    errors = (errno.ENOENT, errno.EEXIST, errno.ESTALE)

    class Lossy(WatchedDisk):
        count = 0

        def around(self, call: Call, go: Callable[[], R]) -> R:
            if call.name not in REPEATABLE:
                return go()
            Lossy.count += 1
            result = go()
            if Lossy.count % int(every) == 0:
                _tally(path)
                error = errors[Lossy.count // int(every) % len(errors)]
                raise OSError(error, os.strerror(error), *call.paths[:1])
            return result

    _use(Lossy)


def over_quota(flag: str) -> None:
    """As long as the file `flag` is there, nothing new fits into the quota."""

    class OverQuota(Disk):
        def call(self, name: str, function: Callable[..., R], *args: object) -> R:
            if name in {"create", "mkdir", "write"} and os.path.exists(flag):
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            return super().call(name, function, *args)

    _use(OverQuota)


def no_sync(what: str) -> None:
    """`files`, `folders` or `all`: fsync of those does nothing (and syncfs, for `all`)."""

    class Forgetful(Disk):
        def sync(self, fd: int) -> None:
            folder = os.path.isdir(f"/proc/self/fd/{fd}")
            if what != "all" and what != ("folders" if folder else "files"):
                super().sync(fd)

        def sync_filesystem(self, path: str) -> None:
            if what != "all":
                super().sync_filesystem(path)

    _use(Forgetful)


def litter(_: str) -> None:
    """What could not be written stays in tmp/."""
    real = Disk.unlink

    def unlink(self: Disk, path: str) -> None:
        if "/tmp/" not in path:
            real(self, path)

    Disk.unlink = unlink  # type: ignore[method-assign]


def _tally(path: str) -> None:
    """A byte more in a file that counts."""
    if path:
        with open(path, "ab") as file:
            file.write(b".")
