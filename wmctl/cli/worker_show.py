"""`wmctl worker show`: everything that is known about workers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import examples
from wmctl.cli.jobview import view
from wmctl.cli.lists import age, between, show_facts
from wmctl.cli.session import session_of
from wmctl.cli.tables import Item
from wmctl.cli.worker_columns import occupancy, ok_fail, size
from wmctl.cli.worker_names import Groups, Names, fitting
from wmctl.cli.worker_state import COLOURS, Worker, workers_of
from wmctl.spool import Spool, orders


def show(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Everything about workers. State and reason, orders, jobs, figures, log."""
    o.check_format(format, "table", "json")
    opened = session_of(ctx, spool=spool).spool
    chosen = fitting(workers_of(opened), names, group, "show").workers
    for number, one in enumerate(chosen):
        facts = details(opened, one)
        if format == "json":
            show_facts(facts, format)
            continue
        if number:
            output.line()
        for text in page(facts):
            output.line(text)


def log_of(spool: Spool, name: str) -> Path:
    """Where a worker writes its own log."""
    return Path(spool.store.path("logs", "workers", f"{name}.log"))


def details(spool: Spool, one: Worker) -> Item:
    """All of it, as JSON."""
    log = log_of(spool, one.name)
    return {
        **one.facts(),
        "schema": "wmctl.worker-details/1",
        "order": dict(orders.order_for(spool.store, one.name) or {}) or None,
        "claims": [_claim(spool, entry) for entry in spool.claims_of(one.name)],
        "log": str(log) if spool.has(log) else None,
    }


def _claim(spool: Spool, entry: Any) -> Item:
    found = view(spool, entry)
    return {
        "id": entry.id,
        "tag": entry.name.tag,
        "name": found.name if found else "",
        "started_at": found.started_at if found else None,
    }


def page(facts: Item) -> Iterator[str]:
    """For people: a line for each fact that is there."""
    state = output.colour(facts["state"], COLOURS.get(facts["state"], ""))
    reason = f": {output.safe(_reason(facts))}" if _reason(facts) else ""
    yield f"worker {output.safe(facts['worker'])}"
    yield state + reason
    yield ""
    rows = {name: text for name, text in _rows(facts) if text}
    width = max(map(len, rows), default=0)
    for name, text in rows.items():
        yield f"  {name.ljust(width)}  {output.safe(text)}"


def _reason(facts: Item) -> str:
    by = f" (by {facts['by']})" if facts["by"] else ""
    return f"{facts['reason'] or ''}{by}".strip()


def _rows(facts: Item) -> Iterator[tuple[str, str]]:
    yield "groups", ", ".join(facts["groups"])
    yield "tags", " ".join(facts["tags"])
    for claim in facts["claims"]:
        since = f", for {between(claim['started_at'], None)}" if claim["started_at"] else ""
        yield "job", f"{claim['id']} {claim['name']}{since}"
    yield "last job", facts["last_job"] or ""
    yield "ok/fail", ok_fail(facts)
    yield "occupancy", f"{occupancy(facts)} of 15s/5m/30m" if occupancy(facts) else ""
    late = "" if facts["beat_age"] is None else f"{age(facts['beat_age'])} ago"
    yield "last beat", late or "it has none"
    up = between(facts["started_at"], None)
    yield "up", f"{up}, since {facts['started_at']}" if up else ""
    order = facts["order"] or {}
    by = "".join(f", {word} {order[key]}" for key, word in _ORDER if order.get(key))
    yield "order", f"{order.get('order', 'stop')}{by}" if order else ""
    yield "host", str(facts["host"] or "")
    yield "pid", str(facts["pid"] or "")
    yield "memory", " of ".join(filter(None, (size(facts["memory_usage"]), size(facts["memory"]))))
    yield "vcpus", "" if facts["vcpus"] is None else str(facts["vcpus"])
    yield "isolation", facts["isolation"] or ""
    yield "slot", "" if facts["slot"] is None else str(facts["slot"])
    yield "restarts", str(facts["restarts"] or "")
    yield "version", str(facts["version"] or "")
    yield "only for", facts["only"] or ""
    yield "log", facts["log"] or ""


_ORDER = (("by", "by"), ("at", "at"), ("reason", "because:"))

EXAMPLES = examples(
    "wmctl worker show lab-1", "wmctl worker show -g gpu", "wmctl worker show x8f2q -o json"
)
