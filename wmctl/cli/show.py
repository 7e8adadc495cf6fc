"""`wmctl show`: everything about a job."""

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_view, words_of
from wmctl.cli.jobview import JobView
from wmctl.cli.lists import Item, show_facts
from wmctl.cli.session import session_of
from wmctl.errors import MalformedJob
from wmctl.spool import Spool


def show(
    ctx: typer.Context,
    ids: o.JobIds,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Everything about jobs: times, worker, attempts, args, where the files are."""
    o.check_format(format, "table", "json")
    opened = session_of(ctx, spool=spool).spool
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
    log = spool.log_paths(entry)[0]
    record = found.record or {}
    facts |= {
        "claims": entry.name.claims,
        "lost": entry.name.lost,
        "host": record.get("host"),
        "log_dropped": record.get("log_dropped"),
        "reason_details": dict(found.why) if found.why else None,
        "file": str(entry.path),
        "log": str(log) if log.exists() else None,
    }
    return facts


def _args(spool: Spool, found: JobView) -> Item | None:
    try:
        return spool.args(found.job) if found.job else None
    except MalformedJob:
        return None


app = one_command(show, "wmctl show 89abcdef", "wmctl show 89abcdef -o json | jq .args")
