"""What a worker is started with: plain values, resolved by the command line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wmctl.runner.base import RunContext, Runner
from wmctl.runner.outcome import Outcome
from wmctl.runner.tools import Tools
from wmctl.spool import Job, Name
from wmctl.spool.broom import Retention

if TYPE_CHECKING:
    from wmctl.worker.live import Configuration


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """Durations in seconds, sizes in bytes."""

    group: str = "default"
    #: Tag -> rank: a tag of a higher rank comes first whatever the jobs' priorities.
    tags: Mapping[str, int]
    #: Claim nothing but this job and what has it as its root.
    only: str | None = None
    #: End when nothing that is due is left.
    burst: bool = False
    max_jobs: int | None = None
    max_idle: float | None = None
    #: The longest that any job may run.
    timeout: float = 604800.0
    #: Between TERM and KILL for a job that is to stop.
    kill_grace: float = 10.0
    keep_job_dir: bool = False
    log_cap: int = 16 << 20
    oom_score_adj: int | None = 1000
    #: The worker's own environment, of which jobs get an allow list.
    environ: Mapping[str, str] = field(default_factory=dict)
    allow: Sequence[str] = ()
    tools: Tools
    #: Build-once folders of all workers of this user.
    cache: Path
    #: Job folders and locks: local, of this user alone.
    work: Path
    runners: Mapping[str, Runner]
    #: MalformedJob for a job that must not run here (rules of tags and workspaces).
    check: Callable[[Name, Job], None] = lambda _name, _job: None
    #: Why nothing may be claimed now (those rules cannot be read); None: something may.
    hindrance: Callable[[], str | None] = lambda: None
    #: Reads the configuration of the worker's groups as it is now; None: it is what stands here.
    configure: Callable[[], "Configuration"] | None = None
    #: How long finished jobs are kept; None: as `spool.json` says. Read anew for each prune.
    retention: Callable[[], Retention | None] = lambda: None
    version: str = ""


@dataclass(frozen=True)
class WorkerInfo:
    """What observers are told about a worker."""

    name: str
    group: str
    tags: tuple[str, ...]


class Observers(Protocol):
    """Who is told what happens; none of them can harm a job."""

    def worker_start(self, worker: WorkerInfo) -> None:
        """A worker has joined its spool."""

    def worker_stop(self, worker: WorkerInfo) -> None:
        """A worker has left its spool."""

    def job_start(self, job: RunContext) -> None:
        """A job is about to start."""

    def job_end(self, job: RunContext, outcome: Outcome) -> None:
        """A job's end is published and durable."""


class NoObservers:
    """Nobody listens."""

    def worker_start(self, worker: WorkerInfo) -> None:
        """Nothing."""

    def worker_stop(self, worker: WorkerInfo) -> None:
        """Nothing."""

    def job_start(self, job: RunContext) -> None:
        """Nothing."""

    def job_end(self, job: RunContext, outcome: Outcome) -> None:
        """Nothing."""
