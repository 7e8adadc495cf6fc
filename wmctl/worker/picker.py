"""Choosing the next job and claiming it: the head of the queue, and the events that feed it."""

import logging
import time
from collections.abc import Callable, Mapping

from wmctl.spool import Claim, Entry, Job, Name, Spool
from wmctl.spool.head import Head, Pick
from wmctl.worker.clock import ServerClock
from wmctl.worker.held import Held
from wmctl.worker.wakeup import Wakeup

log = logging.getLogger("wmctl.worker")


class Picker:
    """One worker's way to its jobs. `only`: claim nothing but this job."""

    def __init__(
        self,
        spool: Spool,
        worker: str,
        tags: Mapping[str, int],
        *,
        only: str | None,
        check: Callable[[Name, Job], None],
        clock: ServerClock,
        held: Held,
    ) -> None:
        self._spool = spool
        self._worker = worker
        self._only = only
        self._check = check
        self._clock = clock
        self._held = held
        self._tags = tags
        self._head = Head(spool.store, tags, clock=time.monotonic)
        self.wakeup = Wakeup(spool, tags)

    def serve(self, tags: Mapping[str, int]) -> None:
        """From now on these tags; and what events told of them."""
        if tags is not self._tags:
            self._tags = tags
            self.wakeup.serve(tags)
            self._head.serve(tags)
        self.wakeup.feed(self._head)

    def next(self) -> Pick | None:
        """The next job that is due, as far as is known without a listing for each."""
        while (pick := self._head.pick(self._clock.now())) is not None:
            if pick.name is None:
                self._spool.quarantine_stray(pick.path, pick.tag)
            elif self._only is None or self._only in pick.file:
                return pick
        return None

    def next_listed(self) -> Pick | None:
        """What a listing of this moment has for us; it stays known."""
        self._head.relist()
        pick = self.next()
        if pick is not None:
            self._head.note(pick.tag, pick.path)
        return pick

    def claim(self, pick: Pick) -> Claim | None:
        """Take it; None if somebody else did, or if it is not to run."""
        name = pick.name
        if name is None or not self._held.expect(name.claimed().file):
            # A late event told of it again. Its claim is not published yet: the target of a second
            # rename would be there, and look as if that had been done.
            return None
        claim = self._claim(name, pick.path)
        if claim is None:
            self._head.lost()
        else:
            self._head.won()
            self.wakeup.busy()
        return claim

    def claim_own(self, entry: Entry) -> Claim | None:
        """Take a job that we made for ourselves; likewise."""
        if not self._held.expect(entry.name.claimed().file):
            return None
        return self._claim(entry.name, entry.path)

    def _claim(self, name: Name, path: str) -> Claim | None:
        file, claim = name.claimed().file, None
        try:
            claim = self._spool.claim(self._worker, name, path, self._check)
        finally:
            if claim is None:
                self._held.drop(file)
        if claim is not None:
            self._held.confirm(claim)
        return claim

    def wait(self, longest: float) -> None:
        """Wait for an event, for the next job to become due, or for the next poll."""
        due = self._head.next_due_ns()
        if due is not None:
            longest = min(longest, max(0.0, (due - self._clock.now()) / 1e9))
        self.wakeup.wait(longest)
        self._head.poll()

    def set_aside_strays(self) -> None:
        """Files in the queues whose names are no job's."""
        for path, tag in list(self._head.strays.items()):
            if self._spool.quarantine_stray(path, tag):
                del self._head.strays[path]
