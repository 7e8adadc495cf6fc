"""`wmctl ps`: list jobs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple

import typer

from wmctl.cli import exits, jobcolumns, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.jobview import FIELDS, SCHEMA
from wmctl.cli.lists import show_list
from wmctl.cli.reasons import Reasons
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.spool import Spool

FORMATS = ("table", "wide", "json", "jsonl", "tsv", "id", "name")


def ps(
    ctx: typer.Context,
    selector: Selector,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="In this order; -COLUMN: the other way round."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="These columns, in every format.")
    ] = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No line of titles.")] = False,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Go on and show what changes, until q.")
    ] = False,
    fail_empty: Annotated[
        bool, typer.Option("--fail-empty", help="Exit 1 if there is no such job.")
    ] = False,
    format: Annotated[
        str, typer.Option("-o", "--output", metavar="FORMAT", help=f"{', '.join(FORMATS)}.")
    ] = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List jobs that are not finished; with -a all of them. There is no hidden limit.

    Oldest first. REASON is one word why a job does not run (wmctl why ID says more), and of a
    finished one what went wrong. A table on a terminal shortens names and reasons; in a pipe and
    in the other formats everything is whole.
    """
    o.check_format(format, *FORMATS)
    order = None if sort is None else jobcolumns.order_of(sort)
    chosen = None if columns is None else jobcolumns.fields_of(columns, "--columns")
    opened = session_of(ctx, spool=spool).spool
    view = View(format, chosen, titles=not no_headers)
    if watch:
        from wmctl.cli.watch import Watching  # for this option only

        Watching(opened, selector, view, order).run()
        return
    found = Counted(jobs(opened, selector, view.needed(order)))
    show(found if order is None else jobcolumns.in_order(found, *order), view)
    if fail_empty and not found.count:
        raise typer.Exit(exits.FAULTS)


class View(NamedTuple):
    """How a list is shown."""

    format: str
    #: The fields that were chosen; None: those of the format.
    fields: Sequence[str] | None
    titles: bool = True

    def needed(self, order: tuple[str, bool] | None) -> Sequence[str] | None:
        """The fields that a job must have to be shown and sorted so; None are all."""
        fields = self.fields
        if self.format in {"id", "name"}:
            fields = (self.format,)
        elif fields is None and self.format in {"table", "wide"}:
            fields = jobcolumns.WIDE if self.format == "wide" else jobcolumns.DEFAULT
        if fields is None:
            return None
        return jobcolumns.needed([*fields, *(order[:1] if order else ())])

    @property
    def columns(self) -> Sequence[Column]:
        """Those of a table."""
        usual = jobcolumns.WIDE if self.format == "wide" else jobcolumns.DEFAULT
        return jobcolumns.columns_of(self.fields or usual)


class Counted:
    """Jobs, and how many of them came by."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.count = 0
        self._items = items

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            self.count += 1
            yield item


def show(items: Iterable[Item], view: View) -> None:
    """Print them, each as soon as it is known."""
    fields: Sequence[str] = ("schema", *FIELDS)
    if view.fields is not None and view.format in {"json", "jsonl", "tsv"}:
        fields = view.fields
        items = (jobcolumns.picked(item, fields) for item in items)
        if view.format != "tsv":
            items = ({"schema": SCHEMA, **item} for item in items)
    show_list(
        items, view.format, view.columns, key=None, fields=fields, titles=view.titles,
        colour=colour_of if output.coloured() else _none,
    )  # fmt: skip


def colour_of(job: Item) -> str:
    """The colour of its state."""
    return jobcolumns.COLOURS.get(job["state"], "")


def _none(_: Item) -> str:
    return ""


def jobs(spool: Spool, selector: Selector, only: Sequence[str] | None = None) -> Iterator[Item]:
    """The jobs as JSON objects, oldest first; one that moves on meanwhile is told once."""
    reasons = Reasons(spool)
    asked = only is None or not {"reason", "reason_text"}.isdisjoint(only)
    for found in selector.views(spool):
        yield found.facts(reasons.first(found) if asked else None, only)


app = one_command(
    selecting(ps),
    "wmctl ps",
    "wmctl ps --failed --since 1d -o wide",
    "wmctl ps -w -t gpu",
    "wmctl ps -a --sort -time --columns id,name,time,exit",
    "wmctl ps -a -o json | jq '.[] | select(.exit_code == 4) | .id'",
)
