"""prepare and run: from a claim to an outcome, in a folder of the job's own."""

import contextlib
import errno
import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from wmctl.errors import BadInput, MalformedJob, RunnerUnavailable, SpoolError
from wmctl.runner import process
from wmctl.runner.base import DirectRunner, Plan, ProcessRunner, RunContext
from wmctl.runner.environment import job_environment
from wmctl.runner.exit import Exit
from wmctl.runner.log import LogFile
from wmctl.runner.outcome import Outcome, failed
from wmctl.runner.process import Limits
from wmctl.runner.stop import Stop
from wmctl.spool import Claim, Spool
from wmctl.worker import folders
from wmctl.worker.clock import rfc3339
from wmctl.worker.options import Observers, WorkerOptions
from wmctl.worker.records import OWN_FAULT
from wmctl.worker.surroundings import Surroundings

#: What a shell says when an interpreter is not there.
NOT_FOUND = 127
#: The machine's own troubles; any other error that a runner raises is the runner's fault.
_MACHINE = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EAGAIN,
    errno.EMFILE, errno.ENFILE,
})  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """How a claim's job ended. `killed` as in `Exit`: then the outcome is not the job's own."""

    outcome: Outcome
    killed: str | None
    context: RunContext | None
    log_dropped: int


class Executor:
    """Runs claims for one worker."""

    def __init__(
        self, spool: Spool, options: WorkerOptions, worker: str, observers: Observers
    ) -> None:
        self._spool = spool
        self._options = options
        self._worker = worker
        self._observers = observers
        self._folder = options.work / worker
        self._folder.mkdir(mode=0o700, exist_ok=True)
        #: What the next job gets of the worker's group.
        self.surroundings = Surroundings(cache=options.cache)
        #: Removes a job's folder; a worker puts this off until the next job runs.
        self.dispose: Callable[[str], None] = folders.remove
        #: Whether our lease can no longer be relied upon: we may have stood still since the claim.
        self.overdue: Callable[[], bool] = lambda: False

    def run(self, claim: Claim, stop: Stop) -> Ran:
        """Run a job to its end. An OSError means that this machine cannot, whatever the job."""
        log = LogFile(
            self._spool.open_log(claim),
            lambda: self._spool.open_log_errors(claim),
            self._options.log_cap,
            sync=self._spool.syncs_files,
        )
        ends: list[Exit] = []
        context = None
        try:
            if claim.job.window and (noted := self._spool.notice(claim)):
                log.line(noted)
            with self._job_folder(claim) as make_folder:
                context = self._context(claim, make_folder, log, stop, ends)
                if not _is_direct(self._options.runners.get(claim.job.runner)):
                    _ = context.folder  # what goes wrong in making it is not the runner's fault
                self._observers.job_start(context)
                outcome = self._start(claim, context, stop)
        except MalformedJob as error:
            outcome = failed("BadJob", error.message, exit_code=OWN_FAULT)
        except OSError as error:
            if not ends:
                raise
            # It has run: whatever the machine's trouble is, it must not run a second time.
            outcome = failed("RunnerError", f"after the job ran: {error}", exit_code=OWN_FAULT)
        finally:
            log.close()
        killed = ends[-1].killed if ends else "lost" if stop.why == "lost" else None
        return Ran(outcome, killed, context, log.dropped)

    def note_answer(self, claim: Claim) -> None:
        """The log of a job that an earlier success answers."""
        earlier = claim.answer or {}
        text = (
            f"not run: job {earlier.get('cached_from')} ended in success at"
            f" {earlier.get('completed_at')}, and that is good for {claim.job.cache_ttl} s"
        )
        with contextlib.suppress(SpoolError, OSError):
            log = LogFile(
                self._spool.open_log(claim),
                lambda: self._spool.open_log_errors(claim),
                self._options.log_cap,
                sync=self._spool.syncs_files,
            )
            log.line(text)
            log.close()

    def _outcome(self, context: RunContext) -> Outcome:
        """What the job's runner makes of it; a runner that breaks breaks only this job."""
        job = context.job
        runner = self._options.runners.get(job.runner)
        if runner is None:
            known = ", ".join(sorted(self._options.runners))
            return failed(
                "NoRunner",
                f"worker {self._worker} has no runner for {job.runner!r}; it has {known}",
                exit_code=NOT_FOUND,
            )
        try:
            if _is_direct(runner):
                return cast("DirectRunner", runner).run(context)
            plan = cast("ProcessRunner", runner).plan(context)
            return plan.outcome(context.execute(plan)) if isinstance(plan, Plan) else plan
        except RunnerUnavailable as error:
            message = f"{error.message}" + (f"; {error.hint}" if error.hint else "")
            return failed("RunnerUnavailable", message, exit_code=NOT_FOUND)
        except BadInput as error:
            return failed("BadJob", error.message)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _MACHINE:
                raise
            return failed(
                "RunnerError",
                f"runner {job.runner!r} broke: {type(error).__name__}: {error}",
                exit_code=OWN_FAULT,
            )

    def _start(self, claim: Claim, context: RunContext, stop: Stop) -> Outcome:
        """Not if somebody else may have taken the job, and even run it, while we stood still."""
        if self.overdue():
            stop.request("lost")
            return failed("Lost", "the lease ran out before the job started", exit_code=OWN_FAULT)
        self._spool.note_start(claim)
        return self._outcome(context)

    @contextlib.contextmanager
    def _job_folder(self, claim: Claim) -> Iterator[Callable[[], str]]:
        """What makes the job's folder; it goes with the job, if it was made."""
        folder = f"{self._folder}/{claim.id}"
        made = False

        def make() -> str:
            nonlocal made
            made = True
            self._make_folder(folder)
            return folder

        try:
            yield make
        finally:
            if made and not self._options.keep_job_dir:
                self.dispose(folder)

    def _make_folder(self, folder: str) -> None:
        try:
            folders.make_anew(folder)
        except FileNotFoundError:  # cleaners of /tmp remove what was not used for days
            folders.private_folder(self._options.work)
            folders.private_folder(self._folder)
            folders.make_anew(folder)
        os.mkdir(f"{folder}/shared", 0o700)

    def _context(
        self, claim: Claim, make: Callable[[], str], log: LogFile, stop: Stop, ends: list[Exit]
    ) -> RunContext:
        options, job, name = self._options, claim.job, claim.name
        around = self.surroundings
        args = self._spool.args(job)
        own, limit = job.timeout, options.timeout
        limits = Limits(
            timeout=limit if own is None else min(own, limit),
            label="the job",
            grace=options.kill_grace,
            oom_score_adj=options.oom_score_adj,
        )

        @functools.cache  # for `execute` as well: the context in its own closure would be a cycle
        def make_folder() -> Path:
            folder = Path(make())
            _write_private(folder / "args.json", json.dumps(args).encode())
            return folder

        def execute(plan: Plan) -> Exit:
            folder = make_folder()
            ends.append(process.run(plan, folder=folder, log=log, limits=limits, stop=stop))
            return ends[-1]

        return RunContext(
            job=job,
            id=claim.id,
            tag=name.tag,
            attempt=name.attempt,
            args=args,
            code=self._spool.code(job),
            make_folder=make_folder,
            cache=around.cache / job.runner,
            env=job_environment(
                job, id=claim.id, tag=name.tag, attempt=name.attempt, worker=self._worker,
                group=options.group, host_env=options.environ, extra=around.variables,
                scheduled_for=rfc3339(int(name.scheduled_for.timestamp() * 1e9)),
            ),
            tools=options.tools,
            worker=self._worker,
            execute=execute,
            log=log.line,
            python_paths=around.python_paths,
            pip_local=around.pip_local,
        )  # fmt: skip


def _is_direct(runner: object) -> bool:
    """The plugin layer checked that it is one of the two; isinstance would cost 20 us a job."""
    return hasattr(runner, "run")


def _write_private(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
