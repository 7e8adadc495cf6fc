"""The one walker over wmctl's own commands: what typer knows of them, as plain values."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import typer


class Option(NamedTuple):
    """An option or an argument."""

    names: tuple[str, ...]
    #: What stands for its value; "" of a switch.
    value: str
    help: str
    required: bool
    many: bool
    default: str


class Command(NamedTuple):
    """A command, or a group of commands."""

    #: `("worker", "start")`; () is wmctl itself.
    path: tuple[str, ...]
    summary: str
    description: str
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]
    examples: tuple[str, ...]
    commands: "tuple[Command, ...]"

    @property
    def name(self) -> str:
        """As one types it."""
        return " ".join(("wmctl", *self.path))

    @property
    def usage(self) -> str:
        """The line that shows how it is called."""
        words = [self.name, "[OPTIONS]"]
        words += ["COMMAND [ARGS]..."] if self.commands else map(_in_usage, self.arguments)
        return " ".join(words)


def whole() -> Command:
    """All of wmctl, without what plugins add."""
    from wmctl.cli.app import root  # it imports the commands, of which one imports us

    return _command((), "", typer.main.get_command(root))


def one(name: str) -> Command:
    """One command of wmctl's, without importing the others."""
    from wmctl.cli.app import root  # as above

    group: Any = typer.main.get_command(root)
    return _command((name,), group.table[name].help, group.get_command(None, name))


def walk(command: Command) -> Iterator[Command]:
    """A command and all below it."""
    yield command
    for child in command.commands:
        yield from walk(child)


def _command(path: tuple[str, ...], summary: str, command: Any) -> Command:
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    params = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in params if param.param_type_name == "argument"]
    options = [param for param in params if param.param_type_name == "option"]
    return Command(
        path=path,
        summary=summary or text.partition("\n\n")[0].replace("\n", " "),
        description=text,
        arguments=tuple(map(_argument, arguments)),
        options=(*map(_option, options), _HELP),
        examples=_examples(command.epilog or ""),
        commands=tuple(_children(path, command)),
    )


def _children(path: tuple[str, ...], group: Any) -> Iterator[Command]:
    table: Mapping[str, Any] = getattr(group, "table", {})
    for name in [*table, *(name for name in getattr(group, "commands", {}) if name not in table)]:
        found = group.get_command(None, name)
        if not found.hidden:
            summary = table[name].help if name in table else ""
            yield _command((*path, name), summary, found)


_HELP = Option(("-h", "--help"), "", "Show this message and exit.", False, False, "")


def _option(param: Any) -> Option:
    names = (*param.opts, *param.secondary_opts)
    value = "" if param.is_flag else _value(param)
    most = getattr(param.type, "max", None)
    least = getattr(param.type, "min", None)
    shown = param.default
    if param.is_flag or shown is None or shown == () or callable(shown) or not param.show_default:
        shown = ""
    told = param.help or ""
    if least is not None and most is None and str(least) not in told:
        told = f"{told} At least {least}."
    return Option(names, value, told, param.required, param.multiple, str(shown))


def _argument(param: Any) -> Option:
    name = (param.metavar or param.name.upper()).removesuffix("...").strip("[]")
    return Option((name,), name, param.help or "", param.required, param.nargs == -1, "")


def _value(param: Any) -> str:
    if param.metavar:
        return str(param.metavar)
    if choices := getattr(param.type, "choices", None):
        return "|".join(map(str, choices))
    return "N" if type(param.type).__name__.startswith(("Int", "Float")) else "TEXT"


def _in_usage(argument: Option) -> str:
    name = argument.names[0] + ("..." if argument.many else "")
    return name if argument.required else f"[{name}]"


def _examples(epilog: str) -> tuple[str, ...]:
    """The lines under `Examples:`, up to an empty one."""
    text = epilog.partition("Examples:\n")[2].partition("\n\n")[0]
    return tuple(line.strip() for line in text.splitlines())
