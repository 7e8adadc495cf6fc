"""`wmctl unhold`: let held jobs wait in their queues again."""

from contextlib import suppress

import typer

from wmctl.cli import chosen, exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import session_of
from wmctl.errors import BadInput
from wmctl.spool import Entry, Spool


def unhold(
    ctx: typer.Context,
    selector: Selector,
    ids: chosen.Ids = None,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let held jobs wait again for a worker, or for what else they wait for.

    Also those that were held because their worker was lost too often. One that is not held is said
    to be what it is: exit 1 if that is quarantined, else it is no error.
    """
    opened = session_of(ctx, spool=spool).spool
    entries = chosen.choose(
        opened, ids, selector, verb="unhold", default=("held",), yes=yes, dry_run=dry_run
    )
    aside = False
    for entry in entries:
        aside = aside or entry.state == "quarantined"
        told = _unhold(opened, entry)
        if not quiet:
            output.line(f"{entry.id}  {told}")
    if aside:
        output.note("a quarantined job is not held", hint="wmctl quarantine release ID")
        raise typer.Exit(exits.FAULTS)


def _unhold(spool: Spool, entry: Entry) -> str:
    if entry.state == "held":
        with suppress(BadInput, FileNotFoundError):  # somebody else took it out meanwhile
            spool.unhold(entry)
    now = spool.locate(entry.id)
    state = "pruned" if now is None else now.state
    return f"not held: it is {state}" if entry.state != "held" else state


app = one_command(
    selecting(unhold, without=("state", "failed"), all_help="All held jobs."),
    "wmctl unhold 89abcdef",
    "wmctl unhold -t gpu -y",
)
