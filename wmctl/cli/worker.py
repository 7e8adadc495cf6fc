"""`wmctl worker`: start workers here; see and steer all workers of the spool."""

import logging
import sys
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import (
    output,
    worker_logs,
    worker_ls,
    worker_orders,
    worker_ping,
    worker_rm,
    worker_show,
)
from wmctl.cli.group import examples, new_app
from wmctl.cli.session import Session, session_of
from wmctl.cli.tags import meant, waiting_tags
from wmctl.config import values

app = new_app(no_args_is_help=True)


@app.callback()
def worker() -> None:
    """Start workers here; see and steer all workers of the spool."""


@app.command(
    "start",
    epilog=examples(
        "wmctl worker start",
        "wmctl worker start -n 4 --tags python3,bash",
        "wmctl worker start --burst",
        "WORKER_GROUP=gpu wmctl worker start",
        "wmctl worker start -g gpu,default",
    ),
)
def start(
    ctx: typer.Context,
    count: Annotated[
        str | None,
        typer.Option(
            "-n",
            "--count",
            help="How many [env: NUM_WORKERS; default: 1, or one for each slot of their group].",
        ),
    ] = None,
    tags: Annotated[
        str | None, typer.Option(metavar="A,B", help="The tags they serve [env: WORKER_TAGS].")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "-g",
            "--group",
            metavar="A,B",
            help="Their worker group, or several: tags of all, else the first one's settings"
            " [env: WORKER_GROUP].",
        ),
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

    They follow changes of their group (wmctl group), and end to be started anew where one asks for
    that. TERM or Ctrl-C: they finish their job and end. A second one: they give it back.
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
    if not (quiet or burst) and output.errors_on_terminal():
        line = output.safe(serve.install_line(session))
        output.plain_note(f"to have them started at boot: {line}")
    sys.stdout.flush()
    raise typer.Exit(supervisor.run())


def _tell_unknown_tags(session: Session) -> None:
    """Of tags that no job ever waited under: what may have been meant."""
    known = waiting_tags(session.store)
    known |= {runner.tag for runner in session.plugins.runners().values()}
    for tag in session.settings.worker.tags or ():
        if tag not in known and (more := meant(tag, known)):
            output.note(f"no job was ever submitted for the tag {tag!r}{more}")


for _name, _function, _examples in (
    ("ls", worker_ls.ls, worker_ls.EXAMPLES),
    ("show", worker_show.show, worker_show.EXAMPLES),
    ("ping", worker_ping.ping, worker_ping.EXAMPLES),
    ("drain", worker_orders.drain, worker_orders.EXAMPLES["drain"]),
    ("resume", worker_orders.resume, worker_orders.EXAMPLES["resume"]),
    ("restart", worker_orders.restart, worker_orders.EXAMPLES["restart"]),
    ("stop", worker_orders.stop, worker_orders.EXAMPLES["stop"]),
    ("rm", worker_rm.rm, worker_rm.EXAMPLES),
    ("logs", worker_logs.logs, worker_logs.EXAMPLES),
):
    app.command(_name, epilog=_examples)(_function)
