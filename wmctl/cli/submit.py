"""`wmctl submit`: queue jobs, print their ids."""

import sys

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.group import one_command
from wmctl.cli.session import Session, session_of
from wmctl.cli.source import Given
from wmctl.cli.submission import Request, prepare
from wmctl.cli.submission import submit as queue


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
    given = Given(
        file=file, code=code, language=lang, command=session.tail, folder=cwd, env_all=env_all
    )
    request = Request(
        given=given, assignments=arg, data=data, each=each, tag=tag, priority=priority,
        timeout=timeout, workspace=workspace, name=name, check=not no_check,
    )  # fmt: skip
    ready = prepare(session, request)
    for job_id in queue(session, ready):
        output.line(job_id)
    if not quiet and sys.stderr.isatty():
        _tell(session, ready.tag)


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
