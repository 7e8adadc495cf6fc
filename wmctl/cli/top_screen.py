"""From a picture of the spool to lines of a terminal, by rich. Pure.

Whatever came from jobs or files goes through `output.safe` and is never read as markup.
"""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wmctl.cli import output
from wmctl.cli.top_data import Snapshot
from wmctl.cli.top_rows import PANES, Cell, Row, Shown, rows_of

KEYS = "Tab jk Enter  l log  c cancel  d drain  p pause  / filter  ? help  q quit"


def frame(snapshot: Snapshot, shown: Shown, columns: int, lines: int) -> list[str]:
    """A screen full: as many lines as there are, none wider than the columns allow."""
    console = console_of(columns, lines)
    head = _rendered(console, _header(snapshot, shown))[:2]
    tables = [rows_of(pane, snapshot, shown) for pane in PANES]
    room = max(lines - len(head) - 1, 0)
    sizes = _shares([len(rows) + 1 for rows in tables], shown.pane, room)
    body: list[str] = []
    for number, (rows, size) in enumerate(zip(tables, sizes, strict=True)):
        if size:
            body += _rendered(console, _pane(number, rows, size, shown))[:size]
    body += [""] * (room - len(body))
    foot = Text(output.safe(shown.line) or KEYS, style="" if shown.line else "bright_black")
    foot.truncate(console.width, overflow="ellipsis")
    return [*head, *body[:room], *_rendered(console, foot)[:1]][:lines]


def console_of(columns: int, lines: int) -> Console:
    """Where things are drawn: text in memory; one column stays free, so that no line breaks."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=max(columns - 1, 1), height=max(lines, 1),
        color_system="standard" if output.coloured() else None, highlight=False, markup=False,
        emoji=False, legacy_windows=False,
    )  # fmt: skip


def page(title: str, lines: Sequence[str], start: int, columns: int, room: int) -> list[str]:
    """A screen full of text, with a title and a line that says how to go on."""
    console = console_of(columns, room)
    head = Text(output.safe(title), style="bold reverse")
    shown = [head, *(_line(text) for text in lines[start : start + max(room - 2, 0)])]
    for text in shown:
        text.truncate(console.width, overflow="ellipsis")
    drawn = [line for text in shown for line in _rendered(console, text)[:1] or [""]]
    drawn += [""] * (room - 1 - len(drawn))
    last = min(start + room - 2, len(lines))
    foot = f"{start + 1 if lines else 0}-{last} of {len(lines)}   j/k move   Esc goes back"
    return [*drawn[: room - 1], *_rendered(console, Text(foot, style="bright_black"))[:1]]


def _line(text: str) -> Text:
    """A line that may carry colours of our own or of a job's log."""
    return Text.from_ansi(output.harmless(text.expandtabs()).replace("\n", " "))


def _rendered(console: Console, what: Any) -> list[str]:
    with console.capture() as capture:
        console.print(what, soft_wrap=False)
    return capture.get().split("\n")[:-1]


def _shares(wanted: Sequence[int], focus: int, room: int) -> list[int]:
    """How many lines each pane gets: two if there is room, then in turn, the focused one more."""
    given = [0] * len(wanted)
    order = [focus, *(index for index in range(len(wanted)) if index != focus)]
    for index in order:
        given[index] = min(wanted[index], 2, room - sum(given))
    turns = [focus, *range(len(wanted))]
    while sum(given) < room and any(have < want for have, want in zip(given, wanted, strict=True)):
        for index in turns:
            if given[index] < wanted[index] and sum(given) < room:
                given[index] += 1
    return given


def _pane(number: int, rows: Sequence[Row], size: int, shown: Shown) -> Table:
    pane = PANES[number]
    focused = number == shown.pane
    table = Table(
        box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
        header_style="bold reverse" if focused else "bold underline",
    )  # fmt: skip
    first, shown_rows = _window(rows, shown.chosen[number], size - 1)
    count = f"{len(rows)}"
    if len(shown_rows) < len(rows):
        count = f"{first + 1}-{first + len(shown_rows)}/{len(rows)}"
    for index, column in enumerate((f"{number + 1} {pane.title} {count}", *pane.columns)):
        last = index == len(pane.columns)
        table.add_column(
            column, no_wrap=True, overflow="ellipsis", ratio=1 if last else None,
            justify="right" if index in pane.right else "left",
        )  # fmt: skip
    for row in shown_rows:
        chosen = focused and row.key == shown.chosen[number]
        cells = [_cell(cell) for cell in row.cells]
        table.add_row(*cells, style="reverse" if chosen else "")
    return table


def _cell(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(output.safe(cell))


def _window(rows: Sequence[Row], chosen: str, room: int) -> tuple[int, Sequence[Row]]:
    """The rows that there is room for, the chosen one among them."""
    at = next((index for index, row in enumerate(rows) if row.key == chosen), 0)
    first = max(0, min(at - room // 2, len(rows) - room))
    return first, rows[first : first + max(room, 0)]


def _header(snapshot: Snapshot, shown: Shown) -> Table:
    counts = snapshot.counts
    free = "" if snapshot.free is None else f"{snapshot.free / (1 << 30):,.1f} GiB free"
    where = Text(output.safe(f"{snapshot.user} {snapshot.spool}"), style="bold")
    where.append(output.safe(f" ({', '.join(filter(None, (snapshot.kind, free)))})"), style="none")
    if snapshot.trouble:
        where = Text(output.safe(snapshot.trouble), style="bold red")
    jobs = Text(
        f"{snapshot.rate:.1f} jobs/s  {counts['running']} running  {counts['waiting']} waiting"
    )
    for count, what in (
        (counts["later"], "later"), (counts["suspended"], "suspended"), (counts["held"], "held"),
        (counts["quarantined"], "quarantined"),
    ):  # fmt: skip
        if count:
            jobs.append(f"  {count} {what}", style="yellow" if what[0] in "hq" else "")
    style = "red" if snapshot.failures else ""
    jobs.append(f"  {snapshot.failures} failed in the last hour", style=style)
    if shown.filter:
        jobs.append(output.safe(f"  /{shown.filter}"), style="reverse")
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for text in (where, jobs):
        table.add_row(text)
    return table
