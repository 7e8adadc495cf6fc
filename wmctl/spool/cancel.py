"""cancel: durable first (a marker), then by rename where nobody holds the job.

A running job is stopped by its worker, which looks for the marker at every beat.
"""

from collections.abc import Mapping
from typing import Any

from wmctl.errors import JobNotFound
from wmctl.spool import fs, lookup, reasons, strict
from wmctl.spool.job import Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name
from wmctl.spool.store import Store

#: The job may move between a look and a rename; it settles within a few.
_LOOKS = 5


def cancel(
    store: Store, job_id: str, *, by: str | None, reason: str | None, seen: Entry | None = None
) -> str:
    """`queue/`, `suspended/` or `held/` -> `completed/`, claims + 1, no result.

    The state afterwards: `canceled`, `running` (its worker will stop it) or the terminal state it
    already had. Dying after the marker is written leaves the cancel to the next claimer. `seen`:
    where the job waited a moment ago; if it still does, no queue has to be searched for it.
    """
    with fs.translated("cancel a job"):
        if seen is not None and seen.state == "queued":
            mark(store, job_id, by=by, reason=reason)
            if take(store, seen.name, seen.path):
                return "canceled"
        entry = lookup.locate(store, job_id)
        if entry is None:
            raise JobNotFound(f"no job {job_id}", hint="wmctl ps -a lists all jobs")
        if entry.terminal:
            return entry.state
        mark(store, job_id, by=by, reason=reason)
        for _ in range(_LOOKS):
            # Only a look after the marker counts: whoever gives the job back later, sees it.
            entry = lookup.locate(store, job_id) or entry
            if entry.terminal or entry.state in {"running", "quarantined"}:
                return entry.state
            if take(store, entry.name, entry.path):
                return "canceled"
        return entry.state


def mark(store: Store, job_id: str, *, by: str | None, reason: str | None) -> None:
    """Write `control/cancel/<id>`, durable; the first one stays."""
    target = store.cancel_marker(job_id)
    if not fs.present(store.disk, target):
        content = {"by": by, "reason": reason, "at": reasons.now_text()}
        store.put((strict.dumps(content) + "\n").encode(), target)
    store.sync({store.path("control", "cancel")})  # also if another wrote it a moment ago


def wanted(store: Store, job_id: str, job: Job) -> bool:
    """Whether this job or the topmost one above it is to be canceled."""
    root = job.root
    with fs.translated("look for a cancel marker"):
        return fs.present(store.disk, store.cancel_marker(job_id)) or (
            root is not None
            and root != job_id
            and fs.present(store.disk, store.cancel_marker(root))
        )


def wanted_early(store: Store, job_id: str, job: Job) -> bool:
    """As `wanted`, cheaper where many jobs are claimed; a beat later `wanted` is asked anyway."""
    with fs.translated("look for a cancel marker"):
        marks = store.marks
        return marks.has(job_id) or (
            job.root is not None and job.root != job_id and marks.has(job.root)
        )


def why(store: Store, job_id: str, root: str | None = None) -> Mapping[str, Any]:
    """Who canceled it and why: the marker's content, of the job or of its root."""
    own = reasons.read(store, store.cancel_marker(job_id))
    if own is None and root is not None:
        own = reasons.read(store, store.cancel_marker(root))
    return own or {}


def take(store: Store, name: Name, path: str) -> bool:
    """A waiting job becomes canceled by one rename; False if it has moved on."""
    return _end(store, name.claimed().but(outcome="canceled"), path)


def finish_claim(store: Store, name: Name, path: str) -> bool:
    """A claimed job that has not started becomes canceled."""
    return _end(store, name.but(outcome="canceled"), path)


def _end(store: Store, name: Name, path: str) -> bool:
    target = store.completed(name)
    bucket = target.rpartition("/")[0]
    with fs.translated("cancel a job"):
        folders = store.ensure(bucket) | {bucket}
        try:
            store.disk.touch(path)
        except FileNotFoundError:
            return fs.present(store.disk, target)
        moved = fs.move(store.disk, path, target, mine=True, make=lambda: store.remake(bucket))
        if moved:  # else the bucket may be gone: remembered, but pruned meanwhile
            store.sync(folders, {bucket})
            store.note("cancel", name, outcome="canceled")
    return moved


def sweep(store: Store, name: Name, job: Job) -> bool:
    """Carry out a cancel that came before a rename into `queue/`, `suspended/` or `held/`."""
    if not wanted(store, name.id, job):
        return False
    with fs.translated("cancel a job"):
        entry: Entry | None = lookup.locate(store, name.id)
    if entry is None or entry.state not in {"queued", "suspended", "held"}:
        return False
    return take(store, entry.name, entry.path)
