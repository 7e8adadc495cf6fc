"""Commands that are programs: `wmctl NAME` runs `wmctl-NAME` of PATH where wmctl has no NAME."""

import os
import shutil
from collections.abc import Sequence
from typing import NoReturn

from wmctl.cli import streams
from wmctl.cli.exits import UsageError
from wmctl.cli.session import Session
from wmctl.runner.quiet import become

_PREFIX = "wmctl-"


def program_of(name: str) -> str | None:
    """The program of a command, if there is one."""
    return None if os.sep in name or not name else shutil.which(_PREFIX + name)


def hand_over(session: Session, program: str, words: Sequence[str]) -> NoReturn:
    """Give this process to the program; it finds the same spool in WMCTL_SPOOL."""
    env = dict(os.environ)
    # A default spool that is not there yet is made by the first job; a named one is not.
    if session.has_spool:
        env["WMCTL_SPOOL"] = str(session.settings.spool)
    streams.flush()
    try:
        become([program, *words], env)
    except OSError as error:
        raise UsageError(
            f"{program} cannot be started: {error.strerror}",
            hint="a script needs a first line such as #!/bin/sh",
        ) from None


def names() -> list[str]:
    """The commands that PATH adds, for completion and suggestions."""
    found = set()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            with os.scandir(folder or ".") as items:
                found |= {item.name for item in items if item.name.startswith(_PREFIX)}
        except OSError:
            continue
    return sorted(name for item in found if program_of(name := item.removeprefix(_PREFIX)) and name)
