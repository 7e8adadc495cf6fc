"""Options that several commands share, so that they look and mean the same everywhere."""

from collections.abc import Callable
from typing import Annotated

import typer

from wmctl.cli.exits import UsageError
from wmctl.config.values import positive
from wmctl.errors import BadInput

SpoolOption = Annotated[
    str | None, typer.Option("--spool", metavar="FOLDER", help="The spool [env: WMCTL_SPOOL].")
]
Output = Annotated[
    str, typer.Option("-o", "--output", metavar="FORMAT", help="table, json, jsonl, tsv or id.")
]
Facts = Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="table or json.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Leave out what is only for people.")]
RunQuiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="Show a script's log only if it fails. The output of a command is always shown.",
    ),
]
JobId = Annotated[
    str, typer.Argument(metavar="ID", help="The whole id, or a unique ending or beginning of it.")
]
JobIds = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids as ps shows them; - reads them from stdin."),
]
WaitTimeout = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Wait no longer; exit 75, the job goes on."),
]

# What a job is made from: submit and run.

File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A script; its ending says the language. - is stdin."),
]
Code = Annotated[
    str | None, typer.Option("-c", "--code", metavar="CODE", help="The script itself.")
]
Language = Annotated[
    str | None, typer.Option("-l", "--lang", metavar="LANG", help="bash, python3, deno, go, …")
]
Arg = Annotated[
    list[str] | None,
    typer.Option("-a", "--arg", metavar="K=V", help="k=text, k:=json, k=@file or k:=@file."),
]
Data = Annotated[
    str | None,
    typer.Option("-d", "--data", metavar="JSON", help="All args: a JSON object, @file or @-."),
]
Each = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|-", help="One job a line: a JSON object is args, a plain line the first arg."
    ),
]
Tag = Annotated[
    str | None, typer.Option("-t", "--tag", help="Which workers run it [default: the language's].")
]
Priority = Annotated[
    int, typer.Option("-p", "--priority", min=0, max=100, help="0 to 100; higher goes first.")
]
Timeout = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Stop the job after 90, 90s, 10m, 1h30m.")
]
Workspace = Annotated[
    str | None, typer.Option(metavar="ID", help="The workspace [env: WMCTL_WORKSPACE].")
]
JobName = Annotated[str | None, typer.Option("-N", "--name", help="A name for people.")]
Folder = Annotated[
    str | None,
    typer.Option("-C", "--cwd", metavar="FOLDER", help="Where a command runs [default: here]."),
]
EnvAll = Annotated[bool, typer.Option("--env-all", help="A command gets all of your variables.")]
NoCheck = Annotated[
    bool, typer.Option("--no-check", help="Queue it even if it does not parse or args do not fit.")
]

FORMATS = ("table", "json", "jsonl", "tsv", "id")


def check_format(format: str, *allowed: str) -> None:
    """UsageError for an output format that the command does not have."""
    known = allowed or FORMATS
    if format not in known:
        raise UsageError(f"there is no output format {format!r}", hint=f"use {', '.join(known)}")


def checked(text: str | None, option: str, check: Callable[[str], object]) -> None:
    """UsageError that names the option whose text is no such value; None is not given."""
    try:
        if text is not None:
            check(text)
    except BadInput as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def seconds(text: str, option: str) -> float:
    """The seconds of a duration given as an option."""
    try:
        return positive(text)
    except BadInput as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None
