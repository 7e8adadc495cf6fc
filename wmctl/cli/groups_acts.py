"""`wmctl group rm`, `pause` and `resume`: what is done with a whole group."""

from typing import Annotated

import typer

from wmctl.cli import confirm, output
from wmctl.cli import options as o
from wmctl.cli.group import examples
from wmctl.cli.groups_ls import no_such
from wmctl.cli.groups_state import Groups
from wmctl.cli.session import Session, session_of
from wmctl.config import groups, shared
from wmctl.spool import orders
from wmctl.spool.reasons import who

Names = Annotated[list[str], typer.Argument(metavar="GROUP...", help="Names of worker groups.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; shown with the group.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Only say what would be removed.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Also where live workers are in it.")]


def rm(
    ctx: typer.Context,
    names: Names,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Remove the files of groups.

    Where live workers are in one, you are asked, or give -y. Such workers go on with the
    default configuration, or end where that leaves them no tag. The file is kept in the spool's
    trash for a day.
    """
    session = session_of(ctx, spool=spool)
    store = session.store
    there = shared.names(store, groups.FOLDER)
    for name in names:
        if groups.check_name(name) not in there:
            raise no_such(session, name)
    if dry_run:
        for name in names:
            output.line(f"{name}  would be removed")
        return
    if not _agreed(session, names, yes=yes):
        return
    for name in names:
        where = shared.discard(store, groups.relative(name))
        if not quiet and where is not None:
            output.line(output.safe(f"{name}  removed; its file is for a day in {where}"))


def _agreed(session: Session, names: list[str], *, yes: bool) -> bool:
    found = Groups(session.spool)
    alive = {name: len(found.members(name)) for name in names if found.members(name)}
    if not alive:
        return True
    told = ", ".join(f"{name} has {confirm.counted(n, 'live worker')}" for name, n in alive.items())
    return confirm.ask(f"{told}; remove all the same?", refusal=told, yes=yes)


def pause(
    ctx: typer.Context,
    names: Names,
    reason: Reason = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let the workers of groups claim no more jobs.

    They finish those that they hold. Other groups' workers go on, with the same tags too; wmctl
    queue pause stops a tag everywhere.
    """
    session = session_of(ctx, spool=spool)
    _known(session, names)
    for name in names:
        new = orders.pause_group(session.store, name, by=who(), reason=reason)
        if not quiet:
            output.line(f"{name}  {'paused' if new else 'was paused already'}")


def resume(
    ctx: typer.Context, names: Names, quiet: o.Quiet = False, spool: o.SpoolOption = None
) -> None:
    """Let the workers of groups claim jobs again."""
    session = session_of(ctx, spool=spool)
    _known(session, names)
    for name in names:
        was = orders.resume_group(session.store, name)
        if not quiet:
            output.line(f"{name}  {'resumed' if was else 'was not paused'}")


def _known(session: Session, names: list[str]) -> None:
    """NoSuchGroup before anything is done; a group may be one that only workers know of."""
    known = Groups(session.spool).names
    for name in names:
        if groups.check_name(name) not in known:
            raise no_such(session, name)


EXAMPLES_RM = examples("wmctl group rm gpu", "wmctl group rm gpu -y")
EXAMPLES_PAUSE = examples(
    "wmctl group pause gpu --reason 'driver upgrade'", "wmctl group ls -o wide"
)
EXAMPLES_RESUME = examples("wmctl group resume gpu", "wmctl group resume gpu reports")
