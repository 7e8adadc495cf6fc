"""The worker inside `wmctl run`: for its own job only, and only where nobody else would run it."""

import logging
import os
import signal
import time

from wmctl.cli import streams
from wmctl.cli.problems import problem_of
from wmctl.cli.serving import ASK_AGAIN, live, serving, start_hint, tell_unserved
from wmctl.cli.session import Session
from wmctl.cli.submission import Ready
from wmctl.spool import Entry


class Embedded:
    """At most one worker, started when the job waits and nobody serves its tag."""

    def __init__(self, session: Session, ready: Ready, *, detached: bool) -> None:
        self._session = session
        self._ready = ready
        #: True if the job must go on when this command does not wait for it any longer.
        self._detached = detached
        self._started = False
        #: Process id of the supervisor that ends with us; 0 = none.
        self._server = 0
        self._ask_at = 0.0
        self._told = False

    def consider(self, entry: Entry) -> None:
        """Called while the job waits: see whether it needs us."""
        now = time.monotonic()
        if self._started or now < self._ask_at:
            return
        self._ask_at = now + ASK_AGAIN
        if not self._needs_a_worker(entry):
            return
        problem = self._why_not(entry.name.tag)
        if problem is None:
            self._start(entry.id)
        elif not self._told:
            what, hint = problem
            tell_unserved(entry, hint, what)
            self._told = True

    def close(self) -> None:
        """Let the worker end; its job is over by now. A further Ctrl-C hurries it."""
        pid, self._server = self._server, 0
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            os.waitpid(pid, 0)
        except KeyboardInterrupt:
            os.kill(pid, signal.SIGQUIT)
            os.waitpid(pid, 0)

    def _needs_a_worker(self, entry: Entry) -> bool:
        """Whether nobody will run it: no worker serves its tag, or the one it had died."""
        spool = self._session.spool
        if entry.state == "running":
            return all(beat.worker != entry.worker for beat in live(spool)) and not serving(
                spool, entry.name.tag
            )
        return entry.state == "queued" and not serving(spool, entry.name.tag)

    def _why_not(self, tag: str) -> tuple[str, str] | None:
        """None if a job of this tag may run here; else the reason and what to do."""
        runner = self._ready.source.runner
        if tag != runner.tag:
            return (
                "it is not a language's own tag, so the job does not run on this machine",
                start_hint(tag, self._session.store),
            )
        ill = runner.health(self._session.tools)
        if ill is None:
            return None
        problem = problem_of(ill)
        return (
            problem.what,
            f"{problem.remedy}; or start a worker where it works: wmctl worker start --tags {tag}",
        )

    def _start(self, job_id: str) -> None:
        """A supervisor in a process of its own.

        This one reads the spool and writes to whoever reads us; it may hang in both, and then
        nobody would watch the lease.
        """
        from wmctl.cli import serve  # costly, rarely needed

        self._started = True
        supervisor = serve.supervisor_of(self._session, serve.Limits(only=job_id))
        streams.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._server = 0 if self._detached else pid
            return
        try:
            if self._detached:
                _leave_terminal()
            else:
                _stay_behind(parent)
            serve.log_to_stderr(logging.WARNING)
            supervisor.run()
        finally:
            os._exit(0)


def _stay_behind(parent: int) -> None:
    """What the terminal sends is for the parent; when that dies, the job is given back."""
    from wmctl.worker.supervisor import ORPHANED, die_with_parent

    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(ORPHANED, parent)


def _leave_terminal() -> None:
    """A session of its own, and none of the files that somebody may be waiting for."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
