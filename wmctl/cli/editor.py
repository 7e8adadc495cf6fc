"""The user's own editor, and visudo's question where what came out of it is wrong."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from wmctl.cli import output
from wmctl.errors import ConfigError
from wmctl.runner.quiet import converse


def open_editor(files: Sequence[Path], *, otherwise: str) -> None:
    """Wait until the user has closed the files; ConfigError, saying `otherwise`, if that fails."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    code = converse([*words, *map(str, files)])
    if code != 0:
        raise ConfigError(
            f"the editor {words[0]!r} ended with exit code {code}: {otherwise}",
            hint="VISUAL or EDITOR names another one",
        )


def can_ask() -> bool:
    """Whether there is somebody who could answer."""
    return sys.stdin.isatty() and output.errors_on_terminal()


def again(question: str, *, refused: str | None = None) -> bool:
    """Whether the user wants to edit again. `refused` is told to who would save it as it is."""
    while True:
        output.prompt(question)
        answer = sys.stdin.readline()
        match answer.strip():
            case "Q" if refused is not None:
                output.note(refused)
            case "" | "e" | "E":
                return bool(answer)
            case "x" | "X" | "q":
                return False
