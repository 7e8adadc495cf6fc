"""A request, from any thread, that what runs for a job shall end."""

import threading
from collections.abc import Callable


class Stop:
    """One job's stop. The first reason stands: "canceled", or "stopped" (the worker ends).

    "lost" (the claim is no longer ours) outranks both: it kills at once, in the thread that asks,
    so that a run that hangs in a write to a dead file server does not keep the job alive.
    """

    def __init__(self) -> None:
        self._why: str | None = None
        self._runs: list[Callable[[str], None]] = []
        self._lock = threading.RLock()  # a signal handler may interrupt its holder

    @property
    def why(self) -> str | None:
        """The reason, or None as long as nobody asked."""
        return self._why

    def request(self, why: str) -> None:
        """Ask: a running `run` knows at once, one that comes later does not start."""
        with self._lock:
            if self._why is None or why == "lost":
                self._why = why
                for tell in list(self._runs):
                    tell(why)

    def attach(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called at every request that counts, also for one already made."""
        with self._lock:
            self._runs.append(tell)
            if self._why:
                tell(self._why)

    def detach(self, tell: Callable[[str], None]) -> None:
        """Undo `attach`; waits for a call that is going on."""
        with self._lock:
            if tell in self._runs:
                self._runs.remove(tell)
