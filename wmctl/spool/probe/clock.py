"""The file server's time, estimated often without asking it each time: for tests of a mount."""

import os
import time

from wmctl.spool.store import Store

_NS = 1e9
_TICK = 0.01


class ServerClock:
    """The file server's time, estimated from this host's clock that nobody sets."""

    def __init__(self, store: Store, samples: int = 24) -> None:
        self._ahead = -(1 << 62)
        for _ in range(samples):
            stamp = store.now()
            # A stamp is late by the call and, as the server's clock ticks, by up to a tick: the
            # one that is furthest ahead is the best.
            self._ahead = max(self._ahead, stamp - time.monotonic_ns())
            time.sleep(int.from_bytes(os.urandom(1)) / 256 * _TICK)
        #: How far this host's wall clock is ahead of the server's, in seconds.
        self.host_ahead = (time.time_ns() - self.now()) / _NS

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return time.monotonic_ns() + self._ahead

    def sleep_until(self, moment: int) -> None:
        """Sleep, unless it is that late already."""
        time.sleep(max(0.0, (moment - self.now()) / _NS))
