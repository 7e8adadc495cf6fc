"""What `wmctl doctor` found, and how it is shown."""

from collections.abc import Sequence
from typing import NamedTuple

from wmctl.cli.lists import show_list
from wmctl.cli.tables import Column

COLUMNS = (
    Column("CHECK", lambda item: item["check"]),
    Column("STATUS", lambda item: item["status"]),
    Column("DETAIL", lambda item: item["detail"]),
)
_COLOURS = {"ok": "green", "fixed": "blue", "note": "yellow", "fault": "red"}


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    #: ok, fixed, note or fault
    status: str
    detail: str
    #: What to do about it.
    remedy: str = ""
    #: The same in a few words, for a verdict that sums all up.
    why: str = ""
    #: Of a fault: it kept something from being found out; nothing is known to be wrong.
    untested: bool = False


def show(findings: Sequence[Finding], format: str) -> None:
    """Print them."""
    show_list(
        [
            {
                "schema": "wmctl.finding/1", "check": found.what, "status": found.status,
                "detail": found.detail, "remedy": found.remedy,
            }
            for found in findings
        ],
        format,
        COLUMNS,
        key=None,
        colour=lambda item: _COLOURS[item["status"]],
        below=lambda item: item["remedy"],
    )  # fmt: skip
