"""Aligned columns. On a terminal long names and reasons are shortened, and one sees that."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from wmctl.cli import output

Item = dict[str, Any]

#: The least that a shortened column keeps.
_LEAST = 10
_GAP = "  "
#: So many rows are looked at before the first is printed.
_FIRST = 200


class Column(NamedTuple):
    """A column of a table: its title and the cell of an item."""

    title: str
    cell: Callable[[Item], str]
    #: Of the columns that may be shortened on a terminal, the lowest goes first; 0 = never.
    shrink: int = 0
    #: Never wider than this on a terminal; 0 = as wide as it is.
    most: int = 0


def lines(
    items: Iterable[Item],
    columns: Sequence[Column],
    colour: Callable[[Item], str] = lambda _: "",
    below: Callable[[Item], str] = lambda _: "",
    *,
    titles: bool = True,
) -> Iterator[str]:
    """A line for each item, its state (or second cell) in `colour`, indented what `below` says.

    The first items decide how wide the columns are; what does not fit later makes them wider.
    """
    rest = iter(items)
    first = list(islice(rest, _FIRST))
    heads = [column.title for column in columns]
    painted = heads.index("STATE") if "STATE" in heads else 1
    rows = [_cells(item, columns) for item in first]
    widths = _widths([heads, *rows] if titles else rows or [heads], columns)
    if titles:
        yield _row(heads, widths)
    growing = [not (output.on_terminal() and (one.shrink or one.most)) for one in columns]
    for item, row in chain(zip(first, rows, strict=True), _rest(rest, columns)):
        for at, cell in enumerate(row):
            # Nothing is cut but what may be shortened on a terminal.
            if growing[at] and (len(cell) > widths[at] or not cell.isascii()):
                widths[at] = max(widths[at], width(cell))
        yield _row(row, widths, colour(item), painted)
        if more := below(item):
            yield f"    {output.safe(more)}"


def _cells(item: Item, columns: Sequence[Column]) -> list[str]:
    return [output.safe(column.cell(item)) for column in columns]


def _rest(items: Iterable[Item], columns: Sequence[Column]) -> Iterator[tuple[Item, list[str]]]:
    return ((item, _cells(item, columns)) for item in items)


def _row(cells: Sequence[str], widths: Sequence[int], colour: str = "", painted: int = 1) -> str:
    parts = [_padded(cell, wide) for cell, wide in zip(cells, widths, strict=True)]
    line = _GAP.join(parts).rstrip()
    if not colour or len(parts) <= painted:
        return line
    word = parts[painted].rstrip()
    at = sum(len(part) + len(_GAP) for part in parts[:painted])
    return line[:at] + output.colour(word, colour) + line[at + len(word) :]


def _padded(cell: str, wide: int) -> str:
    if cell.isascii() and len(cell) <= wide:
        return cell.ljust(wide)
    cut = shortened(cell, wide)
    return cut + " " * (wide - width(cut))


def _widths(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[int]:
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    if not output.on_terminal():
        return widths
    for at, column in enumerate(columns):
        widths[at] = min(widths[at], column.most or widths[at])
    too_much = sum(widths) + len(_GAP) * (len(widths) - 1) - (terminal_columns() or 10**9)
    for at in sorted(range(len(columns)), key=lambda at: columns[at].shrink):
        if columns[at].shrink and too_much > 0:
            less = min(too_much, max(widths[at] - _LEAST, 0))
            widths[at] -= less
            too_much -= less
    return widths


def terminal_columns() -> int | None:
    """How wide the terminal is; None where that is not known."""
    from shutil import get_terminal_size  # typer has it already

    return get_terminal_size((0, 0)).columns or None


def width(text: str) -> int:
    """How many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # most texts need it not

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def shortened(text: str, most: int) -> str:
    """The text in no more than so many columns, with an ellipsis where something is missing."""
    if width(text) <= most:
        return text
    kept = text[: most - 1]
    while width(kept) > most - 1:
        kept = kept[:-1]
    return f"{kept}…"
