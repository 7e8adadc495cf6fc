"""`wmctl submit`: queue jobs, print their ids."""

import sys
from collections.abc import Iterable

import typer

from wmctl.cli import exits, output, streams
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.session import Session, session_of
from wmctl.cli.source import Given
from wmctl.cli.submission import Request, prepare
from wmctl.cli.submission import submit as queue

#: So many ids are handed on together.
_AT_ONCE = 100


def submit(
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
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Queue a job and print its id. It is made from FILE, -c CODE, - (stdin) or -- COMMAND."""
    session = session_of(ctx, spool=spool)
    session.makes_spool = True
    given = Given(
        file=file, code=code, language=lang, command=session.tail, folder=cwd, env_all=env_all
    )
    request = Request(
        given=given, assignments=arg, data=data, each=each, tag=tag, priority=priority,
        timeout=timeout, workspace=workspace, name=name, check=not no_check,
    )  # fmt: skip
    ready = prepare(session, request)
    _deliver(queue(session, ready))
    if not quiet and sys.stderr.isatty():
        _tell(session, ready.tag)


def _deliver(ids: Iterable[str]) -> None:
    """Print the ids; those of queued jobs that cannot be printed are told on stderr."""
    pending: list[str] = []
    try:
        for job_id in ids:
            pending.append(job_id)
            output.line(job_id)
            if len(pending) >= _AT_ONCE:
                streams.flush()
                pending.clear()
        streams.flush()
    except exits.OutputFailed as error:
        raise exits.OutputFailed(
            error.message, hint=f"queued all the same: {' '.join(pending)}"
        ) from None


def _tell(session: Session, tag: str) -> None:
    """For people at a terminal: whether anybody will run it."""
    from wmctl.cli.serving import serving  # only where somebody reads it

    if not serving(session.spool, tag):
        output.note(
            f"queued, but no live worker serves the tag {tag!r}",
            hint="start one with: wmctl worker start",
        )


app = one_command(
    submit,
    "wmctl submit hello.py -a name=ann -a n:=2",
    "id=$(wmctl submit -c 'echo hi' -l bash); wmctl wait $id",
    "wmctl submit --each hosts.txt check.sh -t net",
    "wmctl submit -- make -j4 test",
)
