"""Plain commands (`wmctl run -- make test`): a list of words and the submitter's surroundings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmctl.plugin import (
    BadInput,
    Exit,
    Failed,
    Outcome,
    Plan,
    RunContext,
    Tools,
    exit_outcome,
    failed,
)


class CommandRunner:
    """Runs a job's argv without a shell, in the folder it was submitted from."""

    name = "command"
    tag = "bash"
    extensions: tuple[str, ...] = ()

    def health(self, tools: Tools) -> str | None:
        """Needs nothing."""
        return None

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """A command has words and no args."""
        if args:
            raise BadInput(
                f"a command takes no args by name, and was given {', '.join(map(repr, args))}",
                hint="put them behind the command's name",
            )

    def plan(self, ctx: RunContext) -> Plan | Outcome:
        """Find the folder and the program as a shell would, and say so as a shell would."""
        job, host = ctx.job, os.uname().nodename
        folder = Path(job.cwd) if job.cwd else ctx.folder
        # os.path, for it answers where Path raises: a name too long, a folder one may not see.
        if not (os.path.isdir(folder) and os.access(folder, os.X_OK)):
            return _refused(126, f"the folder {folder} is not on host {host}, or not allowed there")
        program = _locate(job.argv[0], ctx.env.get("PATH", os.defpath), folder)
        if program is None:
            return _refused(127, f"{job.argv[0]}: command not found on host {host}")
        if os.path.isdir(program) or not os.access(program, os.X_OK):
            return _refused(
                126, f"{job.argv[0]}: not a program that can be executed on host {host}"
            )
        return Plan(
            argv=[str(program), *job.argv[1:]],
            env=ctx.env,
            cwd=folder,
            split=True,
            umask=job.umask,
            outcome=_outcome,
        )


def _locate(name: str, search_path: str, folder: Path) -> Path | None:
    """The program; one that is there but cannot be executed only if there is no other."""
    if "/" in name:
        path = folder / name
        return path if os.path.lexists(path) else None
    second = None
    for entry in search_path.split(os.pathsep) if name else []:
        path = folder / entry / name
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            second = second or path
    return second


def _refused(code: int, message: str) -> Failed:
    return failed("ExecutionErr", message, exit_code=code)


def _outcome(exit_: Exit) -> Outcome:
    """The exit code decides; what it wrote was for the terminal and is not repeated."""
    return exit_outcome(Exit(exit_.code, exit_.signal, exit_.killed, exit_.limit))
