"""A job's args from the command line: `-a k=text`, `-a k:=json`, `-a k=@file`, `-d JSON`."""

import os
from collections.abc import Iterable
from typing import Any

from wmctl.cli import inputs
from wmctl.cli.exits import UsageError
from wmctl.errors import BadInput
from wmctl.spool import strict


def parse_args(assignments: Iterable[str], data: str | None) -> dict[str, Any]:
    """The args; what `-a` says wins over `-d`, and later over earlier."""
    args = _data(data) if data is not None else {}
    for assignment in assignments:
        name, value = _assigned(assignment)
        args[name] = value
    return args


def plain_texts(assignments: Iterable[str]) -> dict[str, str]:
    """The args that were given as plain text (`k=text`), where nothing later says otherwise."""
    found: dict[str, str] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name.endswith(":"):
            found.pop(name[:-1], None)
        else:
            found[name] = text
    return found


def _assigned(assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":")
    if not equals or not name:
        raise UsageError(
            f"-a {assignment!r} is not NAME=VALUE",
            hint="write name=text, name:=json, name=@file or name:=@file",
        )
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        what = f"the value of {name!r}"
        text = inputs.text_of(inputs.named(text[1:], what), what)
    return name, strict.loads(text, f"the value of {name!r}") if is_json else text


def _data(text: str) -> dict[str, Any]:
    content: str | bytes = text
    if text.startswith("@"):
        content = inputs.named(text[1:], "the args")
    try:
        return strict.loads_object(content, "the args (-d)")
    except BadInput as error:
        if content is text and os.path.isfile(text):
            raise BadInput(error.message, hint=f"to read the file write: -d @{text}") from None
        raise
