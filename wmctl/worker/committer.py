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
#: Seconds between tries while the disk is full: the first, and the longest.
_FIRST_PAUSE = 0.1
_LAST_PAUSE = 2.0


@dataclass(frozen=True)
class Finished:
    """A job to be published, and what to do once it is (told: whether the claim was still ours)."""

    claim: Claim
    outcome: str
    record: Mapping[str, Any]
    done: Callable[[bool], None]


class Committer:
    """One thread. `finish` hands a job over; `close` returns when all is published."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._queue: queue.Queue[Finished | None] = queue.Queue(BACKLOG)
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        #: Jobs that were fenced: somebody else had taken their claim.
        self.fenced = 0
        self._thread.start()

    def finish(self, finished: Finished) -> None:
        """Hand a finished job over; waits while too many are unpublished."""
        self._queue.put(finished)

    def close(self, *, give_up: bool = False) -> None:
        """Publish what is left. `give_up`: do not wait for a disk that refuses; what could not be
        published stays claimed, and others rescue it."""
        if give_up:
            self._give_up.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            while len(batch) < BATCH and batch[-1] is not None:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            last = batch[-1] is None
            self._publish([item for item in batch if item is not None])

    def _publish(self, batch: list[Finished]) -> None:
        staged: list[Staged] = []
        for item in batch:
            stage = self._insist(lambda item=item: self._stage(item))  # type: ignore[misc]
            if stage is None:
                return
            staged.append(stage)
        won = self._insist(lambda: self._spool.commit(staged))
        for item, ours in zip(batch, won or [], strict=False):
            if not ours:
                self.fenced += 1
                log.warning("job %s was taken from us; its result is not published", item.claim.id)
            item.done(ours)

    def _stage(self, item: Finished) -> Staged:
        return self._spool.stage(item.claim, item.outcome, item.record)

    def _insist(self, action: Callable[[], R]) -> R | None:
        """Until the disk takes it: the job has run, so running it again is the worse choice."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return action()
            except (SpoolError, OSError) as error:
                log.error("cannot publish results, trying again: %s", error)
                if self._give_up.wait(pause):
                    return None
                pause = min(pause * 2, _LAST_PAUSE)
