"""`wmctl result`: what a job returned."""

from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_view
from wmctl.cli.jobview import JobView
from wmctl.cli.session import session_of


def result(
    ctx: typer.Context,
    job_id: o.JobId,
    raw: Annotated[bool, typer.Option("-r", "--raw", help="Print a text without quotes.")] = False,
    spool: o.SpoolOption = None,
) -> None:
    """Print a finished job's result as JSON. Of a failed job that is its error."""
    opened = session_of(ctx, spool=spool).spool
    found = find_view(opened, job_id)
    if found.entry.terminal:
        opened.settle([found.entry])
    if found.record is None:
        raise typer.Exit(_without(found))
    print_result(found.record.get("result"), raw=raw)


def print_result(value: object, *, raw: bool = False) -> None:
    """A result on stdout."""
    output.line(value if raw and isinstance(value, str) else output.dumps(value))


def _without(found: JobView) -> int:
    """Say why there is no result; the exit code."""
    entry = found.entry
    reason = f": {found.reason}" if found.reason else ""
    if entry.terminal:
        output.note(f"job {entry.id} has no result, it is {entry.state}{reason}")
        return exits.FAULTS
    output.note(
        f"job {entry.id} is not finished, it is {entry.state}{reason}",
        hint=f"wait for it with: wmctl wait {entry.id}",
    )
    return exits.TRY_AGAIN


app = one_command(result, "wmctl result 89abcdef", "wmctl result 89abcdef | jq .total")
