"""From settings and plugins to a supervisor with its workers: the wiring, nothing else."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from wmctl import __version__
from wmctl.cli import output
from wmctl.cli.session import Session
from wmctl.errors import ConfigError
from wmctl.plugin import Runner
from wmctl.plugin.observers import Observers
from wmctl.worker.guard import Guard
from wmctl.worker.identity import work_folder
from wmctl.worker.options import WorkerOptions
from wmctl.worker.supervisor import Supervisor
from wmctl.worker.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When workers end by themselves."""

    burst: bool = False
    max_jobs: int | None = None
    max_idle: float | None = None
    #: Serve this one job and what belongs to it, nothing else.
    only: str | None = None


def supervisor_of(session: Session, limits: Limits) -> Supervisor:
    """A supervisor that is ready to start its workers."""
    settings, spool = session.settings.worker, session.spool
    runners = session.plugins.runners()
    options = WorkerOptions(
        group=settings.group,
        tags=dict.fromkeys(served_tags(session, runners), 0),
        only=limits.only,
        burst=limits.burst,
        max_jobs=limits.max_jobs,
        max_idle=limits.max_idle,
        timeout=settings.timeout,
        kill_grace=settings.kill_grace,
        keep_job_dir=settings.keep_job_dir,
        log_cap=settings.max_log_size,
        oom_score_adj=settings.oom_score_adj,
        environ=dict(os.environ),
        allow=settings.env,
        tools=session.tools,
        cache=session.settings.cache,
        work=work_folder(os.environ),
        runners=runners,
        version=__version__,
    )
    observers = Observers(session.plugins)

    def make(guard: Guard) -> Worker:
        return Worker(spool, options, guard, observers)

    count = 1 if limits.only else settings.count
    return Supervisor(
        make,
        count,
        spool.settings.lease,
        grace=settings.grace,
        once=limits.burst or bool(limits.only),
    )


def served_tags(session: Session, runners: Mapping[str, Runner]) -> list[str]:
    """The tags that were asked for, or all default tags, without those that cannot run here."""
    ill = unhealthy(session, runners)
    well = {runner.tag for name, runner in runners.items() if name not in ill}
    missing = {runners[name].tag: problem for name, problem in ill.items()}
    wanted = session.settings.worker.tags
    tags = list(wanted) if wanted is not None else [*well, *missing]
    for tag in tags:
        if tag in missing and tag not in well:
            output.note(f"the tag {tag!r} is not served: {missing[tag]}")
    served = list(dict.fromkeys(tag for tag in tags if tag not in missing or tag in well))
    if not served:
        raise ConfigError("there is no tag that this worker could serve", hint="see: wmctl doctor")
    return served


def unhealthy(session: Session, runners: Mapping[str, Runner]) -> dict[str, str]:
    """The runners that cannot run jobs here, and what each lacks."""
    found = {}
    for name, runner in runners.items():
        try:
            problem = runner.health(session.tools)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's code
            problem = f"its health check failed: {type(error).__name__}: {error}"
        if problem:
            found[name] = problem
    return found


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A line that cannot be written is no reason to stop, nor could Python's complaint be."""


def log_to_stderr(level: int) -> None:
    """Send wmctl's own log to people. What its libraries log is not for them."""
    handler = _Handler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("wmctl")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
