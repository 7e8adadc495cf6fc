"""`wmctl wait`: wait for jobs, exit with their code."""

import time
from collections import Counter

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.follow import Follower
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_all
from wmctl.cli.jobview import view
from wmctl.cli.serving import Watch
from wmctl.cli.session import session_of
from wmctl.spool import STATES, Entry, Spool

#: States that need no words.
WELL = {"success", "skipped"}


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
        ended = _wait_all(session.spool, entries, deadline, quiet=quiet)
    except KeyboardInterrupt:
        words = " ".join(entry.id for entry in entries)
        output.note("no longer waiting; the jobs go on", hint=f"wait again: wmctl wait {words}")
        raise
    codes = [exits.of_job(entry.state, session.spool.record(entry)) for entry in ended]
    raise typer.Exit(max(codes, default=exits.OK))


def deadline_of(text: str | None) -> float | None:
    """The moment at which `--wait-timeout` runs out, on the monotonic clock."""
    return None if text is None else time.monotonic() + o.seconds(text, "--wait-timeout")


def _wait_all(
    spool: Spool, entries: list[Entry], deadline: float | None, *, quiet: bool
) -> list[Entry]:
    """The jobs as they rest; what went wrong is told of each, how to see more only once."""
    watch = None if quiet else Watch(spool)
    ended: list[Entry] = []
    for waiting in entries:
        entry = Follower(spool, waiting).until_rest(deadline, watch)
        ended.append(entry)
        if not quiet:
            tell_trouble(spool, entry, logs=len(entries) == 1)
    if not quiet and len(ended) > 1:
        _sum_up(spool, ended)
    return ended


def _sum_up(spool: Spool, ended: list[Entry]) -> None:
    """How many ended how, if not all went well."""
    counts = Counter(entry.state for entry in ended)
    if set(counts) <= WELL:
        return
    wrote = next((one for one in ended if one.state not in WELL and _wrote(spool, one)), None)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    output.note(
        f"{len(ended)} jobs: {told}",
        hint=f"see what one wrote: wmctl logs {wrote.id}" if wrote else None,
    )


def tell_trouble(spool: Spool, entry: Entry, *, logs: bool = True) -> None:
    """Of a job that did not do what it should: what happened, and the next command."""
    if entry.state in WELL:
        return
    found = view(spool, entry)
    reason = f": {found.reason}" if found and found.reason else ""
    output.note(f"job {entry.id}: {entry.state}{reason}", hint=_next(spool, entry, logs=logs))


def _next(spool: Spool, entry: Entry, *, logs: bool) -> str | None:
    """What somebody who wants to know more, or to go on, can do."""
    if entry.state == "held":
        return f"look at it: wmctl show {entry.id}   give it up: wmctl cancel {entry.id}"
    if entry.state == "quarantined":
        return (
            f"no worker can run {entry.path} (why stands beside it, in the file that ends in"
            " .reason); put right what is wrong and submit the job anew"
        )
    return f"see what it wrote: wmctl logs {entry.id}" if logs and _wrote(spool, entry) else None


def _wrote(spool: Spool, entry: Entry) -> bool:
    try:
        return spool.log_paths(entry)[0].stat().st_size > 0
    except OSError:
        return False


app = one_command(
    wait,
    "wmctl wait 89abcdef",
    "wmctl submit --each list.txt job.sh | wmctl wait -",
    "wmctl wait 89abcdef --wait-timeout 10m || echo $?",
)
