"""`wmctl run`: submit a job, stream its log, print its result, exit with its code."""

import signal
from typing import Any

import typer

from wmctl.cli import exits, output
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
from wmctl.spool import Entry


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
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Run a job: its log goes to stderr, its result to stdout, its exit code is yours.

    Needs no worker: where none serves the job's tag, this command runs the job itself. The output
    of a command (-- COMMAND) goes where it went; it has no result. Ctrl-C cancels the job.
    """
    session = session_of(ctx, spool=spool)
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
    ids = list(submit(session, ready))
    codes = [Run(session, ready, job_id, deadline, quiet=quiet).finish() for job_id in ids]
    raise typer.Exit(max(codes, default=exits.OK))


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
        #: A command's output goes where it went; a script's is its log, and goes to stderr.
        self._split = bool(ready.source.job.argv)
        self._streams = {error: output.JobStream(error=error) for error in (False, True)}
        self._embedded = Embedded(session, ready, detached=deadline is not None)
        self._follower = Follower(
            self._spool,
            self._spool.find(job_id),
            None if quiet else self._reader(),
            self._show,
            self._embedded.sleep,
        )

    def finish(self) -> int:
        """Follow the job to its end; its exit code."""
        try:
            entry = self._follower.until_rest(self._deadline, self._embedded.consider)
            code = self._report(entry)
            output.flush()  # the result first, then the worker's end
        except (KeyboardInterrupt, output.OutputClosed):
            self._cancel()
            raise
        finally:
            self._embedded.close()
        return code

    def _report(self, entry: Entry) -> int:
        record = self._spool.record(entry)
        code = exits.of_job(entry.state, record)
        if self._quiet and code != exits.OK:
            for piece in self._reader().read(entry):
                self._show(piece)
        if record is not None and not self._split:
            print_result(record.get("result"))
        if record is None or self._split:
            self._explain(entry, record)
        return code

    def _explain(self, entry: Entry, record: dict[str, Any] | None) -> None:
        """What neither a result nor the job's own output tells."""
        error = (record or {}).get("result")
        message = error["error"].get("message", "") if isinstance(error, dict) else ""
        # A command that ended by itself has said what there is to say.
        if not str(message).startswith("exit code "):
            tell_trouble(self._spool, entry)

    def _cancel(self) -> None:
        """Nobody wants the result any more. A second Ctrl-C does not wait for the end."""
        entry = self._follower.entry
        if not rests(entry):
            self._spool.cancel(entry.id, reason="wmctl run was interrupted")
            self._follower.until_rest()

    def _reader(self) -> LogReader:
        return LogReader(self._spool, split=self._split)

    def _show(self, piece: Piece) -> None:
        self._streams[piece.error].write(piece.data)


app = one_command(
    run,
    "wmctl run hello.py -a name=ann -a n:=2",
    "wmctl run -c 'df -h' -l bash",
    "wmctl run report.ts -d @args.json | jq .total",
    "wmctl run --timeout 10m -- make test",
)
