"""The worker's loop: claim, prepare, run, finish; one job at a time."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from wmctl.errors import SpoolError, WorkerGone
from wmctl.spool import Spool
from wmctl.worker import chores, folders, identity
from wmctl.worker.account import Account
from wmctl.worker.bout import Bout
from wmctl.worker.clock import ServerClock
from wmctl.worker.committer import Committer
from wmctl.worker.ending import Ending
from wmctl.worker.execute import Executor
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart
from wmctl.worker.held import Held
from wmctl.worker.live import Fixed, told
from wmctl.worker.options import NoObservers, Observers, WorkerInfo, WorkerOptions
from wmctl.worker.picker import Picker
from wmctl.worker.rescuer import Rescuer
from wmctl.worker.standing import Standing
from wmctl.worker.station import Station
from wmctl.worker.steering import Steering, told_order
from wmctl.worker.sweeper import Sweeper
from wmctl.worker.wakeup import BUSY_POLL, IDLE_POLL

log = logging.getLogger("wmctl.worker")

#: Exit status of a worker that wants to be started again under a new name.
RESTART = 75
#: Exit status of a worker that could not even begin, and said why.
CANNOT_START = 74
#: Seconds to wait after this machine or the disk refused something. Short enough that work goes on
#: within two seconds when that is over.
_TROUBLE = 1.0


class Worker:
    """One worker. `run` returns its exit status: 0, RESTART or CANNOT_START."""

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
        fixed = Fixed(options.group, options.tags, options.allow)
        self._configuration = options.configure() if options.configure else fixed
        self._steering = Steering(spool, self._configuration)
        self._account = Account(options, self._configuration, guard.restarts)
        self._account.draining = lambda: self._draining or self._steering.restless
        self._clock = ServerClock(spool)
        self._held = Held()
        self._heart = Heart(spool, self.name, self._held, guard, self._account.describe)
        self._picker = Picker(
            spool, self.name, self._steering.tags, only=options.only, check=options.check,
            clock=self._clock, held=self._held,
        )  # fmt: skip
        self._wakeup = self._picker.wakeup
        self._executor = executor = Executor(spool, options, self.name, self._observers)
        self._committer = Committer(spool)
        ending = Ending(
            spool, self.name, clock=self._clock, committer=self._committer, held=self._held,
            heart=self._heart, guard=guard, observers=self._observers, patience=self,
        )  # fmt: skip
        ending.count = self._account.count
        executor.dispose, executor.overdue = ending.put_off, guard.overdue
        self._bout = Bout(executor, ending, self._committer, self._heart, guard, self._account)
        self._station = Station(spool, self.name, options, self._configuration)
        self._standing = Standing(
            self._steering, self._station, self._configuration, self._account, options.hindrance
        )
        self._standing.changed = self._heart.nudge
        self._account.remark = self._standing.remark
        self._idle_since = 0.0
        self._failed = False
        self._draining = False
        self._gone = False
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
        self._bout.stop("stopped")
        self._wakeup.notify()

    def orphaned(self) -> None:
        """Nobody watches our lease any more: stop the job; it counts as lost, since it ran."""
        self._draining = True
        self._bout.stop("lost")
        self._wakeup.notify()

    def _declared_dead(self) -> None:
        self._gone = True
        self._wakeup.notify()

    def _ordered(self, order: Mapping[str, Any] | None) -> None:
        """From the heart, at each beat."""
        if order != self._steering.order:
            log.info("worker %s %s", self.name, told_order(order))
            self._steering.order = order
            self._wakeup.notify()
            self._heart.nudge()

    def _look_around(self) -> None:
        """From the heart: a job may run for hours, and others want to see what comes after it."""
        if self._configuration.look():
            self._wakeup.notify()
            self._heart.nudge()

    # The life of a worker.

    def run(self) -> int:
        """Join, work, leave."""
        lock = identity.LifeLock(self._options.work, self.name)
        self._account.lock = str(lock.path)
        try:
            self._spool.join(self.name, self._account.describe())
        except BaseException:
            lock.release()
            folders.remove(f"{self._options.work}/{self.name}")
            raise
        info = WorkerInfo(self.name, self._options.group, tuple(self._configuration.served.tags))
        log.info("worker %s up; %s", self.name, told(self._configuration.served))
        self._spool.store.tell = lambda text: log.warning("put aside: %r", text)
        self._heart.on_gone = self._declared_dead
        self._heart.on_order = self._ordered
        self._heart.look_around = self._look_around
        self._wakeup.on_marker = self._heart.look
        rescuer = Rescuer(self._spool, self.name, self._options.work)
        sweeper = Sweeper(self._spool, rescuer, self._options.retention)
        self._account.state = "idle" if self._station.chores.ready else "init"
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
            self._station.close()
            self._observers.worker_stop(info)
        why = "" if self._gone or not self._steering.restless else self._steering.remark()[0]
        log.info(
            "worker %s down after %d jobs%s", self.name, self._account.executed,
            f": {why}" if why else "",
        )  # fmt: skip
        return self._status()

    def _status(self) -> int:
        if self._gone or (self._steering.restarts and not self._draining):
            return RESTART
        return CANNOT_START if self._failed else 0

    def _leave(self) -> bool:
        """False if claims are left: then others shall see at once that we are gone."""
        if not self._options.keep_job_dir:
            folders.remove(f"{self._options.work}/{self.name}")
        try:
            self._station.chores.close()
            if self._steering.order is not None:
                self._spool.obeyed(self.name)
            return self._spool.leave(self.name)
        except (SpoolError, OSError) as error:
            log.error("%s", error)
            return False

    def _work_until_done(self) -> None:
        self._idle_since = time.monotonic()
        while not self._ends():
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
                self._pause(self._ends)

    def _ends(self) -> bool:
        return self._draining or self._gone or self._steering.ends

    def _leased(self) -> bool:
        """Whether our lease can be relied upon; if not, nothing new is claimed."""
        beat = self._spool.settings.beat
        if self._guard.overdue() and not self._heart.await_beat(beat):
            return False
        # Only after the beat: the supervisor asks in the other order.
        if self._guard.stopping:
            self._wakeup.wait(BUSY_POLL)
            return False
        return True

    def _turn(self) -> bool:
        """One job, or one wait; True if the worker's work is done."""
        if self._step():
            self._idle_since = time.monotonic()
        elif self._has_no_more_to_do():
            return True
        else:
            self._wait()
        most = self._options.max_jobs
        return most is not None and self._account.executed >= most

    def _step(self) -> bool:
        """Do a chore, or claim and run the next job; False if there is nothing to do."""
        if self._steering.look():
            self._heart.nudge()
        if self._ends():
            return True
        if self._station.settle():
            self._executor.surroundings = self._station.surroundings
            self._account.slot = self._station.slot
        chore = None if self._steering.still else self._station.due()
        if chore is not None:
            self._do(chore)
            return True
        self._picker.serve(self._steering.tags)
        pick = self._picker.next() if self._standing.may_claim() else None
        if pick is None:
            self._committer.flush()
            self._picker.set_aside_strays()
            return False
        claim = self._picker.claim(pick)
        if claim is not None and self._bout.run(claim, "busy") is not None:
            self._account.executed += 1
        return True

    def _nothing_due(self) -> bool:
        """Whether a listing of this moment has nothing for us either.

        After our own ends are published: they may wake jobs that waited for them.
        """
        return self._committer.settle(_TROUBLE) and self._picker.next_listed() is None

    def _has_no_more_to_do(self) -> bool:
        options = self._options
        if options.only is not None and self._rests(options.only):
            return True
        if self._standing.waits:
            self._failed = options.burst and self._station.failed
            return self._failed or self._idle_too_long()
        return (options.burst and self._nothing_due()) or self._idle_too_long()

    def _rests(self, job_id: str) -> bool:
        """Whether nothing more is to be done for a job without a person."""
        entry = self._spool.locate(job_id)
        return entry is None or entry.state not in {"queued", "running", "suspended"}

    def _idle_too_long(self) -> bool:
        longest = self._options.max_idle
        return longest is not None and time.monotonic() - self._idle_since >= longest

    def _wait(self) -> None:
        longest = min(IDLE_POLL, self._station.left())
        if self._options.max_idle is not None:
            left = self._options.max_idle - (time.monotonic() - self._idle_since)
            longest = min(longest, max(0.0, left))
        self._picker.wait(longest)

    # One job.

    def _do(self, chore: str) -> None:
        """What this worker does for itself."""
        entry = self._station.chores.make(chore)
        claim = None if entry is None else self._picker.claim_own(entry)
        ran = None
        if claim is not None:
            ran = self._bout.run(claim, "init" if chore == chores.INIT else "busy")
        if claim is None or ran is not None:
            self._station.chores.ended(chore, ran)
            self._heart.nudge()

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
