"""What keys do to a row of `wmctl top`: pages to read, and acts that are asked about before."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from wmctl.cli import ids, queue_ls, show, worker_show
from wmctl.cli.details import details
from wmctl.cli.logfile import tail_of
from wmctl.cli.queue_state import queues
from wmctl.cli.top_data import Snapshot
from wmctl.cli.worker_state import Worker
from wmctl.errors import JobNotFound
from wmctl.spool import Spool, orders, short
from wmctl.spool.reasons import who

GROUPS, WORKERS, TAGS, JOBS = range(4)
#: So many lines of a log.
_TAIL = 500
_CAP = 1 << 20

#: The lines of a page, made anew whenever it is drawn.
Lines = Callable[[], Sequence[str]]


class Page(NamedTuple):
    """Something to read; `tail`: its end is of interest."""

    title: str
    lines: Lines
    tail: bool = False


class Act(NamedTuple):
    """Something to do, once somebody said yes; what came of it, in a line."""

    question: str
    run: Callable[[], str]


class Acts:
    """What can be done in each pane."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def page(self, pane: int, key: str, snapshot: Snapshot) -> Page | None:
        """What Enter shows."""
        if pane == GROUPS:
            return Page(f"group {key}", lambda: _group_lines(key, snapshot))
        if pane == WORKERS:
            return Page(f"worker {key}", lambda: self._worker_lines(key))
        if pane == TAGS:
            return Page(f"tag {key}", lambda: self._tag_lines(key))
        return Page(f"job {key}", lambda: self._job_lines(key))

    def log(self, pane: int, key: str) -> Page | None:
        """What l shows: the end of a job's or worker's log."""
        if pane == WORKERS:
            path = worker_show.log_of(self._spool, key)
            return Page(f"log of worker {key}", lambda: _tail(path), tail=True)
        if pane == JOBS:
            return Page(f"log of job {key}", lambda: self._job_log(key), tail=True)
        return None

    def cancel(self, pane: int, key: str, snapshot: Snapshot) -> Act | None:
        """What c does: cancel the job, or the one that the worker runs."""
        job_id = key if pane == JOBS else None
        if pane == WORKERS:
            job_id = next((one.job for one in snapshot.workers if one.name == key), None)
        if job_id is None:
            return None

        def run(job_id: str = job_id) -> str:
            state = self._spool.cancel(job_id)
            stops = "; its worker has been told to stop it" if state == "running" else ""
            return f"job {short(job_id)} is {state}{stops}"

        return Act(f"cancel job {short(job_id)}?", run)

    def drain(self, pane: int, key: str) -> Act | None:
        """What d does: drain a worker, or let it claim again."""
        if pane != WORKERS:
            return None
        store = self._spool.store
        if orders.order_for(store, key) is not None:
            return Act(f"let {key} claim jobs again?", lambda: _told(
                orders.withdraw(store, key), f"{key} resumes", f"{key} had no order"))  # fmt: skip

        def run() -> str:
            orders.give(store, key, "drain", by=who(), reason=None)
            return f"{key} drains: it finishes its job and claims no more"

        return Act(f"drain {key}?", run)

    def pause(self, pane: int, key: str) -> Act | None:
        """What p does: pause a group or a tag, or resume it."""
        spool, store = self._spool, self._spool.store
        if pane == GROUPS:
            what, paused = f"group {key}", key in orders.paused_groups(store)
        elif pane == TAGS:
            what, paused = f"tag {key}", key in spool.pauses()
        else:
            return None

        def run() -> str:
            if pane == TAGS:
                done = spool.resume(key) if paused else spool.pause(key)
            elif paused:
                done = orders.resume_group(store, key)
            else:
                done = orders.pause_group(store, key, by=who(), reason=None)
            return _told(done, f"{what} {'resumed' if paused else 'paused'}")

        return Act(f"{'resume' if paused else 'pause'} the {what}?", run)

    def _worker_lines(self, name: str) -> Sequence[str]:
        from wmctl.cli.worker_names import find  # when somebody looks

        return list(worker_show.page(worker_show.details(self._spool, find(self._spool, name))))

    def _tag_lines(self, tag: str) -> Sequence[str]:
        [facts] = queues(self._spool, [tag])
        return list(queue_ls.page({**facts, **queue_ls.details(self._spool, tag)}))

    def _job_lines(self, job_id: str) -> Sequence[str]:
        found = ids.find_view(self._spool, job_id)
        return list(show.page(details(self._spool, found, related=20)))

    def _job_log(self, job_id: str) -> Sequence[str]:
        entry = self._spool.locate(job_id)
        if entry is None:
            raise JobNotFound(f"job {job_id} has been pruned")
        logs = self._spool.logs(entry)
        return _tail(logs[-1][1]) if logs else [f"it is {entry.state} and has written nothing"]


def _told(done: bool, text: str, otherwise: str = "") -> str:
    return text if done else otherwise or f"nothing to do: {text} already"


def _group_lines(name: str, snapshot: Snapshot) -> Sequence[str]:
    """What the picture says; `group show` says what its file says."""
    group = next((one for one in snapshot.groups if one.name == name), None)
    if group is None:
        return [f"the group {name} has gone"]
    members = [one for one in snapshot.workers if name in one.groups]
    return [
        f"alive    {group.alive}, of them {group.busy} with a job; {group.dead} dead",
        f"waiting  {group.waiting} jobs under its tags",
        f"tags     {' '.join(group.tags)}",
        *([f"paused   {group.paused}"] if group.paused else []),
        "",
        *(f"{one.name}  {one.state}  {_doing(one)}".rstrip() for one in members),
    ]


def _doing(one: Worker) -> str:
    facts: Mapping[str, object] = one.content
    return short(one.job) if one.job else str(facts.get("reason") or "")


def _tail(path: Path) -> Sequence[str]:
    """The last lines of a log, without its colours."""
    try:
        with path.open("rb") as file:
            file.seek(max(tail_of(path, _TAIL, None), file.seek(0, 2) - _CAP))
            text = file.read(_CAP).decode("utf-8", "replace")
    except FileNotFoundError:
        return ["there is no log"]
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
