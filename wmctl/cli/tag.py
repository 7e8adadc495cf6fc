"""`wmctl tag`: which tags there are, whose they are, and which of them nobody serves."""

import os
from collections.abc import Callable
from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.cli.taglist import FIELDS, Tags
from wmctl.config import shared, tagedit
from wmctl.config.assignable import FILE, listed
from wmctl.config.nearest import nearest
from wmctl.config.tagfile import VARIABLE, tag_text
from wmctl.errors import ConfigError

app = new_app(no_args_is_help=True)


def _workspaces(one: Item) -> str:
    if one["workspaces"] is None:
        return "each its own" if "$workspace" in one["tag"] else "all"
    names = ",".join(one["workspaces"])
    return f"all but {names}" if one["but"] else names


COLUMNS = (
    Column("TAG", lambda one: one["tag"]),
    Column("KIND", lambda one: one["kind"]),
    Column("WORKSPACES", _workspaces, shrink=1),
    Column("GROUPS", lambda one: ",".join(one["groups"]) or "-", shrink=2),
    Column("WORKERS", lambda one: str(one["workers"])),
    Column("WHERE", lambda one: one["origin"] or "-"),
)
_COLOURS = {"custom": "blue", "default": "", "group": "green"}

Workspace = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Only what its jobs may have."),
]
Items = Annotated[
    list[str],
    typer.Argument(metavar="TAG...", help="TAG, TAG(WS+WS): only these, TAG(^WS^WS): all but."),
]
Names = Annotated[
    list[str], typer.Argument(metavar="TAG...", help="Items as they are written, or their tags.")
]


@app.callback()
def callback() -> None:
    """The tags that jobs may have, and which workspaces may use them."""


@app.command(
    "ls",
    epilog=examples(
        "wmctl tag ls",
        "wmctl tag ls --workspace research",
        "wmctl tag ls -o json | jq -r '.[].tag'",
    ),
)
def ls(
    ctx: typer.Context,
    workspace: Workspace = None,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List default and custom tags and those of groups, and who serves each.

    Custom tags stand in tags.yaml of the spool, or in the variable CUSTOM_TAGS where that names
    none. WORKSPACES says whose jobs may have a tag.
    """
    o.check_format(format)
    tags = _tags(ctx, spool)
    items = [one for one in tags.items() if workspace is None or tags.may(one, workspace)]
    _show(items, format)


@app.command(
    "check", epilog=examples("wmctl tag check", "wmctl tag check -o json || mail -s tags ops")
)
def check(ctx: typer.Context, format: o.Output = "table", spool: o.SpoolOption = None) -> None:
    """List the default and custom tags that no group and no live worker serves; exit 1 then.

    A job with such a tag would never run.
    """
    o.check_format(format)
    tags = _tags(ctx, spool)
    missing = [one for one in tags.items() if one["kind"] != "group" and not one["covered"]]
    for fault in tags.groups.faults:
        output.note(fault.message, hint=fault.hint)
    if format == "table" and not missing:
        if not tags.groups.faults:
            output.line("every default and custom tag is served by a group or a live worker")
    else:
        _show(missing, format)
    if missing and format == "table":
        output.note(
            "jobs with these tags would never run",
            hint=f"start a worker: {tags.fix(missing[0])}   or give the tag to a group:"
            f" wmctl group set GROUP worker_tags=…",
        )
    if missing or tags.groups.faults:
        raise typer.Exit(exits.FAULTS)


@app.command(
    "add",
    epilog=examples(
        "wmctl tag add gpu",
        "wmctl tag add 'gpu(research+vision)'      # only these workspaces",
        "wmctl tag add 'highmem(^sales)'           # all but these",
        "wmctl tag add 'normal-$workspace'         # normal-prod is prod's alone",
    ),
)
def add(
    ctx: typer.Context, items: Items, quiet: o.Quiet = False, spool: o.SpoolOption = None
) -> None:
    """Add tags to the list in tags.yaml. Workers follow it within seconds.

    Of several items with the same tag any may allow it; one without workspaces allows all.
    """
    for item in items:
        tag_text(item)
    session = session_of(ctx, spool=spool)
    before, after = _change(session, lambda origin, text: tagedit.added(origin, text, items))
    for item in dict.fromkeys(items):
        if not quiet:
            output.line(output.safe(f"{item}  {'was there' if item in before else 'added'}"))
        _tell(item, after)
    if not before and os.environ.get(VARIABLE) and not quiet:
        output.note(f"{FILE} has a list of tags now, so {VARIABLE} no longer counts for this spool")


@app.command("rm", epilog=examples("wmctl tag rm gpu", "wmctl tag rm 'gpu(research+vision)'"))
def rm(
    ctx: typer.Context, names: Names, quiet: o.Quiet = False, spool: o.SpoolOption = None
) -> None:
    """Remove tags from the list in tags.yaml. What restricted them goes with them."""
    session = session_of(ctx, spool=spool)

    def change(origin: str, text: str) -> str:
        found = tagedit.texts(origin, text)
        for name in names:
            if not any(name in {item, listed(item).tag} for item in found):
                raise _not_there(name, found)
        return tagedit.removed(origin, text, names)[0]

    before, after = _change(session, change)
    for item in before:
        if item not in after and not quiet:
            output.line(output.safe(f"{item}  removed"))


def _tags(ctx: typer.Context, spool: str | None) -> Tags:
    return Tags(session_of(ctx, spool=spool))


def _show(items: list[Item], format: str) -> None:
    show_list(
        items, format, COLUMNS, key="tag", fields=FIELDS if format == "tsv" else (),
        colour=lambda item: _COLOURS[item["kind"]],
    )  # fmt: skip


def _change(session: Session, change: Callable[[str, str], str]) -> tuple[list[str], list[str]]:
    """Change the text of the spool's file; the items of before and after."""
    session.must_have_spool()
    store = session.store
    origin = store.path(FILE)
    seen = ("", "")

    def edit(now: bytes | None) -> bytes | None:
        nonlocal seen
        try:
            before = (now or b"").decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{origin} is not UTF-8: byte {error.start}") from None
        seen = (before, change(origin, before))
        return now if seen[0] == seen[1] else seen[1].encode()

    shared.edit(store, FILE, edit)
    before, after = (tagedit.texts(origin, text) for text in seen)
    return before, after


def _tell(item: str, items: list[str]) -> None:
    """What a person may not have meant."""
    found = listed(item)
    if found.workspaces is None and "(" in item:
        output.note(
            f"{item!r} is a plain tag of that name, for all workspaces",
            hint="one that restricts reads TAG(WS+WS) or TAG(^WS^WS), of letters, digits, _ and -",
        )
    elif found.workspaces is not None and found.tag in items:
        output.note(
            f"{found.tag!r} is in the list without workspaces too, so all may use it",
            hint=f"remove both and add this one again: wmctl tag rm {found.tag}",
        )


def _not_there(name: str, found: list[str]) -> exits.NoSuchTag:
    meant = nearest(name, [*found, *(listed(item).tag for item in found)])
    return exits.NoSuchTag(
        f"the list of tags has no {name!r}" + (f" (did you mean {meant!r}?)" if meant else ""),
        hint="see it: wmctl tag ls",
    )
