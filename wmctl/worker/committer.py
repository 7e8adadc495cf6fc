"""The committer: publishes finished jobs in durable batches while the next job runs.

A job counts as held until its record is durable; only then is anybody told.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from wmctl.errors import SpoolError
from wmctl.spool import Claim, Spool, Staged

R = TypeVar("R")
log = logging.getLogger("wmctl.worker")

#: Jobs of one durable batch, and how many may wait before the worker does.
BATCH = 64
BACKLOG = 256
#: Seconds to wait for further jobs of a batch while the worker is busy.
LINGER = 0.02
#: Seconds between tries while the disk is full: the first, and the longest.
_FIRST_PAUSE = 0.1
_LAST_PAUSE = 1.0


@dataclass(frozen=True)
class Finished:
    """A job to be published, and what to do once it is (told: whether the claim was still ours)."""

    claim: Claim
    outcome: str
    record: Mapping[str, Any]
    done: Callable[[bool], None]


class Committer:
    """One thread. `finish` hands a job over; `close` returns when all is published."""

    def __init__(self, spool: Spool, *, first_pause: float = _FIRST_PAUSE) -> None:
        self._spool = spool
        self._first_pause = first_pause
        self._queue: queue.Queue[Finished | None] = queue.Queue(BACKLOG)
        self._unpublished = 0
        self._published = threading.Condition()
        self._giving_up = False
        self._idle = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        #: Jobs that were fenced: somebody else had taken their claim.
        self.fenced = 0
        #: The disk refuses at the moment: what would be run now could not be published either.
        self.stuck = False
        self._thread.start()

    def finish(self, finished: Finished) -> None:
        """Hand a finished job over; waits while too many are unpublished."""
        with self._published:
            self._unpublished += 1
        self._queue.put(finished)

    def flush(self) -> None:
        """Nothing runs at the moment: publish what is there without waiting for more."""
        self._idle.set()

    def settle(self, timeout: float) -> bool:
        """Publish what is there, and wait until that is done; not for ever: then False."""
        self._idle.set()
        with self._published:
            return self._published.wait_for(lambda: not self._unpublished, timeout)

    def close(self, *, give_up: bool = False) -> None:
        """Publish what is left.

        `give_up`: do not wait for a disk that refuses; what could not be published stays claimed,
        and others rescue it.
        """
        self._idle.set()
        if give_up:
            self.give_up()
            self._end.set()
        self._queue.put(None)
        self._thread.join()

    def give_up(self) -> None:
        """From now on do not wait for a disk that refuses. May come from a signal handler."""
        self._giving_up = True

    def _run(self) -> None:
        last = False
        while not last:
            batch = self._collect()
            last = batch[-1] is None
            items = [item for item in batch if item is not None]
            self._publish(items)
            with self._published:
                self._unpublished -= len(items)
                self._published.notify_all()

    def _collect(self) -> list[Finished | None]:
        """The next jobs; while others run, their ends are awaited for a moment."""
        batch = [self._queue.get()]
        if batch[0] is not None:
            self._idle.wait(LINGER)
            self._idle.clear()
        while len(batch) < BATCH and batch[-1] is not None:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _publish(self, batch: list[Finished]) -> None:
        try:
            staged: list[tuple[Finished, Staged]] = []
            for item in batch:
                stage = self._stage(item)
                if stage is not None:
                    staged.append((item, stage))
            won = self._insist(lambda: self._commit(staged))
        except Exception:
            # We no longer count on them: the heart gives back what is still claimed.
            log.exception("cannot publish %s", ", ".join(item.claim.id for item in batch))
            for item in batch:
                self._tell(item, ours=False)
            return
        for (item, _), ours in zip(staged, won or [], strict=False):
            self._tell(item, ours=ours)

    def _commit(self, staged: list[tuple[Finished, Staged]]) -> list[bool]:
        """After a failed sync the disk may have forgotten what was written: it is written anew."""
        try:
            return self._spool.commit([stage for _, stage in staged])
        except (SpoolError, OSError):
            for index, (item, _) in enumerate(staged):
                if self._spool.holds(item.claim):
                    anew = self._spool.stage(item.claim, item.outcome, item.record)
                    staged[index] = (item, anew)
            raise

    def _stage(self, item: Finished) -> Staged | None:
        try:
            return self._insist(lambda: self._spool.stage(item.claim, item.outcome, item.record))
        except Exception:
            log.exception("cannot write the result of job %s", item.claim.id)
            return None

    def _tell(self, item: Finished, *, ours: bool) -> None:
        if not ours:
            self.fenced += 1
            log.warning("job %s was taken from us; its result is not published", item.claim.id)
        try:
            item.done(ours)
        except Exception:
            log.exception("job %s is published, but who was told of it broke", item.claim.id)

    def _insist(self, action: Callable[[], R]) -> R | None:
        """Until the disk takes it: the job has run, so running it again is the worse choice."""
        pause = self._first_pause
        while True:
            try:
                done = action()
            except (SpoolError, OSError) as error:
                self.stuck = True
                log.error("cannot publish results, trying again: %s", error)
                self._end.wait(pause)
                if self._giving_up:
                    return None
                pause = min(pause * 2, _LAST_PAUSE)
            else:
                self.stuck = False
                return done
