"""What is asked, from any thread, of what runs for a job: to end, or to take a signal."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator


class Stop:
    """One job's stop. The first reason stands: "canceled", or "stopped" (the worker ends).

    "lost" (the claim is no longer ours) outranks both: it kills at once, in the thread that asks,
    so that a run that hangs in a write to a dead file server does not keep the job alive.
    """

    def __init__(self) -> None:
        self._why: str | None = None
        self._runs: list[Callable[[str], None]] = []
        self._signals: deque[tuple[str, str]] = deque()
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

    def signal(self, name: str, by: str) -> None:
        """Have a signal sent to what runs now, or is the next to run; once, in the order asked."""
        with self._lock:
            self._signals.append((name, by))
            for tell in list(self._runs):
                tell("signal")

    def signals(self) -> Iterator[tuple[str, str]]:
        """The signals to be sent now: name and who asked. Whoever takes one sends it."""
        while self._signals:
            with contextlib.suppress(IndexError):  # another run took it
                yield self._signals.popleft()

    def attach(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called at every request that counts, also for one already made.

        With the reason to end, or with "signal" where `signals` has some.
        """
        with self._lock:
            self._runs.append(tell)
            if self._why:
                tell(self._why)
            elif self._signals:
                tell("signal")

    def detach(self, tell: Callable[[str], None]) -> None:
        """Undo `attach`; waits for a call that is going on."""
        with self._lock:
            if tell in self._runs:
                self._runs.remove(tell)
