"""The holder stops itself: what worker and supervisor share about the lease.

The supervisor never touches the spool, so it can act while the worker hangs in a call to a dead
file server or stands still. At two thirds of the lease after the start of the worker's last
successful beat it kills what the worker's jobs started.
"""

import mmap
import struct
import time
from collections.abc import Callable

from wmctl.worker.clock import boottime

_FIELD = struct.Struct("d")
#: Each is written as one word and by itself: the worker writes the first, the supervisor the other.
_BEAT, _STOP = 0, _FIELD.size
_SHARE = 2 / 3
#: How often, and after how many seconds each, a stop that is under way is looked at.
_LOOKS, _PAUSE = 100, 0.005


class Guard:
    """Memory shared between a supervisor and one worker it forks. Times in seconds, boot time."""

    def __init__(
        self, lease: float, now: Callable[[], float] = boottime, *, restarts: int = 0
    ) -> None:
        #: How often a worker was started in this one's place before.
        self.restarts = restarts
        self.limit = lease * _SHARE
        self._now = now
        self._memory = mmap.mmap(-1, 2 * _FIELD.size)
        self._write(_BEAT, now())
        self._write(_STOP, float("-inf"))

    def renewed(self, started: float) -> None:
        """A beat that was begun at `started` has succeeded."""
        self._write(_BEAT, started)

    @property
    def renewed_at(self) -> float:
        """When the last beat that succeeded was begun."""
        return self._read(_BEAT)

    @property
    def deadline(self) -> float:
        """When the jobs must stop unless a beat comes before."""
        return self.renewed_at + self.limit

    def overdue(self) -> bool:
        """Whether the lease can no longer be relied upon."""
        return self._now() >= self.deadline

    def stop(self, kill: Callable[[], int]) -> None:
        """The supervisor kills what the worker's jobs started, and what they start meanwhile.

        `kill` says how many processes it hit. If none, whatever a job ended by was its own doing.
        """
        before, hit = self._read(_STOP), 1
        self._write(_STOP, float("inf"))
        try:
            hit = kill()
        finally:
            self._write(_STOP, self._now() if hit else before)

    @property
    def stopping(self) -> bool:
        """Whether that is under way: what is started now might be hit."""
        return self._read(_STOP) == float("inf")

    def stopped_since(self, moment: float) -> bool:
        """Whether that happened at or after a moment: then a job's end is not the job's own.

        One that is under way is waited for a little: it may hit nothing, having come too late.
        """
        for _ in range(_LOOKS):
            if not self.stopping:
                break
            time.sleep(_PAUSE)
        return self._read(_STOP) >= moment

    def _read(self, field: int) -> float:
        value: float = _FIELD.unpack_from(self._memory, field)[0]
        return value

    def _write(self, field: int, value: float) -> None:
        _FIELD.pack_into(self._memory, field, value)
