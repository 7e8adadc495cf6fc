"""`wmctl ps`: list jobs."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.jobview import view
from wmctl.cli.lists import between, show_list
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.spool import STATES, WAITING, Spool, short

_COLOURS = {
    "running": "blue", "success": "green", "failure": "red", "canceled": "yellow",
    "held": "yellow", "quarantined": "red", "skipped": "grey",
}  # fmt: skip

#: What other tools call a state.
_MEANT = {
    "failed": "failure", "error": "failure", "done": "success", "finished": "success",
    "completed": "success", "succeeded": "success", "ok": "success", "cancelled": "canceled",
    "killed": "canceled", "pending": "queued", "waiting": "queued", "scheduled": "queued",
    "active": "running", "started": "running", "bad": "quarantined",
}  # fmt: skip

COLUMNS = (
    Column("ID", lambda job: short(job["id"]) if output.on_terminal() else job["id"]),
    Column("STATE", lambda job: job["state"]),
    Column("TAG", lambda job: job["tag"]),
    Column("NAME", lambda job: job["name"], shrink=1, most=40),
    Column("AGE", lambda job: between(job["created_at"], None)),
    Column("TIME", lambda job: between(job["started_at"], job["completed_at"])),
    Column("EXIT", lambda job: "" if job["exit_code"] is None else str(job["exit_code"])),
    Column("REASON", lambda job: job["reason"] or "", shrink=2),
)


def ps(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("-a", "--all", help="Also jobs that are finished.")] = False,
    state: Annotated[
        list[str] | None, typer.Option("-s", "--state", help="Only jobs in this state.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("-t", "--tag", help="Only this tag.")] = None,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List jobs that are not finished; with -a all of them. There is no hidden limit.

    Oldest first; more than 10,000 come in no order, except in a table. A table on a terminal
    shortens names and reasons; in a pipe and in the other formats everything is whole.
    """
    o.check_format(format)
    for wanted in state or ():
        if wanted not in STATES:
            raise UsageError(f"there is no state {wanted!r}", hint=_nearest(wanted))
    states = state or (STATES if all_ else WAITING)
    found = jobs(session_of(ctx, spool=spool).spool, states, tag)
    show_list(found, format, COLUMNS, key="id", colour=lambda job: _COLOURS.get(job["state"], ""))


def _nearest(word: str) -> str:
    """The state that was meant, or all of them."""
    from difflib import get_close_matches  # only on the way out

    meant = _MEANT.get(word.lower()) or next(iter(get_close_matches(word.lower(), STATES, 1)), None)
    states = f"states: {', '.join(STATES)}"
    return f"did you mean {meant}? {states}" if meant else states


def jobs(spool: Spool, states: Sequence[str], tags: Sequence[str] | None) -> Iterator[Item]:
    """The jobs as JSON objects. One that moves on meanwhile is told once."""
    seen: set[str] = set()
    for entry in spool.entries(states):
        if entry.id in seen or (tags and entry.name.tag not in tags):
            continue
        found = view(spool, entry)
        if found is not None and found.entry.state in states:
            seen.add(entry.id)
            yield found.facts()


app = one_command(
    ps,
    "wmctl ps",
    "wmctl ps -a -s failure",
    "wmctl ps -a -o id -s failure | wmctl show -",
    "wmctl ps -a -o json | jq '.[] | select(.exit_code == 4) | .id'",
)
