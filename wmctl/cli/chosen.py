"""The jobs that a command acts upon: by id, or by a selector, which asks before it takes many."""

from collections.abc import Collection, Iterator
from typing import Annotated

import typer

from wmctl.cli import confirm, output
from wmctl.cli.exits import UsageError
from wmctl.cli.ids import find_all
from wmctl.cli.jobview import JobView, view
from wmctl.cli.lists import between, show_list
from wmctl.cli.selector import Selector
from wmctl.cli.tables import Column
from wmctl.spool import Entry, Spool, short

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids as ps shows them; - reads them from stdin."),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask, however many they are.")]
DryRun = Annotated[
    bool, typer.Option("-n", "--dry-run", help="Only show which jobs these are; do nothing.")
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with the job.")]

_COLUMNS = (
    Column("ID", lambda job: short(job["id"]) if output.on_terminal() else job["id"]),
    Column("STATE", lambda job: job["state"]),
    Column("TAG", lambda job: job["tag"]),
    Column("NAME", lambda job: job["name"], shrink=1, most=40),
    Column("AGE", lambda job: between(job["created_at"], None)),
)


def choose(
    spool: Spool,
    ids: list[str] | None,
    selector: Selector,
    *,
    verb: str,
    default: Collection[str],
    yes: bool = False,
    dry_run: bool = False,
) -> list[Entry]:
    """The jobs to act upon, none if somebody said no or only wanted to see them.

    `default`: the states that a selector without any means; then `-a` means all of these.
    """
    if bool(ids) == selector.given:
        raise UsageError(
            "give ids or a selector, not both" if ids else f"which jobs are to be {_done(verb)}?",
            hint=f"wmctl {verb} ID…, or a selector as in: wmctl {verb} -t TAG;"
            " wmctl ps lists the jobs",
        )
    if ids:
        entries = list({entry.id: entry for entry in find_all(spool, ids)}.values())
    else:
        entries = [found.entry for found in selector._replace(all=False).views(spool, default)]
        if not entries:
            output.note("no job fits")
    if dry_run:
        show(spool, entries)
        return []
    if ids or len(entries) < 2:
        return entries
    many = confirm.counted(len(entries), "job")
    agreed = confirm.ask(
        f"{verb} {many}?", refusal=f"the selector fits {many}: not {_done(verb)}", yes=yes
    )
    return entries if agreed else []


def show(spool: Spool, entries: list[Entry]) -> None:
    """List jobs that would be acted upon."""
    views = (view(spool, entry) for entry in entries)
    if entries:
        show_list(_facts(views), "table", _COLUMNS, key=None)


def _facts(views: Iterator[JobView | None]) -> Iterator[dict[str, object]]:
    return (found.facts() for found in views if found is not None)


def _done(verb: str) -> str:
    return {"cancel": "canceled", "retry": "retried", "kill": "signaled"}.get(
        verb, {"hold": "held", "unhold": "unheld"}.get(verb, verb)
    )
