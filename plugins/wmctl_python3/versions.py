"""Which Python a script asks for: `# py: >=3.12`, `# py312`, `# py_select_latest`, PEP 723."""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wmctl.plugin import Interpreter

_SHORT = re.compile(r"py3(\d{1,2})")
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>|)\s*v?(\d+(?:\.\d+){0,2})(?:\.\*)?")
_INLINE = re.compile(
    r'^# /// script$.*?^# requires-python\s*=\s*["\'](.*?)["\'].*?^# ///$', re.MULTILINE | re.DOTALL
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Wanted:
    """What the script asks for, in its own words."""

    text: str
    clauses: tuple[tuple[str, tuple[int, ...]], ...] = ()
    latest: bool = False
    #: A comment that looks like a version and is none.
    broken: bool = False

    def fits(self, version: Sequence[int]) -> bool:
        """A version of fewer parts speaks of all that begin with it: 3.12.7 fits `==3.12`."""
        return not self.broken and all(_fits(version, *clause) for clause in self.clauses)

    def choose(self, found: Sequence[Interpreter]) -> Interpreter | None:
        """The usual interpreter if it fits, else the newest that does."""
        fitting = [one for one in found if self.fits(one.version)]
        if not self.latest and fitting[:1] == list(found[:1]):
            return fitting[0] if fitting else None
        return max(fitting, key=lambda one: one.version, default=None)


def annotations(code: str) -> Iterator[str]:
    """The comment lines at the top, without `#` and blanks."""
    for line in code.lstrip("\ufeff").splitlines():
        if line.strip() and not line.startswith("#"):
            return
        yield line.lstrip("#").strip()


def wanted(code: str) -> Wanted | None:
    """What a version comment asks for; None where there is none."""
    for line in annotations(code):
        short = _SHORT.fullmatch(line)
        if short:
            return Wanted(line, (("==", (3, int(short[1]))),))
        if line == "py_select_latest":
            return Wanted(line, latest=True)
        if re.match(r"py\s*:", line):
            return _specifier(line.partition(":")[2].strip())
    inline = _INLINE.search(code)
    return _specifier(inline[1]) if inline else None


def _specifier(text: str) -> Wanted:
    clauses = []
    for clause in filter(None, (part.strip() for part in text.split(","))):
        match = _CLAUSE.fullmatch(clause)
        if not match:
            return Wanted(text, broken=True)
        clauses.append((match[1] or "==", tuple(map(int, match[2].split(".")))))
    return Wanted(text, tuple(clauses), broken=not clauses)


def _fits(version: Sequence[int], sign: str, number: tuple[int, ...]) -> bool:
    short = tuple(version[: len(number)])
    if sign == "~=":  # at least this, and nothing but the last part may differ
        return short >= number and short[: len(number) - 1] == number[:-1]
    return _COMPARE[sign](short, number)
