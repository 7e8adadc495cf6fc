"""`wmctl queue ls|show`: what waits under each tag, and how fast it goes."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output, tables
from wmctl.cli.group import examples
from wmctl.cli.lists import age, between, show_facts, show_list
from wmctl.cli.queue_state import WINDOWS, is_idle, queues
from wmctl.cli.reasons import Reasons
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.cli.tags import did_you_mean
from wmctl.errors import JobNotFound
from wmctl.spool import Spool

FORMATS = ("table", "json", "jsonl", "tsv", "id")
#: What of a queue is a change worth a line of `--watch`.
_TOLD = ("running", "waiting", "later", "suspended", "workers", "reason")


def ls(
    ctx: typer.Context,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Go on and show what changes, until q.")
    ] = False,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List the tags. Jobs by state, the oldest wait, live workers, jobs per second.

    LATER are jobs with a later due time. RATE is of the jobs that ended within the last 30 s,
    5 min, 30 min and 24 h. REASON is what keeps all jobs of the tag from running, if anything.
    """
    o.check_format(format, *FORMATS)
    session = session_of(ctx, spool=spool)
    opened = session.spool if session.has_spool else None

    def look() -> list[Item]:
        return [] if opened is None else queues(opened)

    if watch:
        from wmctl.cli.watchlist import WatchedList  # for this option only

        WatchedList(look, "tags", "tag", _TOLD, columns, lambda _: "").run(format)
        return
    show_list(look(), format, columns(), key="tag", ordered=True)


def show(
    ctx: typer.Context,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Tags, as ps shows them.")],
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Everything about tags. Who serves them, what keeps their jobs."""
    o.check_format(format, "table", "json")
    opened = session_of(ctx, spool=spool).spool
    for number, tag in enumerate(tags):
        [facts] = queues(opened, [tag])
        if is_idle(facts):
            raise JobNotFound(
                f"no job has the tag {tag!r} and no worker serves it{did_you_mean(opened, tag)}",
                hint="wmctl queue ls lists the tags",
            )
        facts |= details(opened, tag)
        if format == "json":
            show_facts(facts, format)
            continue
        if number:
            output.line()
        for text in page(facts):
            output.line(output.safe(text))


def details(spool: Spool, tag: str) -> Item:
    """Beyond what the list shows."""
    reasons = Reasons(spool)
    return {
        "schema": "wmctl.queue-details/1",
        "serving": [beat.worker for beat in reasons.serving(tag)],
        "reasons": [one.facts() for one in reasons.of_tag(tag)],
    }


def page(facts: Item) -> Iterator[str]:
    """For people; not made safe for a terminal."""
    yield f"tag {facts['tag']}"
    yield ""
    rows = {
        "running": str(facts["running"]),
        "waiting": str(facts["waiting"]) + (f", the oldest for {oldest(facts)}" * _waits(facts)),
        "later": str(facts["later"]),
        "suspended": str(facts["suspended"]),
        "next": facts["next"] or "",
        "rate": f"{rate(facts)} jobs/s of the last {'/'.join(WINDOWS)}",
        "workers": ", ".join(facts["serving"]) or "none alive",
    }
    if facts["paused"] is not None:
        rows["paused"] = _paused(facts["paused"])
    for name, text in rows.items():
        if text:
            yield f"  {name:<9}  {text}"
    for one in facts["reasons"]:
        yield ""
        yield f"  {one['reason']}: {one['text']}"
        yield f"    {one['fix']}"


def _waits(facts: Item) -> bool:
    return facts["oldest_wait"] is not None


def _paused(why: Item) -> str:
    since = between(why.get("at"), None)
    parts = (
        f"by {why['by']}" if why.get("by") else "",
        f"{since} ago" if since else "",
        f"because: {why['reason']}" if why.get("reason") else "",
    )
    return ", ".join(filter(None, parts)) or "yes"


def oldest(facts: Item) -> str:
    """How long the job waits that waits longest."""
    return "" if facts["oldest_wait"] is None else age(facts["oldest_wait"])


def rate(facts: Item) -> str:
    """`2.1/0.4/0.1/0.002`: jobs per second."""
    return "/".join(_figure(facts["rates"][name]) for name in WINDOWS)


def _figure(value: float) -> str:
    """Two figures that count, and no more."""
    if value == 0 or value >= 10:
        return f"{value:,.0f}"
    if value < 0.01:
        return "<0.01"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _reason(facts: Item) -> str:
    """That nobody serves a tag is of interest where jobs have it."""
    has_jobs = facts["waiting"] or facts["later"] or facts["suspended"] or facts["paused"]
    return str(facts["reason"] or "") if has_jobs else ""


def columns() -> Sequence[Column]:
    """Those of the list; with short titles where a terminal is narrow."""
    narrow = output.on_terminal() and 0 < (tables.terminal_columns() or 0) < _NARROW
    titles = _SHORT if narrow else {}
    return [column._replace(title=titles.get(column.title, column.title)) for column in _COLUMNS]


_NARROW = 100
_RATE = f"RATE({'/'.join(WINDOWS)})"
_SHORT = {"RUNNING": "RUN", "WAITING": "WAIT", "SUSPENDED": "SUSP", _RATE: "RATE"}
_COLUMNS = (
    Column("TAG", lambda one: one["tag"], shrink=1),
    Column("RUNNING", lambda one: str(one["running"])),
    Column("WAITING", lambda one: str(one["waiting"])),
    Column("LATER", lambda one: str(one["later"])),
    Column("SUSPENDED", lambda one: str(one["suspended"])),
    Column("OLDEST", oldest),
    Column("WORKERS", lambda one: str(one["workers"])),
    Column(_RATE, rate),
    Column("REASON", _reason),
)

LS_EXAMPLES = examples(
    "wmctl queue ls",
    "wmctl queue ls -w",
    "wmctl queue ls -o json | jq '.[] | select(.waiting > 99)'",
)
SHOW_EXAMPLES = examples("wmctl queue show gpu", "wmctl queue show gpu -o json | jq .rates")
