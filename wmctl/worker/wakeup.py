"""Waiting for work: events where the file system has them, polling everywhere.

Events only shorten the wait; what they say is fed to the head of the queue as a hint.
"""

import logging
import os
import random
import select
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Protocol

from wmctl.errors import BadInput
from wmctl.spool import Spool, decode_tag

#: Seconds between two looks without events: while idle, and just after something was found.
IDLE_POLL = 5.0
BUSY_POLL = 0.25
#: Arrivals remembered until the worker looks at them.
_MOST = 10_000


class Hints(Protocol):
    """Where names go that an event told of: the head of the queue."""

    def note(self, tag: str, path: str) -> None:
        """A name appeared."""

    def changed(self) -> None:
        """Something else happened."""


class Wakeup:
    """One worker's alarm clock. `notify` may come from any thread or signal handler."""

    def __init__(
        self, spool: Spool, tags: Collection[str], rng: Callable[[], float] = random.random
    ) -> None:
        self._tags = frozenset(tags)
        # An event that a signal handler may set while the same thread waits for it.
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)
        self._found: deque[tuple[str, str]] = deque()
        self._rng = rng
        self._idle = 0
        self._queue = str(spool.path / "queue")
        #: Where markers appear; not all are in a spool that an older version made.
        self._markers = tuple(
            str(spool.path / "control" / name) for name in ("cancel", "signal", "drain")
        )
        self._observer: Any = None
        #: Called with what a new marker is about: a job that is to be canceled or to get a signal,
        #: a worker that is to obey an order.
        self.on_marker: Callable[[str], None] = lambda _about: None
        if not spool.file_system().network:
            self._watch()

    @property
    def watching(self) -> bool:
        """Whether events come at all."""
        return self._observer is not None

    def serve(self, tags: Collection[str]) -> None:
        """From now on arrivals under these tags count."""
        self._tags = frozenset(tags)

    def notify(self) -> None:
        """End the current or the next wait."""
        os.eventfd_write(self._event, 1)

    def wait(self, longest: float) -> None:
        """Wait for a notice, an event or the next poll; at most `longest` seconds."""
        if self._poll.poll(1000 * max(0.0, min(longest, self.interval()))):
            os.eventfd_read(self._event)
        self._idle += 1

    def interval(self) -> float:
        """Seconds to the next poll: short after something was found, then longer, with jitter."""
        if self.watching:
            return IDLE_POLL
        longer: float = BUSY_POLL * 2 ** min(self._idle, 10)
        return min(IDLE_POLL, longer) * (0.75 + self._rng() / 2)

    def busy(self) -> None:
        """Something was found: look again soon."""
        self._idle = 0

    def feed(self, head: Hints) -> None:
        """Give the head what the events told."""
        while self._found:
            tag, path = self._found.popleft()
            if tag:
                head.note(tag, path)
            else:
                head.changed()

    def close(self) -> None:
        """Watch no more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def _watch(self) -> None:
        from watchdog import events
        from watchdog.observers.api import BaseObserver
        from watchdog.observers.inotify import InotifyEmitter
        from watchdog.observers.inotify_c import InotifyConstants

        wakeup = self
        logging.getLogger("watchdog").setLevel(logging.ERROR)

        class Arrivals(InotifyEmitter):
            """Only what comes.

            A name that leaves (each claim) would hold up what comes behind it for half a second,
            in which watchdog waits for the other half of a move.
            """

            def get_event_mask_from_filter(self) -> Any:
                return (
                    InotifyConstants.IN_CREATE
                    | InotifyConstants.IN_MOVED_TO
                    | InotifyConstants.IN_DELETE_SELF
                )

        class Handler(events.FileSystemEventHandler):
            def on_created(self, event: events.FileSystemEvent) -> None:
                wakeup._told(str(event.src_path), folder=event.is_directory)

        observer = BaseObserver(Arrivals)
        try:
            observer.schedule(Handler(), self._queue, recursive=True)
            for folder in filter(os.path.isdir, self._markers):
                observer.schedule(Handler(), folder)
            observer.start()
        except OSError:
            return  # out of watches: polling is the truth anyway
        self._observer = observer

    def _told(self, path: str, *, folder: bool) -> None:
        if path.startswith(self._markers):
            self.on_marker(path.rpartition("/")[2].partition(".")[0])
            return
        parts = path[len(self._queue) + 1 :].split("/")
        try:
            tag = "" if folder or len(parts) < 2 else decode_tag(parts[0])
        except BadInput:
            return
        if tag and tag not in self._tags:
            return
        if len(self._found) >= _MOST:
            self._found.clear()
            tag = ""  # too much to remember while a job runs: the folder will be listed
        self._found.append((tag, path))
        self.notify()
