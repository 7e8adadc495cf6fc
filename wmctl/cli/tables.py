"""Aligned columns. On a terminal long names and reasons are shortened, and one sees that."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wmctl.cli import output

Item = dict[str, Any]

#: The least that a shortened column keeps.
_LEAST = 10
_GAP = "  "


class Column(NamedTuple):
    """A column of a table: its title and the cell of an item."""

    title: str
    cell: Callable[[Item], str]
    #: Of the columns that may be shortened on a terminal, the lowest goes first; 0 = never.
    shrink: int = 0
    #: Never wider than this on a terminal; 0 = as wide as it is.
    most: int = 0


def show(
    items: Sequence[Item],
    columns: Sequence[Column],
    colour: Callable[[Item], str],
    below: Callable[[Item], str],
) -> None:
    """A line for each item, its second cell in `colour`, and indented what `below` says."""
    rows = [[output.safe(column.cell(item)) for column in columns] for item in items]
    titles = [column.title for column in columns]
    widths = _widths([titles, *rows], columns)
    output.line(_row(titles, widths))
    for item, row in zip(items, rows, strict=True):
        output.line(_row(row, widths, colour(item)))
        if more := below(item):
            output.line(f"    {output.safe(more)}")


def _row(cells: Sequence[str], widths: Sequence[int], colour: str = "") -> str:
    cut = [shortened(cell, width) for cell, width in zip(cells, widths, strict=True)]
    parts = [cell + " " * (wide - width(cell)) for cell, wide in zip(cut, widths, strict=True)]
    end = len(_GAP.join(parts).rstrip())
    if colour and len(parts) > 1:
        word = parts[1].rstrip()
        end += len(output.colour(word, colour)) - len(word)
        parts[1] = output.colour(word, colour) + parts[1][len(word) :]
    return _GAP.join(parts)[:end]


def _widths(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[int]:
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    if not output.on_terminal():
        return widths
    for at, column in enumerate(columns):
        widths[at] = min(widths[at], column.most or widths[at])
    too_much = sum(widths) + len(_GAP) * (len(widths) - 1) - (_terminal() or 10**9)
    for at in sorted(range(len(columns)), key=lambda at: columns[at].shrink):
        if columns[at].shrink and too_much > 0:
            less = min(too_much, max(widths[at] - _LEAST, 0))
            widths[at] -= less
            too_much -= less
    return widths


def _terminal() -> int | None:
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
