"""What a list of workers shows of each."""

import re
from collections.abc import Sequence
from typing import Any

from wmctl.cli import output, tables
from wmctl.cli.lists import age, between
from wmctl.cli.tables import Column, Item
from wmctl.spool import short

#: On a terminal of fewer columns, titles are short and the figures without spaces.
_NARROW = 100


def columns(*, wide: bool) -> Sequence[Column]:
    """Those of a table. On a terminal a worker is called by the end of its name."""
    narrow = output.on_terminal() and 0 < (tables.terminal_columns() or 0) < _NARROW
    name = shown_name if output.on_terminal() else _name
    shown = (
        Column("WORKER", lambda one: name(one["worker"]), shrink=3),
        Column("GROUP", lambda one: one["group"] or "", shrink=2),
        Column("STATE", lambda one: one["state"]),
        Column("TAGS", lambda one: ",".join(one["tags"]), shrink=1),
        Column("JOB", lambda one: short(one["job"]) if one["job"] else ""),
        Column("OK/FAIL", ok_fail),
        Column("OCC" if narrow else "OCC(15s/5m/30m)", occupancy),
        Column("PING", ping),
        Column("UP", lambda one: between(one["started_at"], None)),
    )
    return (*shown, *_WIDE) if wide else shown


def _name(name: str) -> str:
    return name


def shown_name(name: str) -> str:
    """Without what the next column says: `wk-<group>-` before host and random letters."""
    return re.sub(r"^wk-[^-]+-(?=.)", "", name)


def ok_fail(one: Item) -> str:
    """`41/0`; an older worker counts its jobs without telling how they ended."""
    if one["ok"] is None:
        return "" if one["jobs_executed"] is None else str(one["jobs_executed"])
    return f"{one['ok']}/{one['failed'] or 0}"


def occupancy(one: Item) -> str:
    """`100/88/61%`: of the last 15 seconds, 5 minutes and half an hour."""
    shares = one["occupancy"]
    if not isinstance(shares, list) or not all(isinstance(part, int | float) for part in shares):
        return ""
    return "/".join(f"{min(max(part, 0), 1):.0%}".rstrip("%") for part in shares) + "%"


def ping(one: Item) -> str:
    """How long ago its last beat was."""
    return "" if one["beat_age"] is None else age(one["beat_age"])


def size(value: Any) -> str:
    """Bytes as people read them: `512M`, `1.9G`."""
    if not isinstance(value, int | float) or value < 0:
        return ""
    if value < 1 << 30:
        return f"{value / (1 << 20):.0f}M"
    return f"{value / (1 << 30):.1f}G"


def _memory(one: Item) -> str:
    """What the worker uses, and what the machine has."""
    return "/".join(filter(None, (size(one["memory_usage"]), size(one["memory"]))))


def _text(key: str) -> Column:
    titles = {"last_job": "LAST-JOB", "vcpus": "VCPU"}
    return Column(
        titles.get(key, key.upper()), lambda one: "" if one[key] is None else str(one[key])
    )


_WIDE = (
    _text("host"), _text("pid"), _text("version"), Column("MEM", _memory), _text("vcpus"),
    Column("LAST-JOB", lambda one: short(one["last_job"]) if one["last_job"] else ""),
    _text("isolation"), _text("reason"), _text("by"),
)  # fmt: skip
