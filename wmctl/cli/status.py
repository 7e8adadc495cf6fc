"""`wmctl status`: one screen that says whether all is well, and what to do where it is not."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from wmctl.cli import alerting, exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.serving import tags_of
from wmctl.cli.session import session_of
from wmctl.cli.status_look import Look
from wmctl.cli.status_problems import dead_with_jobs, notes_of, problems_of
from wmctl.cli.status_screen import screen
from wmctl.cli.tables import Item
from wmctl.cli.tags import waiting_tags
from wmctl.spool import Entry, Spool, quarantine
from wmctl.spool.name import parse_due

SCHEMA = "wmctl.status/1"
_HOUR, _DAY = 3600, 86400
_CODES = {"good": exits.OK, "degraded": exits.FAULTS, "down": exits.UNAVAILABLE}


def status(ctx: typer.Context, format: o.Facts = "table", spool: o.SpoolOption = None) -> None:
    """One screen that says whether all is well. For monitoring, the exit code says it too.

    0 good; 1 degraded: jobs wait for a tag that nobody serves, are held or quarantined, an alert
    fires, an init script fails, a worker is silent, or little space is left; 69 no worker is
    alive. What somebody paused is told, and is no fault. Of groups: how many live, and of how many.
    """
    o.check_format(format, "table", "json")
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    facts = status_of(Look(session))
    if format == "json":
        output.line(output.dumps(facts, indent=2))
    else:
        for text in screen(facts):
            output.line(text)
    raise typer.Exit(_CODES[facts["status"]])


def status_of(look: Look) -> Item:
    """Everything that the screen shows, as JSON."""
    spool = look.spool
    running = Counter(entry.name.tag for entry in spool.entries({"running"}))
    states = Counter(entry.state for entry in spool.entries({"suspended", "held"}))
    states["running"] = running.total()
    states["quarantined"] = sum(1 for _ in quarantine.strays(spool.store))
    tags = [_tag(look, tag, running[tag]) for tag in sorted(_tags(look) | set(running))]
    firing = [alert for alert in look.alerts() if alert.fires]
    look.faults += look.groups.faults
    free, total = _space(spool)
    problems = problems_of(look, tags, states, firing, free, total)
    ended = Counter(entry.state for entry, _ in _ended(spool, look.reasons.now))
    return {
        "schema": SCHEMA,
        "status": "down" if not look.alive else "degraded" if problems else "good",
        "spool": {
            "path": str(spool.path),
            "file_system": spool.file_system().kind,
            "free_bytes": free,
            "total_bytes": total,
        },
        "workers": _workers(look),
        "groups": _groups(look),
        "waiting": sum(one["waiting"] for one in tags),
        "later": sum(one["later"] for one in tags),
        "running": states["running"],
        "suspended": states["suspended"],
        "held": states["held"],
        "quarantined": states["quarantined"],
        "ended_last_hour": sum(ended.values()),
        "failures_last_hour": ended["failure"],
        "tags": tags,
        "alerts": [alert.facts() for alert in firing],
        "problems": [one._asdict() for one in problems],
        "notes": [one._asdict() for one in notes_of(look)],
    }


def _ended(spool: Spool, now: int) -> Iterator[tuple[Entry, int]]:
    """Within the last hour, of the jobs that were submitted within the last day."""
    return spool.ended(now - _HOUR * 10**9, first=now / 1e9 - _DAY)


def _space(spool: Spool) -> tuple[int | None, int | None]:
    """Bytes that are free, and all, of the spool's disk."""
    try:
        return spool.store.disk.space(spool.store.root)
    except OSError:
        return None, None


def _tags(look: Look) -> set[str]:
    """Those that jobs wait under, those that live workers serve, and the paused ones."""
    lease = look.spool.settings.lease
    served = {tag for one in look.reasons.beats or () if one.alive(lease) for tag in tags_of(one)}
    return waiting_tags(look.spool) | served | set(look.paused_tags)


def _tag(look: Look, tag: str, running: int) -> Item:
    queue = look.queues.of(tag)
    oldest = None
    if queue.oldest is not None:
        waited = look.reasons.now / 1e9 - parse_due(queue.oldest).timestamp()
        oldest = round(max(waited, 0.0), 3)
    every = look.reasons.of_tag(tag)
    return {
        "tag": tag,
        "waiting": queue.due,
        "later": queue.later,
        "running": running,
        "oldest_wait": oldest,
        "workers": len(look.reasons.serving(tag)),
        "paused": tag in look.paused_tags,
        "reason": every[0].word if every else None,
    }


def _workers(look: Look) -> Item:
    dead = [worker for worker in look.workers if not worker.alive]
    states = Counter(worker.state for worker in look.alive)
    return {
        "alive": len(look.alive),
        "dead": len(dead),
        "states": dict(sorted(states.items())),
        "dead_with_jobs": [
            {"worker": one.name, "host": one.content.get("host"), "beat_age": one.age}
            for one in dead_with_jobs(look)
        ],
    }


def _groups(look: Look) -> list[Item]:
    """Those that have a file, and those of the workers that live."""
    living: Mapping[str, int] = alerting.alive(look.reasons.beats or (), look.spool.settings.lease)
    found = []
    for name in sorted({*look.groups.all, *living, *look.paused_groups}):
        own = look.groups.all.get(name)
        facts: dict[str, Any] = {
            "group": name,
            "alive": living.get(name, 0),
            "threshold": own.min_alive_workers_alert_threshold if own else None,
            "paused": name in look.paused_groups,
        }
        found.append(facts)
    return found


app = one_command(
    status,
    "wmctl status",
    "wmctl status -o json | jq -r '.problems[].fix'",
    "*/5 * * * * wmctl status >/tmp/wmctl.status || mail -s wmctl ops </tmp/wmctl.status",
)
