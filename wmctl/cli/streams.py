"""This process's standard streams, so that one that cannot be written is an error we know.

Closed ones lead nowhere; a refused write becomes `OutputClosed` or `OutputFailed`, whoever wrote.
"""

import io
import os
import sys
from select import select
from typing import Any, TextIO, cast

from wmctl.cli.exits import OutputClosed, OutputFailed

_NAMES = {1: "standard output", 2: "standard error"}


def prepare() -> None:
    """Before anything is opened or printed."""
    _fill()
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout = _guarded(sys.stdout, 1)
    sys.stderr = _guarded(sys.stderr, 2)


def _fill() -> None:
    """A file that is opened later must not become the standard output of our children."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the one that is missing.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _guarded(old: TextIO | None, number: int) -> TextIO:
    raw = _Raw(number, "w", closefd=False)
    encoding, errors = (old.encoding, old.errors) if old else ("utf-8", "backslashreplace")
    if number == 2:  # without a buffer: nothing stays behind that could not be written
        return io.TextIOWrapper(cast("Any", raw), encoding, errors, write_through=True)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, errors, line_buffering=os.isatty(number))


class _Raw(io.FileIO):
    """A file descriptor that says which stream it is when it cannot be written."""

    def write(self, data: Any, /) -> int:
        """Write all of it."""
        rest = memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[super().write(rest) or self._wait() :]
            return len(memoryview(data))
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            name = _NAMES[self.fileno()]
            raise OutputFailed(f"cannot write to {name}: {error.strerror}") from None

    def _wait(self) -> int:
        """Until somebody has read some of a pipe that does not block."""
        select([], [self.fileno()], [])
        return 0


def flush() -> None:
    """Hand everything on; OutputClosed or OutputFailed if it cannot be."""
    sys.stdout.flush()
    sys.stderr.flush()


def abandon() -> None:
    """What cannot be handed on is dropped: Python would complain about it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OutputClosed, OutputFailed, OSError, ValueError):
            _drop(stream)


def _drop(stream: TextIO) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
