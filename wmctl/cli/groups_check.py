"""`wmctl group validate`: whether a group's file is right, with file, line and the nearest key."""

from typing import Annotated

import typer

from wmctl.cli import exits, inputs, output
from wmctl.cli import options as o
from wmctl.cli.group import examples
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.config import groups, shared
from wmctl.config.groups import Group
from wmctl.config.remarks import of_group
from wmctl.config.shared import Document
from wmctl.errors import BadInput, ConfigError, WmctlError
from wmctl.spool.store import Store

SCHEMA = "wmctl.validation/1"
FIELDS = ("schema", "name", "origin", "valid", "error", "hint", "remarks")


def validate(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[GROUP|FILE|-]...", help="Groups, files (with a / or .yaml), -."),
    ] = None,
    format: o.Output = "table",
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Check the files of groups.

    Of all groups where none is named. Exit 1 if one is wrong, told with file, line and the
    nearest key. A file may be anywhere, and - is stdin: so a repository's CI can check what it
    will install.
    """
    o.check_format(format)
    session = session_of(ctx, spool=spool)
    found = [_checked(session, word) for word in words or _all(session)]
    if format != "table":
        show_list(found, format, COLUMNS, key="name", ordered=True,
                  fields=FIELDS if format == "tsv" else ())  # fmt: skip
    else:
        _tell(found, quiet=quiet)
    if not all(one["valid"] for one in found):
        raise typer.Exit(exits.FAULTS)


COLUMNS = (Column("GROUP", lambda one: one["name"]),)


def _tell(found: list[Item], *, quiet: bool) -> None:
    for one in found:
        if not one["valid"]:
            output.note(one["error"], hint=one["hint"])
        elif not quiet:
            output.line(output.safe(f"{one['name']}  ok"))
        for remark in one["remarks"]:
            output.note(remark)
    if not found and not quiet:
        output.note("there is no group with a file", hint="wmctl group create GROUP makes one")


def _all(session: Session) -> list[str]:
    return shared.names(session.store, groups.FOLDER) if session.has_spool else []


def _checked(session: Session, word: str) -> Item:
    error: WmctlError | None = None
    remarks: tuple[str, ...] = ()
    origin = word
    try:
        name, document = _document(session, word)
        origin = document.origin
        remarks = of_group(groups.parse(name, document))
    except (ConfigError, BadInput) as wrong:
        error = wrong
    return {
        "schema": SCHEMA,
        "name": word,
        "origin": origin,
        "valid": error is None,
        "error": error.message if error else None,
        "hint": error.hint if error else None,
        "remarks": list(remarks),
    }


def _document(session: Session, word: str) -> tuple[str, Document]:
    """A file of ours or of the user's; what it is read from is named in messages."""
    if word == "-" or "/" in word or word.endswith((".yaml", ".yml")):
        origin = "standard input" if word == "-" else word
        return "-", Document(inputs.named(word, "the group's file"), "", origin)
    document = shared.read(session.store, groups.relative(word))
    if document is None:
        from wmctl.cli.groups_ls import no_such  # only on the way out

        raise no_such(session, word)
    return word, document


def parsed(name: str, origin: str, text: bytes) -> Group:
    """The group that a text describes; ConfigError with file and line if it is none."""
    return groups.parse(name, Document(text, "", origin))


def remarks_of(store: Store, name: str) -> tuple[str, ...]:
    """What is not wrong in a group's file, and perhaps not what was meant."""
    try:
        group = groups.load(store, name)
    except WmctlError:
        return ()
    return () if group is None else of_group(group)


EXAMPLES = examples(
    "wmctl group validate",
    "wmctl group validate gpu ./groups/reports.yaml",
    "wmctl group validate - < gpu.yaml",
)
