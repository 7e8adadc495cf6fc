"""The supervisor: forks workers, kills what a dead one left, starts it again, stops hung jobs.

It never touches the spool, so that a dead file server cannot keep it from doing so. It runs in one
thread: `step` in a loop.
"""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from wmctl.errors import WmctlError
from wmctl.runner import tree
from wmctl.worker.guard import Guard
from wmctl.worker.worker import CANNOT_START, RESTART, Worker

log = logging.getLogger("wmctl.worker")

#: A worker that ended sooner than this (seconds) is started again only after a pause.
_TOO_SOON = 10.0
_LONGEST_PAUSE = 60.0
#: The longest sleep: the clocks that a sleep is measured by stand still while the machine sleeps.
_NAP = 5.0
#: A hung worker may start another process: it is looked at again after so long.
_AGAIN = 1.0
_HANDLED = {
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR2,
}
_PR_SET_PDEATHSIG = 1
_SWITCH = 0.0005
#: What the supervisor says to its workers. A TERM that reaches a worker directly (of a whole
#: process group, say) means the same as the first: two of them must not count as the second.
_DRAIN, _HALT = signal.SIGUSR1, signal.SIGQUIT
#: What the kernel says to a worker whose supervisor is gone, and to a supervisor whose `run` is.
ORPHANED = signal.SIGUSR2

Make = Callable[[Guard], Worker]


@dataclass
class _Slot:
    """The place of one worker, whoever fills it at the moment."""

    pid: int = 0
    guard: Guard | None = None
    started: float = 0.0
    failures: int = 0
    #: How often it was filled again.
    restarts: int = -1
    start_at: float = 0.0
    ended: bool = False
    stopped_for: float = float("-inf")
    stop_again: float = 0.0


