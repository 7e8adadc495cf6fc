"""`wmctl worker`: start workers here, list all workers of the spool."""

import logging
import sys
from typing import Annotated, Any

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import age, between, show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.cli.tags import meant, waiting_tags
from wmctl.config import values
from wmctl.spool import Beat, short

app = new_app(no_args_is_help=True)


@app.callback()
def worker() -> None:
    """Start workers here, list all workers of the spool."""


@app.command(
    "start",
    epilog=examples(
        "wmctl worker start",
        "wmctl worker start -n 4 --tags python3,bash",
        "wmctl worker start --burst",
        "WORKER_GROUP=gpu WORKER_TAGS=gpu wmctl worker start",
    ),
)
def start(
    ctx: typer.Context,
    count: Annotated[
        str | None, typer.Option("-n", "--count", help="How many [env: NUM_WORKERS].")
    ] = None,
    tags: Annotated[
        str | None, typer.Option(metavar="A,B", help="The tags they serve [env: WORKER_TAGS].")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Their worker group [env: WORKER_GROUP].")
    ] = None,
    burst: Annotated[
        bool, typer.Option("--burst", help="End when nothing that is due is left.")
    ] = False,
    max_jobs: Annotated[int | None, typer.Option(min=1, help="End after so many jobs.")] = None,
    max_idle: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after so long without a job.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="DURATION", help="The longest a job may run.")
    ] = None,
    grace: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="After TERM, stop jobs that still run then."),
    ] = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Start workers and stay in the foreground until they have ended.

    TERM or Ctrl-C: they finish their job and end. A second one: they stop it and give it back.
    """
    session = session_of(ctx, spool=spool)
    session.makes_spool = True
    for option, check, text in (
        ("-n", values.count, count), ("--timeout", values.positive, timeout),
        ("--grace", values.duration, grace),
    ):  # fmt: skip
        o.checked(text, option, check)
    for key, value in (
        ("worker.count", count), ("worker.tags", tags), ("worker.group", group),
        ("worker.timeout", timeout), ("worker.grace", grace),
        ("worker.max_jobs", None if max_jobs is None else str(max_jobs)),
    ):  # fmt: skip
        session.flag(key, value)
    idle = None if max_idle is None else o.seconds(max_idle, "--max-idle")
    from wmctl.cli import serve  # the worker package is for this command only

    serve.log_to_stderr(logging.WARNING if quiet else logging.INFO)
    for fault in session.plugins.broken():
        output.note(str(fault))
    limits = serve.Limits(burst=burst, max_jobs=session.settings.worker.max_jobs, max_idle=idle)
    supervisor = serve.supervisor_of(session, limits)
    if not quiet:
        _tell_unknown_tags(session)
    sys.stdout.flush()
    raise typer.Exit(supervisor.run())


def _tell_unknown_tags(session: Session) -> None:
    """Of tags that no job ever waited under: what may have been meant."""
    known = waiting_tags(session.store)
    known |= {runner.tag for runner in session.plugins.runners().values()}
    for tag in session.settings.worker.tags or ():
        if tag not in known and (more := meant(tag, known)):
            output.note(f"no job was ever submitted for the tag {tag!r}{more}")


COLUMNS = (
    Column("WORKER", lambda worker: worker["worker"]),
    Column("STATE", lambda worker: worker["state"]),
    Column("GROUP", lambda worker: worker["group"] or ""),
    Column("TAGS", lambda worker: ",".join(worker["tags"]), shrink=1),
    Column("JOB", lambda worker: short(worker["job"]) if worker["job"] else ""),
    Column("DONE", lambda worker: str(worker["jobs_executed"] or 0)),
    Column("BEAT", lambda worker: age(worker["beat_age"])),
    Column("UP", lambda worker: between(worker["started_at"], None)),
)
_COLOURS = {"busy": "blue", "idle": "green", "draining": "yellow", "dead": "red"}


@app.command("ls", epilog=examples("wmctl worker ls", "wmctl worker ls -o json"))
def ls(
    ctx: typer.Context,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List the workers of the spool, on all hosts. Dead ones stay until others have rescued."""
    o.check_format(format)
    session = session_of(ctx, spool=spool)
    lease = session.spool.settings.lease
    beats = session.spool.workers() if session.has_spool else []
    items = [_facts(beat, lease) for beat in beats]
    show_list(
        items, format, COLUMNS, key="worker", colour=lambda item: _COLOURS.get(item["state"], "")
    )


def _facts(beat: Beat, lease: float) -> Item:
    content = beat.content
    tags = content.get("tags")
    facts: dict[str, Any] = {
        "schema": "wmctl.worker/1",
        "worker": beat.worker,
        "state": content.get("state") if beat.alive(lease) else "dead",
        "tags": tags if isinstance(tags, list) else [],
        "beat_age": round(beat.age, 3),
    }
    names = ("group", "host", "pid", "job", "jobs_executed", "started_at", "only", "version")
    return facts | {name: content.get(name) for name in names}
