"""From the options of `submit` and `run` to jobs in the spool."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Any, NamedTuple

from wmctl.cli import output
from wmctl.cli.args import parse_args, plain_texts
from wmctl.cli.each import Checker, jobs_of, lines_of
from wmctl.cli.exits import KeyTaken, UsageError
from wmctl.cli.joboptions import JobOptions
from wmctl.cli.options import seconds
from wmctl.cli.session import Session
from wmctl.cli.source import Given, Source, read_source
from wmctl.plugin import Job
from wmctl.spool.submit import When
from wmctl.spool.submit import submit as queue

if TYPE_CHECKING:
    from wmctl.cli.tagging import Tagging
    from wmctl.cli.times import At


#: None of the options of a job's life.
_NO_LIFE = (None,) * 6


class Ready(NamedTuple):
    """Jobs that were checked and are to be queued."""

    jobs: Iterable[Job]
    when: When
    source: Source
    #: The job, or what those of --each have in common.
    job: Job
    #: Whether it is one for each line of something.
    many: bool
    #: What to do if its key is held; None of a job without one.
    if_exists: str | None
    #: What `--at` said.
    at: "At | None"
    #: Where tags are expanded or there are rules about them.
    tagging: "Tagging | None" = None

    def when_of(self, job: Job) -> When:
        """Where and when one of the jobs is to run."""
        return self.when if self.tagging is None else self.tagging.when(job)

    @property
    def tags(self) -> list[str]:
        """The tags of the jobs that were read so far."""
        return [self.when.tag] if self.tagging is None else list(self.tagging.used)


class Submitted(NamedTuple):
    """The id that is given out, and whether the job is this command's."""

    id: str
    ours: bool = True


def prepare(session: Session, options: JobOptions) -> Ready:
    """Read and check everything that can be known before the spool is touched."""
    _check(options)
    session.flag("workspace", options.workspace)
    source = read_source(_given(session, options), session.plugins)
    job = source.job.but(
        args=parse_args(options.arg or (), options.data),
        name=source.job.name if options.name is None else options.name,
        workspace=session.settings.workspace,
        timeout=None if options.timeout is None else seconds(options.timeout, "--timeout"),
        retries=options.retries,
        hold=options.hold,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        created_by=_user(),
        created_on=os.uname().nodename,
        **_rarer(session, options, source.job),
    )
    at = _at(options)
    tagging = _tagging(session, options, source.runner.tag, at, job)
    check = None if options.no_check else Checker(source, session.tools)
    if check is not None and options.arg:
        check.texts(plain_texts(options.arg))
    finish = _finisher(check, tagging)
    many = options.each is not None
    if options.each is not None:
        jobs: Iterable[Job] = jobs_of(lines_of(options.each), source, job, finish)
    else:
        jobs = [job := finish(job)]
    tag = source.runner.tag if tagging is not None or options.tag is None else options.tag
    when = _when(options, tag, at) if tagging is None or many else tagging.when(job)
    if_exists = None if options.key is None else options.if_exists or "return"
    return Ready(jobs, when, source, job, many, if_exists, at, tagging)


def settled(session: Session, options: JobOptions, ready: Ready, *, quiet: bool) -> bool:
    """What comes before queueing: tell when it runs; True if no more is to be done (--dry-run)."""
    if ready.at is not None and (options.dry_run or (sys.stderr.isatty() and not quiet)):
        from wmctl.cli.times import told

        output.note(told(ready.at, datetime.now(UTC)), hint=ready.at.note or None)
    if options.dry_run:
        from wmctl.cli import dryrun  # rarely asked for

        dryrun.show(ready)
        return True
    if options.require_worker:
        from wmctl.cli import caveats

        caveats.must_be_served(session, ready)
    return False


def submit(session: Session, ready: Ready) -> Iterator[Submitted]:
    """Queue the jobs; ids come out as soon as they are durable.

    Nothing comes out where a key is held and the job was to be skipped then.
    """
    if ready.if_exists is None:
        when = ready.when if ready.tagging is None else ready.when_of
        yield from map(Submitted, queue(session.store, ready.jobs, when))
        return
    from wmctl.spool.keys import submit_keyed  # most jobs have no key

    for job in ready.jobs:
        found, ours = submit_keyed(session.store, job, ready.when, if_exists=ready.if_exists)
        if not ours and ready.if_exists == "error":
            raise KeyTaken(
                f"job {found} holds the key {job.key!r} and is not finished",
                hint=f"see it: wmctl show {found}   take its place: --if-exists replace",
            )
        if ours or ready.if_exists != "skip":
            yield Submitted(found, ours)


def tell_skipped(ready: Ready) -> None:
    """For people: why there is no id."""
    output.note(f"nothing was queued: another job holds the key {ready.job.key!r}")


def _given(session: Session, options: JobOptions) -> Given:
    return Given(
        file=options.file,
        code=options.code,
        language=options.lang,
        command=session.tail,
        folder=options.cwd,
        env_all=options.env_all,
    )


def _check(options: JobOptions) -> None:
    """UsageError for options that make no sense together."""
    if options.backoff is not None and not options.retries:
        raise UsageError("--backoff is the time before a retry: it needs --retries")
    if options.if_exists is not None and options.key is None:
        raise UsageError("--if-exists says what to do about a key: it needs --key")
    if options.each is None:
        if options.max_running is not None:
            raise UsageError("--max-running is for the jobs of --each")
    elif options.key is not None:
        raise UsageError("--key is for one job; the jobs of --each would all have the same")


def _rarer(session: Session, options: JobOptions, job: Job) -> dict[str, Any]:
    """The fields of a job that most jobs do not have."""
    given = (options.after, options.backoff, options.env, options.label, options.max_running)
    life = (
        options.concurrent_limit, options.concurrency_window, options.concurrency_key,
        options.cache_ttl, options.delete_after, options.key,
    )  # fmt: skip
    if not any(given) and life == _NO_LIFE:
        return {}
    from wmctl.cli import jobfields

    return jobfields.of(session, options, job)


def _finisher(check: Checker | None, tagging: "Tagging | None") -> Callable[[Job], Job]:
    """What is done with each job before it is queued; BadInput where it cannot be."""

    def finish(job: Job) -> Job:
        if check is not None:
            check(job.args)
        return job if tagging is None else tagging.finished(job)

    return finish


def _tagging(
    session: Session, options: JobOptions, default: str, at: "At | None", job: Job
) -> "Tagging | None":
    """None where the tag is but a word, and there are no rules about tags."""
    texts = (options.tag, job.key, job.concurrency_key)
    special = any(text and ("$" in text or "(" in text) for text in texts)
    if not special and not _has_rules(session):
        return None
    from wmctl.cli import tagging  # most spools have no rules

    when = _when(options, default, at)
    return tagging.Tagging(tagging.rules_of(session), when, options.tag)


def _has_rules(session: Session) -> bool:
    if session.settings.custom_tags:
        return True
    return session.has_spool and os.path.lexists(session.settings.spool / "tags.yaml")


def _at(options: JobOptions) -> "At | None":
    if options.at is None:
        return None
    from wmctl.cli import times  # most jobs are to run now

    return times.parse(options.at, datetime.now(UTC))


def _when(options: JobOptions, tag: str, at: "At | None") -> When:
    if at is None:
        return When(tag, options.priority)
    return When(tag, options.priority, at.delay, at.due)


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())
