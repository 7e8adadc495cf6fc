"""Changes to the list of custom tags in the text of `tags.yaml`; all else, comments too, stays.

Pure. What was made is read again before it is given out: a file of an unusual shape is refused.
"""

import re
from collections.abc import Sequence
from typing import Any

from wmctl.config.assignable import listed
from wmctl.config.tagfile import SCHEMA
from wmctl.config.yamltree import compose, parse
from wmctl.errors import ConfigError

_KEY = "custom_tags"
#: Texts that YAML takes as they are, wherever they stand.
_BARE = r"[A-Za-z0-9_][A-Za-z0-9_.()+^$-]*"
_NULLS = {"null", "Null", "NULL", "~"}


def added(origin: str, text: str, items: Sequence[str]) -> str:
    """The text with these items at the end of the list; those that are there are not repeated."""
    before = texts(origin, text)
    new = [item for item in dict.fromkeys(items) if item not in before]
    if not new:
        return text
    quoted = [_quoted(item) for item in new]
    _, node = _list(origin, text)
    if node is None:
        lead = text if not text or text.endswith("\n") else f"{text}\n"
        made = f"{lead}{_KEY}:\n" + "".join(f"  - {one}\n" for one in quoted)
    elif node.flow_style:
        end = node.value[-1].end_mark.index if node.value else node.start_mark.index + 1
        more = ", ".join(quoted)
        made = text[:end] + (f", {more}" if node.value else more) + text[end:]
    else:
        end = _line_end(text, node.value[-1].end_mark.index)
        dash = f"\n{' ' * node.start_mark.column}- "
        made = text[:end] + "".join(f"{dash}{one}" for one in quoted) + text[end:]
    return _proven(origin, text, made, [*before, *new])


def removed(origin: str, text: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """The text without the items that are written so, or that are of a tag so named; which."""
    before = texts(origin, text)
    gone = [item for item in before if item in names or listed(item).tag in names]
    if not gone:
        return text, []
    key, node = _list(origin, text)
    keep = [one for one in node.value if one.value not in gone]
    made = text
    if node.flow_style:
        inside = ", ".join(_quoted(one.value) for one in keep)
        made = f"{text[: node.start_mark.index]}[{inside}]{text[node.end_mark.index :]}"
    else:
        for one in reversed([one for one in node.value if one.value in gone]):
            start = made.rfind("\n", 0, one.start_mark.index) + 1
            made = made[:start] + made[_line_end(made, one.end_mark.index) + 1 :]
        if not keep:
            colon = made.index(":", key.end_mark.index) + 1
            made = f"{made[:colon]} []{made[colon:]}"
    return _proven(origin, text, made, [item for item in before if item not in gone]), gone


def texts(origin: str, text: str) -> list[str]:
    """The items of the list, as they are written; ConfigError for a file that is wrong."""
    found = parse(origin, text.encode(), SCHEMA).get(_KEY)
    return [] if found is None else [item.value for item in found.value]


def _list(origin: str, text: str) -> tuple[Any, Any]:
    """The nodes of the key and of the list; None where there is none."""
    root: Any = compose(origin, text.encode())
    for key, value in root.value if root is not None else ():
        if key.value == _KEY:
            return key, value
    return None, None


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _quoted(item: str) -> str:
    if re.fullmatch(_BARE, item) and item not in _NULLS:
        return item
    return "'" + item.replace("'", "''") + "'"


def _proven(origin: str, before: str, after: str, items: list[str]) -> str:
    """The new text, if it says what it is to say and nothing else has changed."""
    try:
        found = parse(origin, after.encode(), SCHEMA)
        same = texts(origin, after) == items and _rest(found) == _rest(
            parse(origin, before.encode(), SCHEMA)
        )
    except ConfigError:
        same = False
    if not same:
        raise ConfigError(
            f"{origin} is written in a way that this command cannot change",
            hint="change it with an editor; wmctl tag ls tells whether it is right",
        )
    return after


def _rest(found: Any) -> dict[str, Any]:
    return {key: item.value for key, item in found.items() if key != _KEY}
