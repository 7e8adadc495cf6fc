"""Values as YAML that every reader takes for the same: what could be mistaken is quoted. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Words that some YAML reader takes for something else than a text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: Safe in every place of a document, in every version of YAML.
_PLAIN = r"[A-Za-z_/](?:[A-Za-z0-9_./ -]*[A-Za-z0-9_./-])?"
_LONGEST_ROW = 88


def entry(key: str, value: Any, indent: str = "") -> str:
    """The lines of one key of a block mapping."""
    head = f"{indent}{scalar(key)}:"
    if isinstance(value, str) and _fits_block(value):
        return head + _literal(value, f"{indent}  ")
    row = f"{head} {flow(value)}\n"
    if not isinstance(value, Mapping | list | tuple) or not value:
        return row
    if isinstance(value, Mapping):
        below = "".join(entry(str(name), item, f"{indent}  ") for name, item in value.items())
        return f"{head}\n{below}"
    if len(row) <= _LONGEST_ROW and not any(isinstance(item, Mapping | list) for item in value):
        return row
    return f"{head}\n" + "".join(f"{indent}- {flow(item)}\n" for item in value)


def document(values: Mapping[str, Any]) -> str:
    """A whole file."""
    return "".join(entry(key, value) for key, value in values.items())


def rows(items: Sequence[Mapping[str, Any]]) -> str:
    """A file that is a list of mappings, as Windmill's command line writes them."""
    return "".join(_row(item) for item in items) or "[]\n"


def _row(item: Mapping[str, Any]) -> str:
    lines = document(item).splitlines(keepends=True)
    return "".join(f"  {line}" if at else f"- {line}" for at, line in enumerate(lines))


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{scalar(str(key))}: {flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def scalar(text: str) -> str:
    """A text on one line, quoted unless it can be nothing else."""
    if re.fullmatch(_PLAIN, text) and text.lower() not in _WORDS:
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{"".join(map(_printable, quoted))}"'


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _fits_block(text: str) -> bool:
    """Whether it can stand line by line, as it is."""
    body = text.rstrip("\n")
    return (
        "\n" in text
        and body != ""
        and not body.startswith((" ", "\t", "\n"))
        and all(line.replace("\t", "").isprintable() for line in body.split("\n"))
    )


def _literal(text: str, indent: str) -> str:
    body = text.rstrip("\n")
    blank = len(text) - len(body)
    mark = {0: "|-", 1: "|"}.get(blank, "|+")
    lines = [f"{indent}{line}" if line else "" for line in body.split("\n")]
    return f" {mark}\n" + "\n".join(lines) + "\n" * max(blank, 1)
