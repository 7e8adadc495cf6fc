"""`wmctl stats`: how many jobs ended how, how long they waited and ran."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.jobview import JobView, rfc3339, view
from wmctl.cli.lists import age, show_list
from wmctl.cli.selector import moment
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.spool import Spool

SCHEMA = "wmctl.stats/1"
_USUAL = "24h"
_HOUR = 3600

#: What jobs are put together by.
_GROUPS: dict[str, Callable[[JobView], str]] = {
    "tag": lambda found: found.entry.name.tag,
    "name": lambda found: found.name,
    "worker": lambda found: found.worker or "",
    "user": lambda found: (found.job.created_by if found.job else None) or "",
    "hour": lambda found: f"{(found.completed_at or '')[:13]}:00Z",
}


def stats(
    ctx: typer.Context,
    by: Annotated[
        str, typer.Option(metavar="WORD", help=f"Put together by {', '.join(_GROUPS)}.")
    ] = "tag",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Ended since then [default: {_USUAL}].")
    ] = None,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Of the jobs that ended lately: how many, how they ended, how long they waited and ran.

    p50: half of them took no longer; p95: of twenty, nineteen. Waiting counts from the due time.
    The last line is about all of them. What was pruned is not counted.
    """
    o.check_format(format, "table", "json", "jsonl", "tsv")
    if by not in _GROUPS:
        raise UsageError(f"--by {by!r} is not known", hint=f"use {', '.join(_GROUPS)}")
    first = moment(since or _USUAL, "--since")
    if since is None:
        output.note(f"of the jobs that ended in the last {_USUAL} (--since says otherwise)")
    rows = stats_of(session_of(ctx, spool=spool).spool, by, first)
    show_list(rows, format, _columns(by), key=None)


def stats_of(spool: Spool, by: str, since: float) -> list[Item]:
    """A row for each group, by its name; the last one, whose group is null, has all of them."""
    groups: dict[str, Tally] = defaultdict(Tally)
    for found in _ended(spool, since):
        groups[_GROUPS[by](found)].add(found)
    total = Tally()
    for tally in groups.values():
        total.join(tally)
    until = time.time()
    rows: list[tuple[str | None, Tally]] = [*sorted(groups.items()), (None, total)]
    return [
        {"schema": SCHEMA, "by": by, "group": name}
        | {"since": _at(since), "until": _at(until)}
        | tally.facts(max(until - since, 1.0))
        for name, tally in rows
    ]


def _ended(spool: Spool, since: float) -> Iterator[JobView]:
    for entry, _ in spool.ended(int(since * 10**9)):
        found = view(spool, entry)
        if found is not None and found.entry.terminal:
            yield found


class Tally:
    """What is counted of some jobs."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.waits: list[float] = []
        self.runs: list[float] = []

    def add(self, found: JobView) -> None:
        """One more job."""
        self.states[found.entry.state] += 1
        if found.started_at is None:
            return
        started = datetime.fromisoformat(found.started_at)
        self.waits.append(max((started - found.entry.name.scheduled_for).total_seconds(), 0.0))
        if found.completed_at is not None:
            ended = datetime.fromisoformat(found.completed_at)
            self.runs.append(max((ended - started).total_seconds(), 0.0))

    def join(self, other: "Tally") -> None:
        """All of another's."""
        self.states += other.states
        self.waits += other.waits
        self.runs += other.runs

    def facts(self, seconds: float) -> dict[str, Any]:
        """As JSON; `seconds`: the time in which they ended."""
        count = self.states.total()
        return {
            "jobs": count,
            **{state: self.states[state] for state in ("success", "failure", "canceled")},
            "skipped": self.states["skipped"],
            "wait_p50": quantile(self.waits, 0.5),
            "wait_p95": quantile(self.waits, 0.95),
            "run_p50": quantile(self.runs, 0.5),
            "run_p95": quantile(self.runs, 0.95),
            "run_max": quantile(self.runs, 1.0),
            "per_hour": round(count * _HOUR / seconds, 3),
        }


def quantile(values: list[float], share: float) -> float | None:
    """The value that so large a share of them does not exceed."""
    if not values:
        return None
    rank = -int(-len(values) * share // 1)
    return round(sorted(values)[max(rank, 1) - 1], 3)


def _at(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _span(key: str) -> Callable[[Item], str]:
    return lambda row: "" if row[key] is None else age(row[key])


def _columns(by: str) -> list[Column]:
    counts = [("JOBS", "jobs"), ("SUCCESS", "success"), ("FAILURE", "failure")]
    spans = [
        ("WAIT-P50", "wait_p50"), ("WAIT-P95", "wait_p95"), ("TIME-P50", "run_p50"),
        ("TIME-P95", "run_p95"), ("TIME-MAX", "run_max"),
    ]  # fmt: skip
    return [
        Column(by.upper(), lambda row: "all" if row["group"] is None else row["group"], shrink=1),
        *(Column(title, _number(key)) for title, key in (*counts, ("CANCELED", "canceled"))),
        *(Column(title, _span(key)) for title, key in spans),
        Column("PER-HOUR", lambda row: f"{row['per_hour']:.1f}"),
    ]


def _number(key: str) -> Callable[[Item], str]:
    return lambda row: str(row[key])


app = one_command(
    stats,
    "wmctl stats",
    "wmctl stats --by name --since 7d",
    "wmctl stats --by hour -o tsv",
)
