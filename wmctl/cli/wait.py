"""`wmctl wait`: wait for jobs, exit with their code."""

import time

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.follow import Follower
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_all
from wmctl.cli.jobview import view
from wmctl.cli.session import session_of
from wmctl.spool import Entry, Spool


def wait(
    ctx: typer.Context,
    ids: o.JobIds,
    wait_timeout: o.WaitTimeout = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Wait until jobs have ended and exit with their code; of several, with the highest.

    0 success or skipped, 1 to 255 the job's own code, 124 its timeout, 143 canceled, 75 if
    --wait-timeout ran out, 125 if wmctl failed or a job is held or quarantined.
    """
    session = session_of(ctx, spool=spool)
    session.job_codes = True
    deadline = deadline_of(wait_timeout)
    entries = find_all(session.spool, ids)
    try:
        codes = [_wait(session.spool, entry, deadline, quiet=quiet) for entry in entries]
    except KeyboardInterrupt:
        words = " ".join(entry.id for entry in entries)
        output.note("no longer waiting; the jobs go on", hint=f"wait again: wmctl wait {words}")
        raise
    raise typer.Exit(max(codes))


def deadline_of(text: str | None) -> float | None:
    """The moment at which `--wait-timeout` runs out, on the monotonic clock."""
    return None if text is None else time.monotonic() + o.seconds(text, "--wait-timeout")


def _wait(spool: Spool, entry: Entry, deadline: float | None, *, quiet: bool) -> int:
    entry = Follower(spool, entry).until_rest(deadline)
    if not quiet:
        tell_trouble(spool, entry)
    return exits.of_job(entry.state, spool.record(entry))


def tell_trouble(spool: Spool, entry: Entry) -> None:
    """Of a job that did not do what it should: what happened, and the next command."""
    if entry.state in {"success", "skipped"}:
        return
    found = view(spool, entry)
    reason = f": {found.reason}" if found and found.reason else ""
    hint = f"see what it wrote: wmctl logs {entry.id}"
    if entry.state in {"held", "quarantined"}:
        hint = f"look at it: wmctl show {entry.id}   give it up: wmctl cancel {entry.id}"
    output.note(f"job {entry.id}: {entry.state}{reason}", hint=hint)


app = one_command(
    wait,
    "wmctl wait 89abcdef",
    "wmctl submit --each list.txt job.sh | wmctl wait -",
    "wmctl wait 89abcdef --wait-timeout 10m || echo $?",
)
