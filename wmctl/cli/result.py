"""`wmctl result`: what jobs returned."""

import re
from typing import Annotated, Any

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.ids import find_view, words_of
from wmctl.cli.jobview import JobView
from wmctl.cli.session import session_of

#: A name, or `[0]`, `[-1]`, `["any key"]`.
_STEP = r'\.?([^.\[\]"]+)|\[(-?\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]'


def result(
    ctx: typer.Context,
    ids: o.JobIds,
    raw: Annotated[bool, typer.Option("-r", "--raw", help="Print a text without quotes.")] = False,
    field: Annotated[
        str | None, typer.Option(metavar="PATH", help='Only this of it: a.b[0], ["a key"].c')
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Print finished jobs' results as JSON, a line for each. Of a failed job that is its error.

    Exit 75 if one is not finished, else 1 if one has no result or no such field.
    """
    path = None if field is None else steps_of(field)
    opened = session_of(ctx, spool=spool).spool
    code = exits.OK
    for word in words_of(ids):
        found = find_view(opened, word)
        if found.entry.terminal:
            opened.settle([found.entry])
        if found.record is None:
            code = max(code, _without(found))
            continue
        value = found.record.get("result")
        try:
            print_result(value if path is None else pick(value, path), raw=raw)
        except LookupError as error:
            output.note(f"job {found.entry.id}: the result has no {field!r}: {error.args[0]}")
            code = max(code, exits.FAULTS)
    raise typer.Exit(code)


def print_result(value: object, *, raw: bool = False) -> None:
    """A result on stdout."""
    output.line(value if raw and isinstance(value, str) else output.dumps(value))


def steps_of(text: str) -> list[str | int]:
    """The keys and positions of a path like `.a.b[0]["c d"]`."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = re.compile(_STEP).match(text, at)
        if found is None:
            raise UsageError(
                f"--field {text!r}: {text[at:]!r} is not understood",
                hint='write a.b, a[0], a[-1] or ["a key"].b',
            )
        name, number, quoted = found.groups()
        if number is not None:
            steps.append(int(number))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return steps


def pick(value: Any, steps: list[str | int]) -> Any:
    """What lies at the end of a path; LookupError says where the way ends."""
    for step in steps:
        if isinstance(step, int) and isinstance(value, list):
            if not -len(value) <= step < len(value):
                raise LookupError(f"there is no item {step} among {len(value)}")
            value = value[step]
        elif isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        else:
            raise LookupError(f"there is no {str(step)!r} in {_kind(value)}")
    return value


def _kind(value: object) -> str:
    if isinstance(value, dict):
        keys = ", ".join(list(map(str, value))[:10])
        return f"an object with {keys}" if keys else "an empty object"
    return "a list" if isinstance(value, list) else output.dumps(value)[:60]


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


app = one_command(
    result,
    "wmctl result 89abcdef",
    "wmctl result @1 | jq .total",
    "wmctl result -r --field 'files[0].name' 89abcdef",
)
