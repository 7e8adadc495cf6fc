"""`wmctl init`: make a spool."""

import os
from pathlib import Path
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.session import session_of
from wmctl.spool import Settings, Spool
from wmctl.spool.fskind import detect

#: Lease and beat in seconds; on a network file system beats can be late.
_LOCAL = (60.0, 5.0)
_NETWORK = (120.0, 10.0)


def init(
    ctx: typer.Context,
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help="Where [default: the spool in use].")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="For a group of users: its members may read and write.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--no-sync", help="Jobs need not outlive a power cut; much faster.")
    ] = False,
    spool: o.SpoolOption = None,
) -> None:
    """Make a spool, the folder that is the queue, and print where it is.

    Only the user's default spool is made by itself; any other is made here. One that is there
    already is left as it is.
    """
    if folder is not None and spool is not None:
        raise UsageError("FOLDER and --spool exclude each other")
    path = session_of(ctx, spool=folder or spool).settings.spool
    lease, beat = _NETWORK if detect(_existing(path)).network else _LOCAL
    settings = Settings(
        lease=lease,
        beat=beat,
        file_mode="0660" if shared else "0600",
        durability="none" if fast else "durable",
    )
    made = Spool.create(path, settings)
    if made.settings != settings:
        output.note(f"{made.path} was there already and is left as it is")
    output.line(str(made.path))


def _existing(path: Path) -> str:
    """The nearest folder at or above a path that is there."""
    return next(str(folder) for folder in (path, *path.parents) if os.path.isdir(folder))


app = one_command(
    init,
    "wmctl init",
    "wmctl init /nfs/team/spool --shared",
    "wmctl init .spool && export WMCTL_SPOOL=$PWD/.spool",
)
