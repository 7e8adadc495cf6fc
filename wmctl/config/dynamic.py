"""Dynamic texts: `$workspace` and `$args[a.b]` in tags and keys, filled in when a job is submitted.

Pure. One pass from left to right: what an arg brings in is never expanded again.
"""

import re
from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput
from wmctl.spool import strict

#: How a text may refer to what is known at submit; the last one is a mistake.
_REFERENCE = re.compile(
    r"(?P<workspace>\$workspace)|\$args\[(?P<path>[\w-]+(?:\.[\w-]+)*)\]|\$args\["
)


def is_dynamic(text: str) -> bool:
    """Whether a text is to be expanded, or was to be."""
    return "$workspace" in text or "$args[" in text


def expand(text: str, workspace: str, args: Mapping[str, Any]) -> str:
    """The text of one job. Texts come in bare, other values as JSON, what is missing as nothing.

    A path leads through objects, not through lists. BadInput for `$args[` that names no arg.
    """

    def value(found: re.Match[str]) -> str:
        if found["workspace"]:
            return workspace
        if found["path"] is None:
            raise BadInput(
                f"{text!r} does not say which arg: {text[found.start() :][:40]!r}",
                hint="write $args[name], or $args[a.b] for a value inside an object",
            )
        return _text(args, found["path"].split("."))

    return _REFERENCE.sub(value, text)


def pattern(text: str, workspace: str | None) -> re.Pattern[str]:
    """What a dynamic text may become in a workspace, or (None) in any."""
    own = r"[A-Za-z0-9][A-Za-z0-9_.-]*" if workspace is None else re.escape(workspace)
    parts, end = [], 0
    for found in _REFERENCE.finditer(text):
        parts += [re.escape(text[end : found.start()]), own if found["workspace"] else ".*"]
        end = found.end()
    return re.compile("".join(parts) + re.escape(text[end:]), re.DOTALL)


def _text(value: Any, path: list[str]) -> str:
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return ""
        value = value[name]
    return value if isinstance(value, str) else strict.dumps(value)
