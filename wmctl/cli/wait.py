"""`wmctl wait`: wait for jobs, exit with their code."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.chosen import Ids
from wmctl.cli.follow import Follower, Group
from wmctl.cli.group import one_command
from wmctl.cli.jobview import view
from wmctl.cli.selector import Selector, entries_of, selecting
from wmctl.cli.serving import Watch
from wmctl.cli.session import session_of
from wmctl.spool import STATES, WAITING, Entry, Spool

#: States that need no words.
WELL = {"success", "skipped"}
_MANY = 20
#: Seconds between two looks how many have ended, and at how many is looked.
_EVERY = 1.0
_ASKED = 200


def wait(
    ctx: typer.Context,
    selector: Selector,
    ids: Ids = None,
    any_: Annotated[
        bool, typer.Option("--any", help="Until one has ended; exit with the code of that one.")
    ] = False,
    wait_timeout: o.WaitTimeout = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Wait until jobs have ended and exit with their code; of several, with the highest.

    The jobs are those of the ids, or those that fit now and have not ended. 0 success or skipped,
    1 to 255 the job's own code, 124 its timeout, 143 canceled, 75 if --wait-timeout ran out, 125
    if wmctl failed or a job is held or quarantined.
    """
    session = session_of(ctx, spool=spool)
    session.job_codes = True
    deadline = deadline_of(wait_timeout)
    entries = list(entries_of(session.spool, ids, selector, "wait", WAITING))
    waiting = Waiting(session.spool, entries, deadline, quiet=quiet)
    try:
        ended = waiting.for_any() if any_ else waiting.for_all()
    except KeyboardInterrupt:
        words = " ".join(entry.id for entry in entries) if len(entries) <= _MANY else "-"
        output.note("no longer waiting; the jobs go on", hint=f"wait again: wmctl wait {words}")
        raise
    codes = [exits.of_job(entry.state, session.spool.record(entry)) for entry in ended]
    raise typer.Exit(max(codes, default=exits.OK))


def deadline_of(text: str | None) -> float | None:
    """The moment at which `--wait-timeout` runs out, on the monotonic clock."""
    return None if text is None else time.monotonic() + o.seconds(text, "--wait-timeout")


class Waiting:
    """Jobs that are waited for; what went wrong is told of each, how to see more only once."""

    def __init__(
        self, spool: Spool, entries: list[Entry], deadline: float | None, *, quiet: bool
    ) -> None:
        self._spool = spool
        self._entries = entries
        self._deadline = deadline
        self._quiet = quiet
        self._watch = Watch(spool, quiet=quiet)
        self._progress = Progress(len(entries), wanted=not quiet)

    def for_all(self) -> list[Entry]:
        """All of them, as they rest."""
        ended: list[Entry] = []
        try:
            for at, waiting in enumerate(self._entries):
                follower = Follower(self._spool, waiting)
                ended.append(follower.until_rest(self._deadline, self._meanwhile(at)))
                self._tell(ended[-1])
        finally:
            self._progress.end()
        if not self._quiet and len(ended) > 1:
            _sum_up(self._spool, ended)
        return ended

    def for_any(self) -> list[Entry]:
        """The first one that rests; none where there is none to wait for."""
        if not self._entries:
            return []
        try:
            group = Group(self._spool, self._entries)
            first = group.until_one_rests(self._deadline, self._meanwhile(0))
        finally:
            self._progress.end()
        if len(self._entries) > 1 and not self._quiet:
            output.note(f"job {first.id} is the first: {first.state}")
        self._tell(first, logs=True)
        return [first]

    def _meanwhile(self, at: int) -> Callable[[Entry], None]:
        """What is done while the job at this place is waited for."""

        def ended() -> int:
            rest = self._entries[at:][:_ASKED]
            return at + sum(1 for one in rest if self._spool.terminal(one.id) is not None)

        def look(entry: Entry) -> None:
            self._progress(ended)
            self._watch(entry)

        return look

    def _tell(self, entry: Entry, *, logs: bool = False) -> None:
        if not self._quiet and entry.state not in WELL:
            self._progress.end()
            tell_trouble(self._spool, entry, logs=logs or len(self._entries) == 1)


class Progress:
    """`3 of 10 ended`, in one line on a terminal that goes again."""

    def __init__(self, count: int, *, wanted: bool) -> None:
        self._count = count
        self._wanted = wanted and count > 1 and sys.stderr.isatty()
        self._next = time.monotonic() + _EVERY
        self._shown = False

    def __call__(self, ended: Callable[[], int]) -> None:
        """Say how many have ended, now and then."""
        if self._wanted and time.monotonic() >= self._next:
            self._shown = True
            output.passing(f"{ended()} of {self._count} ended")
            self._next = time.monotonic() + _EVERY

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            output.passing("")
            self._shown = False


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
        return f"let it go on: wmctl unhold {entry.id}   give it up: wmctl cancel {entry.id}"
    if entry.state == "quarantined":
        return (
            f"no worker can run {entry.path} (why stands beside it, in the file that ends in"
            f" .reason); wmctl quarantine show {entry.id}"
        )
    return f"see what it wrote: wmctl logs {entry.id}" if logs and _wrote(spool, entry) else None


def _wrote(spool: Spool, entry: Entry) -> bool:
    try:
        return spool.log_paths(entry)[0].stat().st_size > 0
    except OSError:
        return False


app = one_command(
    selecting(wait, without=("failed", "older_than", "since"), all_help="All unfinished jobs."),
    "wmctl wait @1",
    "wmctl submit --each list.txt job.sh | wmctl wait -",
    "wmctl wait -t gpu --wait-timeout 10m || echo $?",
    "wmctl wait --any 89abcdef 01234567",
)
