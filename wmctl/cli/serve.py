"""From settings and plugins to a supervisor with its workers: the wiring, nothing else."""

import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from wmctl import __version__
from wmctl.cli import output
from wmctl.cli.session import Session
from wmctl.config import BUILT_IN, WorkerSettings, retention
from wmctl.config.served import Served
from wmctl.config.tagfile import of_settings
from wmctl.plugin import Runner
from wmctl.plugin.observers import Observers
from wmctl.worker.diary import Diary
from wmctl.worker.guard import Guard
from wmctl.worker.identity import work_folder
from wmctl.worker.live import Live, Sources
from wmctl.worker.options import WorkerOptions
from wmctl.worker.rules import Rules
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
    rules = Rules(
        spool.store,
        os.environ,
        (runner.tag for runner in runners.values()),
        of_settings(session.settings),
    )
    if limits.burst:
        rules.must_be_known()
    sources = _sources(session, runners, embedded=bool(limits.only))
    # Read once before there is any worker: what is wrong is told where people see it.
    served = Live(spool.store, sources).served
    for text in () if limits.only else (*served.notes, *served.differences):
        output.note(text)
    options = WorkerOptions(
        group=settings.group,
        tags=served.tags,
        configure=lambda: Live(spool.store, sources),
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
        tools=session.tools,
        cache=session.settings.cache,
        work=work_folder(os.environ),
        runners=runners,
        check=rules.check,
        hindrance=rules.hindrance,
        retention=lambda: retention.load(spool.store).retention,
        version=__version__,
    )
    spool.store.limits = not settings.disable_concurrency_limit
    observers = Observers(session.plugins)

    def make(guard: Guard) -> Worker:
        worker = Worker(spool, options, guard, observers)
        if not limits.only:
            # One that comes and goes (from cron, say) leaves no file for each time.
            diary = Diary(spool.store, worker.name, only_trouble=limits.burst)
            logging.getLogger("wmctl.worker").addHandler(diary)
        return worker

    count = 1 if limits.only else _count(settings, served)
    return Supervisor(
        make,
        count,
        spool.settings.lease,
        grace=settings.grace,
        once=limits.burst or bool(limits.only),
    )


def install_line(session: Session) -> str:
    """The command that has the same workers started at boot."""
    worker, origins = session.settings.worker, session.settings.worker.origins
    words = ["wmctl", "service", "install", *(["--system"] if os.geteuid() == 0 else [])]
    if worker.groups != ("default",):
        words += ["-g", ",".join(worker.groups)]
    if origins["count"] != BUILT_IN:
        words += ["-n", str(worker.count)]
    if worker.tags is not None:
        words += ["--tags", ",".join(worker.tags)]
    if worker.grace is not None:
        words += ["--grace", f"{worker.grace:g}s"]
    if not session.settings.spool_is_default:
        words += ["--spool", str(session.settings.spool)]
    return shlex.join([*words, "--now"])


def _count(settings: WorkerSettings, served: Served) -> int:
    """As many as were asked for; else one for each slot of their group on this host."""
    asked = settings.origins["count"] != BUILT_IN
    return settings.count if asked else max(settings.count, len(served.slots))


def _sources(session: Session, runners: Mapping[str, Runner], *, embedded: bool) -> Sources:
    """What, besides the groups' files, decides about the workers of this process."""
    ill = unhealthy(session, runners)
    well = [runner.tag for name, runner in runners.items() if name not in ill]
    missing = {runners[name].tag: problem for name, problem in ill.items()}
    return Sources(
        settings=session.settings.worker,
        runner_tags=list(dict.fromkeys([*well, *missing])),
        unable={tag: problem for tag, problem in missing.items() if tag not in well},
        embedded=embedded,
    )


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
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("wmctl")
    logger.handlers[:] = [handler]
    logger.setLevel(min(level, logging.INFO))  # a worker's own log has all
    logger.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
