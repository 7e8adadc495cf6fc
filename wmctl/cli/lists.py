"""Lists in every output format. Items are JSON objects; a table shows chosen facts of them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from wmctl.cli import output, tables
from wmctl.cli.tables import Column, Item

#: So many items are sorted before they are given out; more come as they are found.
SORTED = 10_000


def show_list(
    items: Iterable[Item],
    format: str,
    columns: Sequence[Column],
    *,
    key: str | None,
    ordered: bool = False,
    colour: Callable[[Item], str] = lambda _: "",
    below: Callable[[Item], str] = lambda _: "",
    titles: bool = True,
    fields: Sequence[str] = (),
) -> None:
    """Print items; `key`: sorted by it, except where they are too many to be kept or `ordered`.

    `fields`: the keys of every item, for the first line of a TSV that has no other.
    """
    if key is not None and not ordered:
        items = _sorted(items, key, None if format == "table" else SORTED)
    match format:
        case "json":
            _json(items)
        case "jsonl":
            for item in items:
                output.line(output.dumps(item))
        case "tsv":
            _tsv(items, fields, titles=titles)
        case "id" | "name":
            for item in items:
                output.line(output.safe(str(item[format if fields else key or ""])))
        case _:
            for text in tables.lines(items, columns, colour, below, titles=titles):
                output.line(text)


def _sorted(items: Iterable[Item], key: str, most: int | None) -> Iterable[Item]:
    rest = iter(items)
    first = list(islice(rest, None if most is None else most + 1))
    if most is None or len(first) <= most:
        return sorted(first, key=lambda item: str(item[key]))
    return chain(first, rest)


def _json(items: Iterable[Item]) -> None:
    lead = "["
    for item in items:
        output.line(lead + output.dumps(item))
        lead = ","
    output.line("[]" if lead == "[" else "]")


def _tsv(items: Iterable[Item], fields: Sequence[str], *, titles: bool) -> None:
    titled = not titles
    if fields and not titled:
        output.line("\t".join(fields))
        titled = True
    for item in items:
        if not titled:
            output.line("\t".join(item))
            titled = True
        output.line("\t".join(map(_tsv_cell, item.values())))


def _tsv_cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else output.dumps(value)
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return output.safe(escaped)


def show_facts(facts: Item, format: str) -> None:
    """One object: JSON, or a line for each fact that is there."""
    if format == "json":
        output.line(output.dumps(facts, indent=2))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, "", [], {}) and name != "schema":
            text = value if isinstance(value, str) else output.dumps(value)
            output.line(f"{name.ljust(width)}  {output.safe(text)}")


def age(seconds: float) -> str:
    """A span as people read it: `0.2s`, `3.0s`, `3m12s`, `2h05m`, `4d`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d"


def between(start: str | None, end: str | None) -> str:
    """The age from one RFC 3339 time to another; "" where the first is not known."""
    if not start:
        return ""
    try:
        last = datetime.fromisoformat(end) if end else datetime.now(UTC)
        return age((last - datetime.fromisoformat(start)).total_seconds())
    except (ValueError, TypeError):
        return ""
