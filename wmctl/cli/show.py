"""`wmctl show`: everything about a job."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_view, words_of
from wmctl.cli.jobview import JobView
from wmctl.cli.lists import show_facts
from wmctl.cli.session import session_of
from wmctl.cli.tables import Item
from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import Spool


def show(
    ctx: typer.Context,
    ids: o.JobIds,
    code: Annotated[bool, typer.Option("--code", help="Print the script, nothing else.")] = False,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Everything about jobs: times, worker, attempts, args, where the files are."""
    o.check_format(format, "table", "json")
    opened = session_of(ctx, spool=spool).spool
    if code:
        for word in words_of(ids):
            _print_code(opened, find_view(opened, word))
        return
    for number, word in enumerate(words_of(ids)):
        if number and format == "table":
            output.line()
        show_facts(details(opened, find_view(opened, word)), format)


def details(spool: Spool, found: JobView) -> Item:
    """The facts of a list, and what is too long for one."""
    facts, job, entry = found.facts(), found.job, found.entry
    if job is not None:
        facts |= {
            "args": _args(spool, found),
            "argv": list(job.argv),
            "cwd": job.cwd,
            "timeout": job.timeout,
            "retries": job.retries,
            "path": job.path,
            "created_on": job.created_on,
            "retry_of": job.retry_of,
        }
    log, errors = spool.log_paths(entry)
    result = Path(spool.store.result(entry.id, entry.name.claims))
    record = found.record or {}
    facts |= {
        "claims": entry.name.claims,
        "lost": entry.name.lost,
        "host": record.get("host"),
        "log_dropped": record.get("log_dropped"),
        "reason_details": dict(found.why) if found.why else None,
        "file": str(entry.path),
        "log": _if_there(log),
        "log_errors": _if_there(errors),
        "result_file": _if_there(result) if found.record else None,
    }
    return facts


def _if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None


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


def _args(spool: Spool, found: JobView) -> Item | None:
    try:
        return spool.args(found.job) if found.job else None
    except MalformedJob:
        return None


app = one_command(
    show,
    "wmctl show 89abcdef",
    "wmctl show 89abcdef -o json | jq .args",
    "wmctl show --code 89abcdef > again.sh",
)
