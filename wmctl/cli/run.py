"""`wmctl run`: submit a job, stream its log, print its result, exit with its code."""

import signal
import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from wmctl.cli import caveats, exits, output, recent, streams
from wmctl.cli import options as o
from wmctl.cli.embedded import Embedded
from wmctl.cli.follow import Follower, rests
from wmctl.cli.group import one_command
from wmctl.cli.joboptions import JobOptions, with_job_options
from wmctl.cli.logfile import LogReader, Piece
from wmctl.cli.result import print_result
from wmctl.cli.serving import ASK_AGAIN
from wmctl.cli.session import Session, session_of
from wmctl.cli.submission import Ready, Submitted, prepare, settled, submit, tell_skipped
from wmctl.cli.wait import deadline_of, tell_trouble
from wmctl.errors import WmctlError
from wmctl.spool import Entry, Spool

Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="Show a script's log only if it fails. The output of a command is always shown.",
    ),
]


@with_job_options
def run(
    ctx: typer.Context,
    options: JobOptions,
    *,
    wait_timeout: o.WaitTimeout = None,
    quiet: Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Run a job: its log goes to stderr, its result to stdout, its exit code is yours.

    Needs no worker: where none serves the job's tag, this command runs the job itself. The output
    of a command (-- COMMAND) goes where it went; it has no result. Ctrl-C cancels the job.
    """
    session = session_of(ctx, spool=spool)
    session.makes_spool = not options.dry_run
    session.job_codes = True
    deadline = deadline_of(wait_timeout)
    if options.hold and not options.dry_run:
        raise exits.UsageError("run waits for the job, and --hold makes it wait for you")
    ready = prepare(session, options)
    if settled(session, options, ready, quiet=quiet):
        return
    if not quiet:
        caveats.warn(session, ready)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    raise typer.Exit(_run_all(session, ready, deadline, quiet=quiet))


def _run_all(session: Session, ready: Ready, deadline: float | None, *, quiet: bool) -> int:
    """One job after the other; the highest of their exit codes."""
    jobs: list[Submitted] = []
    code = exits.OK
    try:
        _queue(session, ready, jobs)
        _tell_key(ready, jobs, quiet=quiet)
        while jobs:
            code = max(code, Run(session, ready, jobs[0], deadline, quiet=quiet).finish())
            del jobs[0]
    except exits.StillPending:
        raise
    except BaseException:
        _give_up(session.spool, jobs)
        raise
    return code


def _queue(session: Session, ready: Ready, jobs: list[Submitted]) -> None:
    """Queue as far as it comes: a later line may be wrong."""
    try:
        jobs.extend(submit(session, ready))
    finally:
        recent.remember(session.store.root, [job.id for job in jobs if job.ours])


def _tell_key(ready: Ready, jobs: list[Submitted], *, quiet: bool) -> None:
    """For people: what came of a key that another job holds."""
    if quiet or not sys.stderr.isatty() or (jobs and jobs[0].ours):
        return
    if jobs:
        output.note(f"job {jobs[0].id} holds the key {ready.job.key!r}: this is what comes of it")
    elif ready.if_exists == "skip":
        tell_skipped(ready)


def _give_up(spool: Spool, jobs: list[Submitted]) -> None:
    """Nobody wants these jobs any more; what keeps us from canceling them is not the news."""
    for job in jobs:
        if job.ours:
            with suppress(WmctlError):
                spool.cancel(job.id, reason="wmctl run was interrupted")


def _interrupt(*_: Any) -> None:
    """TERM and HUP mean what Ctrl-C means: the job is canceled with us."""
    raise KeyboardInterrupt


class Run:
    """One job of `wmctl run`, from its submission to its end."""

    def __init__(
        self, session: Session, ready: Ready, job: Submitted, deadline: float | None, *, quiet: bool
    ) -> None:
        self._ours = job.ours
        self._deadline = deadline
        self._spool = session.spool
        self._quiet = quiet
        self._wake_at = 0.0
        #: True once nobody hears the job any more.
        self._deaf = False
        #: A command's output goes where it went; a script's is its log, and goes to stderr.
        self._split = bool(ready.source.job.argv)
        self._streams = {error: output.JobStream(error=error) for error in (False, True)}
        self._embedded = Embedded(session, ready, detached=deadline is not None)
        self._follower = Follower(
            self._spool,
            self._spool.find(job.id),
            self._reader() if self._split or not quiet else None,
            self._show,
        )

    def finish(self) -> int:
        """Follow the job to its end; its exit code."""
        try:
            entry = self._follower.until_rest(self._deadline, self._meanwhile)
            code = self._report(entry)
            streams.flush()  # the result first, then the worker's end
        except exits.StillPending:
            raise
        except BaseException as error:
            self._cancel(deaf=isinstance(error, exits.OutputClosed | exits.OutputFailed))
            raise
        finally:
            self._embedded.close()
        return code

    def _meanwhile(self, entry: Entry) -> None:
        """See to it that the job gets on, where no worker does."""
        now = time.monotonic()
        if entry.state == "suspended" and now >= self._wake_at:
            self._wake_at = now + ASK_AGAIN
            self._spool.ripen(entry)
        self._embedded.consider(entry)

    def _report(self, entry: Entry) -> int:
        record = self._spool.record(entry)
        code = exits.of_job(entry.state, record)
        if self._quiet and not self._split and code != exits.OK:
            for piece in self._reader().read(entry):
                self._show(piece)
        if not self._split:
            self._streams[True].end_line()
        if record is not None and not self._split:
            print_result(record.get("result"))
        self._explain(entry, record)
        return code

    def _explain(self, entry: Entry, record: dict[str, Any] | None) -> None:
        """What neither a result nor the job's own output tells; of a script also its id."""
        if record is not None and not self._split:
            streams.flush()  # the result first
            tell_trouble(self._spool, entry, logs=False)
            return
        error = (record or {}).get("result")
        message = error["error"].get("message", "") if isinstance(error, dict) else ""
        # A command that ended by itself has said what there is to say.
        if not str(message).startswith("exit code "):
            tell_trouble(self._spool, entry)

    def _cancel(self, *, deaf: bool) -> None:
        """Nobody wants the result any more. A second Ctrl-C does not wait for the end."""
        entry = self._follower.entry
        self._deaf = deaf
        if self._ours and not rests(entry):
            with suppress(WmctlError):
                self._spool.cancel(entry.id, reason="wmctl run was interrupted")
                self._follower.until_rest()

    def _reader(self) -> LogReader:
        return LogReader(self._spool, split=self._split)

    def _show(self, piece: Piece) -> None:
        if not self._deaf:
            self._streams[piece.error].write(piece.data)


app = one_command(
    run,
    "wmctl run hello.py -a name=ann -a n:=2",
    "wmctl run -c 'df -h' -l bash",
    "wmctl run report.ts -d @args.json | jq .total",
    "wmctl run --timeout 10m -- make test",
    "wmctl run -q --key poll --if-exists skip poll.sh      # in a crontab: never two at once",
)
