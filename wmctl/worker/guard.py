"""The holder stops itself: what worker and supervisor share about the lease.

The supervisor never touches the spool, so it can act while the worker hangs in a call to a dead
file server or stands still. At two thirds of the lease after the start of the worker's last
successful beat it kills what the worker's jobs started.
"""

import mmap
import struct
from collections.abc import Callable

from wmctl.worker.clock import boottime

_FIELDS = struct.Struct("dd")
_SHARE = 2 / 3


class Guard:
    """Memory shared between a supervisor and one worker it forks. Times in seconds, boot time."""

    def __init__(self, lease: float, now: Callable[[], float] = boottime) -> None:
        self.limit = lease * _SHARE
        self._now = now
        self._memory = mmap.mmap(-1, _FIELDS.size)
        self._write(now(), 0.0)

    def renewed(self, started: float) -> None:
        """A beat that was begun at `started` has succeeded."""
        self._write(started, self._read()[1])

    @property
    def deadline(self) -> float:
        """When the jobs must stop unless a beat comes before."""
        return self._read()[0] + self.limit

    def overdue(self) -> bool:
        """Whether the lease can no longer be relied upon."""
        return self._now() >= self.deadline

    def stopped(self) -> None:
        """The supervisor has killed what the worker's jobs started."""
        self._write(self._read()[0], self._now())

    def stopped_since(self, moment: float) -> bool:
        """Whether that happened at or after a moment: then a job's end is not the job's own."""
        return self._read()[1] >= moment

    def _read(self) -> tuple[float, float]:
        beat, stop = _FIELDS.unpack_from(self._memory)
        return beat, stop

    def _write(self, beat: float, stop: float) -> None:
        _FIELDS.pack_into(self._memory, 0, beat, stop)
