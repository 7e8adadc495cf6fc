"""The worker's loop: claim, prepare, run, finish; one job at a time."""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from wmctl.errors import SpoolError, WorkerGone
from wmctl.runner.outcome import Canceled, Failed, Outcome, Retry, Suspended
from wmctl.runner.stop import Stop
from wmctl.spool import Claim, Spool, short
from wmctl.spool.head import Head, Pick
from wmctl.worker import folders, identity, records
from wmctl.worker.clock import ServerClock, boottime, rfc3339
from wmctl.worker.committer import Committer, Finished
from wmctl.worker.execute import Executor, Ran
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart
from wmctl.worker.held import Held
from wmctl.worker.options import NoObservers, Observers, WorkerInfo, WorkerOptions
from wmctl.worker.rescuer import Rescuer
from wmctl.worker.sweeper import Sweeper
from wmctl.worker.wakeup import BUSY_POLL, IDLE_POLL, Wakeup

log = logging.getLogger("wmctl.worker")

#: Exit status of a worker that wants to be started again under a new name.
RESTART = 75
#: Seconds to wait after this machine or the disk refused something.
_TROUBLE = 2.0
#: A failed program is tried again after so many seconds, doubled each time, up to the second.
_BACKOFF = (10.0, 300.0)


class Worker:
    """One worker. `run` returns its exit status: 0, or RESTART."""

    def __init__(
        self,
        spool: Spool,
        options: WorkerOptions,
        guard: Guard,
        observers: Observers | None = None,
    ) -> None:
        self.name = identity.new_name(options.group)
        self._spool = spool
        self._options = options
        self._guard = guard
        self._observers = observers or NoObservers()
        self._clock = ServerClock(spool)
        self._held = Held()
        self._heart = Heart(spool, self.name, self._held, guard, self._describe)
        self._wakeup = Wakeup(spool)
        self._head = Head(spool.store, options.tags, clock=time.monotonic)
        self._executor = Executor(spool, options, self.name, self._observers)
        self._executor.dispose = self._put_off
        self._folder: str | None = None
        self._committer = Committer(spool)
        self._lock_path = ""
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._state = "starting"
        self._job: str | None = None
        self._executed = 0
        self._idle_since = 0.0
        self._draining = False
        self._gone = False
        self._stop = Stop()
        self._stopping = False

    # Steering, from signal handlers and other threads.

    def drain(self) -> None:
        """Finish the job, claim no more. A second time: stop the job and give it back."""
        if self._draining:
            self.halt()
        self._draining = True
        self._wakeup.notify()

    def halt(self) -> None:
        """Stop the job and give it back, without counting it as lost."""
        self._draining = self._stopping = True
        self._committer.give_up()
        self._stop.request("stopped")
        self._wakeup.notify()

    def _declared_dead(self) -> None:
        self._gone = True
        self._wakeup.notify()

    def _asked_to_drain(self) -> None:
        self._draining = True
        self._wakeup.notify()

    # The life of a worker.

    def run(self) -> int:
        """Join, work, leave."""
        lock = identity.LifeLock(self._options.work, self.name)
        self._lock_path = str(lock.path)
        try:
            self._spool.join(self.name, self._describe())
        except BaseException:
            lock.release()
            raise
        info = WorkerInfo(self.name, self._options.group, tuple(self._options.tags))
        log.info("worker %s up; tags: %s", self.name, " ".join(info.tags))
        self._heart.on_gone = self._declared_dead
        self._heart.on_drain = self._asked_to_drain
        self._wakeup.on_cancel = self._heart.look
        sweeper = Sweeper(self._spool, Rescuer(self._spool, self.name, self._options.work))
        self._heart.start()
        sweeper.start()
        self._observers.worker_start(info)
        if self._options.burst:  # which must not end before it has seen what the dead left
            sweeper.swept.wait(self._spool.settings.beat)
        try:
            self._work_until_done()
        finally:
            self._committer.close(give_up=self._gone or self._stopping)
            sweeper.stop()
            self._heart.stop()
            self._wakeup.close()
            lock.release(keep=not self._leave())
            self._observers.worker_stop(info)
        log.info("worker %s down after %d jobs", self.name, self._executed)
        return RESTART if self._gone else 0

    def _leave(self) -> bool:
        """False if claims are left: then others shall see at once that we are gone."""
        if not self._options.keep_job_dir:
            folders.remove(f"{self._options.work}/{self.name}")
        try:
            return self._spool.leave(self.name)
        except (SpoolError, OSError) as error:
            log.error("%s", error)
            return False

    def _work_until_done(self) -> None:
        self._idle_since = time.monotonic()
        self._state = "idle"
        while not (self._draining or self._gone):
            try:
                if self._committer.stuck:
                    self._wakeup.wait(BUSY_POLL)
                elif self._leased() and self._turn():
                    return
            except WorkerGone as error:
                log.error("%s", error.message)
                self._gone = True
            except (SpoolError, OSError) as error:
                log.error("%s", error)
                self._wakeup.wait(_TROUBLE)

    def _leased(self) -> bool:
        """Whether our lease can be relied upon; if not, nothing new is claimed."""
        return not self._guard.overdue() or self._heart.await_beat(self._spool.settings.beat)

    def _turn(self) -> bool:
        """One job, or one wait; True if the worker's work is done."""
        if self._step():
            self._idle_since = time.monotonic()
        elif (self._options.burst and self._nothing_due()) or self._idle_too_long():
            return True
        else:
            self._wait()
        return self._options.max_jobs is not None and self._executed >= self._options.max_jobs

    def _step(self) -> bool:
        """Claim and run the next job; False if there is none."""
        self._wakeup.feed(self._head)
        pick = self._next()
        if pick is None:
            self._committer.flush()
            self._set_aside_strays()
            return False
        claim = self._claim(pick)
        if claim is not None:
            self._work(claim)
        return True

    def _next(self) -> Pick | None:
        while (pick := self._head.pick(self._clock.now())) is not None:
            if pick.name is None:
                self._spool.quarantine_stray(pick.path, pick.tag)
            elif self._is_ours(pick):
                return pick
        return None

    def _is_ours(self, pick: Pick) -> bool:
        """With `only`, just that job."""
        return self._options.only is None or self._options.only in pick.file

    def _claim(self, pick: Pick) -> Claim | None:
        name = pick.name
        assert name is not None  # noqa: S101 - `_next` gives no other
        file = name.claimed().file
        self._held.expect(file)
        claim = None
        try:
            claim = self._spool.claim(self.name, name, pick.path, self._options.check)
        finally:
            if claim is None:
                self._held.drop(file)
        if claim is None:
            self._head.lost()
            return None
        self._held.confirm(claim)
        self._head.won()
        self._wakeup.busy()
        return claim

    def _nothing_due(self) -> bool:
        """Whether a listing of this moment has nothing for us either."""
        self._head.relist()
        pick = self._next()
        if pick is not None:
            self._head.note(pick.tag, pick.path)
        return pick is None

    def _idle_too_long(self) -> bool:
        longest = self._options.max_idle
        return longest is not None and time.monotonic() - self._idle_since >= longest

    def _wait(self) -> None:
        longest = IDLE_POLL
        due = self._head.next_due_ns()
        if due is not None:
            longest = min(longest, max(0.0, (due - self._clock.now()) / 1e9))
        if self._options.max_idle is not None:
            left = self._options.max_idle - (time.monotonic() - self._idle_since)
            longest = min(longest, max(0.0, left))
        self._wakeup.wait(longest)
        self._head.poll()

    def _set_aside_strays(self) -> None:
        for path, tag in list(self._head.strays.items()):
            if self._spool.quarantine_stray(path, tag):
                del self._head.strays[path]

    # One job.

    def _work(self, claim: Claim) -> None:
        started, self._stop = boottime(), Stop()
        if self._stopping:
            self._stop.request("stopped")
        self._state, self._job = "busy", claim.id
        self._heart.watch(claim, self._stop)
        try:
            ran = self._executor.run(claim, self._stop)
        except (SpoolError, OSError) as error:
            # This machine could not start it: not the job's fault, and it has not run.
            log.error("job %s cannot run here now: %s", claim.id, error)
            self._give_back(claim, lost=False)
            self._wakeup.wait(_TROUBLE)
            return
        finally:
            self._heart.unwatch()
            self._state, self._job = "idle", None
        self._executed += 1
        self._end(claim, ran, started)

    def _end(self, claim: Claim, ran: Ran, started: float) -> None:
        """Turn the outcome into a rename; the job has run, so a disk that refuses is waited for."""
        lost = ran.killed == "lost" or self._guard.stopped_since(started)
        while True:
            try:
                return self._conclude(claim, ran, lost=lost)
            except (SpoolError, OSError) as error:
                log.error("job %s: %s", claim.id, error)
            if self._stopping or self._gone:
                return None  # others will rescue it
            self._wakeup.wait(_TROUBLE)

    def _conclude(self, claim: Claim, ran: Ran, *, lost: bool) -> None:
        outcome = records.checked(ran.outcome)
        if lost:
            self._heal_and_give_back(claim)
        elif ran.killed == "stopped":
            self._give_back(claim, lost=False)
        elif ran.killed == "canceled" or isinstance(outcome, Canceled):
            why = self._spool.cancel_reason(claim.id, claim.job.root)
            self._finish(claim, Canceled(why.get("by"), why.get("reason")), ran)
        elif isinstance(outcome, Suspended):
            self._leave_claim(claim, lambda: self._spool.suspend(claim))
        elif isinstance(outcome, Retry):
            self._leave_claim(claim, lambda: self._spool.retry(claim, outcome.delay))
        elif isinstance(outcome, Failed) and claim.name.tries < claim.job.retries:
            delay = min(_BACKOFF[0] * 2 ** min(claim.name.tries, 10), _BACKOFF[1])
            log.info("job %s failed and is tried again in %g s", claim.id, delay)
            self._leave_claim(claim, lambda: self._spool.retry(claim, delay))
        else:
            self._finish(claim, outcome, ran)

    def _finish(self, claim: Claim, outcome: Any, ran: Ran) -> None:
        word = records.word_of(outcome)
        facts = {
            "worker": self.name,
            "started_at": rfc3339(claim.claimed_at),
            "completed_at": rfc3339(self._clock.now()),
            "log_dropped": ran.log_dropped,
        }
        record = records.record_of(outcome, facts)

        folder, self._folder = self._folder, None

        def done(ours: bool) -> None:  # noqa: FBT001 - the committer calls it
            self._held.drop(claim.name.file)
            if folder is not None:
                folders.remove(folder)
            if ours:
                self._tell(claim, outcome, word, ran)

        self._committer.finish(Finished(claim, word, record, done))

    def _tell(self, claim: Claim, outcome: Outcome, word: str, ran: Ran) -> None:
        log.info("job %s %s: %s", short(claim.id), claim.job.name or claim.job.runner, word)
        if ran.context is not None:
            self._observers.job_end(ran.context, outcome)

    def _give_back(self, claim: Claim, *, lost: bool) -> None:
        self._leave_claim(claim, lambda: self._spool.release(claim, lost=lost))

    def _leave_claim(self, claim: Claim, action: Callable[[], bool]) -> None:
        """A claim that ends without a record; until it does, nothing new is claimed."""
        while not self._gone:
            try:
                action()
            except (SpoolError, OSError) as error:
                log.error("job %s: %s", claim.id, error)
                if self._stopping:
                    return  # others will rescue it
                self._wakeup.wait(_TROUBLE)
            else:
                break
        self._held.drop(claim.name.file)
        if self._folder is not None:
            folders.remove(self._folder)
            self._folder = None

    def _put_off(self, folder: str) -> None:
        """Removing a job's folder takes as long as claiming a job: the committer does it."""
        self._folder = folder

    def _heal_and_give_back(self, claim: Claim) -> None:
        """Give a job back as lost that was stopped because its lease could not be relied upon.

        Only once a beat works again, and before anything new is claimed.
        """
        log.error("job %s was stopped: the lease on it could not be renewed in time", claim.id)
        while not (self._gone or self._stopping):
            if self._heart.await_beat(self._spool.settings.beat):
                break
        self._give_back(claim, lost=True)

    def _describe(self) -> Mapping[str, Any]:
        return {
            "group": self._options.group,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "boot_id": identity.boot_id(),
            "pid_namespace": identity.pid_namespace(),
            "lock": self._lock_path,
            "started_at": self._started_at,
            "state": "draining" if self._draining else self._state,
            "job": self._job,
            "jobs_executed": self._executed,
            "only": self._options.only,
            "version": self._options.version,
            "tags": list(self._options.tags),
        }
