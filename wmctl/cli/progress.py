"""How far a long submit has come: one line on standard error, for a terminal, gone at the end."""

import sys
import time

from wmctl.cli import output

#: Seconds before anything is shown, and between two showings.
_PATIENCE = 1.0
_EVERY = 0.2


class Progress:
    """Counts what is queued. Silent where the ids come to the same terminal, and in a pipe."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._begun = time.monotonic()
        self._next = self._begun + _PATIENCE
        self._count = 0
        self._shown = False

    def __call__(self) -> None:
        """One more."""
        self._count += 1
        if not self._wanted or (now := time.monotonic()) < self._next:
            return
        self._next = now + _EVERY
        self._shown = True
        output.passing(told(self._count, now - self._begun))

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            output.passing("")


def told(count: int, seconds: float) -> str:
    """The line: `12,000 queued, 8,100/s`."""
    return f"{count:,} queued, {count / max(seconds, 0.001):,.0f}/s"
