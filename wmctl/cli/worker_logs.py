"""`wmctl worker logs`: what a worker itself wrote, not its jobs."""

import time
from pathlib import Path
from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output, streams
from wmctl.cli.exits import NoSuchFile
from wmctl.cli.group import examples
from wmctl.cli.logfile import tail_of
from wmctl.cli.session import session_of
from wmctl.cli.worker_names import find
from wmctl.cli.worker_show import log_of
from wmctl.cli.worker_state import Worker
from wmctl.errors import WmctlError
from wmctl.spool import Spool

#: Seconds between looks.
_PAUSE = 0.2
_CHUNK = 1 << 16


def logs(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="WORKER", help="Its name, or an end of it.")],
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the worker has gone.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="N", min=0, help="Only the last N lines.")
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Print a worker's own log: starts, changes of its tags, trouble. Jobs' logs: wmctl logs."""
    opened = session_of(ctx, spool=spool).spool
    path, one = _log(opened, name)
    if not opened.has(path):
        host = (one.content.get("host") if one else None) or "its host"
        raise NoSuchFile(
            f"worker {one.name if one else name} keeps no log in the spool",
            hint=f"look on {host}: at the terminal where it was started, or, of a service:"
            " journalctl -u 'wmctl*'",
        )
    offset = 0 if tail is None else tail_of(path, tail, None)
    stream = output.JobStream(error=False)
    offset = _print(stream, path, offset)
    while follow and _is_there(opened, path):
        streams.flush()
        time.sleep(_PAUSE)
        offset = _print(stream, path, offset)


def _log(spool: Spool, name: str) -> tuple[Path, Worker | None]:
    """The log of a worker; that of one which has gone, by its whole name."""
    path = log_of(spool, name)
    if "/" not in name and spool.has(path):
        return path, None
    try:
        one = find(spool, name)
    except WmctlError:
        left = [log for log in path.parent.glob("*.log") if log.stem.endswith(name)]
        if len(left) != 1 or "/" in name:
            raise
        return left[0], None
    return log_of(spool, one.name), one


def _print(stream: output.JobStream, path: Path, offset: int) -> int:
    """What is new; where the next look begins."""
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) < offset:  # it was begun anew
                offset = 0
            file.seek(offset)
            while data := file.read(_CHUNK):
                stream.write(data)
                offset += len(data)
    except FileNotFoundError:
        return 0
    return offset


def _is_there(spool: Spool, path: Path) -> bool:
    return path.stem in spool.joined()


EXAMPLES = examples("wmctl worker logs lab-1", "wmctl worker logs -f --tail 20 x8f2q")
