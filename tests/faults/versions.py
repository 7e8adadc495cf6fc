"""Rigs that make another version of wmctl out of this one: what it writes and what it reads."""

import re
from types import SimpleNamespace


def _versions(own: int, others: str) -> None:
    """Write names of the major number `own`, and read those of `others` (a pattern) as well."""
    from wmctl.spool import head, listing
    from wmctl.spool import name as names

    real, suffix = names.parse, f".v{own}.json"
    foreign = re.compile(rf"\.v(?:{others})\.json")

    def parse(file: str, tag: str | None = None) -> names.Name | None:
        return real(foreign.sub(suffix, file, count=1), tag)

    names.MAJOR, names.SUFFIX, names.parse = own, suffix, parse  # type: ignore[misc,assignment]
    known = {**vars(names), "SUFFIX": (".v1.json", ".v2.json")}
    for module in (head, listing):
        module.names = SimpleNamespace(**known)  # type: ignore[assignment,attr-defined]


def next_version(_: str) -> None:
    """Reads what this version writes, and writes names that this version does not read."""
    _versions(2, "1")


def any_major(_: str) -> None:
    """This version, which does not look at the major number."""
    _versions(1, r"\d+")
