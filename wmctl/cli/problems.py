"""What a runner's health check says: the problem, and what to do about it."""

import re
from typing import NamedTuple


class Problem(NamedTuple):
    """One that people can do something about."""

    what: str
    remedy: str


def problem_of(text: str) -> Problem:
    """A health check's sentence in its two halves; the second is never empty."""
    what, _, remedy = text.partition("; ")
    variable = re.match(r"([A-Z][A-Z0-9_]*) is ", what)
    if not remedy and variable:
        remedy = f"set {variable[1]} (or its key under tools: in .wmctl.yaml) right, or remove it"
    return Problem(what, remedy or "put that right, or run its jobs on a host that has it")
