"""A terminal whose keys come one by one: entered, left, stopped by Ctrl-Z, always put back."""

import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
from types import FrameType
from typing import Any, Self

from wmctl.cli import exits, output, streams

#: What terminals send for keys that have no character.
_NAMED = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b[5~": "page up",
    "\x1b[6~": "page down", "\x1b[H": "home", "\x1b[F": "end", "\x1bOH": "home", "\x1bOF": "end",
    "\x1b[1~": "home", "\x1b[4~": "end", "\x1b[Z": "back tab", "\x1b": "escape", "\t": "tab",
    "\r": "enter", "\n": "enter", "\x7f": "delete", "\b": "delete", "\x15": "clear",
}  # fmt: skip
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)


def keys_of(text: str) -> list[str]:
    """The keys that were pressed: characters, and names as `page down`; no unknown ones."""
    names = set(_NAMED.values())
    found = (_NAMED.get(part, part) for part in _KEY.findall(text))
    return [key for key in found if key in names or (len(key) == 1 and key.isprintable())]


class Terminal:
    """Standard input and output, as a screen. `wake` is for other threads."""

    def __init__(self) -> None:
        self._in = sys.stdin.fileno()
        self._before: list[Any] | None = None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers: dict[int, Any] = {}
        self._wakeup_fd = -1
        self._stop_asked = False
        #: Whether what was drawn before may be gone.
        self.stale = True

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._in)
        self._wakeup_fd = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number, handler in (
            (signal.SIGTERM, _terminated), (signal.SIGTSTP, self._asked_to_stop),
            (signal.SIGWINCH, self._resized), (signal.SIGCONT, self._resized),
        ):  # fmt: skip
            self._handlers[number] = signal.signal(number, handler)
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_fd)
        self._leave()

    def wake(self) -> None:
        """Let `keys` return; to be called from any thread."""
        with contextlib.suppress(OSError):  # full: it will return anyway
            os.write(self._wake_write, b"w")

    def keys(self, seconds: float) -> list[str]:
        """What was pressed within so many seconds; returns earlier at a key or when woken."""
        ready, _, _ = select.select([self._in, self._wake_read], [], [], max(seconds, 0.0))
        if self._stop_asked:
            self._stop()
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        if self._in not in ready:
            return []
        data = os.read(self._in, 4096)
        return keys_of(data.decode("utf-8", "replace")) if data else ["q"]  # nobody there any more

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, now."""
        from shutil import get_terminal_size

        found = get_terminal_size()
        return found.columns, found.lines

    def _enter(self) -> None:
        tty.setcbreak(self._in)
        output.enter_screen()
        self.stale = True

    def _leave(self) -> None:
        output.leave_screen()
        streams.flush()
        if self._before is not None:
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z. Not from in here: what is being drawn must be whole before."""
        self._stop_asked = True

    def _stop(self) -> None:
        """The shell gets its terminal; after `fg` all is drawn anew."""
        self._stop_asked = False
        self._leave()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)
        self._enter()

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        self.stale = True


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(exits.CANCELED)
