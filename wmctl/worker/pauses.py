"""Which of a worker's tags are paused, looked at so seldom that no claim costs a call more."""

import time
from collections.abc import Callable, Mapping

from wmctl.spool import Spool

#: Seconds between two looks: on this machine, and where a look is a call to a server.
_SOON, _LATE = 1.0, 5.0


class Pauses:
    """The paused tags of a spool as one worker sees them."""

    def __init__(self, spool: Spool, clock: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._clock = clock
        self._look_at = float("-inf")
        self._paused: frozenset[str] = frozenset()

    def left(self, tags: Mapping[str, int]) -> Mapping[str, int]:
        """The tags without those that are paused."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + (_LATE if self._spool.store.synchronous else _SOON)
            self._paused = frozenset(self._spool.pauses())
        if not self._paused:
            return tags
        return {tag: rank for tag, rank in tags.items() if tag not in self._paused}
