"""docs/reference/cli.md from the commands."""

from collections.abc import Iterator

from wmctl.cli.manual.tree import Command, Option, walk

_HEAD = """# All commands

Made from the commands themselves with `python -m wmctl.cli.manual`, as the man pages are.
`wmctl help` has the same on the screen, and topics that belong to no single command:
{topics}.
"""


def page(root: Command, topics: tuple[str, ...]) -> str:
    """The whole page."""
    names = ", ".join(f"`wmctl help {name}`" for name in topics)
    parts = [_HEAD.format(topics=names), *_contents(root)]
    for command in walk(root):
        parts += _section(command)
    return "\n".join(parts).rstrip() + "\n"


def _contents(root: Command) -> Iterator[str]:
    yield "| command | what it does |\n|---|---|"
    for command in walk(root):
        if command.path and not command.commands:
            anchor = command.name.replace(" ", "-")
            yield f"| [`{command.name}`](#{anchor}) | {_cell(command.summary)} |"
    yield ""


def _section(command: Command) -> Iterator[str]:
    yield f"## {command.name}\n"
    yield f"    {command.usage}\n"
    yield f"{_text(command.description)}\n"
    if command.arguments:
        yield "| argument | |\n|---|---|"
        yield from (f"| `{_name(one)}` | {_cell(_help(one))} |" for one in command.arguments)
        yield ""
    yield "| option | |\n|---|---|"
    yield from (f"| `{_name(one)}` | {_cell(_help(one))} |" for one in command.options)
    yield ""
    if command.examples:
        yield "\n".join(["```sh", *command.examples, "```", ""])


def _name(option: Option) -> str:
    if option.names == (option.value,):
        return option.value.replace("|", "\\|") + ("..." if option.many else "")
    return ", ".join(option.names) + (f" {_cell(option.value)}" if option.value else "")


def _help(option: Option) -> str:
    more = " May be given several times." if option.many and option.names[0][:1] == "-" else ""
    default = f" [default: {option.default}]" if option.default else ""
    return f"{option.help}{more}{default}"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|").replace("\n", " ")


def _text(text: str) -> str:
    """Without what Markdown would take for marks of its own."""
    return text.replace("<", "&lt;").replace("*", "\\*")
