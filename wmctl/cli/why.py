"""`wmctl why`: every reason why a job, or the jobs of a tag, do not run."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from wmctl.cli import ids, output, tags
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.jobview import JobView, rfc3339, view
from wmctl.cli.lists import age
from wmctl.cli.reasons import Reasons
from wmctl.cli.session import session_of
from wmctl.cli.tables import Item
from wmctl.errors import BadInput, JobNotFound
from wmctl.spool import Beat, Spool, short
from wmctl.spool.name import parse_due

SCHEMA = "wmctl.why/1"


def why(
    ctx: typer.Context,
    what: Annotated[
        list[str], typer.Argument(metavar="ID|TAG...", help="Jobs as ps shows them, or tags.")
    ],
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Every reason why a job does not run, what must be mended first at the top.

    Below each reason stands the command that mends it. Of a tag: who serves it, what waits there,
    and what keeps all of its jobs from running.
    """
    o.check_format(format, "table", "json")
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    opened = session.spool
    reasons = Reasons(opened, exact=True)
    for number, word in enumerate(ids.words_of(what)):
        facts = _answer(opened, reasons, word)
        if format == "json":
            output.line(output.dumps(facts, indent=2))
            continue
        if number:
            output.line()
        _show(facts)


def _answer(spool: Spool, reasons: Reasons, word: str) -> Item:
    """Of a tag that is known, else of the job that the word names."""
    known = tags.known_tags(spool) | set(spool.pauses())
    if word in known:
        return of_tag(spool, reasons, word)
    try:
        found = view(spool, ids.find(spool, word))
    except (BadInput, JobNotFound) as error:
        raise _neither(spool, word, error) from None
    if found is None:
        raise JobNotFound(f"job {word} has just been pruned")
    return of_job(spool, reasons, found)


def _neither(spool: Spool, word: str, error: BadInput | JobNotFound) -> BadInput | JobNotFound:
    if isinstance(error, JobNotFound) or word.startswith(("@", "name:", "key:")):
        return error
    if "fits" in error.message:  # an ambiguous id
        return error
    meant = tags.did_you_mean(spool, word)
    return JobNotFound(
        f"{word[:60]!r} is neither a job nor a tag that anybody serves or waits under{meant}",
        hint="wmctl ps lists the jobs, wmctl worker ls the workers and their tags",
    )


def of_job(spool: Spool, reasons: Reasons, found: JobView) -> Item:
    """A job's answer as JSON."""
    entry = found.entry
    every = list(reasons.all(found))
    stamp = spool.stamp(entry)
    moment = None if stamp is None else datetime.fromtimestamp(stamp / 1e9, UTC)
    return {
        "schema": SCHEMA,
        "kind": "job",
        "id": entry.id,
        "name": found.name,
        "tag": entry.name.tag,
        "state": entry.state,
        "since": None if moment is None else rfc3339(moment),
        "seconds": None if stamp is None else round(max(reasons.now - stamp, 0) / 1e9, 3),
        "worker": found.worker,
        "exit_code": found.exit_code,
        "reason": every[0].word if every else None,
        "reason_text": every[0].text if every else found.reason,
        "reasons": [one.facts() for one in every],
    }


def of_tag(spool: Spool, reasons: Reasons, tag: str) -> Item:
    """A tag's answer as JSON."""
    every = reasons.of_tag(tag)
    queue = spool.queue(tag, reasons.now)
    waited = None
    if queue.oldest is not None:
        waited = reasons.now / 1e9 - parse_due(queue.oldest).timestamp()
    running = sum(1 for entry in spool.entries({"running"}) if entry.name.tag == tag)
    return {
        "schema": SCHEMA,
        "kind": "tag",
        "tag": tag,
        "waiting": queue.due,
        "later": queue.later,
        "running": running,
        "oldest_wait": None if waited is None else round(max(waited, 0.0), 3),
        "next": queue.next_id,
        "workers": [_worker(beat) for beat in reasons.serving(tag)],
        "reason": every[0].word if every else None,
        "reasons": [one.facts() for one in every],
    }


def _worker(beat: Beat) -> dict[str, Any]:
    facts: dict[str, Any] = {"worker": beat.worker}
    return facts | {name: beat.content.get(name) for name in ("state", "host", "job")}


def _show(facts: Item) -> None:
    for text in _head_of_job(facts) if facts["kind"] == "job" else _head_of_tag(facts):
        output.line(output.safe(text))
    width = max((len(one["reason"]) for one in facts["reasons"]), default=0)
    for one in facts["reasons"]:
        output.line(output.safe(f"  {one['reason'].ljust(width)}  {one['text']}"))
        output.line(output.safe(f"  {' ' * width}  {one['fix']}"))


def _head_of_job(facts: Item) -> list[str]:
    shown = short(facts["id"]) if output.on_terminal() else facts["id"]
    name = f" ({facts['name']})" if facts["name"] else ""
    span = "" if facts["seconds"] is None else age(facts["seconds"])
    if facts["reasons"]:
        return [f"job {shown}{name} is {facts['state']} for {span}: {facts['reason']}"]
    if facts["state"] == "running":
        return [f"job {shown}{name} runs for {span} on worker {facts['worker']}"]
    text = f": {facts['reason_text']}" if facts["reason_text"] else ""
    return [f"job {shown}{name} ended {span} ago in {facts['state']}{text}"]


def _head_of_tag(facts: Item) -> list[str]:
    oldest = "" if facts["oldest_wait"] is None else f", the first for {age(facts['oldest_wait'])}"
    waiting = f"tag {facts['tag']}: {facts['waiting']} jobs wait{oldest}"
    lines = [f"{waiting}; {facts['later']} are for later, {facts['running']} run"]
    for worker in facts["workers"]:
        job = f" with {short(worker['job'])}" if worker["job"] else ""
        lines.append(f"  served by {worker['worker']} on {worker['host']}: {worker['state']}{job}")
    if not facts["reasons"]:
        lines.append("  nothing keeps its jobs from running")
    return lines


app = one_command(
    why,
    "wmctl why @1",
    "wmctl why 89abcdef -o json | jq -r '.reasons[].fix'",
    "wmctl why gpu",
)
