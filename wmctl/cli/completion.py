"""`wmctl completion`: the script that a shell needs to complete wmctl's command lines."""

import os
from typing import Annotated

import typer

from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command

_SHELLS = os.path.join(os.path.dirname(__file__), "complete", "shells")
SCRIPTS = {"bash": "wmctl.bash", "zsh": "_wmctl", "fish": "wmctl.fish"}


def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """Print the script that completes wmctl's commands, options, ids and tags with TAB."""
    if shell not in SCRIPTS:
        raise UsageError(f"there is no script for {shell!r}", hint=f"use {', '.join(SCRIPTS)}")
    with open(os.path.join(_SHELLS, SCRIPTS[shell]), encoding="utf-8") as file:
        output.line(file.read().rstrip("\n"))


app = one_command(
    completion,
    'eval "$(wmctl completion bash)"   # in ~/.bashrc',
    "source <(wmctl completion zsh)    # in ~/.zshrc, after compinit",
    "wmctl completion fish > ~/.config/fish/completions/wmctl.fish",
)
