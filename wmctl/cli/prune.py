"""`wmctl prune`: remove finished jobs by age, and what was left behind."""

from typing import Annotated

import typer

from wmctl.cli import confirm, exits, kept, output
from wmctl.cli import options as o
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.lists import show_facts
from wmctl.cli.session import session_of
from wmctl.cli.sizes import size
from wmctl.cli.tables import Item
from wmctl.cli.ticker import Ticker
from wmctl.config import retention
from wmctl.config.values import duration
from wmctl.spool import OUTCOMES, Spool
from wmctl.spool.broom import Pruned, Retention

OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than",
        metavar="DURATION",
        help="Jobs that ended longer ago than this [default: as the spool's retention says].",
    ),
]
States = Annotated[
    list[str] | None,
    typer.Option("-s", "--state", metavar="STATE", help="Only jobs that ended so."),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Only show what would be removed.")]


def prune(
    ctx: typer.Context,
    older_than: OlderThan = None,
    state: States = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Remove finished jobs with their results and logs, and what was left behind.

    Shows first what would go, and asks; where there is nobody to ask it needs -y. Workers do the
    same by themselves, every hour, as the spool's retention says (retention.yaml, else 30 days).
    """
    o.check_format(format, "table", "json")
    for wanted in state or ():
        if wanted not in OUTCOMES:
            raise UsageError(f"{wanted!r} is no end", hint=f"use {', '.join(OUTCOMES)}")
    o.checked(older_than, "--older-than", duration)
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    run = _Run(session.spool, older_than, state, quiet=quiet)
    if yes and not dry_run:
        _show(run(dry=False), format, run.kept, dry=False, quiet=quiet)
        return
    plan = run(dry=True)
    if dry_run or not _total(plan):
        _show(plan, format, run.kept, dry=True, quiet=quiet and not dry_run)
        return
    output.plain_note(_sentence(plan, run.kept, dry=True))
    if confirm.ask("go on?", refusal="nothing was removed: nobody said yes", yes=False):
        _show(run(dry=False), format, run.kept, dry=False, quiet=quiet)


class _Run:
    """A prune with these options, in earnest or not."""

    def __init__(
        self, spool: Spool, older_than: str | None, states: list[str] | None, *, quiet: bool
    ) -> None:
        self.kept = retention.load(spool.store).retention
        if older_than is not None:
            self.kept = Retention.of(duration(older_than), logs=self.kept.logs)
        self._spool, self._states, self._quiet = spool, states or OUTCOMES, quiet

    def __call__(self, *, dry: bool) -> Pruned:
        ticker = Ticker(quiet=self._quiet)
        what = "looked at" if dry else "removed"
        try:
            if not dry:
                self._spool.delete_if_due(0.0)
            return self._spool.prune(
                retention=self.kept,
                states=self._states,
                dry=dry,
                told=lambda done: ticker(lambda: f"{what}: {_parts(done)}"),
            )
        finally:
            ticker.end()


def _show(done: Pruned, format: str, keep: Retention, *, dry: bool, quiet: bool) -> None:
    if format == "json":
        show_facts(facts(done, dry=dry) | {"retention": kept.facts(keep)}, format)
    elif not quiet:
        output.line(_sentence(done, keep, dry=dry))
    if done.failed:
        things = confirm.counted(done.failed, "thing")
        output.note(f"{things} could not be looked at or removed", hint="see: wmctl doctor")
        raise typer.Exit(exits.FAULTS)


def facts(done: Pruned, *, dry: bool) -> Item:
    """What was removed, or would be, as JSON."""
    return {
        "schema": "wmctl.pruned/1",
        "dry_run": dry,
        "jobs": done.jobs,
        "states": {state: done.states[state] for state in OUTCOMES if done.states[state]},
        "orphans": done.orphans,
        "blobs": done.blobs,
        "leftovers": done.leftovers,
        "bytes": done.bytes,
        "failed": done.failed,
    }


def _sentence(done: Pruned, keep: Retention, *, dry: bool) -> str:
    if not _total(done):
        what = kept.sentence(keep)
        if " " in what:
            return f"nothing to remove; jobs that have ended are kept so: {what}"
        return f"nothing to remove: no job ended longer ago than {what}"
    verb = "would remove" if dry else "removed"
    text = f"{verb} {_parts(done)}; {size(done.bytes)}"
    return f"{text}   (what is kept: {kept.sentence(keep)})" if dry else text


def _parts(done: Pruned) -> str:
    ends = ", ".join(f"{done.states[state]} {state}" for state in OUTCOMES if done.states[state])
    parts = [confirm.counted(done.jobs, "job") + (f" ({ends})" if ends else "")]
    for count, what in (
        (done.orphans, "orphan"), (done.blobs, "unused blob"), (done.leftovers, "leftover"),
    ):  # fmt: skip
        if count:
            parts.append(confirm.counted(count, what))
    return ", ".join(parts)


def _total(done: Pruned) -> int:
    return done.jobs + done.orphans + done.blobs + done.leftovers + done.failed


app = one_command(
    prune,
    "wmctl prune -n",
    "wmctl prune --older-than 7d -s success",
    "0 5 * * 0  wmctl prune -y -q --older-than 14d    # in a crontab",
)
