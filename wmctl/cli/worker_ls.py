"""`wmctl worker ls`: the workers of the spool, on all hosts."""

from collections.abc import Callable, Collection
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import examples
from wmctl.cli.lists import show_list
from wmctl.cli.session import session_of
from wmctl.cli.tables import Item
from wmctl.cli.worker_columns import columns
from wmctl.cli.worker_state import COLOURS, STATES, Worker, workers_of
from wmctl.spool import Spool

FORMATS = ("table", "wide", "json", "jsonl", "tsv", "id")
#: What of a worker is a change worth a line of `--watch`.
_TOLD = ("state", "job", "tags", "reason", "group")

Kept = Callable[[Worker], bool]


def ls(
    ctx: typer.Context,
    group: Annotated[
        list[str] | None,
        typer.Option("-g", "--group", metavar="GROUP", help="Only workers of this group."),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("-s", "--state", metavar="STATE", help="Only workers in this state."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("-t", "--tag", metavar="TAG", help="Only workers that serve this tag."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Go on and show what changes, until q.")
    ] = False,
    format: Annotated[
        str, typer.Option("-o", "--output", metavar="FORMAT", help=f"{', '.join(FORMATS)}.")
    ] = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List the workers, on all hosts. The living come first, then by group.

    States: starting, init (its init script runs or failed), idle, busy, draining, paused, stale
    (no beat for a while), dead (none for a lease; another worker takes its jobs over, and
    wmctl worker rm does so now). OCC is the share of the last 15 s, 5 min and 30 min with a job.
    """
    o.check_format(format, *FORMATS)
    kept = chosen(group, state, tag)
    session = session_of(ctx, spool=spool)
    opened = session.spool if session.has_spool else None

    def look() -> list[Item]:
        return [] if opened is None else found(opened, kept)

    if watch:
        from wmctl.cli.watchlist import WatchedList  # for this option only

        WatchedList(
            look, "workers", "worker", _TOLD, lambda: columns(wide=format == "wide"), colour_of
        ).run(format)
        return
    show_list(
        look(), format, columns(wide=format == "wide"), key="worker", ordered=True,
        colour=colour_of if output.coloured() else lambda _: "",
    )  # fmt: skip


def chosen(
    groups: Collection[str] | None, states: Collection[str] | None, tags: Collection[str] | None
) -> Kept:
    """Which workers the filters keep: of one filter any value may fit, of several each must."""
    for word in states or ():
        if word not in STATES:
            raise UsageError(f"there is no state {word!r}", hint=f"states: {', '.join(STATES)}")

    def keeps(one: Worker) -> bool:
        return (
            (not groups or not set(groups).isdisjoint(one.groups))
            and (not states or one.state in states)
            and (not tags or not set(tags).isdisjoint(one.tags))
        )

    return keeps


def found(spool: Spool, kept: Kept) -> list[Item]:
    """The workers as JSON objects."""
    return [one.facts() for one in workers_of(spool) if kept(one)]


def colour_of(item: Item) -> str:
    """The colour of its state."""
    return COLOURS.get(item["state"], "")


EXAMPLES = examples(
    "wmctl worker ls",
    "wmctl worker ls -g gpu -o wide",
    "wmctl worker ls -s stale -s dead",
    "wmctl worker ls -w",
    "wmctl worker ls -o json | jq -r '.[] | select(.failed > 0) | .worker'",
)
