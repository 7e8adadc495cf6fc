"""`wmctl cancel`: stop jobs that run, and jobs that wait from running."""

from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_all
from wmctl.cli.session import session_of
from wmctl.spool import OUTCOMES


def cancel(
    ctx: typer.Context,
    ids: o.JobIds,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the job.")] = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Cancel jobs. A waiting one is canceled at once; a running one is stopped by its worker.

    Exit 1 if one of them had already ended otherwise.
    """
    opened = session_of(ctx, spool=spool).spool
    late = False
    for entry in find_all(opened, ids):
        ended = entry.terminal and entry.state != "canceled"
        state = opened.cancel(entry.id, reason=reason)
        late = late or ended or (state in OUTCOMES and state != "canceled")
        if not quiet:
            output.line(f"{entry.id}  {_told(state)}")
    if late:
        raise typer.Exit(exits.FAULTS)


def _told(state: str) -> str:
    if state == "running":
        return "running; its worker has been told to stop it"
    if state in OUTCOMES and state != "canceled":
        return f"not canceled: it had already ended ({state})"
    return state


app = one_command(
    cancel,
    "wmctl cancel 89abcdef",
    "wmctl cancel 89abcdef --reason 'wrong input'",
    "wmctl ps -s queued -o id | wmctl cancel -",
)
