"""`wmctl config`: the settings that count here, and where each one comes from."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_list
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.config.keys import BY_NAME

app = new_app(no_args_is_help=True)


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

    A setting comes from an option, a variable, a line of a file, or is built in.
    """
    o.check_format(format, "table", "json", "jsonl", "tsv")
    settings = session_of(ctx, spool=spool).settings
    items = [
        {
            "schema": "wmctl.setting/1",
            "key": name,
            "value": _plain(value),
            "origin": settings.origins[name],
            "help": BY_NAME[name].help,
        }
        for name, value in settings.values.items()
    ]
    columns = [Column("KEY", lambda item: item["key"]), Column("VALUE", _cell, shrink=1)]
    columns += [Column("ORIGIN", lambda item: item["origin"])] if origin else []
    show_list(items, format, columns, key=None)


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
