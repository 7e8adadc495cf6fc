"""One job, run here and now: no spool, no worker, but the real process, limits and log."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wmctl.runner import process
from wmctl.runner.base import DirectRunner, Plan, ProcessRunner, RunContext
from wmctl.runner.environment import job_environment
from wmctl.runner.exit import Exit
from wmctl.runner.log import LogFile
from wmctl.runner.outcome import Outcome
from wmctl.runner.stop import Stop
from wmctl.runner.tools import Tools
from wmctl.spool import strict
from wmctl.spool.ids import new_id
from wmctl.spool.job import Job


class Ran(NamedTuple):
    """What became of the job."""

    outcome: Outcome
    log: str


def run_job(
    runner: ProcessRunner | DirectRunner,
    code: str = "",
    args: Mapping[str, Any] | None = None,
    *,
    job: Job | None = None,
    environ: Mapping[str, str] | None = None,
    allow: frozenset[str] = frozenset(),
    timeout: float | None = 120.0,
    tools: Tools | None = None,
    cache: Path | None = None,
    stop: Stop | None = None,
    watch: Callable[[Path], None] | None = None,
) -> Ran:
    """Run `code` (or `job`) with `args`; `environ` stands for the worker's environment.

    `watch` is called with the job's folder before anything starts. Caches live as long as this
    call, unless `cache` is given.
    """
    with tempfile.TemporaryDirectory(prefix="wmctl-inline-") as name:
        root = Path(name)
        folder = root / "job"
        (folder / "shared").mkdir(parents=True, mode=0o700)
        folder.chmod(0o700)
        if watch:
            watch(folder)
        host = os.environ if environ is None else environ
        made = job or Job(language=runner.name, code=code, args=args or {})
        log_path = root / "log"
        run = _Run(made, folder, log_path, stop or Stop(), timeout)
        try:
            ctx = run.context(runner, cache or root / "cache", tools, host, allow)
            outcome = run.outcome(runner, ctx)
        finally:
            run.log.close()
        return Ran(outcome, log_path.read_text(encoding="utf-8", errors="replace"))


class _Run:
    """What the parts of one run share."""

    def __init__(
        self, job: Job, folder: Path, log_path: Path, stop: Stop, timeout: float | None
    ) -> None:
        self.job, self.folder, self.stop = job, folder, stop
        self.limits = process.Limits(timeout=timeout, label="the job", grace=0.5)
        self.log = LogFile(_log(log_path), lambda: _log(log_path.with_suffix(".err")))

    def context(
        self,
        runner: ProcessRunner | DirectRunner,
        cache: Path,
        tools: Tools | None,
        host: Mapping[str, str],
        allow: frozenset[str],
    ) -> RunContext:
        """The context as a worker would make it, with `args.json` written."""
        (self.folder / "args.json").write_text(strict.dumps(dict(self.job.args)), encoding="utf-8")
        job_id = new_id()
        return RunContext(
            job=self.job,
            id=job_id,
            tag=runner.tag,
            attempt=1,
            args=self.job.args,
            code=self.job.code or "",
            make_folder=lambda: self.folder,
            cache=cache / runner.name,
            env=job_environment(
                self.job,
                id=job_id,
                tag=runner.tag,
                attempt=1,
                worker="wk-default-test-00000",
                group="default",
                host_env=host,
                allow=allow,
            ),
            tools=tools or Tools.from_environment(host),
            worker="wk-default-test-00000",
            execute=self.execute,
            log=self.log.line,
        )

    def execute(self, plan: Plan) -> Exit:
        """Start what was planned, under the job's limits."""
        return process.run(
            plan, folder=self.folder, log=self.log, limits=self.limits, stop=self.stop
        )

    def outcome(self, runner: ProcessRunner | DirectRunner, ctx: RunContext) -> Outcome:
        """Plan and execute, or let the runner do it."""
        if not isinstance(runner, ProcessRunner):
            return runner.run(ctx)
        plan = runner.plan(ctx)
        return plan.outcome(self.execute(plan)) if isinstance(plan, Plan) else plan


def _log(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
