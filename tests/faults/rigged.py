"""wmctl with a protection switched off or a disk that misbehaves, for scenarios and controls.

`python -m tests.faults.rigged RIG[=VALUE][,RIG…] worker start -n 2`: the rigs, then wmctl's own
command line. A rigged disk is one of `wmctl.testing.faults` put in the place of every spool's disk.
"""

import errno
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from wmctl.spool import Disk, Spool, Staged, fs
from wmctl.spool import spool as facade
from wmctl.testing.faults import REPEATABLE, Call, WatchedDisk

R = TypeVar("R")


def _use(disk: Callable[[], Disk]) -> None:
    """Every spool that is opened from now on lies on this disk."""
    fs.Disk = disk  # type: ignore[assignment,misc]
    facade.Disk = disk  # type: ignore[assignment,misc]


# Protections, switched off.


def no_rescue(_: str) -> None:
    """What a dead worker had claimed stays with it."""
    from wmctl.worker.rescuer import Rescuer

    Rescuer.sweep = lambda _: 0  # type: ignore[method-assign]


def no_fence(_: str) -> None:
    """A finished job is published by writing its record, whoever holds the claim by now."""

    def commit(self: Spool, batch: Sequence[Staged]) -> list[bool]:
        for item in batch:
            target = Path(self.store.completed(item.claim.name.but(outcome=item.outcome)))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(item.claim.job.to_json())
            target.chmod(0o600)
            Path(item.claim.path).unlink(missing_ok=True)
        return [True] * len(batch)

    Spool.commit = commit  # type: ignore[method-assign]


def no_self_stop(_: str) -> None:
    """A worker that stands still keeps its job running."""
    from wmctl.worker.supervisor import Supervisor

    Supervisor._stop_hung = lambda _: None  # type: ignore[method-assign]


def no_enoent_check(_: str) -> None:
    """An error after a rename is believed."""

    def believing(disk: Disk, source: str, target: str, *, mine: bool, make: object = None) -> bool:
        del mine, make
        try:
            disk.rename(source, target)
        except FileNotFoundError:
            return False
        return True

    fs.moved = believing  # type: ignore[assignment]
    fs.move = believing  # type: ignore[assignment]


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


# Disks that misbehave.


def hang(flag: str) -> None:
    """Every call to the spool's disk waits as long as the file `flag` is there."""

    class Hanging(Disk):
        def call(self, name: str, function: Callable[..., R], *args: object) -> R:
            while os.path.exists(flag):
                time.sleep(0.01)
            return super().call(name, function, *args)

    _use(Hanging)


def lost_replies(every: str) -> None:
    """Each n-th call that can be repeated is carried out and answered with an error."""
    errors = (errno.ENOENT, errno.EEXIST, errno.ESTALE)

    class Lossy(WatchedDisk):
        count = 0

        def around(self, call: Call, go: Callable[[], R]) -> R:
            if call.name not in REPEATABLE:
                return go()
            Lossy.count += 1
            result = go()
            if Lossy.count % int(every) == 0:
                error = errors[Lossy.count // int(every) % len(errors)]
                raise OSError(error, os.strerror(error), *call.paths[:1])
            return result

    _use(Lossy)


RIGS: dict[str, Callable[[str], None]] = {
    "no-rescue": no_rescue,
    "no-fence": no_fence,
    "no-self-stop": no_self_stop,
    "no-enoent-check": no_enoent_check,
    "no-sync": no_sync,
    "hang": hang,
    "lost-replies": lost_replies,
}


def main(rigs: str, words: list[str]) -> int:
    """Rig, then be wmctl; its exit code."""
    for rig in filter(None, rigs.split(",")):
        name, _, value = rig.partition("=")
        RIGS[name](value)
    sys.argv = ["wmctl", *words]
    from wmctl.__main__ import main as wmctl

    return wmctl()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
