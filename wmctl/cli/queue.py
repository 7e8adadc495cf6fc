"""`wmctl queue`: what waits under each tag; pause, resume, move and purge it."""

from typing import Annotated

import typer

from wmctl.cli import chosen, output, queue_ls, queue_move
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.session import session_of

app = new_app(no_args_is_help=True)

Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="Tags, as ps shows them.")]


@app.callback()
def callback() -> None:
    """What waits under each tag, and how fast it goes; pause, resume, move and purge it."""


app.command("ls", epilog=queue_ls.LS_EXAMPLES)(queue_ls.ls)
app.command("show", epilog=queue_ls.SHOW_EXAMPLES)(queue_ls.show)


@app.command(
    "pause", epilog=examples("wmctl queue pause gpu --reason 'driver upgrade'", "wmctl status")
)
def pause(
    ctx: typer.Context,
    tags: Tags,
    reason: chosen.Reason = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let no job of these tags start until wmctl queue resume. Running ones go on.

    Submitting goes on too. Workers on other hosts see it at their next beat.
    """
    opened = session_of(ctx, spool=spool).spool
    for tag in tags:
        new = opened.pause(tag, reason=reason)
        if not quiet:
            output.line(output.safe(f"{tag}  {'paused' if new else 'was paused already'}"))


@app.command("resume", epilog=examples("wmctl queue resume gpu"))
def resume(
    ctx: typer.Context, tags: Tags, quiet: o.Quiet = False, spool: o.SpoolOption = None
) -> None:
    """Let the jobs of these tags start again."""
    opened = session_of(ctx, spool=spool).spool
    for tag in tags:
        was = opened.resume(tag)
        if not quiet:
            output.line(output.safe(f"{tag}  {'resumed' if was else 'was not paused'}"))


app.command("move", epilog=queue_move.MOVE_EXAMPLES)(queue_move.move)
app.command("purge", epilog=queue_move.PURGE_EXAMPLES)(queue_move.purge)
