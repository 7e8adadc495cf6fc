"""The hooks: their names, their parameters, and when each one is called.

An implementation has the hook's name, is marked with `hookimpl` and may leave out parameters. It
may be a module's function or an object's method. docs/reference/hooks.md has an example for each.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pluggy

from wmctl.plugin.marks import PROJECT
from wmctl.runner.base import Runner
from wmctl.runner.outcome import Outcome
from wmctl.spool.job import Job

hookspec = pluggy.HookspecMarker(PROJECT)


class RegisterRunner(Protocol):
    """Takes one runner; may be called several times."""

    def __call__(self, runner: Runner) -> None:
        """Register it."""


class RegisterCommand(Protocol):
    """Takes one command: its name, a line of help, and a function that returns the command.

    The loader is called only when the command is used. It returns a function whose annotated
    parameters become options and arguments, as typer reads them, or a `typer.Typer`.
    """

    def __call__(self, name: str, help: str, loader: Callable[[], Any]) -> None:
        """Register it."""


class WorkerInfo(Protocol):
    """What an observer may know about a worker."""

    @property
    def name(self) -> str:
        """`wk-<group>-<host>-<5 random>`; never used twice."""

    @property
    def group(self) -> str:
        """The worker group it belongs to."""

    @property
    def tags(self) -> Sequence[str]:
        """The tags it serves, in the order of its preference."""


class JobInfo(Protocol):
    """What an observer may know about a job in hand. A `RunContext` is one."""

    @property
    def id(self) -> str:
        """The whole id."""

    @property
    def tag(self) -> str:
        """The tag it was queued under."""

    @property
    def attempt(self) -> int:
        """1 for the first start."""

    @property
    def worker(self) -> str:
        """The name of the worker that runs it."""

    @property
    def job(self) -> Job:
        """The job as it was submitted; not to be changed."""


@hookspec
def wmctl_register_runners(register: RegisterRunner) -> None:
    """Tell which runners the plugin brings: `register(MyRunner())` for each.

    When: once per process, the first time a runner is looked for; not at all in commands that
    need none. Must be quick: start nothing, look for no tool (that is `Runner.health`).
    """


@hookspec
def wmctl_register_commands(register: RegisterCommand) -> None:
    """Tell which commands the plugin adds to the command line.

    When: once per process, but only for `wmctl --help`, an unknown command, `plugin ls` and
    `doctor`; so a plugin costs nothing where wmctl's own commands run.
    """


@hookspec
def wmctl_worker_start(worker: WorkerInfo) -> None:
    """Observe: a worker is about to look for its first job.

    When: once per worker, in the worker's own process, after it has joined the spool.
    """


@hookspec
def wmctl_worker_stop(worker: WorkerInfo) -> None:
    """Observe: a worker has finished its last job and leaves.

    When: at most once per worker; not after `kill -9` or a power cut.
    """


@hookspec
def wmctl_job_start(job: JobInfo) -> None:
    """Observe: a job has been claimed and is about to run.

    When: once per attempt, before its runner is asked for a plan. The job waits until all
    observers have returned.
    """


@hookspec
def wmctl_job_end(job: JobInfo, outcome: Outcome) -> None:
    """Observe: a job's attempt is over.

    When: at most once per attempt, after its outcome has been published and is durable; not for an
    attempt whose worker was lost, or whose job had meanwhile been given to another worker.
    """
