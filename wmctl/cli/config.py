"""`wmctl config`: the settings that count here, and where each one comes from."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wmctl.cli import kept, output
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.config import groups
from wmctl.config.keys import BY_NAME, Found
from wmctl.config.served import effective
from wmctl.errors import SpoolError, WmctlError

app = new_app(no_args_is_help=True)
_RETENTION = "what has ended is kept for so many seconds, or so many bytes of it"


@app.callback()
def config() -> None:
    """The settings that count here, and where each one comes from."""


@app.command("show", epilog=examples("wmctl config show", "wmctl config show --origin -o json"))
def show(
    ctx: typer.Context,
    origin: Annotated[
        bool, typer.Option("--origin", help="In a table, also where each comes from.")
    ] = False,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List all settings as they count for a command that is given here.

    A setting comes from an option, a variable, a line of a file, of the worker group's file too,
    or is built in.
    """
    o.check_format(format, "table", "json", "jsonl", "tsv")
    session = session_of(ctx, spool=spool)
    settings = session.settings
    own = {name: Found(value, settings.origins[name]) for name, value in settings.values.items()}
    items = [
        {
            "schema": "wmctl.setting/1",
            "key": name,
            "value": _plain(found.value),
            "origin": found.origin,
            "help": BY_NAME[name].help if name in BY_NAME else _RETENTION,
        }
        for name, found in (own | _of_groups(session) | _retention(session)).items()
    ]
    columns = [Column("KEY", lambda item: item["key"]), Column("VALUE", _cell, shrink=1)]
    columns += [Column("ORIGIN", lambda item: item["origin"])] if origin else []
    show_list(items, format, columns, key=None)


def _retention(session: Session) -> dict[str, Found]:
    """What the spool says for all who use it; a wrong file is told of and says nothing."""
    try:
        found = kept.of(session) if session.has_spool else None
    except SpoolError:  # `_of_groups` has told
        found = None
    return {} if found is None else found[1]


def _of_groups(session: Session) -> dict[str, Found]:
    """What the files of the worker's groups say; a wrong one is told of and says nothing."""
    worker = session.settings.worker
    try:
        if not session.has_spool:
            return {}
        found = [groups.load(session.store, name) for name in worker.groups]
        files = [group for group in found if group is not None]
        return {f"worker.{name}": item for name, item in effective(worker, files).items()}
    except WmctlError as error:
        output.note(error.message, hint=error.hint)
        return {}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _cell(item: Item) -> str:
    value = item["value"]
    if value is None or value == []:
        return "-"
    return value if isinstance(value, str) else output.dumps(value)
