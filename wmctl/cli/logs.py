"""`wmctl logs`: what a job wrote."""

from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.follow import Follower
from wmctl.cli.group import one_command
from wmctl.cli.logfile import LogReader, Piece
from wmctl.cli.serving import Watch
from wmctl.cli.session import session_of


def logs(
    ctx: typer.Context,
    job_id: o.JobId,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the job has ended.")
    ] = False,
    spool: o.SpoolOption = None,
) -> None:
    """Print a job's log: standard output and standard error in the order they came."""
    opened = session_of(ctx, spool=spool).spool
    entry = opened.find(job_id)
    stream = output.JobStream(error=False)
    reader = LogReader(opened, split=False)

    def show(piece: Piece) -> None:
        stream.write(piece.data)

    if follow:
        entry = Follower(opened, entry, reader, show).until_rest(meanwhile=Watch(opened))
    for piece in reader.read(entry):
        show(piece)


app = one_command(logs, "wmctl logs 89abcdef", "wmctl logs -f 89abcdef")
