"""Waiting until a job rests (has ended, is held or quarantined), passing its log on meanwhile."""

import time
from collections.abc import Callable, Sequence

from wmctl.cli.exits import StillPending
from wmctl.cli.logfile import LogReader, Piece
from wmctl.errors import JobNotFound
from wmctl.spool import Entry, Spool

#: Seconds between looks: soon after something happened, less often when nothing does.
_SOON = 0.01
_LATE = 0.2
#: A network file system can show an old place of a job for as long as its caches last.
_FULL_LOOK = 5.0
#: Seconds between looks at what a suspended job waits for.
_RIPEN = 2.0

Sink = Callable[[Piece], None]


def rests(entry: Entry) -> bool:
    """Whether only a person changes the job's state now."""
    return entry.terminal or entry.state in {"held", "quarantined"}


class Follower:
    """One job, looked at until it rests."""

    def __init__(
        self,
        spool: Spool,
        entry: Entry,
        reader: LogReader | None = None,
        sink: Sink | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.entry = entry
        self._spool = spool
        self._reader = reader
        self._sink = sink
        self._sleep = sleep
        self._looked = self._ripened = time.monotonic()

    def until_rest(
        self, deadline: float | None = None, meanwhile: Callable[[Entry], None] | None = None
    ) -> Entry:
        """Wait. `meanwhile` is called at every look; StillPending after the deadline."""
        pause = _SOON
        while not rests(self.entry):
            moved = self.look()
            pause = _SOON if self._pass_on() or moved else min(pause * 1.5, _LATE)
            if rests(self.entry):
                break
            if meanwhile is not None:
                meanwhile(self.entry)
            if deadline is not None and time.monotonic() >= deadline:
                raise StillPending(
                    f"job {self.entry.id} is still {self.entry.state}; it goes on",
                    hint=f"wait on with: wmctl wait {self.entry.id}",
                )
            self._sleep(pause)
        self._pass_on()
        if self.entry.terminal:
            self._spool.settle([self.entry])
        return self.entry

    def look(self) -> bool:
        """See where the job is; True if it has moved."""
        self._ripen()
        found = self._spool.terminal(self.entry.id)
        if found is None and (self._stale() or self._spool.stamp(self.entry) is None):
            found = self._spool.locate(self.entry.id)
            self._looked = time.monotonic()
            if found is None:
                raise JobNotFound(f"job {self.entry.id} is gone; was it pruned?")
        if found is None or found.path == self.entry.path:
            return False
        self.entry = found
        return True

    def _ripen(self) -> None:
        """Workers wake what waits for other jobs, and cancel it; where none lives, we do."""
        if self.entry.state == "suspended" and time.monotonic() - self._ripened > _RIPEN:
            self._ripened = time.monotonic()
            self._spool.ripen(self.entry)

    def _stale(self) -> bool:
        return time.monotonic() - self._looked > _FULL_LOOK

    def _pass_on(self) -> bool:
        """Give the new part of the log to the sink; True if there was any."""
        some = False
        if self._reader is not None and self._sink is not None:
            for piece in self._reader.read(self.entry):
                self._sink(piece)
                some = True
        return some


class Group:
    """Several jobs, looked at in turn until one of them rests."""

    def __init__(self, spool: Spool, entries: Sequence[Entry]) -> None:
        self._spool = spool
        self._followers = [Follower(spool, entry) for entry in entries]

    def until_one_rests(
        self, deadline: float | None = None, meanwhile: Callable[[Entry], None] | None = None
    ) -> Entry:
        """Wait for the first; as `Follower.until_rest`."""
        pause = _SOON
        while True:
            started = time.monotonic()
            for follower in self._followers:
                if not rests(follower.entry):
                    follower.look()
                if rests(follower.entry):
                    return follower.until_rest()
                if meanwhile is not None:
                    meanwhile(follower.entry)
            if deadline is not None and time.monotonic() >= deadline:
                raise StillPending(f"none of {len(self._followers)} jobs has ended; they go on")
            # A long list must not keep a file server busy.
            pause = min(pause * 1.5, _LATE)
            time.sleep(max(pause, 5 * (time.monotonic() - started)))
