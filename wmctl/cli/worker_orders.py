"""`wmctl worker drain|resume|restart|stop`: orders that workers read at their next beat."""

from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import examples
from wmctl.cli.session import session_of
from wmctl.cli.worker_names import DryRun, Groups, Names, Yes, choose
from wmctl.cli.worker_state import Worker
from wmctl.spool import Spool, orders
from wmctl.spool.reasons import who

Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; shown with the worker.")]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when they hold no job any more.")]
#: What a worker does about each order, for people.
_TOLD = {
    "drain": "drains: it claims no more jobs until wmctl worker resume",
    "restart": "restarts when its job has ended",
    "stop": "stops when its job has ended",
}
_DONE = {"drain": "drained", "restart": "restarted", "stop": "stopped", "resume": "resumed"}


def drain(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    reason: Reason = None,
    wait: Wait = False,
    wait_timeout: o.WaitTimeout = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let workers finish their job, and no other. Until wmctl worker resume.

    They stay, as draining and then paused, with your name and the reason. They see the order at
    their next beat, on whichever host they are.
    """
    opened = session_of(ctx, spool=spool).spool
    chosen = choose(
        opened, names, group, verb="drain", done=_DONE["drain"], yes=yes, dry_run=dry_run
    )
    _order(opened, chosen, "drain", reason, quiet=quiet, wait=wait, timeout=wait_timeout)


def stop(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    reason: Reason = None,
    wait: Wait = False,
    wait_timeout: o.WaitTimeout = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let workers finish their job and end. Their supervisor does not start them again."""
    opened = session_of(ctx, spool=spool).spool
    chosen = choose(opened, names, group, verb="stop", done=_DONE["stop"], yes=yes, dry_run=dry_run)
    _order(opened, chosen, "stop", reason, quiet=quiet, wait=wait, timeout=wait_timeout)


def restart(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let workers finish their job and start again. They come back under a new name."""
    opened = session_of(ctx, spool=spool).spool
    chosen = choose(
        opened, names, group, verb="restart", done=_DONE["restart"], yes=yes, dry_run=dry_run
    )
    _order(opened, chosen, "restart", reason, quiet=quiet)


def resume(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Take an order back. What drain, stop or restart told workers, and is not done yet."""
    opened = session_of(ctx, spool=spool).spool
    chosen = choose(
        opened, names, group, verb="resume", done=_DONE["resume"], yes=yes, dry_run=dry_run
    )
    for one in chosen:
        was = orders.withdraw(opened.store, one.name)
        if not quiet:
            output.line(output.safe(f"{one.name}  {'resumes' if was else 'had no order'}"))


def _order(
    spool: Spool,
    workers: list[Worker],
    order: str,
    reason: str | None,
    *,
    quiet: bool,
    wait: bool = False,
    timeout: str | None = None,
) -> None:
    """Tell the living, and wait for them if that was asked for; exit 1 if one is dead."""
    seconds = None if timeout is None else o.seconds(timeout, "--wait-timeout")
    living = [one for one in workers if one.alive]
    for one in living:
        orders.give(spool.store, one.name, order, by=who(), reason=reason)
        if not quiet:
            output.line(output.safe(f"{one.name}  {_TOLD[order]}"))
    for one in workers:
        if not one.alive:
            hint = f"wmctl worker rm {one.name}"
            output.note(f"worker {one.name} is dead; it reads no orders", hint=hint)
    if wait:
        from wmctl.cli.worker_wait import until_free  # for this option only

        until_free(spool, [one.name for one in living], seconds, quiet=quiet)
    if len(living) < len(workers):
        raise typer.Exit(exits.FAULTS)


EXAMPLES = {
    "drain": examples(
        "wmctl worker drain lab-1 --reason 'driver upgrade'",
        "wmctl worker drain -g gpu --wait && wmctl worker ls -g gpu",
        "wmctl worker drain 'wk-gpu-*' -n",
    ),
    "resume": examples("wmctl worker resume lab-1", "wmctl worker resume -g gpu -y"),
    "restart": examples("wmctl worker restart lab-1", "wmctl worker restart -g default -y"),
    "stop": examples("wmctl worker stop x8f2q --wait", "wmctl worker stop -g gpu -y"),
}
