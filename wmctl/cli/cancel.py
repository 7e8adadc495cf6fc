"""`wmctl cancel`: stop jobs that run, and jobs that wait from running."""

from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_all
from wmctl.cli.session import session_of
from wmctl.spool import OUTCOMES, Entry, Spool


def cancel(
    ctx: typer.Context,
    ids: o.JobIds,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the job.")] = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Cancel jobs. A waiting one is canceled at once; a running one is stopped by its worker.

    Exit 1 if one of them had already ended otherwise, or is quarantined.
    """
    opened = session_of(ctx, spool=spool).spool
    late = False
    for entry in find_all(opened, ids):
        # One that nobody can read is out of the way already; a marker would wait for nobody.
        aside = entry.state == "quarantined"
        state = entry.state if aside else opened.cancel(entry.id, reason=reason)
        late = late or state not in {"running", "canceled"}
        if not quiet:
            output.line(f"{entry.id}  {_told(opened, entry, state)}")
    if late:
        raise typer.Exit(exits.FAULTS)


def _told(spool: Spool, entry: Entry, state: str) -> str:
    if state == "running":
        return "running; its worker has been told to stop it"
    if state == "quarantined":
        why = spool.reason(entry) or {}
        return output.safe(f"is quarantined: {why.get('message') or why.get('reason') or '?'}")
    if state in OUTCOMES and state != "canceled":
        return f"not canceled: it had already ended ({state})"
    return state


app = one_command(
    cancel,
    "wmctl cancel 89abcdef",
    "wmctl cancel 89abcdef --reason 'wrong input'",
    "wmctl ps -s queued -o id | wmctl cancel -",
)
