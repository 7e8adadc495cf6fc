"""hold and unhold: a job stands aside for a person. reschedule, move, wake: it waits otherwise."""

from datetime import datetime

from wmctl.errors import BadInput
from wmctl.spool import cancel, fs, reasons
from wmctl.spool.job import Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name, format_due
from wmctl.spool.store import Store

#: The state that each verb takes a job from.
_FROM = {"unhold": "held", "wake": "suspended", "reschedule": "queued", "move": "queued"}


def hold(store: Store, entry: Entry, *, reason: str, message: str, by: str | None) -> bool:
    """`queue/` or `suspended/` -> `held/`, claims + 1; False if the job has moved on.

    The reason is written first; dying in between leaves a reason without a job, which prune drops.
    """
    if entry.state not in {"queued", "suspended"}:
        raise BadInput(
            f"job {entry.id} is {entry.state}; only a waiting job can be held",
            hint="wmctl cancel stops a running one",
        )
    store.must_be_ours()  # its owner could not read a reason of another user's
    return aside(store, entry.path, entry.name.claimed(), reason, message, by)


def aside(store: Store, path: str, name: Name, reason: str, message: str, by: str | None) -> bool:
    """Move a job into `held/` under this name, its reason first."""
    with fs.translated("hold a job"):
        reasons.write(store, "held", name.file, reason, message, by)
        moved = fs.move(store.disk, path, store.at("held", name), mine=True)
        store.sync({store.path("held")})
    store.note("hold", name, reason=reason)
    return moved


def lost(store: Store, path: str, name: Name, job: Job) -> str | None:
    """`running/` -> `held/`: its worker was lost too often.

    `held`; `canceled` if somebody asked for that meanwhile; None if it has moved on.
    """
    message = f"its worker was lost {name.lost} times while running it"
    if not aside(store, path, name, "lost", message, None):
        return None
    return "canceled" if cancel.sweep(store, name, job) else "held"


def unhold(store: Store, entry: Entry, job: Job) -> bool:
    """`held/` -> `queue/`; to a shared target, so True also if somebody else did it."""
    return _requeue(store, entry, entry.name, job, "unhold")


def wake(store: Store, entry: Entry, job: Job, due: str | None = None) -> bool:
    """`suspended/` -> `queue/`, claims + 1; a needless wake is harmless. `due`: not before then."""
    name = entry.name.claimed()
    return _requeue(store, entry, name.but(due=due) if due else name, job, "wake")


def reschedule(store: Store, entry: Entry, due: datetime, job: Job) -> bool:
    """`queue/` -> `queue/` with another due time, claims + 1."""
    return _requeue(store, entry, entry.name.claimed().but(due=format_due(due)), job, "reschedule")


def move(store: Store, entry: Entry, tag: str, job: Job) -> bool:
    """`queue/` -> `queue/` under another tag, claims + 1: a late claimer of the old name loses."""
    return _requeue(store, entry, entry.name.claimed().but(tag=tag), job, "move")


def _requeue(store: Store, entry: Entry, name: Name, job: Job, verb: str) -> bool:
    state = _FROM[verb]
    if entry.state != state:
        raise BadInput(f"job {entry.id} is {entry.state}, not {state}")
    queue = store.queue(name.tag)
    with fs.translated("queue a job again"):
        folders = store.ensure(queue)
        moved = fs.move(
            store.disk, entry.path, store.queued(name), mine=False,
            make=lambda: store.remake(queue),
        )  # fmt: skip
        store.sync_queue(queue, folders)
        if state == "held":
            reasons.drop(store, "held", entry.name.file)
    store.note(verb, name)
    cancel.sweep(store, name, job)
    return moved
