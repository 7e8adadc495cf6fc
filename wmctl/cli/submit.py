"""`wmctl submit`: queue jobs, print their ids."""

import sys
from collections import deque
from collections.abc import Iterable
from typing import Annotated

import typer

from wmctl.cli import caveats, exits, output, recent, streams, submission
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.joboptions import JobOptions, with_job_options
from wmctl.cli.progress import Progress
from wmctl.cli.session import Session, session_of

#: So many ids are handed on together.
_AT_ONCE = 100

Wait = Annotated[
    bool, typer.Option("-w", "--wait", help="Wait for the end; exit with the job's code, as wait.")
]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q", "--quiet", help="Print nothing, not even the id; with -w the log if it fails."
    ),
]


@with_job_options
def submit(
    ctx: typer.Context,
    options: JobOptions,
    *,
    wait: Wait = False,
    wait_timeout: o.WaitTimeout = None,
    quiet: Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Queue a job and print its id. It is made from FILE, -c CODE, - (stdin) or -- COMMAND."""
    session = session_of(ctx, spool=spool)
    session.makes_spool = not options.dry_run
    session.job_codes = wait
    if wait_timeout is not None and not wait:
        raise exits.UsageError("--wait-timeout needs --wait")
    ready = submission.prepare(session, options)
    if submission.settled(session, options, ready, quiet=quiet):
        return
    ids, ours = _deliver(session, submission.submit(session, ready), keep_all=wait, quiet=quiet)
    if ours and not quiet:
        caveats.warn(session, ready)
        caveats.warn_unserved(session, ready)
    if not ids and not quiet and ready.if_exists == "skip" and sys.stderr.isatty():
        submission.tell_skipped(ready)
    if wait:
        raise typer.Exit(_wait(session, ids, wait_timeout, quiet=quiet))


def _deliver(
    session: Session, jobs: Iterable[submission.Submitted], *, keep_all: bool, quiet: bool
) -> tuple[list[str], bool]:
    """Print the ids; those of queued jobs that cannot be printed are told on stderr.

    The ids, or, where that is enough, only the last; and whether any job is new.
    """
    mine: deque[str] = deque(maxlen=recent.KEPT)
    ids: deque[str] = deque(maxlen=None if keep_all else 1)
    pending: list[str] = []
    progress = Progress(wanted=quiet or not sys.stdout.isatty())
    try:
        for job in jobs:
            ids.append(job.id)
            if job.ours:
                mine.append(job.id)
            pending.append(job.id)
            if not quiet:
                output.line(job.id)
            if len(pending) >= _AT_ONCE:
                streams.flush()
                pending.clear()
            progress()
        streams.flush()
    except exits.OutputFailed as error:
        raise exits.OutputFailed(
            error.message, hint=f"queued all the same: {' '.join(pending)}"
        ) from None
    finally:
        progress.end()
        recent.remember(session.store.root, list(mine))
    return list(ids), bool(mine)


def _wait(session: Session, ids: list[str], timeout: str | None, *, quiet: bool) -> int:
    from wmctl.cli import waited  # costly, and only for this

    return waited.wait_for(session, ids, timeout, quiet=quiet)


app = one_command(
    submit,
    "wmctl submit hello.py -a name=ann -a n:=2",
    "id=$(wmctl submit -c 'echo hi' -l bash); wmctl wait $id",
    "wmctl submit --each hosts.txt check.sh -t net --max-running 4",
    "wmctl submit --at 'tomorrow 09:00' --retries 3 -- make -j4 test",
    "wmctl submit -q --key nightly --if-exists skip backup.sh      # in a crontab",
)
