"""How much of the last 15 s, 5 min and 30 min a worker spent on jobs. O(1) memory and time."""

import threading
import time
from collections.abc import Callable

#: Windows in seconds, each in so many parts.
WINDOWS = (15.0, 300.0, 1800.0)
_PARTS = 30


class _Ring:
    """The busy seconds of the last parts of a window."""

    def __init__(self, window: float) -> None:
        self._part = window / _PARTS
        self._busy = [0.0] * _PARTS
        #: The number of the part that is being filled, counted from the clock's zero.
        self._at = 0

    def add(self, start: float, end: float) -> None:
        """A stretch of work; none may end before the last one began."""
        start = max(start, end - self._part * _PARTS)
        while start < end:
            number = int(start / self._part)
            until = min(end, (number + 1) * self._part)
            if until <= start:  # the next part begins here, but for a rounding
                number, until = number + 1, min(end, (number + 2) * self._part)
            self._turn(number)
            self._busy[number % _PARTS] += until - start
            start = until

    def share(self, now: float, lived: float) -> float:
        """Of what the parts cover by now, or of what we lived if that is less; 0 to 1."""
        self._turn(int(now / self._part))
        covered = self._part * (_PARTS - 1) + now % self._part
        return round(min(1.0, sum(self._busy) / min(covered, lived)), 3)

    def _turn(self, number: int) -> None:
        for passed in range(self._at + 1, min(number, self._at + _PARTS) + 1):
            self._busy[passed % _PARTS] = 0.0
        if number - self._at > _PARTS:
            self._busy = [0.0] * _PARTS
        self._at = max(self._at, number)


class Occupancy:
    """`begin` and `end` of each job; `shares` at any time, from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rings = [_Ring(window) for window in WINDOWS]
        self._born = clock()
        self._counted = self._born
        self._working = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A job starts."""
        with self._lock:
            self._count()
            self._working = True

    def end(self) -> None:
        """It is over."""
        with self._lock:
            self._count()
            self._working = False

    def shares(self) -> list[float]:
        """Of each window, 0 to 1; of one that is longer than we live, what we lived of it."""
        with self._lock:
            now = self._count()
            lived = max(now - self._born, 1.0)
            return [ring.share(now, lived) for ring in self._rings]

    def _count(self) -> float:
        now = self._clock()
        if self._working:
            for ring in self._rings:
                ring.add(self._counted, now)
        self._counted = now
        return now
