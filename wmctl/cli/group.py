"""A command group that imports its commands only when they are used.

typer's own "Did you mean" looks at loaded commands only, so resolving is done here as well.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from wmctl.cli.exits import UsageError


class Lazy(NamedTuple):
    """Where a command is, and its line in the help."""

    module: str
    help: str
    #: True if it makes something of the words after the first `--` itself.
    takes_tail: bool = False


class LazyGroup(TyperGroup):
    """`commands` come from a table, then from plugins; a subclass fills both in."""

    table: Mapping[str, Lazy] = {}

    def plugin_commands(self, _ctx: Any) -> Mapping[str, tuple[str, Callable[[], Any]]]:
        """Name -> line of help and loader; asked only where the table does not answer."""
        return {}

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, wmctl's own first."""
        return [*self.table, *sorted(self.plugin_commands(ctx))]

    def known(self, ctx: Any) -> list[str]:
        """All that somebody may have meant."""
        return self.list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None if there is none."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        if cmd_name in self.table:
            found = import_module(self.table[cmd_name].module).app
        elif cmd_name in (others := self.plugin_commands(ctx)):
            found = _as_app(*others[cmd_name])
        else:
            return None
        command = typer.main.get_command(found)
        command.name = cmd_name
        self.commands[cmd_name] = command
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer's, but the suggestion also knows what is not loaded."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not name.startswith("-"):
            raise UsageError(
                f"there is no command {name!r}", hint=_hint(name, self.known(ctx), ctx)
            )
        return super().resolve_command(ctx, args) if command is None else (name, command, args[1:])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in the help, without importing the commands."""
        rows = [(name, entry.help) for name, entry in self.table.items()]
        rows += [(name, entry[0]) for name, entry in sorted(self.plugin_commands(ctx).items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def new_app(**options: Any) -> typer.Typer:
    """A typer application with wmctl's manners: plain help, no decorated tracebacks."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **options,
    )


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def one_command(function: Callable[..., Any], *lines: str, **options: Any) -> typer.Typer:
    """An application that is one command; `lines` are examples of its use."""
    app = new_app()
    app.command(
        epilog=examples(*lines) if lines else None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **options,
    )(function)
    return app


def _as_app(help_line: str, loader: Callable[[], Any]) -> typer.Typer:
    found = loader()
    return found if isinstance(found, typer.Typer) else one_command(found, help=help_line)


def _hint(name: str, known: list[str], ctx: Any) -> str:
    from wmctl.config.nearest import nearest  # only on the way out

    found, path = nearest(name, known), ctx.command_path
    return f"did you mean {path} {found}?" if found else f"{path} --help lists them"
