"""The worker inside `wmctl run`: for its own job only, and only where nobody else would run it."""

import logging
import os
import time
from typing import TYPE_CHECKING

from wmctl.cli import output
from wmctl.cli.follow import Follower
from wmctl.cli.serving import live, serving
from wmctl.cli.session import Session
from wmctl.cli.submission import Ready
from wmctl.spool import Entry

if TYPE_CHECKING:
    from wmctl.worker.supervisor import Supervisor

#: Seconds between looks for somebody who serves the tag.
_ASK_AGAIN = 3.0


class Embedded:
    """At most one worker, started when the job waits and nobody serves its tag."""

    def __init__(self, session: Session, ready: Ready, *, detached: bool) -> None:
        self._session = session
        self._ready = ready
        #: True if the job must go on when this command does not wait for it any longer.
        self._detached = detached
        self._started = False
        self._supervisor: Supervisor | None = None
        self._ask_at = 0.0
        self._told = False
        self._interrupted = False

    def consider(self, entry: Entry) -> None:
        """Called while the job waits: see whether it needs us."""
        now = time.monotonic()
        if self._started or now < self._ask_at:
            return
        self._ask_at = now + _ASK_AGAIN
        if not self._needs_a_worker(entry):
            return
        problem = self._why_not(entry.name.tag)
        if problem is None:
            self._start(entry.id)
        elif not self._told:
            output.note(
                f"job {entry.id} waits: no live worker serves the tag {entry.name.tag!r}, and"
                f" {problem}",
                hint=f"start a worker with: wmctl worker start --tags {entry.name.tag}",
            )
            self._told = True

    def sleep(self, seconds: float) -> None:
        """Sleep, or do the supervisor's work for so long. KeyboardInterrupt as time.sleep."""
        if self._supervisor is None:
            time.sleep(seconds)
            return
        if not self._supervisor.step(seconds):
            time.sleep(seconds)
        if self._supervisor.interrupted and not self._interrupted:
            self._interrupted = True
            raise KeyboardInterrupt

    def close(self) -> None:
        """Let the worker end; its job is over by now."""
        if self._supervisor is not None:
            self._supervisor.drain()
            while self._supervisor.step(1.0):
                pass
            self._supervisor.close()
            self._supervisor = None

    def _needs_a_worker(self, entry: Entry) -> bool:
        """Whether nobody will run it: no worker serves its tag, or the one it had died."""
        spool = self._session.spool
        if entry.state == "running":
            return all(beat.worker != entry.worker for beat in live(spool)) and not serving(
                spool, entry.name.tag
            )
        return entry.state == "queued" and not serving(spool, entry.name.tag)

    def _why_not(self, tag: str) -> str | None:
        """None if a job of this tag may run here; else the reason."""
        runner = self._ready.source.runner
        if tag != runner.tag:
            return "it is not a language's own tag, so the job does not run on this machine"
        return runner.health(self._session.tools)

    def _start(self, job_id: str) -> None:
        from wmctl.cli import serve  # costly, rarely needed

        self._started = True
        output.flush()
        if self._detached and os.fork():
            return
        if self._detached:
            _leave_terminal()
        serve.log_to_stderr(logging.WARNING)
        self._supervisor = serve.supervisor_of(self._session, serve.Limits(only=job_id))
        self._supervisor.start()
        if self._detached:
            self._serve_alone(job_id)

    def _serve_alone(self, job_id: str) -> None:
        """In a process of its own: until the job rests; never returns."""
        try:
            Follower(
                self._session.spool, self._session.spool.find(job_id), sleep=self.sleep
            ).until_rest()
        except KeyboardInterrupt:
            pass  # told to end: `close` lets the worker finish
        finally:
            self.close()
            os._exit(0)


def _leave_terminal() -> None:
    """A session of its own, and none of the files that somebody may be waiting for."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
