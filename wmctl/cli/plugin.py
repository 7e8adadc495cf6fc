"""`wmctl plugin`: the installed plugins."""

import typer

from wmctl.cli import exits
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item

app = new_app(no_args_is_help=True)

COLUMNS = (
    Column("NAME", lambda plugin: plugin["name"]),
    Column("STATUS", lambda plugin: plugin["status"]),
    Column("DISTRIBUTION", lambda plugin: f"{plugin['distribution']} {plugin['version']}"),
    Column("RUNNERS", lambda plugin: " ".join(plugin["runners"])),
    Column("COMMANDS", lambda plugin: " ".join(plugin["commands"])),
    Column("HOOKS", lambda plugin: " ".join(_short(hook) for hook in plugin["hooks"])),
    Column("PROBLEM", lambda plugin: "; ".join(plugin["problems"])),
)
_COLOURS = {"ok": "green", "broken": "red"}


@app.callback()
def plugin() -> None:
    """The installed plugins."""


@app.command("ls", epilog=examples("wmctl plugin ls", "wmctl plugin ls -o json"))
def ls(ctx: typer.Context, format: o.Output = "table") -> None:
    """List all plugins: what they bring, and what is wrong with those that are broken.

    Exit 1 if one is broken.
    """
    o.check_format(format)
    items = plugin_facts(session_of(ctx))
    show_list(
        items, format, COLUMNS, key="name", colour=lambda item: _COLOURS.get(item["status"], "")
    )
    if any(item["problems"] for item in items):
        raise typer.Exit(exits.FAULTS)


def plugin_facts(session: Session) -> list[Item]:
    """Every plugin as a JSON object."""
    from wmctl.cli.app import Root  # the table of wmctl's own commands; app does not import us
    from wmctl.plugin.observers import Observers  # pluggy is for here and for workers

    plugins = session.plugins
    plugins.commands(frozenset(Root.table))
    observers = Observers(plugins)
    faults = [*plugins.broken(), *observers.broken]
    items = []
    for found in plugins.all():
        problems = [fault.problem for fault in faults if fault.source is found.source]
        items.append(
            {
                "schema": "wmctl.plugin/1",
                "name": found.source.name,
                "status": "broken" if problems else "ok",
                "distribution": found.source.distribution,
                "version": found.source.version,
                "module": found.source.value,
                "runners": [runner.name for runner in found.runners],
                "commands": [command.name for command in found.commands],
                "hooks": observers.hooks(found.module) if found.module is not None else [],
                "problems": problems,
            }
        )
    return items


def _short(hook: str) -> str:
    return hook.removeprefix("wmctl_")
