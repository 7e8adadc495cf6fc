"""What `wmctl top` shows, read from the spool: one frozen picture of a moment. Changes nothing."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wmctl.cli.jobview import JobView, view
from wmctl.cli.queue_state import queues
from wmctl.cli.reasons import Reasons
from wmctl.cli.worker_state import Worker, workers_of
from wmctl.config import groups as configured
from wmctl.errors import WmctlError
from wmctl.spool import STATES, Entry, Spool, orders
from wmctl.spool.reasons import who

#: So many of the newest jobs.
JOBS = 100
_HOUR = 3600.0
#: What is shown of a job.
_FIELDS = (
    "id", "state", "tag", "name", "created_at", "started_at", "completed_at", "worker",
    "exit_code", "reason", "reason_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A worker group, as its file and its workers say."""

    name: str
    alive: int
    busy: int
    dead: int
    waiting: int
    tags: tuple[str, ...]
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The spool at one moment."""

    spool: str
    kind: str
    user: str
    #: Seconds since 1970, and how long it took to look.
    at: float = 0.0
    took: float = 0.0
    free: int | None = None
    #: Jobs per second of the last 30.
    rate: float = 0.0
    failures: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    groups: tuple[GroupLine, ...] = ()
    workers: tuple[Worker, ...] = ()
    queues: tuple[dict[str, Any], ...] = ()
    jobs: tuple[dict[str, Any], ...] = ()
    #: What kept us from looking.
    trouble: str = ""


class Looker:
    """Looks at a spool again and again; what cannot change is read once."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._kind = spool.file_system().kind
        self._ended: dict[str, JobView] = {}
        self._last = Snapshot(str(spool.path), self._kind, who())

    def look(self) -> Snapshot:
        """A new picture; the one before, with what is the trouble, where there is none."""
        try:
            self._last = self._look()
        except WmctlError as error:
            return _but(self._last, trouble=error.message)
        return self._last

    def _look(self) -> Snapshot:
        spool, began = self._spool, time.monotonic()
        workers = workers_of(spool)
        tags = queues(spool)
        counts = Counter(entry.state for entry in spool.entries({"held", "quarantined"}))
        for key in ("running", "waiting", "later", "suspended"):
            counts[key] = sum(one[key] for one in tags)
        since = spool.now() - int(_HOUR * 10**9)
        ended = spool.ended(since, first=since / 1e9 - 24 * _HOUR)
        return Snapshot(
            spool=self._last.spool,
            kind=self._kind,
            user=self._last.user,
            at=time.time(),
            free=_free(spool),
            rate=sum(one["rates"]["30s"] for one in tags),
            failures=sum(1 for entry, _ in ended if entry.state == "failure"),
            counts=counts,
            groups=tuple(_groups(spool, workers, tags)),
            workers=tuple(workers),
            queues=tuple(tags),
            jobs=tuple(self._jobs(tags)),
            took=time.monotonic() - began,
        )

    def _jobs(self, tags: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        """The newest jobs, each with the reason why it does not run or how it failed."""
        reasons = Reasons(self._spool)
        for one in tags:
            reasons.know_next(one["tag"], one["next"])
        known, self._ended = self._ended, {}
        for entry in self._spool.newest(STATES, JOBS):
            found = known.get(entry.path) or self._view(entry)
            if found is None:
                continue
            if found.entry.terminal:
                self._ended[found.entry.path] = found
            yield found.facts(reasons.first(found), _FIELDS)

    def _view(self, entry: Entry) -> JobView | None:
        return view(self._spool, entry)


def _but(snapshot: Snapshot, *, trouble: str) -> Snapshot:
    from dataclasses import replace  # only in trouble

    return replace(snapshot, trouble=trouble)


def _free(spool: Spool) -> int | None:
    try:
        return spool.store.disk.space(spool.store.root)[0]
    except OSError:
        return None


def _groups(
    spool: Spool, workers: Sequence[Worker], queues_: Sequence[dict[str, Any]]
) -> Iterable[GroupLine]:
    """Those that have a file, and those that workers name."""
    known = configured.load_all(spool.store)
    paused = orders.paused_groups(spool.store)
    waiting = {one["tag"]: one["waiting"] for one in queues_}
    for name in sorted({*known, *paused, *(group for one in workers for group in one.groups)}):
        members = [one for one in workers if name in one.groups]
        alive = [one for one in members if one.alive]
        said = getattr(known.get(name), "tags", ())
        tags = tuple(dict.fromkeys([*said, *(tag for one in alive for tag in one.tags)]))
        yield GroupLine(
            name=name,
            alive=len(alive),
            busy=sum(one.job is not None for one in alive),
            dead=len(members) - len(alive),
            waiting=sum(waiting.get(tag, 0) for tag in tags),
            tags=tags,
            paused=_why(paused[name]) if name in paused else "",
        )


def _why(pause: Any) -> str:
    by = f" by {pause['by']}" if pause.get("by") else ""
    reason = f": {pause['reason']}" if pause.get("reason") else ""
    return f"paused{by}{reason}"
