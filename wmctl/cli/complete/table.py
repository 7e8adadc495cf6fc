"""The table of commands that completion reads: `commands.json`, made from the commands."""

import json
import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the tree imports typer
    from wmctl.cli.manual.tree import Command, Option

_FILE = os.path.join(os.path.dirname(__file__), "commands.json")
Node = dict[str, Any]


def load() -> dict[str, Node]:
    """Each command's `commands`, `options` and `arguments`; "" is wmctl itself."""
    with open(_FILE, encoding="utf-8") as file:
        table: dict[str, Node] = json.load(file)
    return table


def text(root: "Command") -> str:
    """The file's content."""
    from wmctl.cli.manual.tree import walk  # only when the file is made

    rows = [f"{json.dumps(' '.join(one.path))}: {json.dumps(_node(one))}" for one in walk(root)]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _node(command: "Command") -> Node:
    return {
        "commands": {child.path[-1]: child.summary for child in command.commands},
        "options": [_option(one) for one in command.options],
        "arguments": [[one.value, one.many] for one in command.arguments],
    }


def _option(option: "Option") -> Node:
    found: Node = {"names": option.names, "value": option.value, "help": option.help}
    if option.many:
        found["many"] = True
    if words := _choices(option):
        found["choices"] = words
    return found


def _choices(option: "Option") -> list[str]:
    """The words that an option takes, where its value or its help lists them all."""
    if re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", option.value):
        return option.value.split("|")
    listed = option.help.partition(".")[0]
    if option.value in {"FORMAT", "LANG"}:
        return re.findall(r"[a-z][a-z0-9]+", listed.replace(" or ", ", "))
    return []
