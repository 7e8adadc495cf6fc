"""`wmctl status`: one screen that says whether all is well, and what to do where it is not."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import typer

from wmctl.cli import exits, output, tables
from wmctl.cli import options as o
from wmctl.cli.confirm import counted
from wmctl.cli.group import one_command
from wmctl.cli.lists import age
from wmctl.cli.reasons import Reasons
from wmctl.cli.serving import tags_of
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.cli.tags import waiting_tags
from wmctl.spool import Entry, Spool, quarantine
from wmctl.spool.name import parse_due

SCHEMA = "wmctl.status/1"
_HOUR, _DAY = 3600, 86400
_COLOURS = {"good": "green", "degraded": "yellow", "down": "red"}
_CODES = {"good": exits.OK, "degraded": exits.FAULTS, "down": exits.UNAVAILABLE}


def status(ctx: typer.Context, format: o.Facts = "table", spool: o.SpoolOption = None) -> None:
    """One screen that says whether all is well. For monitoring, the exit code says it too.

    0 good; 1 degraded: jobs wait for a tag that nobody serves, are held or quarantined, a dead
    worker still holds jobs, or little space is left; 69 no worker is alive.
    """
    o.check_format(format, "table", "json")
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    facts = status_of(session)
    if format == "json":
        output.line(output.dumps(facts, indent=2))
    else:
        for text in _screen(facts):
            output.line(text)
    raise typer.Exit(_CODES[facts["status"]])


class Problem(NamedTuple):
    """Something that needs a person."""

    problem: str
    text: str
    fix: str


def status_of(session: Session) -> Item:
    """Everything that the screen shows, as JSON."""
    spool = session.spool
    reasons = Reasons(spool)
    running = Counter(entry.name.tag for entry in spool.entries({"running"}))
    states = Counter(entry.state for entry in spool.entries({"suspended", "held"}))
    states["running"] = running.total()
    states["quarantined"] = sum(1 for _ in quarantine.strays(spool.store))
    known = _tags(spool, reasons) | set(running)
    tags = [_tag(spool, reasons, tag, running[tag]) for tag in sorted(known)]
    workers = _workers(spool, reasons)
    free, total = _space(spool)
    problems = list(_problems(reasons, tags, states, workers))
    if total and free is not None and free < session.settings.min_free.of(total):
        text = f"{free / (1 << 20):,.0f} MiB are left for the spool, {free / total:.1%} of its disk"
        problems.append(Problem("LowDisk", text, "wmctl prune"))
    ended = Counter(entry.state for entry, _ in _ended(spool, reasons.now))
    return {
        "schema": SCHEMA,
        "status": "down" if not workers["alive"] else "degraded" if problems else "good",
        "spool": {
            "path": str(spool.path),
            "file_system": spool.file_system().kind,
            "free_bytes": free,
            "total_bytes": total,
        },
        "workers": workers,
        "waiting": sum(one["waiting"] for one in tags),
        "later": sum(one["later"] for one in tags),
        "running": states["running"],
        "suspended": states["suspended"],
        "held": states["held"],
        "quarantined": states["quarantined"],
        "ended_last_hour": sum(ended.values()),
        "failures_last_hour": ended["failure"],
        "tags": tags,
        "problems": [one._asdict() for one in problems],
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


def _tags(spool: Spool, reasons: Reasons) -> set[str]:
    """Those that jobs wait under, those that live workers serve, and the paused ones."""
    lease = spool.settings.lease
    served = {tag for one in reasons.beats or () if one.alive(lease) for tag in tags_of(one)}
    return waiting_tags(spool) | served | set(spool.pauses())


def _tag(spool: Spool, reasons: Reasons, tag: str, running: int) -> Item:
    queue = spool.queue(tag, reasons.now)
    oldest = None
    if queue.oldest is not None:
        waited = reasons.now / 1e9 - parse_due(queue.oldest).timestamp()
        oldest = round(max(waited, 0.0), 3)
    every = reasons.of_tag(tag)
    return {
        "tag": tag,
        "waiting": queue.due,
        "later": queue.later,
        "running": running,
        "oldest_wait": oldest,
        "workers": len(reasons.serving(tag)),
        "paused": any(one.word == "Paused" for one in every),
        "reason": every[0].word if every else None,
    }


def _workers(spool: Spool, reasons: Reasons) -> Item:
    lease = spool.settings.lease
    beats = reasons.beats or []
    alive = [beat for beat in beats if beat.alive(lease)]
    dead = [beat for beat in beats if not beat.alive(lease)]
    states = Counter(str(beat.content.get("state")) for beat in alive)
    return {
        "alive": len(alive),
        "dead": len(dead),
        "states": dict(sorted(states.items())),
        "dead_with_jobs": [
            {"worker": beat.worker, "host": beat.content.get("host"), "beat_age": beat.age}
            for beat in dead
            if any(True for _ in spool.claims_of(beat.worker))
        ],
    }


def _problems(
    reasons: Reasons, tags: list[Item], states: Counter[str], workers: Item
) -> Iterator[Problem]:
    """In the order in which they keep jobs from being done."""
    if not workers["alive"]:
        yield Problem("NoWorkers", "no worker is alive", "wmctl worker start")
    for one in tags:
        unserved = [why for why in reasons.of_tag(one["tag"]) if why.unserved]
        if one["waiting"] and unserved:
            waiting = counted(one["waiting"], "job waits", "jobs wait")
            yield Problem(unserved[0].word, f"{waiting}: {unserved[0].text}", unserved[0].fix)
    for worker in workers["dead_with_jobs"]:
        text = f"worker {worker['worker']} on {worker['host']} was last heard of"
        text += f" {age(worker['beat_age'])} ago and holds jobs, which any live worker takes over"
        yield Problem("DeadWorker", text, "wmctl worker ls")
    for state, fix in (("held", "wmctl unhold"), ("quarantined", "wmctl quarantine ls")):
        if count := states[state]:
            text = f"{counted(count, 'job is', 'jobs are')} {state}"
            more = "wmctl ps -s held -o wide; then wmctl unhold ID, or wmctl cancel ID"
            yield Problem(state.capitalize(), text, more if state == "held" else fix)


def _screen(facts: Item) -> Iterator[str]:
    word = facts["status"]
    yield f"{output.colour(word, _COLOURS[word])}: {output.safe(_sentence(facts))}"
    yield ""
    where = facts["spool"]
    space = ""
    if where["free_bytes"] is not None:
        space = f", {where['free_bytes'] / (1 << 30):,.1f} GiB free"
    yield f"spool    {output.safe(where['path'])} ({where['file_system']}{space})"
    states = ", ".join(f"{count} {state}" for state, count in facts["workers"]["states"].items())
    dead = facts["workers"]["dead"]
    alive = f"{facts['workers']['alive']} alive" + (f": {states}" if states else "")
    yield f"workers  {output.safe(alive)}" + (f"; {dead} dead" if dead else "")
    yield (
        f"jobs     {facts['waiting']} waiting, {facts['later']} for later,"
        f" {facts['running']} running, {facts['suspended']} suspended, {facts['held']} held,"
        f" {facts['quarantined']} quarantined"
    )
    yield (
        f"ended    {facts['ended_last_hour']} in the last hour,"
        f" {facts['failures_last_hour']} of them in failure"
    )
    busy = [one for one in facts["tags"] if _has_jobs(one)]
    if busy:
        yield ""
        yield from tables.lines(busy, _COLUMNS)
    if facts["problems"]:
        yield ""
    for problem in facts["problems"]:
        yield output.safe(f"! {problem['text']}")
        yield output.safe(f"    {problem['fix']}")


def _sentence(facts: Item) -> str:
    """The first line: what is the matter, or that nothing is."""
    waits = facts["waiting"] + facts["later"] + facts["suspended"]
    if facts["status"] == "down":
        return "no worker is alive, and " + (
            f"{counted(waits, 'job waits', 'jobs wait')}" if waits else "nothing waits"
        )
    if facts["problems"]:
        return str(facts["problems"][0]["text"])
    return f"{counted(facts['workers']['alive'], 'worker')}, {facts['running']} running" + (
        f", {counted(waits, 'job waits', 'jobs wait')}" if waits else ", nothing waits"
    )


def _has_jobs(tag: Item) -> bool:
    return bool(tag["waiting"] or tag["later"] or tag["running"] or tag["paused"])


def _oldest(tag: Item) -> str:
    return "" if tag["oldest_wait"] is None else age(tag["oldest_wait"])


_COLUMNS = (
    Column("TAG", lambda tag: tag["tag"]),
    Column("WAITING", lambda tag: str(tag["waiting"])),
    Column("LATER", lambda tag: str(tag["later"])),
    Column("RUNNING", lambda tag: str(tag["running"])),
    Column("OLDEST", _oldest),
    Column("WORKERS", lambda tag: str(tag["workers"])),
    Column("REASON", lambda tag: tag["reason"] or ""),
)

app = one_command(
    status,
    "wmctl status",
    "wmctl status -o json | jq -r '.problems[].fix'",
    "*/5 * * * * wmctl status >/tmp/wmctl.status || mail -s wmctl ops </tmp/wmctl.status",
)
