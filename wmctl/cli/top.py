"""`wmctl top`: groups, workers, tags and the newest jobs, live."""

import os
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from wmctl.cli import jobcolumns, output, streams, tables
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.queue_ls import columns as tag_columns
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column
from wmctl.cli.top_data import GroupLine, Looker, Snapshot
from wmctl.cli.worker_columns import columns
from wmctl.spool import Spool

_LEAST = 0.1
#: So many of the newest jobs in a plain block.
_JOBS = 20


def top(
    ctx: typer.Context,
    batch: Annotated[
        bool, typer.Option("-b", "--batch", help="Plain blocks of text, for scripts and logs.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("-n", "--count", metavar="N", min=1, help="End after N looks.")
    ] = None,
    delay: Annotated[
        str, typer.Option("-d", "--delay", metavar="DURATION", help="Between two looks.")
    ] = "1s",
    spool: o.SpoolOption = None,
) -> None:
    """Watch groups, workers, tags and the newest jobs live, and act on them by keys.

    Tab goes to the next pane, j and k move, Enter shows, l shows the log, c cancels, d drains,
    p pauses, / filters, ? helps, q quits. Where there is no terminal, plain blocks are printed.
    """
    seconds = max(o.seconds(delay, "--delay"), _LEAST)
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    if batch or not _has_screen():
        _blocks(session.spool, seconds, count)
        return
    from wmctl.cli.top_keys import Terminal  # rich and the screen are for terminals only
    from wmctl.cli.top_live import Screen

    with Terminal() as terminal:
        Screen(session.spool, terminal, seconds, count).run()


def _has_screen() -> bool:
    dumb = os.environ.get("TERM", "dumb") in {"dumb", ""}
    return sys.stdin.isatty() and output.on_terminal() and not dumb


def _blocks(spool: Spool, seconds: float, count: int | None) -> None:
    looker = Looker(spool)
    number = 0
    while True:
        began = time.monotonic()
        for text in block(looker.look()):
            output.line(text)
        streams.flush()
        number += 1
        if number == count:
            return
        output.line()
        time.sleep(max(seconds - (time.monotonic() - began), 0.0))


def block(snapshot: Snapshot) -> Iterator[str]:
    """All of it as text, nothing cut where it goes to a pipe."""
    yield from map(output.safe, _head(snapshot))
    groups, workers = snapshot.groups, [one.facts() for one in snapshot.workers]
    jobs = snapshot.jobs[:_JOBS]
    for title, lines in (
        ("groups", tables.lines([{"group": one} for one in groups], _GROUP_COLUMNS)),
        ("workers", tables.lines(workers, columns(wide=False))),
        ("tags", tables.lines(snapshot.queues, tag_columns())),
        ("newest jobs", tables.lines(jobs, jobcolumns.columns_of(jobcolumns.DEFAULT))),
    ):
        yield ""
        yield title
        yield from lines


def _head(snapshot: Snapshot) -> Iterator[str]:
    counts = snapshot.counts
    free = "" if snapshot.free is None else f", {snapshot.free / (1 << 30):,.1f} GiB free"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(snapshot.at))
    yield f"{at} {snapshot.user} {snapshot.spool} ({snapshot.kind}{free})"
    yield (
        f"{snapshot.rate:.1f} jobs/s, {counts['running']} running, {counts['waiting']} waiting,"
        f" {counts['later']} later, {counts['suspended']} suspended, {counts['held']} held,"
        f" {counts['quarantined']} quarantined, {snapshot.failures} failed in the last hour"
    )
    if snapshot.trouble:
        yield snapshot.trouble


def _cell_of(one: dict[str, GroupLine]) -> GroupLine:
    return one["group"]


_GROUP_COLUMNS = (
    Column("GROUP", lambda one: _cell_of(one).name),
    Column("BUSY", lambda one: str(_cell_of(one).busy)),
    Column("ALIVE", lambda one: str(_cell_of(one).alive)),
    Column("DEAD", lambda one: str(_cell_of(one).dead)),
    Column("WAITING", lambda one: str(_cell_of(one).waiting)),
    Column("PAUSED", lambda one: _cell_of(one).paused),
    Column("TAGS", lambda one: ",".join(_cell_of(one).tags), shrink=1),
)

app = one_command(
    top,
    "wmctl top",
    "wmctl top -d 5s",
    "wmctl top -b -n 1",
    "wmctl top -b -d 60s >>/var/log/wmctl-top.log",
)
