"""A job as people and machines see it: the spool's facts put together. Reads, prints nothing."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from wmctl.errors import MalformedJob
from wmctl.spool import Entry, Job, Spool
from wmctl.spool.ids import created

if TYPE_CHECKING:
    from wmctl.cli.reason import Reason

SCHEMA = "wmctl.job/1"


class JobView(NamedTuple):
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
    def created_at(self) -> str:
        """When it was submitted, by the clock of who did."""
        return (self.job.created_at if self.job else None) or rfc3339(created(self.entry.id))

    @property
    def reason(self) -> str | None:
        """One sentence why it is in this state, where there is something to say."""
        if self.entry.state == "failure":
            return _error_text((self.record or {}).get("result"))
        if self.why is None:
            return None
        return _why_text(self.entry.state, self.why)

    def facts(
        self, waits: "Reason | None" = None, only: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """The job as JSON. `waits`: why it does not run; `only`: not all of `FIELDS`."""
        if only is not None:
            return {field: _FACTS[field](self, waits) for field in only}
        facts = {field: get(self, waits) for field, get in _FACTS.items()}
        return {"schema": SCHEMA, **facts}


def _of_job(field: str) -> "Callable[[JobView, Reason | None], Any]":
    return lambda found, _: getattr(found.job, field, None)


#: What a job's JSON says, in this order; fields are only ever added.
_FACTS: "dict[str, Callable[[JobView, Reason | None], Any]]" = {
    "id": lambda found, _: found.entry.name.id,
    "state": lambda found, _: found.entry.state,
    "tag": lambda found, _: found.entry.name.tag,
    "name": lambda found, _: found.name,
    "workspace": _of_job("workspace"),
    "priority": lambda found, _: found.entry.name.priority,
    "scheduled_for": lambda found, _: rfc3339(found.entry.name.scheduled_for),
    "started_at": lambda found, _: found.started_at,
    "completed_at": lambda found, _: found.completed_at,
    "worker": lambda found, _: found.worker,
    "attempt": lambda found, _: found.entry.name.attempt,
    "exit_code": lambda found, _: found.exit_code,
    "reason": lambda _, waits: waits.word if waits else None,
    "reason_text": lambda found, waits: waits.text if waits else found.reason,
    "kind": _of_job("kind"),
    "language": _of_job("language"),
    "created_at": lambda found, _: found.created_at,
    "created_by": _of_job("created_by"),
    "root": _of_job("root"),
    "parent": _of_job("parent"),
    "labels": lambda found, _: labels_of(found),
    "key": _of_job("key"),
    "retry_of": _of_job("retry_of"),
}
FIELDS = tuple(_FACTS)


def labels_of(found: JobView) -> list[str]:
    """What the job was submitted with, then what its script gave it."""
    given = list(found.job.labels) if found.job else []
    later = (found.record or {}).get("labels")
    return given + [text for text in later or () if text not in given]


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
    stamp = spool.stamp(entry) if entry.terminal or entry.state == "running" else None
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
