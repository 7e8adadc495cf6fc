"""Time as a worker sees it: its own clocks for durations, the file server's for due times."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from wmctl.spool import Spool
from wmctl.spool.store import Store

#: Seconds between two looks at the file server's clock; in between our own monotonic one counts.
_PROBE = 1.0


def boottime() -> float:
    """Seconds on a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def rfc3339(nanoseconds: int) -> str:
    """A file server's time stamp as text, UTC, milliseconds."""
    moment = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Every:
    """When it is time to look again at what changes seldom.

    Later where a look is a call to a server: nothing is looked at for each claim.
    """

    SOON, LATE = 2.0, 5.0

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._at = float("-inf")

    def due(self) -> bool:
        """Whether it is; then the next time begins."""
        now = self._clock()
        if now < self._at:
            return False
        self._at = now + (self.LATE if self._store.synchronous else self.SOON)
        return True


class ServerClock:
    """The file server's now, without a call for each look."""

    def __init__(self, spool: Spool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._monotonic = monotonic
        self._base = 0
        self._since = float("-inf")

    def now(self) -> int:
        """Nanoseconds since 1970."""
        at = self._monotonic()
        if at - self._since > _PROBE:
            self._base, self._since = self._spool.now(), self._monotonic()
            at = self._since
        return self._base + int((at - self._since) * 1e9)
