"""`wmctl cancel`: stop jobs that run, and jobs that wait from running."""

import typer

from wmctl.cli import chosen, exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import session_of
from wmctl.spool import OUTCOMES, Entry, Spool

#: What a selector without a state means.
_DEFAULT = ("queued", "running", "suspended", "held")


def cancel(
    ctx: typer.Context,
    selector: Selector,
    ids: chosen.Ids = None,
    reason: chosen.Reason = None,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Cancel jobs. A waiting one is canceled at once; a running one is stopped by its worker.

    By id, or all that a selector fits: more than one asks on a terminal, and needs -y elsewhere.
    One that has ended already is said to have, and is no error. Exit 1 if one is quarantined.
    """
    opened = session_of(ctx, spool=spool).spool
    entries = chosen.choose(
        opened, ids, selector, verb="cancel", default=_DEFAULT, yes=yes, dry_run=dry_run
    )
    aside = False
    for entry in entries:
        # One that nobody can read is out of the way already; a marker would wait for nobody.
        quarantined = entry.state == "quarantined"
        state = entry.state if quarantined else opened.cancel(entry.id, reason=reason, seen=entry)
        aside = aside or state == "quarantined"
        if not quiet:
            output.line(f"{entry.id}  {_told(opened, entry, state)}")
    if aside:
        raise typer.Exit(exits.FAULTS)


def _told(spool: Spool, entry: Entry, state: str) -> str:
    if state == "running":
        return "running; its worker has been told to stop it"
    if state == "quarantined":
        why = spool.reason(entry) or {}
        return output.safe(f"is quarantined: {why.get('message') or why.get('reason') or '?'}")
    if state in OUTCOMES and state != "canceled":
        return f"not canceled: it had already ended ({state})"
    return "had already been canceled" if entry.state == "canceled" else state


app = one_command(
    selecting(cancel, all_help="All jobs that are not finished."),
    "wmctl cancel 89abcdef",
    "wmctl cancel @1 --reason 'wrong input'",
    "wmctl cancel -t gpu --older-than 2d -n",
    "wmctl cancel -L batch=7 -y",
    "wmctl ps -s queued -o id | wmctl cancel -",
)
