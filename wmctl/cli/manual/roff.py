"""Man pages from the commands: man(7) macros that every troff knows, ASCII only, no date."""

import re
from collections.abc import Iterable, Iterator, Mapping

from wmctl import __version__
from wmctl.cli.manual.tree import Command, Option, walk


def pages(root: Command, topics: Mapping[str, str]) -> dict[str, str]:
    """Name of the file and content, for each command; that of wmctl has the topics too."""
    found = {}
    for command in walk(root):
        lines = [*_head(command), *_body(command)]
        lines += _topics(topics) if command is root else ()
        lines += _also(root, command)
        found[f"{_page(command)}.1"] = "\n".join(lines) + "\n"
    return found


def _page(command: Command) -> str:
    return "-".join(("wmctl", *command.path))


def _head(command: Command) -> Iterator[str]:
    title = _page(command)
    yield f'.TH {_escape(title.upper())} 1 "" "wmctl {__version__}" "wmctl manual"'
    yield ".SH NAME"
    yield f"{_escape(title)} \\- {_escape(command.summary.rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield f".B {_escape(command.name)}"
    yield _escape(command.usage.removeprefix(command.name).strip())


def _body(command: Command) -> Iterator[str]:
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command.description)
    if command.arguments:
        yield ".SH ARGUMENTS"
        for one in command.arguments:
            yield from _item(one.names[0] + ("..." if one.many else ""), "", one.help)
    if command.commands:
        yield ".SH COMMANDS"
        for child in command.commands:
            yield from _item(" ".join(child.path[-1:]), "", child.summary)
    yield ".SH OPTIONS"
    for one in command.options:
        yield from _item(", ".join(one.names), one.value, _help(one))
    if command.examples:
        yield ".SH EXAMPLES"
        yield from _block(command.examples)


def _help(option: Option) -> str:
    more = " May be given several times." if option.many else ""
    default = f" Default: {option.default}." if option.default else ""
    return f"{option.help}{more}{default}"


def _topics(topics: Mapping[str, str]) -> Iterator[str]:
    for name, text in topics.items():
        yield f".SH {_escape(name.replace('-', ' ').upper())}"
        yield from _block(text.rstrip().splitlines())


def _also(root: Command, command: Command) -> Iterator[str]:
    yield ".SH SEE ALSO"
    around = [root, *(one for one in walk(root) if one.path and one.path == command.path[:1])]
    near = [*around, *command.commands]
    names = dict.fromkeys(_page(one) for one in near if one is not command)
    yield ", ".join(f"\\fB{_escape(name)}\\fR(1)" for name in names) + "."
    yield ".PP"
    yield _escape("Exit codes, formats, times: wmctl help TOPIC.")


def _item(name: str, value: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_escape(name)}\\fR" + (f" \\fI{_escape(value)}\\fR" if value else "")
    yield _escape(text.replace("\n", " ")) or "\\&"


def _paragraphs(text: str) -> Iterator[str]:
    for part in text.split("\n\n"):
        yield ".PP"
        yield from map(_escape, part.splitlines())


def _block(lines: Iterable[str]) -> Iterator[str]:
    yield from (".PP", ".nf", ".RS 4")
    yield from (_escape(line) or "\\&" for line in lines)
    yield from (".RE", ".fi")


def _escape(text: str) -> str:
    """Text that troff takes for text."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    text = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", text)
    return f"\\&{text}" if text.startswith(".") else text
