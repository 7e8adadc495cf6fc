"""finish, retry, release, suspend: from how a job ended to the one rename that ends its claim."""

import logging
from collections.abc import Callable
from typing import Protocol

from wmctl.errors import SpoolError
from wmctl.runner.outcome import Canceled, Completed, Failed, Outcome, Retry, Skipped, Suspended
from wmctl.spool import Claim, Spool, short
from wmctl.worker import folders, records
from wmctl.worker.clock import ServerClock, rfc3339
from wmctl.worker.committer import Committer, Finished
from wmctl.worker.execute import Ran
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart
from wmctl.worker.held import Held
from wmctl.worker.options import Observers

log = logging.getLogger("wmctl.worker")

#: A failed program is tried again after so many seconds, doubled each time, up to the second.
_BACKOFF = (10.0, 300.0)


class Patience(Protocol):
    """What the worker's state allows."""

    def may_wait(self) -> bool:
        """Wait a moment for a disk that refuses; False if the worker is to end instead."""

    def is_gone(self) -> bool:
        """Whether the worker was declared dead: its claims are no longer its own."""


class Ending:
    """Ends the claims of one worker."""

    def __init__(
        self,
        spool: Spool,
        worker: str,
        *,
        clock: ServerClock,
        committer: Committer,
        held: Held,
        heart: Heart,
        guard: Guard,
        observers: Observers,
        patience: Patience,
    ) -> None:
        self._spool = spool
        self._worker = worker
        self._clock = clock
        self._committer = committer
        self._held = held
        self._heart = heart
        self._guard = guard
        self._observers = observers
        self._patience = patience
        self._folder: str | None = None
        #: Told of each published end, and its word.
        self.count: Callable[[Claim, str], None] = lambda _claim, _word: None

    def put_off(self, folder: str) -> None:
        """Removing a job's folder takes as long as claiming a job: the committer does it."""
        self._folder = folder

    def conclude(self, claim: Claim, ran: Ran, started: float) -> None:
        """End a claim whose job has run; a disk that refuses is waited for."""
        lost = ran.killed == "lost" or self._guard.stopped_since(started)
        while True:
            try:
                return self._conclude(claim, ran, lost=lost)
            except (SpoolError, OSError) as error:
                log.error("job %s: %s", claim.id, error)
            if not self._patience.may_wait():
                return None  # others will rescue it

    def give_back(self, claim: Claim, *, lost: bool) -> None:
        """Put a claim's job back into its queue."""
        log.warning("job %s is given back", claim.id)
        self._leave_claim(claim, lambda: self._spool.release(claim, lost=lost))

    def _conclude(self, claim: Claim, ran: Ran, *, lost: bool) -> None:
        outcome = records.checked(ran.outcome)
        if lost:
            self._heal_and_give_back(claim)
        elif ran.killed == "stopped":
            self.give_back(claim, lost=False)
        elif ran.killed == "canceled" or isinstance(outcome, Canceled):
            why = self._spool.cancel_reason(claim.id, claim.job.root)
            self._finish(claim, Canceled(why.get("by"), why.get("reason")), ran)
        elif isinstance(outcome, Suspended):
            self._leave_claim(claim, lambda: self._spool.suspend(claim))
        elif isinstance(outcome, Retry):
            self._leave_claim(claim, lambda: self._spool.retry(claim, outcome.delay))
        elif isinstance(outcome, Failed) and claim.name.tries < claim.job.retries:
            self._try_again(claim)
        else:
            self._finish(claim, outcome, ran)

    def _try_again(self, claim: Claim) -> None:
        first, most = claim.job.backoff or _BACKOFF
        delay = min(first * 2 ** min(claim.name.tries, 60), most)
        log.info("job %s failed and is tried again in %g s", claim.id, delay)
        self._leave_claim(claim, lambda: self._spool.retry(claim, delay))

    def _finish(
        self, claim: Claim, outcome: Completed | Failed | Canceled | Skipped, ran: Ran
    ) -> None:
        facts = {
            "worker": self._worker,
            "started_at": rfc3339(claim.claimed_at),
            # Time stamps tick more coarsely than a short job takes.
            "completed_at": rfc3339(max(self._clock.now(), claim.claimed_at)),
            "log_dropped": ran.log_dropped,
        }
        word, record = records.word_of(outcome), records.record_of(outcome, facts)
        folder, self._folder = self._folder, None

        def done(ours: bool) -> None:  # noqa: FBT001 - the committer calls it
            self._held.drop(claim.name.file)
            if folder is not None:
                folders.remove(folder)
            if ours:
                self._tell(claim, outcome, word, ran)

        self._committer.finish(Finished(claim, word, record, done))

    def answer(self, claim: Claim) -> None:
        """Publish what an earlier success found; the job does not run, nobody executed it."""
        earlier = claim.answer or {}
        now = self._clock.now()
        record = {
            **{key: value for key, value in earlier.items() if key not in {"outcome", "result"}},
            "worker": self._worker,
            "host": records.host(),
            "started_at": rfc3339(claim.claimed_at),
            "completed_at": rfc3339(max(now, claim.claimed_at)),
            "log_dropped": 0,
            "result": earlier.get("result"),
        }

        def done(ours: bool) -> None:  # noqa: FBT001 - the committer calls it
            self._held.drop(claim.name.file)
            if ours:
                log.info("job %s: answered by job %s", short(claim.id), earlier["cached_from"])

        self._committer.finish(Finished(claim, "success", record, done))

    def _tell(self, claim: Claim, outcome: Outcome, word: str, ran: Ran) -> None:
        log.info("job %s %s: %s", short(claim.id), _plain(claim.job.name or claim.job.runner), word)
        self.count(claim, word)
        if ran.context is not None:
            self._observers.job_end(ran.context, outcome)

    def _leave_claim(self, claim: Claim, action: Callable[[], bool]) -> None:
        """A claim that ends without a record; until it does, nothing new is claimed."""
        while not self._patience.is_gone():
            try:
                action()
            except (SpoolError, OSError) as error:
                log.error("job %s: %s", claim.id, error)
                if not self._patience.may_wait():
                    return  # others will rescue it
            else:
                break
        self._held.drop(claim.name.file)
        if self._folder is not None:
            folders.remove(self._folder)
            self._folder = None

    def _heal_and_give_back(self, claim: Claim) -> None:
        """Give a job back as lost that was stopped because its lease could not be relied upon.

        Only once a beat works again, and before anything new is claimed.
        """
        log.error("job %s was stopped: nobody could vouch for its lease", claim.id)
        while not self._heart.await_beat(self._spool.settings.beat):
            if self._patience.is_gone() or not self._patience.may_wait():
                break
        self.give_back(claim, lost=True)


def _plain(name: str) -> str:
    """A name that somebody else chose, fit for a line of a log."""
    shown = "".join(char if char.isprintable() else "?" for char in name[:61])
    return shown if len(shown) <= 60 else shown[:59] + "…"
