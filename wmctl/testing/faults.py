"""Disks that count, die, fail, keep another time or take turns: for tests of whatever uses a spool.

Each is a `wmctl.spool.Disk` whose calls are seen one by one, with the paths that they touch. Give
one to `Spool.open(path, disk=…)`. Nothing here replaces the disk: the calls are real ones.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from wmctl.spool import Disk

R = TypeVar("R")

#: Calls that change what others can see under a path.
CHANGES = frozenset({"create", "mkdir", "rename", "rmdir", "touch", "unlink", "write", "chmod"})
#: Calls of which a network file system may lose the reply, and say that they failed.
REPEATABLE = frozenset({"mkdir", "rename", "rmdir", "unlink"})
#: Calls whose first argument is an open file.
_BY_FD = frozenset({"write", "sync", "close", "read", "syncfs"})


class Crash(BaseException):
    """The process died here. No handler for errors sees it, and its disk does nothing any more."""


@dataclass(frozen=True)
class Call:
    """One system call that is about to be made."""

    number: int
    name: str
    #: What it touches: none where the file is not known, two for a rename.
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.number}:{self.name}({', '.join(self.paths)})"


class FakeClock:
    """The file server's clock, set by the test; nanoseconds since 1970."""

    def __init__(self, now: int = 1_800_000_000_000_000_000) -> None:
        self.now = now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1e9)


class WatchedDisk(Disk):
    """Shows every call to `around`, which a subclass overrides; keeps a fake clock's time."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        #: How many calls were made.
        self.made = 0
        self.clock = clock
        self._open: dict[int, str] = {}
        self._hidden: tuple[str, ...] = ()

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Make the call (`go`), or do whatever is to happen instead."""
        del call
        return go()

    def call(self, name: str, function: Callable[..., R], *args: object) -> R:
        """As `Disk.call`, through `around`."""
        call = Call(self.made, name, self._paths(name, args))
        self.made += 1
        result = self.around(call, lambda: function(*args))
        self._track(call, args, result)
        return result

    def open_in(self, folder: int, name: str) -> int:
        """As `Disk.open_in`; the path is known from the folder's."""
        self._hidden = (f"{self._open.get(folder, '?')}/{name}",)
        return super().open_in(folder, name)

    def stat_in(self, folder: int, name: str) -> os.stat_result:
        """As `Disk.stat_in`; the path is known from the folder's."""
        self._hidden = (f"{self._open.get(folder, '?')}/{name}",)
        return super().stat_in(folder, name)

    def mkdirs(self, path: str) -> None:
        """As `Disk.mkdirs`, with its path."""
        self._hidden = (path,)
        super().mkdirs(path)

    def _paths(self, name: str, args: tuple[object, ...]) -> tuple[str, ...]:
        if not args:
            hidden, self._hidden = self._hidden, ()
            return hidden
        if isinstance(args[0], int):
            path = self._open.get(args[0])
            return (path,) if path is not None else ()
        return tuple(str(arg) for arg in args[: 2 if name == "rename" else 1])

    def _track(self, call: Call, args: tuple[object, ...], result: object) -> None:
        if call.name in {"create", "open"} and isinstance(result, int) and call.paths:
            self._open[result] = call.paths[0]
        elif call.name == "close" and isinstance(args[0], int):
            self._open.pop(args[0], None)
        if self.clock is not None and call.name in CHANGES - {"chmod"}:
            self._stamp(call, self.clock.now)

    def _stamp(self, call: Call, now: int) -> None:
        """What the call changed gets the fake time, as the server would have given it."""
        own = call.paths if call.name in {"create", "mkdir", "touch", "write"} else ()
        above = () if call.name in {"touch", "write"} else map(os.path.dirname, call.paths)
        for path in (*own, *above):
            try:
                os.utime(path, ns=(now, now), follow_symlinks=False)
            except OSError:
                continue


class FakeClockDisk(WatchedDisk):
    """The file server's time is what the test says, for probes and for new files."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)


class CountingDisk(WatchedDisk):
    """Remembers every call."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__(clock)
        self.calls: list[Call] = []

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Note the call and make it."""
        self.calls.append(call)
        return go()

    def count(self, name: str) -> int:
        """How many calls of this kind there were."""
        return sum(call.name == name for call in self.calls)


class CrashingDisk(WatchedDisk):
    """The process dies at the n-th call (from 0): before it, or when it is done."""

    def __init__(self, at: int, *, done: bool = False, clock: FakeClock | None = None) -> None:
        super().__init__(clock)
        self.at = at
        self.done = done
        self.dead = False

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Make the call while alive. The kernel closes a dead process's files."""
        if not self.dead and call.number != self.at:
            return go()
        if call.name == "close" or (self.done and not self.dead):
            with contextlib.suppress(OSError):  # done or refused: nobody lives to hear of it
                _close_new(call, go())
        self.dead = True
        raise Crash(f"died at {call}")


class FailingDisk(WatchedDisk):
    """Calls that answer with an error: the n-th (from 0), and all later ones with `forever`.

    `done`: the call is carried out and then said to have failed, as after a lost reply.
    `only`: calls of these kinds count and fail, others never.
    """

    def __init__(
        self,
        at: int,
        error: int = errno.EIO,
        *,
        done: bool = False,
        forever: bool = False,
        only: Iterable[str] = (),
        clock: FakeClock | None = None,
    ) -> None:
        super().__init__(clock)
        self.at = at
        self.error = error
        self.done = done
        self.forever = forever
        self.only = frozenset(only)
        self.seen = 0
        #: The calls that were refused.
        self.failed: list[Call] = []

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Make the call, or refuse it."""
        if self.only and call.name not in self.only:
            return go()
        number, self.seen = self.seen, self.seen + 1
        if number != self.at and not (self.forever and number > self.at):
            return go()
        self.failed.append(call)
        if self.done or call.name == "close":  # Linux closes a file whatever close answers
            _close_new(call, go())
        # As the kernel would have answered.
        raise OSError(self.error, os.strerror(self.error), *call.paths[:1])


def _close_new(call: Call, result: object) -> None:
    """A call that is said to have failed gives no open file to its caller."""
    if call.name in {"create", "open"} and isinstance(result, int):
        os.close(result)
    elif call.name == "scan" and hasattr(result, "close"):
        result.close()
