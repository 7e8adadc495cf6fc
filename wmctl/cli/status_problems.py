"""What of a spool needs a person, and what a person did on purpose; for `wmctl status`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any, NamedTuple

from wmctl.cli.alerting import Alert
from wmctl.cli.confirm import counted
from wmctl.cli.lists import age, between
from wmctl.cli.status_look import Look
from wmctl.cli.tables import Item
from wmctl.cli.worker_state import Worker

#: So many workers are named.
_MOST = 3


class Problem(NamedTuple):
    """Something that needs a person."""

    problem: str
    text: str
    fix: str


class Note(NamedTuple):
    """Something that is so on purpose."""

    note: str
    text: str
    fix: str


def problems_of(
    look: Look,
    tags: Sequence[Item],
    states: Counter[str],
    firing: Sequence[Alert],
    free: int | None,
    total: int | None,
) -> list[Problem]:
    """In the order in which they keep jobs from being done."""
    found = [*_workers(look), *_unserved(look, tags)]
    found += [Problem("Alert", alert.text, alert.fix) for alert in firing]
    found += [
        Problem("BadConfig", fault.message, fault.hint or "wmctl group validate")
        for fault in look.faults
    ]
    for state, fix in (
        ("held", "wmctl ps -s held -o wide; then wmctl unhold ID, or wmctl cancel ID"),
        ("quarantined", "wmctl quarantine ls"),
    ):
        if count := states[state]:
            text = f"{counted(count, 'job is', 'jobs are')} {state}"
            found.append(Problem(state.capitalize(), text, fix))
    if total and free is not None and free < look.session.settings.min_free.of(total):
        text = f"{free / (1 << 20):,.0f} MiB are left for the spool, {free / total:.1%} of its disk"
        found.append(Problem("LowDisk", text, "wmctl prune"))
    return found


def dead_with_jobs(look: Look) -> list[Worker]:
    """Those that nobody has rescued yet."""
    dead = (worker for worker in look.workers if not worker.alive)
    return [one for one in dead if any(True for _ in look.spool.claims_of(one.name))]


def _workers(look: Look) -> Iterator[Problem]:
    if not look.alive:
        yield Problem("NoWorkers", "no worker is alive", "wmctl worker start")
    if dead := dead_with_jobs(look):
        last = age(min(one.age for one in dead))
        who = f"{_who(dead)} {_were(dead)} last heard of {last} ago"
        text = f"{who} and {_have(dead)} jobs, which any live worker takes over"
        yield Problem("DeadWorker", text, "wmctl worker ls -s dead")
    if stale := [one for one in look.alive if one.state == "stale"]:
        last = age(min(one.age for one in stale))
        text = f"{_who(stale)} {_were(stale)} last heard of {last} ago"
        yield Problem("StaleWorker", text, "wmctl worker ls -s stale")
    if broken := [one for one in look.alive if init_failed(one)]:
        reason = str(broken[0].content.get("reason"))
        text = f"{_who(broken)} {'claims' if len(broken) == 1 else 'claim'} nothing: {reason}"
        job = broken[0].content.get("last_job")
        fix = f"wmctl logs {job}" if isinstance(job, str) else f"wmctl worker show {broken[0].name}"
        yield Problem("InitScript", text, fix)


def init_failed(worker: Worker) -> bool:
    """Whether its init script has failed, and it tries again."""
    return worker.state == "init" and bool(worker.content.get("reason"))


def _unserved(look: Look, tags: Sequence[Item]) -> Iterator[Problem]:
    """Jobs that nobody would run; where that is so because somebody paused, it is no problem."""
    for one in tags:
        unserved = [
            why
            for why in look.reasons.of_tag(one["tag"])
            if why.unserved and why.word != "GroupPaused"
        ]
        if one["waiting"] and unserved:
            waiting = counted(one["waiting"], "job waits", "jobs wait")
            yield Problem(unserved[0].word, f"{waiting}: {unserved[0].text}", unserved[0].fix)


def notes_of(look: Look) -> list[Note]:
    """What somebody paused."""
    tags = (
        Note("Paused", _paused(f"the tag {tag!r}", why), f"wmctl queue resume {quote(tag)}")
        for tag, why in sorted(look.paused_tags.items())
    )
    groups = (
        Note("GroupPaused", _paused(f"the group {name}", why), f"wmctl group resume {quote(name)}")
        for name, why in sorted(look.paused_groups.items())
    )
    return [*tags, *groups]


def _paused(what: str, why: Mapping[str, Any]) -> str:
    since = between(why.get("at"), None)
    by, reason = why.get("by"), why.get("reason")
    return (
        f"{what} is paused"
        + (f" by {by}" if by else "")
        + (f" for {since}" if since else "")
        + (f": {reason}" if reason else "")
    )


def _who(workers: Sequence[Worker]) -> str:
    if len(workers) == 1:
        host = workers[0].content.get("host")
        return f"worker {workers[0].name}" + (f" on {host}" if host else "")
    names = ", ".join(worker.name for worker in workers[:_MOST])
    return f"{len(workers)} workers ({names}{', …' if len(workers) > _MOST else ''})"


def _were(workers: Sequence[Worker]) -> str:
    return "was" if len(workers) == 1 else "were"


def _have(workers: Sequence[Worker]) -> str:
    return "holds" if len(workers) == 1 else "hold"
