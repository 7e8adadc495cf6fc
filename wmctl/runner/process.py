"""Starting a job's process, following it to its end, and leaving nothing of it behind.

The only module that starts processes of jobs. It writes what they write to the job's log, holds
them to their limits, and ends whole trees: whatever the process started, wherever it went.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wmctl.runner import tree
from wmctl.runner.exit import Exit
from wmctl.runner.family import STARTING, Family
from wmctl.runner.log import LogFile
from wmctl.runner.proc import Proc
from wmctl.runner.stop import Stop

if TYPE_CHECKING:
    from wmctl.runner.base import Plan

__all__ = ["Limits", "Stop", "run"]

#: Read at once; a pipe holds 64 KiB until it proves busy, then PIPE.
CHUNK = 256 << 10
PIPE = 1 << 20
#: A running job's dead orphans are collected this often.
_HOUSEKEEPING = 5.0
#: What is on its way out when the job's process ends gets so long before it counts as left behind.
_ON_THE_WAY = 0.05


@dataclass(frozen=True)
class Limits:
    """What a process is held to. Times in seconds."""

    timeout: float | None
    #: What is limited, for the lines in the log: "the job", "the build".
    label: str
    #: Between TERM and KILL.
    grace: float = 10.0
    #: How long, after the process has ended, children that still hold its output may go on.
    linger: float = 2.0
    #: The kernel's out-of-memory killer takes the job before the worker; None leaves it alone.
    oom_score_adj: int | None = 1000


def run(plan: "Plan", *, folder: Path, log: LogFile, limits: Limits, stop: Stop) -> Exit:
    """Start what was planned and see it through; when this returns, nothing of it is left.

    That is only so in a process that is a subreaper (`tree.become_subreaper`); elsewhere a child
    that forks twice escapes. Raises OSError if this machine cannot start any process now.
    """
    log.begin()
    if stop.why:
        return Exit(None, signal.SIGTERM, killed=stop.why)
    cwd = os.fspath(plan.cwd or folder)
    try:
        process = _Process(plan, cwd, log, limits, stop)
    except (OSError, ValueError) as problem:
        code, text = _refusal(problem, plan.argv[0] if plan.argv else "", cwd)
        log.line(text)
        return Exit(code)
    try:
        return process.follow()
    finally:
        process.close()


def _refusal(problem: OSError | ValueError, program: str, cwd: str) -> tuple[int, str]:
    """The exit code and the line for a process that could not be started, as a shell has them."""
    if isinstance(problem, ValueError):
        return 126, f"{program or 'the job'}: cannot be started: {problem}"
    number = problem.errno
    if number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        raise problem  # nobody's fault but this machine's
    reason = os.strerror(number) if number else str(problem)
    if problem.filename == cwd:
        return 126, f"cannot enter the folder {cwd} on {socket.gethostname()}: {reason}"
    if number == errno.ENOENT and "/" in program and os.path.exists(os.path.join(cwd, program)):
        return 127, f"{program}: the interpreter its first line names is not there"
    if number == errno.ENOENT:
        return 127, f"{program}: no such program"
    return 126, f"{program}: cannot be started: {reason}"


class _Process:
    """One started process, its pipes, and everything below it."""

    def __init__(self, plan: "Plan", cwd: str, log: LogFile, limits: Limits, stop: Stop) -> None:
        self.log, self.limits, self.stop = log, limits, stop
        self.clean = False
        #: Why wmctl killed it; None as long as no signal was sent to it alive.
        self.killed: str | None = None
        self.poll = select.poll()
        self.family = Family(plan.env.get("WM_JOB_ID"))
        with STARTING:
            self.popen, self.pipes = _start(plan, cwd)
            self.family.began(self.popen.pid)
        self.deadline = time.monotonic() + limits.timeout if limits.timeout is not None else None
        self.wake = self.pidfd = -1
        try:
            self._watch()
        except BaseException:
            self.close()
            raise

    def _watch(self) -> None:
        if self.limits.oom_score_adj is not None:
            _set_oom_score(self.popen.pid, self.limits.oom_score_adj)
        self.pidfd = os.pidfd_open(self.popen.pid)
        self.wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        for fd in (self.pidfd, self.wake, *self.pipes):
            self.poll.register(fd, select.POLLIN)
        self.stop.attach(self._told)

    # -- from start to end

    def follow(self) -> Exit:
        """Wait for the end, or bring it about; then clean up."""
        why = self._wait()
        if why:
            self._end(why)
        else:
            self._linger()
            self._sweep()
        self._drain()
        self.clean = True
        code = self.popen.returncode if self.family.ended else -signal.SIGKILL
        return Exit(
            code if code >= 0 else None,
            -code if code < 0 else None,
            killed=self.killed,
            limit=self.limits.timeout if self.killed == "timeout" else None,
            tail=self.log.tail(),
        )

    def _wait(self) -> str | None:
        """None when it ended by itself; else why it has to."""
        tidy = time.monotonic() + _HOUSEKEEPING
        while not self.family.ended:
            now = time.monotonic()
            if self.stop.why:
                return self._still_alive(self.stop.why)
            if self.deadline is not None and now >= self.deadline:
                return self._still_alive("timeout")
            if now >= tidy:
                self.family.reap()
                tidy = now + _HOUSEKEEPING
            self._pump(min(tidy, self.deadline or tidy) - now)
        return self.killed

    def _still_alive(self, why: str) -> str | None:
        """An end that came first counts, not the request that came too late to change it."""
        if _readable(self.pidfd):
            self._leader_ended()
            return self.killed
        self.killed = why
        return why

    def _end(self, why: str) -> None:
        """TERM to all, KILL after the grace time to what is left; at once if the claim is lost."""
        if why != "lost":
            tree.terminate(self.family.find)
            self.log.line(_reason(why, self.limits))
            if self._grace():
                return
        killed = tree.kill_all(self.family.find)
        until = time.monotonic() + tree.PATIENCE
        while not self.family.ended and time.monotonic() < until:
            self._pump(until - time.monotonic())
        self._drain()
        self.family.reap()
        if self.stop.why == "lost":
            self.killed = "lost"
            self.log.line(_reason("lost", self.limits))
        else:
            self.log.line(f"not ended {self.limits.grace:g} s after being asked to: killed")
        self._tell_unkillable(killed.left)

    def _grace(self) -> bool:
        """Go on reading until all have ended (True), or the time is over."""
        until = time.monotonic() + self.limits.grace
        look = 0.0
        while (now := time.monotonic()) < until and self.stop.why != "lost":
            if self.family.ended and now >= look:
                if not self.family.left():
                    return True
                look = now + 0.05
            self._pump(min(until, look if self.family.ended else until) - now)
        return self.family.ended and not self.family.left()

    def _linger(self) -> None:
        """Children may still be writing: read on until nobody holds the pipes."""
        until = time.monotonic() + self.limits.linger
        while self.pipes and not self.stop.why and (left := until - time.monotonic()) > 0:
            self._pump(left)

    def _sweep(self) -> None:
        """End what the process left behind, and say so: it may have been meant to stay."""
        left = self.family.left()
        if left:
            tree.await_end(left, _ON_THE_WAY)
            left = self.family.left()
        if not left:
            return
        killed = tree.kill_all(self.family.find)
        self._drain()
        self.family.reap()
        if killed.gone:
            self.log.line(f"ended what {self.limits.label} left running: {_names(killed.gone)}")
        self._tell_unkillable(killed.left)

    def _tell_unkillable(self, left: list[Proc]) -> None:
        if left:
            self.log.line(f"cannot be killed: {_names(left)}")

    def close(self) -> None:
        """Whatever happened: kill what is left, forget the process, give back what it took."""
        self.stop.detach(self._told)
        if not self.clean:
            tree.kill_all(self.family.find)
            self.family.reap()
        if not self.family.ended and (self.pidfd < 0 or _readable(self.pidfd)):
            self._leader_ended()
        if not self.family.ended:
            self.popen.returncode = -signal.SIGKILL  # it hangs in the kernel; not waited for
        self.family.forget()
        for fd in (*self.pipes, self.pidfd, self.wake):
            if fd >= 0:
                os.close(fd)

    # -- events

    def _told(self, why: str) -> None:
        """Called by `Stop` in any thread, but never after `close`."""
        if why == "lost":
            if not self.family.ended and not _readable(self.pidfd):
                self.killed = why
            tree.kill_all(self.family.find)
        os.eventfd_write(self.wake, 1)

    def _pump(self, timeout: float) -> None:
        """Handle what happens within `timeout`: output, the end, a request."""
        for fd, _ in self.poll.poll(max(0.0, timeout) * 1000):
            if fd == self.pidfd:
                self._leader_ended()
            elif fd == self.wake:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
                self._pass_signals()
            else:
                self._read(fd)

    def _pass_signals(self) -> None:
        """Send what was asked for to the whole tree, and say so."""
        for name, by in self.stop.signals():
            number = tree.signal_number(name)
            sent = number is not None and tree.send(self.family.find, number)
            what = f"signal {name} from {by}" if by else f"signal {name}"
            self.log.line(what if sent else f"{what} could not be sent")

    def _read(self, fd: int) -> bool:
        """Pass one piece of output on; False if there is none now."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.poll.unregister(fd)
            del self.pipes[fd]
            os.close(fd)
            return False
        if len(data) == 64 << 10:  # it fills its pipe: fewer and longer turns
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE)
        self.log.write(data, error=self.pipes[fd])
        return True

    def _drain(self) -> None:
        """Read what is in the pipes; bounded, for someone out of reach may be writing still."""
        for fd in list(self.pipes):
            for _ in range(2 * PIPE // CHUNK):
                if not self._read(fd):
                    break

    def _leader_ended(self) -> None:
        self.family.ended = True  # first: from here on the pid may be somebody else's
        if self.pidfd >= 0:
            with contextlib.suppress(KeyError):
                self.poll.unregister(self.pidfd)
        self.popen.wait()


def _start(plan: "Plan", cwd: str) -> tuple[subprocess.Popen[bytes], dict[int, bool]]:
    """Start the process; also our ends of its pipes, each with whether it is standard error."""
    if not plan.argv:
        raise ValueError("no program is named")
    pipes: dict[int, bool] = {}
    theirs: list[int] = []
    try:
        for error in (False, True) if plan.split else (False,):
            ours, other = os.pipe2(os.O_CLOEXEC)
            pipes[ours] = error
            theirs.append(other)
            os.set_blocking(ours, False)
        popen = subprocess.Popen(
            list(plan.argv),
            stdin=subprocess.DEVNULL,
            stdout=theirs[0],
            stderr=theirs[1] if plan.split else subprocess.STDOUT,
            cwd=cwd,
            env=dict(plan.env),
            umask=-1 if plan.umask is None else plan.umask,
            start_new_session=True,
        )
    except BaseException:
        for fd in pipes:
            os.close(fd)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return popen, pipes


def _set_oom_score(pid: int, score: int) -> None:
    """Of a process and of what it has started by now; what is started from now on inherits it."""
    pending = [str(pid)]
    for each in pending:  # which grows
        with contextlib.suppress(OSError):
            _write_score(f"/proc/{each}/oom_score_adj", score)
            fd = os.open(f"/proc/{each}/task/{each}/children", os.O_RDONLY | os.O_CLOEXEC)
            try:
                pending += os.read(fd, 65536).decode("ascii").split()
            finally:
                os.close(fd)


def _write_score(path: str, score: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"%d" % score)
    finally:
        os.close(fd)


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _reason(why: str, limits: Limits) -> str:
    if why == "timeout":
        return f"{limits.label} has run for {limits.timeout:g} s, its limit: asked to end"
    if why == "lost":
        return f"this worker lost its claim: {limits.label} was killed"
    cause = {"canceled": "canceled", "stopped": "the worker is stopping"}.get(why, why)
    return f"{cause}: {limits.label} was asked to end"


def _names(procs: Iterable[Proc]) -> str:
    names = Counter("".join(c for c in proc.name if c.isprintable()) for proc in procs)
    parts = [name if count == 1 else f"{count} x {name}" for name, count in names.most_common(5)]
    return ", ".join([*parts, "..."] if len(names) > 5 else parts)
