"""`wmctl hold`: put waiting jobs aside for a person."""

import typer

from wmctl.cli import chosen, exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import session_of
from wmctl.errors import JobNotFound
from wmctl.spool import Entry, Spool
from wmctl.spool.reasons import who

_DEFAULT = ("queued", "suspended")
#: A job may move between a look and a rename; it settles within a few.
_LOOKS = 5


def hold(
    ctx: typer.Context,
    selector: Selector,
    ids: chosen.Ids = None,
    reason: chosen.Reason = None,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Keep waiting jobs from running until wmctl unhold; who and why is kept with each.

    Exit 1 if one of them runs or has ended.
    """
    opened = session_of(ctx, spool=spool).spool
    entries = chosen.choose(
        opened, ids, selector, verb="hold", default=_DEFAULT, yes=yes, dry_run=dry_run
    )
    refused = False
    for entry in entries:
        state = _hold(opened, entry, reason or f"held by {who()}")
        refused = refused or state != "held"
        if state != "held":
            told = f"job {entry.id} is {state}; only a waiting job can be held"
            output.note(told, hint=_hint(state))
        elif not quiet:
            output.line(f"{entry.id}  {'was held already' if entry.state == 'held' else 'held'}")
    if refused:
        raise typer.Exit(exits.FAULTS)


def _hold(spool: Spool, entry: Entry, reason: str) -> str:
    """The state afterwards."""
    found: Entry | None = entry
    for _ in range(_LOOKS):
        if found is None:
            raise JobNotFound(f"job {entry.id} has just been pruned")
        if found.state not in _DEFAULT or spool.hold(found, reason):
            break
        found = spool.locate(entry.id)
    else:
        return "on its way"
    return "held" if found.state in _DEFAULT else found.state


def _hint(state: str) -> str:
    return {
        "running": "wmctl kill -s STOP stops it for a while, wmctl cancel for good",
        "quarantined": "it does not run either; see: wmctl quarantine ls",
        "on its way": "try again",
    }.get(state, "it will not run again; wmctl retry makes a new one of it")


app = one_command(
    selecting(hold, all_help="All waiting jobs."),
    "wmctl hold 89abcdef --reason 'ask ann first'",
    "wmctl hold -t gpu -y --reason 'driver upgrade'",
    "wmctl ps -s held",
)
