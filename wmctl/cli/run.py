"""`wmctl run`: submit a job, stream its log, print its result, exit with its code."""

import signal
from contextlib import suppress
from typing import Any

import typer

from wmctl.cli import exits, output, streams
from wmctl.cli import options as o
from wmctl.cli.embedded import Embedded
from wmctl.cli.follow import Follower, rests
from wmctl.cli.group import one_command
from wmctl.cli.logfile import LogReader, Piece
from wmctl.cli.result import print_result
from wmctl.cli.session import Session, session_of
from wmctl.cli.source import Given
from wmctl.cli.submission import Ready, Request, prepare, submit
from wmctl.cli.wait import deadline_of, tell_trouble
from wmctl.errors import WmctlError
from wmctl.spool import Entry, Spool


def run(
    ctx: typer.Context,
    file: o.File = None,
    code: o.Code = None,
    lang: o.Language = None,
    arg: o.Arg = None,
    data: o.Data = None,
    each: o.Each = None,
    tag: o.Tag = None,
    priority: o.Priority = 0,
    timeout: o.Timeout = None,
    workspace: o.Workspace = None,
    name: o.JobName = None,
    cwd: o.Folder = None,
    env_all: o.EnvAll = False,
    no_check: o.NoCheck = False,
    wait_timeout: o.WaitTimeout = None,
    quiet: o.RunQuiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Run a job: its log goes to stderr, its result to stdout, its exit code is yours.

    Needs no worker: where none serves the job's tag, this command runs the job itself. The output
    of a command (-- COMMAND) goes where it went; it has no result. Ctrl-C cancels the job.
    """
    session = session_of(ctx, spool=spool)
    session.makes_spool = True
    session.job_codes = True
    deadline = deadline_of(wait_timeout)
    given = Given(
        file=file, code=code, language=lang, command=session.tail, folder=cwd, env_all=env_all
    )
    request = Request(
        given=given, assignments=arg, data=data, each=each, tag=tag, priority=priority,
        timeout=timeout, workspace=workspace, name=name, check=not no_check,
    )  # fmt: skip
    ready = prepare(session, request)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    raise typer.Exit(_run_all(session, ready, deadline, quiet=quiet))


def _run_all(session: Session, ready: Ready, deadline: float | None, *, quiet: bool) -> int:
    """One job after the other; the highest of their exit codes."""
    ids: list[str] = []
    code = exits.OK
    try:
        ids.extend(submit(session, ready))  # as far as it comes: a later line may be wrong
        while ids:
            code = max(code, Run(session, ready, ids[0], deadline, quiet=quiet).finish())
            del ids[0]
    except exits.StillPending:
        raise
    except BaseException:
        _give_up(session.spool, ids)
        raise
    return code


def _give_up(spool: Spool, ids: list[str]) -> None:
    """Nobody wants these jobs any more; what keeps us from canceling them is not the news."""
    for job_id in ids:
        with suppress(WmctlError):
            spool.cancel(job_id, reason="wmctl run was interrupted")


def _interrupt(*_: Any) -> None:
    """TERM and HUP mean what Ctrl-C means: the job is canceled with us."""
    raise KeyboardInterrupt


class Run:
    """One job of `wmctl run`, from its submission to its end."""

    def __init__(
        self, session: Session, ready: Ready, job_id: str, deadline: float | None, *, quiet: bool
    ) -> None:
        self._deadline = deadline
        self._spool = session.spool
        self._quiet = quiet
        #: True once nobody hears the job any more.
        self._deaf = False
        #: A command's output goes where it went; a script's is its log, and goes to stderr.
        self._split = bool(ready.source.job.argv)
        self._streams = {error: output.JobStream(error=error) for error in (False, True)}
        self._embedded = Embedded(session, ready, detached=deadline is not None)
        self._follower = Follower(
            self._spool,
            self._spool.find(job_id),
            self._reader() if self._split or not quiet else None,
            self._show,
        )

    def finish(self) -> int:
        """Follow the job to its end; its exit code."""
        try:
            entry = self._follower.until_rest(self._deadline, self._embedded.consider)
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
        if not rests(entry):
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
)
