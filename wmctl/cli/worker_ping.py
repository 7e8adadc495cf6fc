"""`wmctl worker ping`: whether workers beat."""

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import examples
from wmctl.cli.lists import age
from wmctl.cli.session import session_of
from wmctl.cli.worker_names import Groups, Names, fitting
from wmctl.cli.worker_state import MISSED, workers_of
from wmctl.cli.worker_wait import next_beats


def ping(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Wait for the next beat of workers. How long that took is printed.

    Exit 69 if one of them does not beat within the time of three beats.
    """
    opened = session_of(ctx, spool=spool).spool
    chosen = fitting(workers_of(opened), names, group, "ping").workers
    silent = not chosen
    timeout = MISSED * opened.settings.beat
    for name, seconds in next_beats(opened, [one.name for one in chosen], timeout):
        if seconds is None:
            silent = True
            output.note(
                f"worker {name} did not beat for {age(timeout)}", hint=f"wmctl worker show {name}"
            )
        elif not quiet:
            output.line(output.safe(f"{name}  {age(seconds)}"))
    if silent:
        raise typer.Exit(exits.UNAVAILABLE)


EXAMPLES = examples("wmctl worker ping lab-1", "wmctl worker ping -g gpu", "wmctl worker ping '*'")