class Supervisor:
    """`make` builds a worker inside its own, forked process. `lease` in seconds."""

    def __init__(
        self,
        make: Make,
        count: int,
        lease: float,
        *,
        grace: float | None = None,
        once: bool = False,
    ) -> None:
        self._make = make
        #: A worker that cannot start (a full disk, say) is not tried again.
        self._once = once
        self._failed = False
        self._lease = lease
        self._slots = [_Slot() for _ in range(count)]
        #: Seconds from a drain to stopping the jobs; None = as long as they take.
        self._grace = grace
        self._halt_at: float | None = None
        self._draining = False
        self._handled = _HANDLED
        self._old_mask: set[signal.Signals] = set()

    def start(self) -> None:
        """Fork the workers. The caller must have one thread only."""
        tree.become_subreaper()
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            self._handled = _HANDLED - {signal.SIGHUP}  # nohup
        self._old_mask = {
            signal.Signals(number)
            for number in signal.pthread_sigmask(
                signal.SIG_BLOCK, {*self._handled, _DRAIN, ORPHANED}
            )
        }
        for slot in self._slots:
            self._fork(slot)

    def run(self) -> int:
        """Until all workers have ended; 0, or RESTART if one could not start."""
        self.start()
        while self.step(3600.0):
            pass
        self.close()
        return RESTART if self._failed else 0

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._old_mask)

    def step(self, longest: float) -> bool:
        """Wait for whatever comes first, and act on it; False once all workers have ended."""
        now = time.monotonic()
        wait = max(0.0, min(longest, _NAP, self._next_moment() - now))
        received = signal.sigtimedwait(self._handled, wait)
        # Python gives us what happens to lie in memory if we stood still until the time was over.
        if received is not None and received.si_signo in self._handled:
            self.signaled(received.si_signo)
        self._reap()
        self._stop_hung()
        self._start_due()
        if self._halt_at is not None and time.monotonic() >= self._halt_at:
            self._halt_at = None
            self._tell(_HALT)
        return not all(slot.ended for slot in self._slots)

    def signaled(self, number: int) -> None:
        """TERM, INT and HUP drain; the second time, and QUIT, they stop the jobs."""
        if number == signal.SIGCHLD:
            return
        if number == ORPHANED:
            self._draining = True
            self._tell(ORPHANED)
            return
        if self._draining or number == signal.SIGQUIT:
            log.info("stopping the jobs and giving them back")
            self.halt()
        else:
            log.info("the workers finish their jobs and end; the next signal gives the jobs back")
            self.drain()

    def drain(self) -> None:
        """Let every worker finish its job and end."""
        self._draining = True
        if self._grace is not None:
            self._halt_at = time.monotonic() + self._grace
        self._tell(_DRAIN)

    def halt(self) -> None:
        """Let every worker stop its job, give it back, and end."""
        self._draining = True
        self._tell(_HALT)

    @property
    def interrupted(self) -> bool:
        """Whether the workers were told to end."""
        return self._draining

    def _tell(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, number)
            else:
                slot.ended = True

    def _fork(self, slot: _Slot) -> None:
        slot.restarts += 1
        guard = Guard(self._lease, restarts=slot.restarts)
        parent = os.getpid()
        slot.pid = os.fork()
        if slot.pid == 0:
            self._be_worker(guard, parent)
        slot.guard, slot.started, slot.ended = guard, time.monotonic(), False

    def _be_worker(self, guard: Guard, parent: int) -> None:
        """In the child; never returns."""
        status = 1
        try:
            # A group of its own: what the terminal sends (Ctrl-C, Ctrl-Z) is for the supervisor. A
            # worker that stood still would lose its lease while its job goes on.
            os.setpgid(0, 0)
            tree.become_subreaper()
            # The job's thread waits for the others at every system call; 5 ms would be too long.
            sys.setswitchinterval(_SWITCH)
            die_with_parent(ORPHANED, parent)
            _collect_garbage_early()
            worker = self._make(guard)
            for number in (_DRAIN, signal.SIGTERM):
                signal.signal(number, lambda *_: worker.drain())
            signal.signal(_HALT, lambda *_: worker.halt())
            signal.signal(ORPHANED, lambda *_: worker.orphaned())
            _let_jobs_have_their_signals()
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            status = worker.run()
        except WmctlError as error:
            log.error("%s%s", error.message, f"; {error.hint}" if error.hint else "")
            status = CANNOT_START
        except BaseException:
            log.exception("the worker broke")
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()  # what a plugin printed
            logging.shutdown()
            os._exit(status)

    def _reap(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if pid:
                self._ended(slot, os.waitstatus_to_exitcode(status))

    def _ended(self, slot: _Slot, code: int) -> None:
        """A worker is gone: what its jobs left must not go on while others run them again."""
        pid, slot.pid = slot.pid, 0
        killed = tree.kill_descendants({other.pid for other in self._slots if other.pid})
        if code == 0 or self._draining or (code == CANNOT_START and self._once):
            slot.ended = True
            self._failed |= code == CANNOT_START
            return
        if code == RESTART:
            log.info("worker process %d ended to be started anew", pid)
        elif code != CANNOT_START:
            how = f"ended with {code}" if code >= 0 else f"was killed by signal {-code}"
            log.warning("worker process %d %s; %d processes of its jobs killed", pid, how, killed)
        lived = time.monotonic() - slot.started
        # One that wants to start anew may do so at once, but not again and again.
        slot.failures = 0 if lived > _TOO_SOON else slot.failures + 1
        pause = min(2.0 ** (slot.failures - 1), _LONGEST_PAUSE) if slot.failures > 1 else 0.0
        slot.start_at = time.monotonic() + pause

    def _start_due(self) -> None:
        for slot in self._slots:
            if not slot.pid and not slot.ended and time.monotonic() >= slot.start_at:
                try:
                    self._fork(slot)
                except OSError as error:  # no process, no memory: the other workers go on
                    log.error("cannot start a worker: %s", error)
                    slot.start_at = time.monotonic() + _TOO_SOON

    def _stop_hung(self) -> None:
        """Kill the jobs of a worker whose lease can no longer be relied upon."""
        for slot in self._slots:
            guard = slot.guard
            if not slot.pid or guard is None or not guard.overdue():
                continue
            if slot.stopped_for != guard.deadline:
                log.error("worker process %d gave no sign of life; its job is stopped", slot.pid)
            elif time.monotonic() < slot.stop_again:
                continue
            slot.stopped_for = guard.deadline
            pid = slot.pid
            guard.stop(lambda pid=pid, guard=guard: _stop_jobs(pid, guard))  # type: ignore[misc]
            slot.stop_again = time.monotonic() + _AGAIN

    def _next_moment(self) -> float:
        """When something is due by itself, on the monotonic clock."""
        moments = [float("inf") if self._halt_at is None else self._halt_at]
        now, boot = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
        for slot in self._slots:
            if slot.pid and slot.guard is not None:
                left = slot.guard.deadline - boot
                moments.append(now + left if left > 0 else max(slot.stop_again, now))
            elif not slot.ended:
                moments.append(slot.start_at)
        return min(moments)


def _stop_jobs(pid: int, guard: Guard) -> int:
    """Unless the worker beat before it could see that this begins: it may have claimed a job."""
    return tree.kill_tree(pid, keep_root=True) if guard.overdue() else 0


def _collect_garbage_early() -> None:
    """A command collects late, since it ends soon; a worker would let ten megabytes pile up.

    What the supervisor had is not looked at again, and so stays shared with it.
    """
    gc.freeze()
    gc.set_threshold(700, 10, 10)


def _let_jobs_have_their_signals() -> None:
    """INT and HUP are for the supervisor, which passes them on; jobs get all signals as usual.

    What is ignored stays ignored in the programs that one starts, a handler does not.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have the kernel send us this signal when the supervisor is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)  # it went before we asked
