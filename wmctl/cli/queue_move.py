"""`wmctl queue move|purge`: all waiting jobs of a tag, to another tag or canceled."""

from collections.abc import Iterator
from typing import Annotated

import typer

from wmctl.cli import chosen, confirm, exits, output
from wmctl.cli import options as o
from wmctl.cli.exits import UsageError
from wmctl.cli.group import examples
from wmctl.cli.session import session_of
from wmctl.cli.tagging import rules_of_store
from wmctl.cli.tags import did_you_mean
from wmctl.cli.ticker import Ticker
from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import Entry, Job, Spool
from wmctl.spool.name import encode_tag

#: So many refused jobs are told one by one.
_TOLD = 5


def move(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The tag that they have.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The tag that they get.")],
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Let the waiting jobs of one tag wait under another. Running ones go on as they are.

    A job whose workspace may not use the new tag stays, and the exit code is 1. Suspended and held
    jobs stay too.
    """
    encode_tag(target)
    if source == target:
        raise UsageError(f"they have the tag {target!r} already")
    opened = session_of(ctx, spool=spool).spool
    jobs = waiting(opened, source)
    mover = Mover(opened, target, dry=dry_run, quiet=quiet)
    if not _agreed(len(jobs), f"move {{}} to {target}?", "moved", yes=yes or dry_run):
        return
    mover.move(jobs)
    if not quiet:
        done = "would be moved" if dry_run else "moved"
        output.line(output.safe(f"{confirm.counted(mover.moved, 'job')} {done} to {target}"))
        _tell_unserved(opened, target, mover.moved)
    if mover.refused:
        raise typer.Exit(exits.FAULTS)


def purge(
    ctx: typer.Context,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="A tag, as ps shows it.")],
    reason: chosen.Reason = None,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Cancel all waiting jobs of a tag, those for later too. Running ones go on.

    Exit 1 if some had been claimed by the time it was their turn: they run.
    """
    opened = session_of(ctx, spool=spool).spool
    jobs = waiting(opened, tag)
    if dry_run:
        output.line(f"{confirm.counted(len(jobs), 'job')} would be canceled")
        return
    if not _agreed(len(jobs), "cancel {}?", "canceled", yes=yes):
        return
    canceled = _cancel(opened, jobs, reason or f"purge of {tag}", Ticker(quiet=quiet))
    if not quiet:
        output.line(f"{confirm.counted(canceled, 'job')} canceled")
    if canceled < len(jobs):
        left = confirm.counted(len(jobs) - canceled, "job")
        output.note(f"{left} had been claimed or had ended meanwhile", hint=f"wmctl ps -t {tag}")
        raise typer.Exit(exits.FAULTS)


def _cancel(spool: Spool, jobs: list[Entry], reason: str, ticker: Ticker) -> int:
    """How many were still there to be canceled."""
    canceled = 0

    def told() -> str:
        return f"{canceled:,} of {len(jobs):,} canceled"

    for entry in jobs:
        canceled += spool.cancel(entry.id, reason=reason, seen=entry) == "canceled"
        ticker(told)
    ticker.end()
    return canceled


def waiting(spool: Spool, tag: str) -> list[Entry]:
    """What waits under a tag, in the order of due times; a note where nothing does."""
    encode_tag(tag)
    found = list(spool.waiting(tag))
    if not found:
        output.note(f"no job waits under the tag {tag!r}{did_you_mean(spool, tag)}")
    return sorted(found, key=lambda entry: (entry.name.due, entry.id))


def _agreed(count: int, question: str, done: str, *, yes: bool) -> bool:
    """Whether to go on; one job alone is no reason to ask."""
    jobs = confirm.counted(count, "job")
    if count < 2:
        return bool(count)
    return confirm.ask(question.format(jobs), refusal=f"these are {jobs}: not {done}", yes=yes)


class Mover:
    """Moves jobs one by one, each where its workspace may use the tag."""

    def __init__(self, spool: Spool, tag: str, *, dry: bool, quiet: bool) -> None:
        self._spool = spool
        self._tag = tag
        self._dry = dry
        self._rules = rules_of_store(spool.store)
        self._ticker = Ticker(quiet=quiet)
        self.moved = self.refused = 0

    def move(self, jobs: list[Entry]) -> None:
        """Each by one rename; whoever is claimed meanwhile runs under its old tag."""
        for entry, job in self._read(jobs):
            refusal = self._rules.refusal(self._tag, job.workspace)
            if refusal is not None:
                self._refuse(entry, refusal)
            elif self._dry or self._spool.move(entry, self._tag, job):
                self.moved += 1
            self._ticker(lambda: f"{self.moved:,} of {len(jobs):,} moved")
        self._ticker.end()
        if self.refused > _TOLD:
            output.note(f"{self.refused} jobs in all stay")

    def _read(self, jobs: list[Entry]) -> Iterator[tuple[Entry, Job]]:
        for entry in jobs:
            try:
                yield entry, self._spool.job(entry)
            except FileNotFoundError:
                continue  # it has been claimed
            except (MalformedJob, BadInput) as error:
                self._refuse(entry, error.message)

    def _refuse(self, entry: Entry, why: str) -> None:
        self.refused += 1
        if self.refused <= _TOLD:
            output.note(f"job {entry.id} stays: {why}")


def _tell_unserved(spool: Spool, tag: str, moved: int) -> None:
    from wmctl.cli.reasons import Reasons  # where something was moved

    why = next((one for one in Reasons(spool).of_tag(tag)), None) if moved else None
    if why is not None:
        output.note(why.text, hint=why.fix)


MOVE_EXAMPLES = examples(
    "wmctl queue move gpu cpu -n", "wmctl queue move bash 'gpu 2' -y", "wmctl why cpu"
)
PURGE_EXAMPLES = examples("wmctl queue purge gpu -n", "wmctl queue purge gpu -y --reason obsolete")
