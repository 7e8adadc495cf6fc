"""`wmctl show`: everything about a job."""

import shlex
from collections.abc import Iterator
from typing import Annotated

import typer

from wmctl.cli import jobcolumns, output, tables
from wmctl.cli import options as o
from wmctl.cli.details import RELATED, details
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_view, words_of
from wmctl.cli.jobview import JobView
from wmctl.cli.lists import between
from wmctl.cli.session import session_of
from wmctl.cli.tables import Item
from wmctl.errors import BadInput
from wmctl.spool import Spool, short

#: Columns of a value on a terminal, unless all of it is wanted.
_MOST = 300


def show(
    ctx: typer.Context,
    ids: o.JobIds,
    code: Annotated[bool, typer.Option("--code", help="Print the script, nothing else.")] = False,
    related: Annotated[
        bool,
        typer.Option("--related", help=f"Look for kin beyond the {RELATED} jobs that came next."),
    ] = False,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Everything about jobs: what they are, what happened to them, why they wait, their files."""
    o.check_format(format, "table", "json")
    opened = session_of(ctx, spool=spool).spool
    for number, word in enumerate(words_of(ids)):
        found = find_view(opened, word)
        if code:
            _print_code(opened, found)
            continue
        facts = details(opened, found, related=None if related else RELATED)
        if format == "json":
            output.line(output.dumps(facts, indent=2))
            continue
        if number:
            output.line()
        for text in page(facts):
            output.line(text)


def page(facts: Item) -> Iterator[str]:
    """A head and the parts that there are."""
    name = f" ({output.safe(facts['name'])})" if facts["name"] else ""
    state = output.colour(facts["state"], jobcolumns.COLOURS.get(facts["state"], ""))
    text = facts["reason"] or facts["reason_text"] or ""
    code = "" if facts["exit_code"] is None else f", exit {facts['exit_code']}"
    yield f"job {facts['id']}{name}"
    yield f"{state}{code}" + (f": {output.safe(text)}" if text else "")
    for title, lines in (
        ("", _facts(facts)),
        ("why it does not run", _reasons(facts)),
        ("timeline", _timeline(facts)),
        ("other jobs", _others(facts)),
        ("files", _files(facts)),
    ):
        told = list(lines)
        if told:
            yield ""
        if told and title:
            yield title
        yield from (f"  {output.safe(line)}" for line in told)


def _facts(facts: Item) -> Iterator[str]:
    """What was submitted; what is not said is left out."""
    by = facts["created_by"] or "nobody knows whom"
    host = f" on {facts['created_on']}" if facts.get("created_on") else ""
    timeout = facts.get("timeout")
    retries, backoff = facts.get("retries"), facts.get("backoff")
    delete = facts.get("delete_after_secs")
    rows = {
        "command": shlex.join(facts.get("argv") or ()),
        "args": output.dumps(facts["args"]) if facts.get("args") else "",
        "folder": facts.get("cwd") or "",
        "env": " ".join(f"{key}={value}" for key, value in (facts.get("env") or {}).items()),
        "language": facts["language"] or "",
        "tag": facts["tag"],
        "priority": str(facts["priority"]) if facts["priority"] else "",
        "key": facts["key"] or "",
        "labels": ", ".join(facts["labels"]),
        "timeout": f"{timeout:g}s" if timeout else "",
        "retries": f"{facts['tries']} of {retries} used" if retries else "",
        "backoff": f"{backoff[0]:g}s to {backoff[1]:g}s" if backoff else "",
        "at once": _limit(facts),
        "cached for": _seconds(facts.get("cache_ttl")),
        "answered by": facts.get("cached_from") or "",
        "deleted": f"{_seconds(delete)} after its end" if delete is not None else "",
        "after": ", ".join(f"{one['id']}:{one['on']}" for one in facts.get("after") or ()),
        "workspace": facts["workspace"] or "",
        "path": facts.get("path") or "",
        "by": f"{by}{host}",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        if value:
            yield f"{name.ljust(width)}  {_fitting(value)}"


def _seconds(value: int | None) -> str:
    return "" if value is None else f"{value}s"


def _limit(facts: Item) -> str:
    """`2 in 10s (key api)`."""
    limit, window = facts.get("concurrent_limit"), facts.get("concurrency_time_window_s")
    if not limit:
        return ""
    key = facts.get("concurrency_key")
    return f"{limit}" + (f" in {window}s" if window else "") + (f" (key {key})" if key else "")


def _fitting(value: str) -> str:
    """On a terminal a long value is shortened; -o json has it whole."""
    return tables.shortened(value, _MOST) if output.on_terminal() else value


def _reasons(facts: Item) -> Iterator[str]:
    width = max((len(one["reason"]) for one in facts["reasons"]), default=0)
    for one in facts["reasons"]:
        yield f"{one['reason'].ljust(width)}  {one['text']}"
        yield f"{' ' * width}  {one['fix']}"


def _timeline(facts: Item) -> Iterator[str]:
    events = facts["timeline"]
    for event in events:
        words = [event["event"]]
        if "attempt" in event:
            words.append(f"attempt {event['attempt']}")
        if event.get("exit_code") is not None:
            words.append(f"exit {event['exit_code']}")
        words += [f"{how} {event[key]}" for how, key in _HOW if key in event]
        if event["event"] == facts["state"] and facts["started_at"]:
            words.append(f"after {between(facts['started_at'], event['at'])}")
        if "ended" in event:
            words.append(_ENDED[event["ended"]])
        yield f"{(event['at'] or '').ljust(24)}  {', '.join(words)}"
        if event.get("log_size"):
            yield f"{' ' * 24}  {event['log_size']} bytes of log until {event['log_written_at']}"


_HOW = (("by", "by"), ("on", "host"), ("worker", "worker"))
_ENDED = {
    "lost": "its worker was lost",
    "failure": "it failed and was to be tried again",
    "given back": "it was given back",
    "unknown": "it was lost, failed or was given back",
}


def _others(facts: Item) -> Iterator[str]:
    kin = {
        "parent": [facts["parent"]], "root": [facts["root"]], "retry of": [facts["retry_of"]],
        "retried by": facts["retried_by"], "children": facts["children"],
        "awaited by": facts["awaited_by"],
    }  # fmt: skip
    shown = short if output.on_terminal() else str
    for how, ids in kin.items():
        known = [shown(job_id) for job_id in ids if job_id]
        if known:
            yield f"{how.ljust(10)}  {' '.join(known)}"
    if not facts["related_all"]:
        yield f"more than {RELATED} jobs came later, and only those were asked: --related asks all"


def _files(facts: Item) -> Iterator[str]:
    for what, key in (
        ("job", "file"), ("log", "log"), ("errors in it", "log_errors"), ("result", "result_file"),
    ):  # fmt: skip
        if facts[key]:
            yield f"{what.ljust(12)}  {facts[key]}"


def _print_code(spool: Spool, found: JobView) -> None:
    """A script as it is, a command as one types it."""
    if found.job is None:
        raise BadInput(
            f"job {found.entry.id} cannot be read: {found.reason or found.entry.state}",
            hint=f"its file is {found.entry.path}",
        )
    text = shlex.join(found.job.argv) if found.job.argv else spool.code(found.job)
    stream = output.JobStream(error=False)
    stream.write(text.encode(errors="surrogatepass"))
    stream.end_line()


app = one_command(
    show,
    "wmctl show @1",
    "wmctl show 89abcdef -o json | jq .args",
    "wmctl show --code 89abcdef > again.sh",
)
