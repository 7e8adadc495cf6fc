"""A job as people and machines see it: the spool's facts put together. Reads, prints nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wmctl.errors import MalformedJob
from wmctl.spool import Entry, Job, Spool
from wmctl.spool.ids import created

SCHEMA = "wmctl.job/1"


@dataclass(frozen=True)
class JobView:
    """Everything about one job at one moment."""

    entry: Entry
    #: None where the job file cannot be read (it is quarantined for that).
    job: Job | None
    record: Mapping[str, Any] | None
    why: Mapping[str, Any] | None
    started_at: str | None
    completed_at: str | None

    @property
    def exit_code(self) -> int | None:
        """The job's own code, once it is known."""
        code = (self.record or {}).get("exit_code")
        return code if isinstance(code, int) else None

    @property
    def worker(self) -> str | None:
        """Who runs it or ran it."""
        return self.entry.worker or (self.record or {}).get("worker")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.job.name if self.job else ""

    @property
    def reason(self) -> str | None:
        """One sentence why it is in this state, where there is something to say."""
        if self.entry.state == "failure":
            return _error_text((self.record or {}).get("result"))
        if self.why is None:
            return None
        return _why_text(self.entry.state, self.why)

    def facts(self) -> dict[str, Any]:
        """The job as JSON; keys are only ever added."""
        name, job = self.entry.name, self.job
        return {
            "schema": SCHEMA,
            "id": name.id,
            "state": self.entry.state,
            "tag": name.tag,
            "name": self.name,
            "workspace": job.workspace if job else None,
            "priority": name.priority,
            "scheduled_for": rfc3339(name.scheduled_for),
            "started_at": self.started_at,
            "completed_at": self.completed_at,
            "worker": self.worker,
            "attempt": name.attempt,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "kind": job.kind if job else None,
            "language": job.language if job else None,
            "created_at": (job.created_at if job else None) or rfc3339(created(name.id)),
            "created_by": job.created_by if job else None,
            "root": job.root if job else None,
            "parent": job.parent if job else None,
            "labels": (self.record or {}).get("labels", []),
        }


def view(spool: Spool, entry: Entry) -> JobView | None:
    """The job of an entry; None if it is gone (pruned) meanwhile."""
    for _ in range(5):
        try:
            return _view(spool, entry, spool.job(entry))
        except MalformedJob:
            return _view(spool, entry, None)
        except FileNotFoundError:
            moved = spool.locate(entry.id)
            if moved is None:
                return None
            entry = moved
    return None


def _view(spool: Spool, entry: Entry, job: Job | None) -> JobView:
    record = spool.record(entry)
    stamp = spool.stamp(entry)
    seen = None if stamp is None else rfc3339(datetime.fromtimestamp(stamp / 1e9, UTC))
    started = seen if entry.state == "running" else (record or {}).get("started_at")
    completed = ((record or {}).get("completed_at") or seen) if entry.terminal else None
    why = spool.reason(entry) if entry.state in {"held", "quarantined", "canceled"} else None
    return JobView(entry, job, record, why, started, completed)


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error_text(result: Any) -> str | None:
    error = result.get("error") if isinstance(result, dict) else None
    if not isinstance(error, dict):
        return None
    # The rest of the message repeats the log.
    message = str(error.get("message") or "").strip().partition(", last log lines:")[0]
    first = message.partition("\n")[0]
    return ": ".join(filter(None, (str(error.get("name") or ""), first)))


def _why_text(state: str, why: Mapping[str, Any]) -> str | None:
    if state != "canceled":
        return str(why.get("message") or why.get("reason") or "") or None
    by, reason = why.get("by"), why.get("reason")
    return " ".join(filter(None, (reason, f"(by {by})" if by else None))) or None
