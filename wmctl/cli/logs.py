"""`wmctl logs`: what jobs wrote."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.chosen import Ids
from wmctl.cli.exits import UsageError
from wmctl.cli.follow import Follower
from wmctl.cli.group import one_command
from wmctl.cli.logfile import LogReader, Piece, tail_of
from wmctl.cli.selector import Selector, entries_of, moment, selecting
from wmctl.cli.serving import Watch
from wmctl.cli.session import session_of
from wmctl.errors import JobNotFound, MalformedJob
from wmctl.spool import STATES, Entry, Spool


def logs(
    ctx: typer.Context,
    selector: Selector,
    ids: Ids = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the job has ended.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="N", min=0, help="Only the last N lines.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only logs that were written to since then."),
    ] = None,
    stderr: Annotated[
        bool, typer.Option("--stderr", help="Only what went to standard error.")
    ] = False,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Only what went to standard output.")
    ] = False,
    attempt: Annotated[
        str | None,
        typer.Option(metavar="N|all", help="Of this start of the job [default: the last one]."),
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Print jobs' logs: standard output and standard error in the order they came.

    Of several jobs or attempts each has a line ==> ID name <== before it. Lines carry no times, so
    that --since leaves out whole logs. The streams of a command (-- COMMAND) are told apart; those
    of a script are one, its standard output. With -f several jobs follow one after the other.
    """
    if stderr and stdout:
        raise UsageError("--stderr and --stdout exclude each other", hint="without them: both")
    if follow and attempt is not None:
        raise UsageError("--follow and --attempt exclude each other", hint="leave out one of them")
    opened = session_of(ctx, spool=spool).spool
    cut = Cut(
        tail, None if since is None else moment(since, "--since"),
        stderr if stderr or stdout else None, _wanted(attempt),
    )  # fmt: skip
    entries = list(entries_of(opened, ids, selector, "logs", STATES))
    printer = Printer(opened, cut, heads=len(entries) > 1)
    for entry in entries:
        printer.show(entry, follow=follow)


def _wanted(attempt: str | None) -> int | None:
    """The number of an attempt; 0 is the last, None are all of them."""
    if attempt is None or attempt == "all":
        return 0 if attempt is None else None
    if not attempt.isascii() or not attempt.isdecimal() or int(attempt) < 1:
        raise UsageError(f"--attempt {attempt!r} is neither a number from 1 on nor 'all'")
    return int(attempt)


class Cut(NamedTuple):
    """What of the logs is wanted."""

    tail: int | None = None
    #: Seconds since 1970.
    since: float | None = None
    #: Only standard error, only standard output, or both (None).
    error: bool | None = None
    attempt: int | None = 0


class Printer:
    """Logs of jobs, one after the other."""

    def __init__(self, spool: Spool, cut: Cut, *, heads: bool) -> None:
        self._spool = spool
        self._cut = cut
        self._heads = heads
        self._stream = output.JobStream(error=False)

    def show(self, entry: Entry, *, follow: bool) -> None:
        """A job's log, or those of its attempts."""
        logs = self._spool.logs(entry)
        chosen = self._chosen(entry, [path for _, path in logs])
        if self._heads and (chosen or follow):
            self._head(f"{entry.id} {self._name(entry)}")
        if not logs and not entry.terminal and (noted := self._spool.notice(entry)):
            self._print(Piece(error=True, data=f"wmctl: {noted}\n".encode()))
        reader = LogReader(self._spool, split=self._cut.error is not None)
        for number, path in chosen:
            if len(chosen) > 1:
                self._head(f"attempt {number}")
            reader.begin(path, self._offset(path))
            for piece in reader.rest():
                self._print(piece)
        if follow:
            last = Follower(self._spool, entry, reader, self._print)
            entry = last.until_rest(meanwhile=Watch(self._spool))
            for piece in reader.read(entry):
                self._print(piece)

    def _chosen(self, entry: Entry, paths: list[Path]) -> list[tuple[int, Path]]:
        """The numbers and logs of the attempts that are wanted."""
        every = list(enumerate(paths, 1))
        wanted = self._cut.attempt
        if wanted:
            every = [one for one in every if one[0] == wanted]
            if not every:
                raise JobNotFound(
                    f"job {entry.id} has no log of attempt {wanted}; it was started"
                    f" {len(paths)} times",
                    hint=f"wmctl show {entry.id}",
                )
        elif wanted == 0:
            every = every[-1:]
        since = self._cut.since
        if since is None:
            return every
        return [one for one in every if _written(one[1]) >= since]

    def _offset(self, path: Path) -> int:
        tail = self._cut.tail
        return 0 if tail is None else tail_of(path, tail, self._cut.error)

    def _print(self, piece: Piece) -> None:
        if self._cut.error in {None, piece.error}:
            self._stream.write(piece.data)

    def _head(self, text: str) -> None:
        self._stream.next_line()
        output.line(output.safe(f"==> {text.rstrip()} <=="))

    def _name(self, entry: Entry) -> str:
        try:
            return self._spool.job(entry).name
        except (FileNotFoundError, MalformedJob):
            return ""


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


app = one_command(
    selecting(logs, without=("since",), all_help="Of all jobs."),
    "wmctl logs @1",
    "wmctl logs -f --tail 20 89abcdef",
    "wmctl logs --failed --tail 50",
    "wmctl logs --stderr --attempt all 89abcdef",
)
