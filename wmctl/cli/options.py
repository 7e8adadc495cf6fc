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
