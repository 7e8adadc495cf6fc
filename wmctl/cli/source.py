"""Where a job's code comes from: FILE, `-c CODE -l LANG`, `-` with `-l`, or `-- CMD…`.

The code is read now: the job is a snapshot of it. Nothing here knows a language; runners do.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from wmctl.cli import inputs
from wmctl.cli.exits import NoSuchFile, UsageError
from wmctl.cli.output import safe
from wmctl.cli.tables import shortened
from wmctl.plugin import Job, Runner
from wmctl.plugin.manager import Plugins

#: What a plain command keeps of the submitter's environment (and LC_*).
_KEPT = ("PATH", "HOME", "LANG", "TZ", "VIRTUAL_ENV")
_NAME = 80
_CODE_NAME = 40
#: What people say; jobs bear the runners' own names.
_ALIASES = {"python": "python3", "typescript": "deno", "shell": "bash", "golang": "go"}


class Given(NamedTuple):
    """What the command line says about the source."""

    file: str | None
    code: str | None
    language: str | None
    #: The words after `--`.
    command: list[str] | None
    folder: str | None = None
    env_all: bool = False


class Source(NamedTuple):
    """A job without its args, and the runner that will run it."""

    job: Job
    runner: Runner

    @property
    def code(self) -> str:
        """The script's text; "" of a command."""
        return self.job.code or ""


def read_source(given: Given, plugins: Plugins) -> Source:
    """The job that the command line names."""
    ways = [given.file is not None, given.code is not None, given.command is not None]
    if sum(ways) != 1:
        raise UsageError(
            "give one source: FILE, -c CODE -l LANG, - (standard input) -l LANG, or -- COMMAND…"
            if not any(ways)
            else "FILE, -c CODE and -- COMMAND exclude each other"
        )
    if given.command is not None:
        return _command(given, given.command, plugins)
    if given.folder is not None or given.env_all:
        raise UsageError(
            "-C and --env-all are for commands (-- COMMAND); a script runs in its own folder"
        )
    if given.code is not None:
        return _script(given.code, _first_line(given.code), _language(given, "-c CODE"), plugins)
    return _file(given, given.file or "", plugins)


def _file(given: Given, path: str, plugins: Plugins) -> Source:
    if path == "-":
        language = _language(given, "standard input")
        code = inputs.text_of(inputs.read_stdin("the script"), "the script")
        return _script(code, "-", language, plugins)
    # The ending first: an unknown one is the better message, and needs no read.
    if not os.path.lexists(path):
        raise NoSuchFile(
            f"there is no file {path}", hint="a command is run with: wmctl run -- COMMAND…"
        )
    language = given.language or ("" if os.path.isdir(path) else plugins.runner_for_file(path).name)
    code = inputs.text_of(inputs.read_file(path, "script"), f"script {path}")
    return _script(code, os.path.basename(path), language, plugins)


def _first_line(code: str) -> str:
    """What people recognise a script by that has no name."""
    lines = (line.strip() for line in code.splitlines())
    return shortened(safe(next(filter(None, lines), "-c")), _CODE_NAME)


def _script(code: str, name: str, language: str, plugins: Plugins) -> Source:
    runner = plugins.runner_for_language(_ALIASES.get(language, language))
    return Source(Job(language=runner.name, code=code, name=name), runner)


def _language(given: Given, what: str) -> str:
    if given.language is None:
        raise UsageError(
            f"{what} needs a language", hint="add -l bash, -l python3, -l deno or -l go"
        )
    return given.language


def _command(given: Given, words: list[str], plugins: Plugins) -> Source:
    if not words:
        raise UsageError("there is no command after --")
    if given.language is not None:
        raise UsageError("-l is for scripts; a command after -- has no language")
    job = Job(
        kind="command",
        argv=tuple(words),
        name=_shortened(words),
        cwd=_absolute(given.folder or "."),
        umask=_umask(),
        env=_environment(os.environ, everything=given.env_all),
    )
    return Source(job, plugins.runner_for_language(job.kind))


def _absolute(folder: str) -> str:
    try:
        return os.path.abspath(folder)
    except FileNotFoundError:
        raise NoSuchFile(
            "the folder that you are in is not there any more",
            hint="say where the command is to run with: -C FOLDER, a whole path",
        ) from None


def _shortened(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= _NAME else text[: _NAME - 1] + "…"


def _environment(environ: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    """Variables that are not UTF-8 cannot be written down, and are left out."""
    return {
        name: value
        for name, value in environ.items()
        if (everything or name in _KEPT or name.startswith("LC_")) and is_text(name + value)
    }


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8."""
    return text.isascii() or text.encode(errors="replace").decode() == text


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
