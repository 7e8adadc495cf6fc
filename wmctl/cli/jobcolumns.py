"""What a list of jobs shows of each: columns for people, fields for machines, by the same names."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.jobview import FIELDS
from wmctl.cli.lists import between
from wmctl.cli.tables import Column, Item
from wmctl.spool import short

COLOURS = {
    "running": "blue", "success": "green", "failure": "red", "canceled": "yellow",
    "held": "yellow", "quarantined": "red", "skipped": "grey",
}  # fmt: skip


def _plain(key: str) -> Callable[[Item], str]:
    def cell(job: Item) -> str:
        value = job[key]
        if value is None:
            return ""
        if isinstance(value, list):
            return ",".join(map(str, value))
        return value if isinstance(value, str) else output.dumps(value)

    return cell


def _reason(job: Item) -> str:
    return str(job["reason"] or job["reason_text"] or "")


#: By the field that each shows.
_TITLED = {
    "id": Column("ID", _plain("id")),
    "state": Column("STATE", _plain("state")),
    "tag": Column("TAG", _plain("tag")),
    "name": Column("NAME", _plain("name"), shrink=1, most=40),
    "age": Column("AGE", lambda job: between(job["created_at"], None)),
    "time": Column("TIME", lambda job: between(job["started_at"], job["completed_at"])),
    "exit_code": Column("EXIT", _plain("exit_code")),
    "reason": Column("REASON", _reason, shrink=2),
    "priority": Column("PRIO", _plain("priority")),
    "worker": Column("WORKER", _plain("worker")),
    "attempt": Column("ATTEMPT", _plain("attempt")),
    "created_by": Column("USER", _plain("created_by")),
    "key": Column("KEY", _plain("key"), shrink=4),
    "workspace": Column("WORKSPACE", _plain("workspace")),
    "created_at": Column("SUBMITTED", _plain("created_at")),
    "started_at": Column("STARTED", _plain("started_at")),
    "completed_at": Column("ENDED", _plain("completed_at")),
    "labels": Column("LABELS", _plain("labels"), shrink=3),
}
DEFAULT = ("id", "state", "tag", "name", "age", "time", "exit_code", "reason")
WIDE = (
    *DEFAULT, "priority", "worker", "attempt", "created_by", "key", "workspace", "created_at",
    "started_at", "completed_at", "labels",
)  # fmt: skip
#: Titles say the same as fields: `--columns id,exit,user`.
_ALIASES = {column.title.lower(): field for field, column in _TITLED.items()}


def _since(start: str | None, end: str | None) -> float | None:
    if start is None:
        return None
    last = datetime.fromisoformat(end) if end else datetime.now(UTC)
    return round((last - datetime.fromisoformat(start)).total_seconds(), 3)


#: Of these there is no field: seconds.
_COMPUTED: dict[str, Callable[[Item], float | None]] = {
    "age": lambda job: _since(job["created_at"], None),
    "time": lambda job: _since(job["started_at"], job["completed_at"]),
}


def fields_of(text: str, option: str) -> tuple[str, ...]:
    """The fields that a comma list of titles or fields names; a wrong one tells all."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words or [""]:
        if word not in FIELDS and word not in _ALIASES:
            known = ", ".join([*dict.fromkeys([*_ALIASES, *FIELDS])])
            raise UsageError(f"{option}: there is no column {word!r}", hint=f"columns: {known}")
    return tuple(word if word in FIELDS else _ALIASES[word] for word in words)


#: What columns show that have another name than the fields they are made of.
_MADE_OF = {
    "age": ("created_at",),
    "time": ("started_at", "completed_at"),
    "reason": ("reason", "reason_text"),
}


def needed(fields: Iterable[str]) -> tuple[str, ...]:
    """The fields of a job from which these can be shown, and its state for the colour."""
    every = [part for field in fields for part in _MADE_OF.get(field, (field,))]
    return tuple(dict.fromkeys(["id", "state", *every]))


def columns_of(fields: Iterable[str]) -> Sequence[Column]:
    """The columns of a table; ids are short on a terminal."""
    titled = dict(_TITLED)
    if output.on_terminal():
        titled["id"] = Column("ID", lambda job: short(job["id"]))
    return [titled.get(field) or Column(field.upper(), _plain(field)) for field in fields]


def value_of(job: Item, field: str) -> Any:
    """What a job says under a field."""
    computed = _COMPUTED.get(field)
    return computed(job) if computed else job[field]


def picked(job: Item, fields: Sequence[str]) -> Item:
    """A job with these fields only."""
    return {field: value_of(job, field) for field in fields}


def order_of(text: str) -> tuple[str, bool]:
    """The field of `--sort COLUMN`, and whether `-` stood before it."""
    return fields_of(text.lstrip("-"), "--sort")[0], text.startswith("-")


def in_order(jobs: Iterable[Item], field: str, backwards: bool) -> list[Item]:
    """Sorted by a field; jobs that have nothing there come last."""
    with_value: list[Item] = []
    without: list[Item] = []
    for job in jobs:
        (without if value_of(job, field) in (None, "", []) else with_value).append(job)
    with_value.sort(key=lambda job: value_of(job, field), reverse=backwards)
    return with_value + without
