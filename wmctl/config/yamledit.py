"""Changing single keys of a YAML file: all else stays as it is, comments and order too.

A changed key is written anew, with what stood in it; the comments inside it go.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wmctl.config.yamldump import document, entry
from wmctl.config.yamltree import compose
from wmctl.errors import ConfigError

Values = dict[str, Any]


class _Span(NamedTuple):
    """The lines of a key: from the first, up to the last and not including it."""

    first: int
    last: int
    #: What follows its value on the last of them: a comment, or nothing.
    tail: str


def changed(
    origin: str,
    text: bytes,
    changes: Mapping[str, Any],
    read: Callable[[bytes], Values],
) -> bytes:
    """The text with these keys set, or (None) removed. `read` says what a text means.

    What comes out is read again and compared; a file too strange to be changed in its lines is
    written anew as a whole.
    """
    wanted = {**read(text), **changes}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    for attempt in (_spliced, _rewritten):
        after = attempt(origin, text, changes, wanted)
        if after is not None and _means(read, after, wanted):
            return after
    raise ConfigError(f"{origin} cannot be changed in this way", hint="use an editor")


def _means(read: Callable[[bytes], Values], text: bytes, wanted: Values) -> bool:
    try:
        return read(text) == wanted
    except ConfigError:
        return False


def _rewritten(_origin: str, text: bytes, _changes: Mapping[str, Any], wanted: Values) -> bytes:
    """All of it anew, below the comments that it began with."""
    lines = text.decode(errors="replace").splitlines(keepends=True)
    head = []
    for line in lines:
        if not line.startswith("#"):
            break
        head.append(line)
    return ("".join(head) + document(wanted)).encode()


def _spliced(origin: str, text: bytes, changes: Mapping[str, Any], _wanted: Values) -> bytes | None:
    """Only the lines of the changed keys; None where keys do not have lines of their own."""
    try:
        lines = text.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None
    spans = _spans(compose(origin, text), lines)
    if spans is None:
        return None
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    # From the end, so that the numbers of the lines before stay right.
    for key in sorted(spans.keys() & changes.keys(), key=lambda key: -spans[key].first):
        new = "" if changes[key] is None else entry(key, changes[key])
        lines[spans[key].first : spans[key].last] = [_with_tail(new, spans[key].tail)]
    added = [
        entry(key, value)
        for key, value in changes.items()
        if key not in spans and value is not None
    ]
    return "".join([*lines, *added]).encode()


def _with_tail(new: str, tail: str) -> str:
    """A comment behind a value stays behind it, where that is still one line."""
    if not tail or new.count("\n") != 1:
        return new
    return f"{new[:-1]}  {tail}\n"


def _spans(root: Any, lines: list[str]) -> dict[str, _Span] | None:
    if root is None:
        return {}
    if root.id != "mapping" or root.flow_style:
        return None
    spans = {}
    for key, value in root.value:
        if key.start_mark.column != 0:
            return None
        last = _end(value)
        row, column = last.line, last.column
        if column == 0 and row > key.start_mark.line:
            row, column = row - 1, len(lines[row - 1])
        while row > key.start_mark.line and not lines[row].strip():
            row -= 1  # blank lines behind a script belong to what follows
            column = len(lines[row])
        tail = lines[row][column:].strip() if row < len(lines) else ""
        spans[key.value] = _Span(key.start_mark.line, row + 1, tail if tail.startswith("#") else "")
    return spans


def _end(node: Any) -> Any:
    """Where a node's own text ends: a block's mark lies behind the comments that follow it."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return node.end_mark
    last = node.value[-1]
    return _end(last[1] if node.id == "mapping" else last)
