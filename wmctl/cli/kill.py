"""`wmctl kill`: send a signal to running jobs."""

import signal as signals
from typing import Annotated

import typer

from wmctl.cli import chosen, exits, output
from wmctl.cli import options as o
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import session_of
from wmctl.errors import JobNotFound
from wmctl.spool import Entry, Spool

Signal = Annotated[
    str, typer.Option("-s", "--signal", metavar="SIG", help="TERM, USR1, STOP, CONT, 9, …")
]


def kill(
    ctx: typer.Context,
    selector: Selector,
    ids: chosen.Ids = None,
    signal: Signal = "TERM",
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Send a signal to running jobs, on whichever host: every process of the job gets it, once.

    The worker sends it, at once on its own host and at its next beat (seconds) elsewhere, and says
    so in the job's log. A job that dies of it has failed, and may have retries left: to be rid of
    it, use wmctl cancel. Exit 1 if one of the jobs does not run.
    """
    name = _name_of(signal)
    opened = session_of(ctx, spool=spool).spool
    entries = chosen.choose(
        opened, ids, selector, verb="kill", default=("running",), yes=yes, dry_run=dry_run
    )
    refused = False
    for entry in entries:
        problem = _send(opened, entry, name)
        refused = refused or problem is not None
        if problem is not None:
            output.note(f"job {entry.id} {problem}", hint=_hint(entry))
        elif not quiet:
            output.line(f"{entry.id}  its worker has been told to send {name}")
    if refused:
        raise typer.Exit(exits.FAULTS)


def _send(spool: Spool, entry: Entry, name: str) -> str | None:
    """What kept us from it, if anything."""
    if entry.state == "running" and spool.signal(entry, name):
        return None
    now = spool.locate(entry.id)
    if now is None:
        raise JobNotFound(f"job {entry.id} has just been pruned")
    state = now.state if now.state != "running" else "running again, in another attempt"
    return f"is {state}; {name} was not sent"


def _hint(entry: Entry) -> str:
    if entry.terminal:
        return "only a running job can be signaled"
    return "only a running job can be signaled; wmctl cancel keeps a waiting one from running"


def _name_of(text: str) -> str:
    """As kill(1) names it, without SIG; one that has only a number keeps that."""
    word = text.strip().upper().removeprefix("SIG")
    if word.isascii() and word.isdecimal():
        number = int(word)
        if number not in signals.valid_signals():
            raise UsageError(f"there is no signal {text!r}", hint="kill -l lists them")
        named = {int(one): one.name for one in signals.Signals}
        return named.get(number, str(number)).removeprefix("SIG")
    if f"SIG{word}" in signals.Signals.__members__:
        return word
    from wmctl.config.nearest import nearest  # only on the way out

    known = [one.name.removeprefix("SIG") for one in signals.Signals]
    meant = nearest(word, known)
    raise UsageError(
        f"there is no signal {text!r}",
        hint=f"did you mean {meant}?" if meant else "kill -l lists them",
    )


app = one_command(
    selecting(kill, without=("state", "failed"), all_help="All running jobs."),
    "wmctl kill 89abcdef",
    "wmctl kill -s USR1 @1",
    "wmctl kill -s STOP 89abcdef; wmctl kill -s CONT 89abcdef",
    "wmctl kill -s INT -t gpu -y",
)
