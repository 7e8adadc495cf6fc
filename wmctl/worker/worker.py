"""The worker's loop: claim, prepare, run, finish; one job at a time."""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from wmctl.errors import SpoolError, WorkerGone
from wmctl.runner.stop import Stop
from wmctl.spool import Claim, Spool
from wmctl.spool.head import Head, Pick
from wmctl.worker import folders, identity
from wmctl.worker.clock import ServerClock, boottime
from wmctl.worker.committer import Committer
from wmctl.worker.ending import Ending
from wmctl.worker.execute import Executor
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart
from wmctl.worker.held import Held
from wmctl.worker.options import NoObservers, Observers, WorkerInfo, WorkerOptions
from wmctl.worker.pauses import Pauses
from wmctl.worker.rescuer import Rescuer
from wmctl.worker.sweeper import Sweeper
from wmctl.worker.wakeup import BUSY_POLL, IDLE_POLL, Wakeup

log = logging.getLogger("wmctl.worker")

#: Exit status of a worker that wants to be started again under a new name.
RESTART = 75
#: Exit status of a worker that could not even begin, and said why.
CANNOT_START = 74
#: Seconds to wait after this machine or the disk refused something. Short enough that work goes on
#: within two seconds when that is over.
_TROUBLE = 1.0


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
        self._wakeup = Wakeup(spool, options.tags)
        self._head = Head(spool.store, options.tags, clock=time.monotonic)
        self._pauses = Pauses(spool)
        self._executor = Executor(spool, options, self.name, self._observers)
        self._committer = Committer(spool)
        self._ending = Ending(
            spool, self.name, clock=self._clock, committer=self._committer, held=self._held,
            heart=self._heart, guard=guard, observers=self._observers, patience=self,
        )  # fmt: skip
        self._executor.dispose = self._ending.put_off
        self._executor.overdue = guard.overdue
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
        """Finish the job, claim no more."""
        self._draining = True
        self._wakeup.notify()

    def halt(self) -> None:
        """Stop the job and give it back, without counting it as lost."""
        self._draining = self._stopping = True
        self._committer.give_up()
        self._stop.request("stopped")
        self._wakeup.notify()

    def orphaned(self) -> None:
        """Nobody watches our lease any more: stop the job; it counts as lost, since it ran."""
        self._draining = True
        self._stop.request("lost")
        self._wakeup.notify()

    def _declared_dead(self) -> None:
        self._gone = True
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
            folders.remove(f"{self._options.work}/{self.name}")
            raise
        self._state = "idle"
        info = WorkerInfo(self.name, self._options.group, tuple(self._options.tags))
        log.info("worker %s up; tags: %s", self.name, " ".join(info.tags))
        self._spool.store.tell = lambda text: log.warning("put aside: %r", text)
        self._heart.on_gone = self._declared_dead
        self._heart.on_drain = self.drain
        self._wakeup.on_marker = self._heart.look
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
                self._pause(lambda: self._draining or self._gone)

    def _leased(self) -> bool:
        """Whether our lease can be relied upon; if not, nothing new is claimed."""
        return not self._guard.overdue() or self._heart.await_beat(self._spool.settings.beat)

    def _turn(self) -> bool:
        """One job, or one wait; True if the worker's work is done."""
        if self._step():
            self._idle_since = time.monotonic()
        elif self._has_no_more_to_do():
            return True
        else:
            self._wait()
        return self._options.max_jobs is not None and self._executed >= self._options.max_jobs

    def _step(self) -> bool:
        """Claim and run the next job; False if there is none."""
        self._wakeup.feed(self._head)
        self._head.serve(self._pauses.left(self._options.tags))
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
        if not self._held.expect(file):
            # A late event told of it again. Its claim is not published yet: the target of a second
            # rename would be there, and look as if that had been done.
            return None
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
        """Whether a listing of this moment has nothing for us either.

        After our own ends are published: they may wake jobs that waited for them.
        """
        if not self._committer.settle(_TROUBLE):
            return False
        self._head.relist()
        pick = self._next()
        if pick is not None:
            self._head.note(pick.tag, pick.path)
        return pick is None

    def _has_no_more_to_do(self) -> bool:
        options = self._options
        if options.only is not None and self._rests(options.only):
            return True
        return (options.burst and self._nothing_due()) or self._idle_too_long()

    def _rests(self, job_id: str) -> bool:
        """Whether nothing more is to be done for a job without a person."""
        entry = self._spool.locate(job_id)
        return entry is None or entry.state not in {"queued", "running", "suspended"}

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
        if claim.name.lost:  # it may kill this worker too, which others' ends must not pay for
            self._committer.settle(_TROUBLE)
        if self._stopping:
            self._stop.request("stopped")
        self._state, self._job = "busy", claim.id
        self._heart.watch(claim, self._stop)
        try:
            ran = self._executor.run(claim, self._stop)
        except (SpoolError, OSError) as error:
            # This machine could not start it: not the job's fault, and it has not run.
            log.error("job %s cannot run here now: %s", claim.id, error)
            self._ending.give_back(claim, lost=False)
            self._pause(lambda: self._draining or self._gone)
            return
        finally:
            self._heart.unwatch()
            self._state, self._job = "idle", None
        self._executed += 1
        self._ending.conclude(claim, ran, started)

    def may_wait(self) -> bool:
        """Wait a moment for a disk that refuses; False if we are to end instead."""
        self._pause(lambda: self._stopping or self._gone)
        return not (self._stopping or self._gone)

    def _pause(self, over: Callable[[], bool]) -> None:
        """Leave alone what refused; that a job comes (the one just given back, say) is no end."""
        until = time.monotonic() + _TROUBLE
        while not over() and (left := until - time.monotonic()) > 0:
            self._wakeup.wait(left)

    def is_gone(self) -> bool:
        """Whether we were declared dead."""
        return self._gone

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
