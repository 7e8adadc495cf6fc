"""Everything about one job, as JSON: what a list tells, what is too long for one, its history."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from wmctl.cli.jobview import JobView, rfc3339
from wmctl.cli.reasons import Reasons
from wmctl.cli.tables import Item
from wmctl.errors import MalformedJob
from wmctl.spool import STATES, Entry, Spool
from wmctl.spool.ids import created

SCHEMA = "wmctl.job-details/1"
#: So many later jobs are asked whose they are, unless all are wanted: 0.1 ms each.
RELATED = 2000


def details(spool: Spool, found: JobView, *, related: int | None = RELATED) -> Item:
    """The facts of a list, and all others. `related`: so many later jobs are looked at."""
    entry = found.entry
    reasons = list(Reasons(spool, exact=True).all(found))
    facts = found.facts(reasons[0] if reasons else None) | {"schema": SCHEMA}
    facts |= _as_submitted(spool, found) | _as_it_is(spool, found)
    facts["timeline"] = timeline(spool, found)
    facts["reasons"] = [one.facts() for one in reasons]
    return facts | relations(spool, entry, related)


def _as_submitted(spool: Spool, found: JobView) -> Item:
    job = found.job
    if job is None:
        return {}
    return {
        "args": _args(spool, found),
        "argv": list(job.argv),
        "cwd": job.cwd,
        "env": dict(job.env),
        "timeout": job.timeout,
        "retries": job.retries,
        "backoff": list(job.backoff) if job.backoff else None,
        "after": [dict(one) for one in job.after],
        "concurrency_key": job.concurrency_key,
        "concurrent_limit": job.concurrent_limit,
        "concurrency_time_window_s": job.concurrency_time_window_s,
        "cache_ttl": job.cache_ttl,
        "delete_after_secs": job.delete_after_secs,
        "path": job.path,
        "created_on": job.created_on,
    }


def _as_it_is(spool: Spool, found: JobView) -> Item:
    entry, record = found.entry, found.record or {}
    log, errors = spool.log_paths(entry)
    result = Path(spool.store.result(entry.id, entry.name.claims))
    return {
        "claims": entry.name.claims,
        "lost": entry.name.lost,
        "tries": entry.name.tries,
        "host": record.get("host"),
        "log_dropped": record.get("log_dropped"),
        "cached_from": record.get("cached_from"),
        "reason_details": dict(found.why) if found.why else None,
        "file": str(entry.path),
        "log": _if_there(log),
        "log_errors": _if_there(errors),
        "result_file": _if_there(result) if found.record else None,
    }


def _if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _args(spool: Spool, found: JobView) -> Item | None:
    try:
        return spool.args(found.job) if found.job else None
    except MalformedJob:
        return None


# What happened to it.


def timeline(spool: Spool, found: JobView) -> list[Item]:
    """What is known of the job's life, in order. Of claims before the last only their logs are."""
    entry, job = found.entry, found.job
    events = [
        _event(
            found.created_at, "submitted", by=job.created_by if job else None,
            host=job.created_on if job else None,
        )
    ]  # fmt: skip
    due = entry.name.scheduled_for
    if (due - created(entry.id)).total_seconds() > 1:
        events.append(_event(rfc3339(due), "due"))
    if not (found.record or {}).get("cached_from"):  # which has a log, and was never started
        events += _attempts(spool, found)
    if entry.state in {"held", "quarantined"}:
        why = found.why or {}
        events.append(_event(_text(why.get("at")), entry.state, by=_text(why.get("by"))))
    if entry.terminal:
        by = _text((found.why or {}).get("by")) if entry.state == "canceled" else None
        end = _event(found.completed_at, entry.state, by=by, worker=found.worker)
        events.append(end | {"exit_code": found.exit_code})
    return events


def _attempts(spool: Spool, found: JobView) -> Iterator[Item]:
    """The claims that were started, each with its log."""
    entry = found.entry
    logs = spool.logs(entry)
    for number, (claim, path) in enumerate(logs, 1):
        last = claim == entry.name.claims and (entry.terminal or entry.state == "running")
        stat = path.stat() if path.exists() else None
        written = stat and rfc3339(datetime.fromtimestamp(stat.st_mtime, UTC))
        yield _event(
            found.started_at if last else None, "started",
            worker=found.worker if last else None,
            attempt=number, claim=claim, log=str(path), log_size=stat.st_size if stat else None,
            log_written_at=written, ended=None if last else _ended(entry, len(logs)),
        )  # fmt: skip


def _ended(entry: Entry, logs: int) -> str:
    """How a claim before the last ended, as far as the counters in the name can tell."""
    name = entry.name
    over = logs - (entry.terminal or entry.state == "running")
    if name.lost and not name.tries and over == name.lost:
        return "lost"
    if name.tries and not name.lost and over == name.tries:
        return "failure"
    return "given back" if not name.lost and not name.tries else "unknown"


def _event(at: str | None, event: str, **facts: Any) -> Item:
    return {"at": at, "event": event} | {
        name: value for name, value in facts.items() if value is not None
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


# Other jobs.


def relations(spool: Spool, entry: Entry, most: int | None) -> Item:
    """Its children, its retries and who waits for it. `related_all`: no later job was left out."""
    children, retries, waiting = [], [], list(spool.waiters(entry))
    seen = 0
    later = spool.in_order(STATES, since=created(entry.id).timestamp())
    for other in islice(later, None if most is None else most + 1):
        seen += 1
        try:
            job = spool.job(other)
        except (MalformedJob, FileNotFoundError):
            continue
        if other.id != entry.id and entry.id in {job.parent, job.root}:
            children.append(other.id)
        if job.retry_of == entry.id:
            retries.append(other.id)
        if other.id not in waiting and any(one["id"] == entry.id for one in job.after):
            waiting.append(other.id)
    return {
        "children": children,
        "retried_by": retries,
        "awaited_by": waiting,
        "related_all": most is None or seen <= most,
    }
