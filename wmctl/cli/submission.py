"""From the options of `submit` and `run` to jobs in the spool."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from getpass import getuser
from typing import NamedTuple

from wmctl.cli.args import parse_args, plain_texts
from wmctl.cli.each import Checker, jobs_of, lines_of
from wmctl.cli.options import seconds
from wmctl.cli.session import Session
from wmctl.cli.source import Given, Source, read_source
from wmctl.plugin import Job
from wmctl.spool.name import encode_tag
from wmctl.spool.submit import When
from wmctl.spool.submit import submit as queue


class Request(NamedTuple):
    """What the command line says about new jobs."""

    given: Given
    assignments: list[str] | None
    data: str | None
    each: str | None
    tag: str | None
    priority: int
    timeout: str | None
    workspace: str | None
    name: str | None
    check: bool


class Ready(NamedTuple):
    """Jobs that were checked and are to be queued."""

    jobs: Iterable[Job]
    tag: str
    priority: int
    source: Source


def prepare(session: Session, request: Request) -> Ready:
    """Read and check everything that can be known before the spool is touched."""
    session.flag("workspace", request.workspace)
    source = read_source(request.given, session.plugins)
    job = source.job.but(
        args=parse_args(request.assignments or (), request.data),
        name=source.job.name if request.name is None else request.name,
        workspace=session.settings.workspace,
        timeout=None if request.timeout is None else seconds(request.timeout, "--timeout"),
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        created_by=_user(),
        created_on=os.uname().nodename,
    )
    tag = source.runner.tag if request.tag is None else request.tag
    encode_tag(tag)
    check = Checker(source, session.tools) if request.check else None
    if check is not None and request.assignments:
        check.texts(plain_texts(request.assignments))
    if request.each is not None:
        return Ready(
            jobs_of(lines_of(request.each), source, job, check), tag, request.priority, source
        )
    if check is not None:
        check(job.args)
    return Ready([job], tag, request.priority, source)


def submit(session: Session, ready: Ready) -> Iterator[str]:
    """Queue the jobs; ids come out as soon as they are durable."""
    return queue(session.store, ready.jobs, When(ready.tag, ready.priority))


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())
