"""What a runner is: it plans, `wmctl.runner.process` executes.

A runner that starts a process implements `ProcessRunner.plan`; one that starts none (a flow, a
dependency resolver) implements `DirectRunner.run`. There is no base class to inherit from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from wmctl.runner.exit import Exit
from wmctl.runner.outcome import Outcome
from wmctl.runner.results import exit_outcome
from wmctl.runner.tools import Tools
from wmctl.spool.job import Job


@dataclass(frozen=True)
class RunContext:
    """Everything a runner may know about the job in hand."""

    job: Job
    id: str
    tag: str
    attempt: int
    #: The job's args as they are to be passed (blobs already read).
    args: Mapping[str, Any]
    #: The script's text (blob already read); "" where there is none.
    code: str
    #: Makes `folder`.
    make_folder: Callable[[], Path]
    #: The worker's build-once folder for this runner (see `wmctl.runner.cache`).
    cache: Path
    #: The job's environment, complete: allow list, WM_* variables, the job's own.
    env: Mapping[str, str]
    tools: Tools
    worker: str
    #: Starts a process of the job's (a compiler, say) under the job's limits; its output goes to
    #: the job's log.
    execute: Callable[["Plan"], Exit]
    #: Writes one line of wmctl's own to the job's log.
    log: Callable[[str], None]
    #: Where Python jobs look for modules besides, and the patterns of packages that are there and
    #: are not to be installed: both of the worker's group.
    python_paths: tuple[str, ...] = ()
    pip_local: tuple[str, ...] = ()

    @cached_property
    def folder(self) -> Path:
        """The job's own folder, mode 0700, with `args.json` and `shared/`; removed after the job.

        Made when it is first asked for: a runner that starts no process may need none.
        """
        return self.make_folder()


class Plan(NamedTuple):
    """A process to start, and how to read what it leaves."""

    argv: Sequence[str]
    #: The complete environment.
    env: Mapping[str, str]
    #: Working folder; None = the job's own folder.
    cwd: Path | None = None
    #: Two logs in one: what is written to standard error is marked as such. False joins them.
    split: bool = False
    umask: int | None = None
    #: Turns the end of the process into the job's outcome.
    outcome: Callable[[Exit], Outcome] = exit_outcome


class Runner(Protocol):
    """What every runner tells about itself. Instances hold no state of a job.

    One that can read its scripts' parameters also has `signature(code) -> Signature | None`; then
    `--each` knows the name of the first one.
    """

    @property
    def name(self) -> str:
        """The language of the scripts it runs, or the kind of job (`command`)."""

    @property
    def tag(self) -> str:
        """The tag of its jobs when the submitter names none."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """File name endings it takes, longest match wins: `(".deno.ts", ".ts")`."""

    def health(self, tools: Tools) -> str | None:
        """None if it can run jobs here; else what is missing and the command that installs it."""

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """At submit: BadInput if the code does not parse or the args do not fit its signature.

        `args` is None where only the code is to be checked. Must not run the code.
        """


@runtime_checkable
class ProcessRunner(Runner, Protocol):
    """A runner whose job is one process."""

    def plan(self, ctx: RunContext) -> "Plan | Outcome":
        """Write the job's files, build what is needed, say what to start.

        An Outcome instead of a Plan ends the job at once (a build that failed, say).
        """


@runtime_checkable
class DirectRunner(Runner, Protocol):
    """A runner that does its work in the worker itself."""

    def run(self, ctx: RunContext) -> Outcome:
        """Do the job."""
