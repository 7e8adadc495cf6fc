"""One passing line on a terminal, for commands that may look for long; gone at the end."""

import time
from collections.abc import Callable

from wmctl.cli import output

#: Seconds before anything is shown, and between two showings.
_PATIENCE = 1.0
_EVERY = 0.2


class Ticker:
    """Shows now and then what its caller has to say."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._wanted = not quiet and output.errors_on_terminal()
        self._next = time.monotonic() + _PATIENCE
        self._shown = False

    def __call__(self, text: Callable[[], str]) -> None:
        """To be called often; the text is made only where it is shown."""
        if self._wanted and (now := time.monotonic()) >= self._next:
            self._next = now + _EVERY
            self._shown = True
            output.passing(text())

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            output.passing("")
            self._shown = False
