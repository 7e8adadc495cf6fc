"""What a worker does for the whole spool beside its jobs.

It rescues the jobs of the dead, wakes suspended ones whose waker died, and prunes old ones.
"""

import logging
import threading
from collections.abc import Callable

from wmctl.errors import SpoolError, WmctlError
from wmctl.spool import Spool
from wmctl.spool.broom import Retention
from wmctl.worker import chores
from wmctl.worker.clock import boottime
from wmctl.worker.rescuer import Rescuer

log = logging.getLogger("wmctl.worker")

#: Seconds between two prunes by the same worker.
PRUNE_EVERY = 3600.0
#: Seconds between two looks of anybody for jobs that are to be deleted.
DELETE_EVERY = 20.0


class Sweeper:
    """A thread of its own, so that a slow disk does not delay the beat."""

    def __init__(
        self,
        spool: Spool,
        rescuer: Rescuer,
        retention: Callable[[], Retention | None] = lambda: None,
    ) -> None:
        self._spool = spool
        self._retention = retention
        self._rescuer = rescuer
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._wake = spool.sweeper()
        self._wake_at = boottime()
        self._prune_at = boottime() + PRUNE_EVERY
        self._delete_at = boottime()
        #: Set once the first sweep is over.
        self.swept = threading.Event()

    def start(self) -> None:
        """Begin, with a sweep at once: a restarted worker frees its predecessor's jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more; a sweep that hangs is not waited for long."""
        self._end.set()
        self._thread.join(timeout=self._spool.settings.beat)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._tidy(rescued=self._rescuer.sweep())
                self._wake_if_due()
                self._delete_if_due()
                self._prune_if_due()
            except (SpoolError, OSError) as error:
                log.error("cannot look after the spool: %s", error)
            except Exception:
                log.exception("looking after the spool broke; it is tried again")
            self.swept.set()
            self._end.wait(self._spool.settings.beat)

    def _tidy(self, *, rescued: int) -> None:
        """Once a lease, and when a dead worker was found: it may have left chores of its own."""
        if rescued or boottime() >= self._wake_at:
            chores.tidy(self._spool, self._rescuer.own)

    def _wake_if_due(self) -> None:
        """Once a lease; a worker that has just started looks at once, as with the dead's jobs."""
        if boottime() >= self._wake_at:
            self._wake_at = boottime() + self._spool.settings.lease
            self._wake()

    def _delete_if_due(self) -> None:
        """What was submitted with a time after which nothing of it shall be left."""
        if boottime() >= self._delete_at:
            self._delete_at = boottime() + DELETE_EVERY
            self._spool.delete_if_due(DELETE_EVERY)

    def _prune_if_due(self) -> None:
        """In a thread of its own: while it takes minutes, the dead must still be found."""
        if boottime() < self._prune_at:
            return
        self._prune_at = float("inf")
        threading.Thread(target=self._prune, name="prune", daemon=True).start()

    def _prune(self) -> None:
        try:
            self._spool.prune_if_due(retention=self._retention)
        except (WmctlError, OSError) as error:
            log.error("cannot prune the spool: %s", error)
        except Exception:
            log.exception("pruning the spool broke; it is tried again in an hour")
        self._prune_at = boottime() + PRUNE_EVERY
