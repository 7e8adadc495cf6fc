"""Asking before many jobs are touched: on a terminal a question, elsewhere a refusal."""

import sys

from wmctl.cli import output
from wmctl.cli.exits import UsageError


def ask(question: str, *, refusal: str, yes: bool) -> bool:
    """Whether to go on. UsageError with `refusal` where there is nobody to ask.

    Both streams must be a terminal's: a question in a log would wait for nobody.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and output.errors_on_terminal()):
        raise UsageError(refusal, hint="add -y to do it, or -n to see first what would be done")
    output.prompt(f"{question} [y/N] ")
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    output.note("nothing was done")
    return False


def counted(count: int, one: str, many: str = "") -> str:
    """`1 job`, `3 jobs`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
