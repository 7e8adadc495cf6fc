"""`wmctl retry`: a new job like one that has ended."""

import os
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from wmctl.cli import chosen, output, recent, streams
from wmctl.cli import options as o
from wmctl.cli.exits import KeyTaken, UsageError
from wmctl.cli.group import one_command
from wmctl.cli.jobview import view
from wmctl.cli.selector import Selector, selecting
from wmctl.cli.session import Session, session_of
from wmctl.cli.tags import has_rules
from wmctl.errors import BadInput, JobNotFound, MalformedJob
from wmctl.spool import Entry, Job, Spool, When
from wmctl.spool.reasons import who

#: How to get on with a job that has not ended.
_HINTS = {
    "running": "wmctl wait {id} waits for its end, wmctl cancel {id} brings that about",
    "held": "wmctl unhold {id} lets it run",
    "quarantined": "wmctl quarantine show {id} tells why; then release or rm it there",
}


class Again(NamedTuple):
    """A job to be queued, in the place of the one that it repeats."""

    job: Job
    when: When


def retry(
    ctx: typer.Context,
    selector: Selector,
    ids: chosen.Ids = None,
    keep_key: Annotated[
        bool, typer.Option("--keep-key", help="The new job holds the old one's key.")
    ] = False,
    edit: Annotated[
        bool, typer.Option("--edit", help="Change code or words, and args, in $EDITOR first.")
    ] = False,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Queue jobs again that have ended, as new jobs, and print their ids.

    Code, args, tag, priority, environment, labels, timeout and retries are the old job's; it runs
    at once and waits for no other job. A selector without a state means the failed ones.
    """
    session = session_of(ctx, spool=spool)
    opened = session.spool
    entries = chosen.choose(
        opened, ids, selector, verb="retry", default=("failure",), yes=yes, dry_run=dry_run
    )
    if edit and len(entries) > 1:
        raise UsageError("--edit is for one job at a time")
    # All are read before the first is queued: what cannot be retried stops the command early.
    for again in [_again(opened, entry, keep_key=keep_key) for entry in entries]:
        made = _edited(session, again) if edit else again
        if made is not None:
            _queue(opened, made, quiet=quiet)


def _again(spool: Spool, entry: Entry, *, keep_key: bool) -> Again:
    """The new job. Its blobs are read, so that they are put in place again if need be."""
    found = view(spool, entry)
    if found is None:
        raise JobNotFound(f"job {entry.id} has just been pruned")
    entry, job = found.entry, found.job
    if not entry.terminal:
        hint = _HINTS.get(entry.state, "wmctl wait {id} waits for its end")
        raise BadInput(
            f"job {entry.id} is {entry.state}; only one that has ended can be retried",
            hint=hint.format(id=entry.id),
        )
    if job is None:
        raise BadInput(f"job {entry.id} cannot be read", hint=f"its file is {entry.path}")
    try:
        whole = job.but(args=spool.args(job), args_blob=None)
        if job.code_blob is not None:
            whole = whole.but(code=spool.code(job), code_blob=None)
    except MalformedJob as error:
        raise BadInput(f"job {entry.id} cannot be retried: {error.message}") from None
    return Again(
        whole.but(
            retry_of=entry.id,
            key=job.key if keep_key else None,
            after=(), hold=False, parent=None, root=None, step_id=None, flow_path=None,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            created_by=who(),
            created_on=os.uname().nodename,
        ),
        When(entry.name.tag, entry.name.priority),
    )  # fmt: skip


def _edited(session: Session, again: Again) -> Again | None:
    from wmctl.cli.edit import edited  # rarely used

    made = edited(session, again.job, again.when)
    return None if made is None else Again(*made)


def _queue(spool: Spool, again: Again, *, quiet: bool) -> None:
    job, when = again
    if has_rules(spool.store):
        from wmctl.cli.tagging import allow, rules_of_store  # most spools have no rules

        allow(rules_of_store(spool.store), when.tag, job.workspace)
    if job.key is None:
        job_id = spool.submit(job, tag=when.tag, priority=when.priority)
    else:
        job_id, ours = spool.submit_keyed(job, when, if_exists="return")
        if not ours:
            raise KeyTaken(
                f"job {job_id} holds the key {job.key!r} and has not ended",
                hint="leave out --keep-key, or wait for it",
            )
    output.line(job_id)
    streams.flush()
    recent.remember(str(spool.path), [job_id])
    if not quiet and output.errors_on_terminal():
        _tell_unserved(spool, when.tag)


def _tell_unserved(spool: Spool, tag: str) -> None:
    from wmctl.cli.serving import serving, start_hint  # only where somebody reads it

    if not serving(spool, tag):
        output.note(f"no live worker serves the tag {tag!r}", hint=start_hint(tag, spool.store))


app = one_command(
    selecting(retry, all_help="Every failed job."),
    "wmctl retry 89abcdef",
    "wmctl retry --edit @1",
    "wmctl retry --failed -t etl --since 1d -y",
    "wmctl retry --failed -n",
    "wmctl ps -a -s canceled -o id | wmctl retry -",
)
