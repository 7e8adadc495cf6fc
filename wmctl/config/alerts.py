"""`alerts.yaml` of a spool: when somebody is to be told, and by which command.

Rows under Windmill's names of their keys. That a group has too few workers is an alert too; its
threshold stands in the group's file.
"""

import os
from dataclasses import dataclass
from typing import Any

from wmctl.config import shared, values
from wmctl.config.groups import served_tag
from wmctl.config.shared import Document
from wmctl.config.yamltree import CAP, Many, Table, Text, Words
from wmctl.config.yamltree import parse as read_tree
from wmctl.errors import BadInput, ConfigError, MalformedJob
from wmctl.spool import fs
from wmctl.spool.fs import Trust
from wmctl.spool.store import Store

FILE = "alerts.yaml"
#: Seconds between two tellings, where nothing is said.
COOLDOWN = 600
_LONGEST = 30 * 86400

Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One alert about jobs: so many of a tag have waited so long."""

    name: str
    tags_to_monitor: tuple[str, ...]
    jobs_num_threshold: int
    alert_time_threshold_seconds: int
    alert_cooldown_seconds: int
    #: What tells somebody; None: nobody but who reads the output.
    command: Command | None
    #: `file:line`.
    origin: str


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """The whole file."""

    rows: tuple[Row, ...] = ()
    #: Of the alerts about groups, and of rows that have none of their own.
    command: Command | None = None
    alert_cooldown_seconds: int = COOLDOWN
    #: As it was read.
    text: bytes = b""

    @property
    def has_commands(self) -> bool:
        """Whether anything is to be run."""
        return self.command is not None or any(row.command for row in self.rows)


def load(store: Store) -> Alerts:
    """The alerts of a spool; ConfigError with file and line for a wrong file."""
    document = shared.read(store, FILE)
    return Alerts() if document is None else parse(document)


def parse(document: Document) -> Alerts:
    """The alerts that a file describes."""
    found = read_tree(document.origin, document.text, SCHEMA)
    command = _command(found.get("command"))
    cooldown = found["alert_cooldown_seconds"].value if "alert_cooldown_seconds" in found else None
    usual = COOLDOWN if cooldown is None else cooldown
    rows = tuple(
        _row(item.value, item.origin, command, usual)
        for item in (found["alerts"].value if "alerts" in found else ())
    )
    told: dict[str, Row] = {}
    for row in rows:
        if row.name in told:
            other = told[row.name].origin.rpartition(":")[2]
            raise ConfigError(f"{row.origin}: the alert {row.name!r} stands in line {other} too")
        told[row.name] = row
    return Alerts(rows=rows, command=command, alert_cooldown_seconds=usual, text=document.text)


def must_be_ours(store: Store, alerts: Alerts) -> None:
    """ConfigError if others than we (or root) may have written the commands that we would run."""
    ours = Trust(frozenset({os.geteuid(), 0}), 0o022)
    try:
        now = fs.read_checked(store.disk, store.path(FILE), CAP, ours)
    except (OSError, MalformedJob):
        now = None
    if now != alerts.text:
        raise ConfigError(
            f"the commands in {store.path(FILE)} are not run: others than you may write them",
            hint="wmctl alerts check --command … runs yours; or let the file be yours, mode 0644",
        )


def _row(found: Any, origin: str, command: Command | None, cooldown: int) -> Row:
    for key in ("name", "tags_to_monitor", "jobs_num_threshold"):
        if key not in found:
            raise ConfigError(f"{origin}: an alert needs {key}", hint=f"add a line: {key}: …")
    values_of = {key: item.value for key, item in found.items()}
    if not values_of["tags_to_monitor"]:
        raise ConfigError(f"{found['tags_to_monitor'].origin}: tags_to_monitor names no tag")
    values_of["command"] = _command(found.get("command")) or command
    usual = {"alert_time_threshold_seconds": 0, "alert_cooldown_seconds": cooldown}
    return Row(**{**usual, **values_of}, origin=origin)


def _command(found: Any) -> Command | None:
    """A list is a program and its words; a text is for the shell."""
    if found is None:
        return None
    is_text = isinstance(found.value, str)
    words = ("/bin/sh", "-c", found.value) if is_text else found.value
    if not words or not words[-1 if is_text else 0].strip() or any("\0" in one for one in words):
        raise ConfigError(
            f"{found.origin}: command names no program",
            hint="write command: mail -s wmctl ops; or command: [mail, -s, wmctl, ops]",
        )
    return tuple(words)


def _name(text: str) -> str:
    values.plain(text)
    if len(text) > 100:
        raise BadInput("a name has at most 100 characters")
    return text


def _jobs(text: str) -> int:
    return values.whole(text, 1, 10**9)


def _seconds(text: str) -> int:
    return values.whole(text, 0, _LONGEST)


SCHEMA = Table(
    {
        "alerts": Many(
            Table(
                {
                    "name": Text(_name),
                    "tags_to_monitor": Many(Text(served_tag)),
                    "jobs_num_threshold": Text(_jobs),
                    "alert_time_threshold_seconds": Text(_seconds),
                    "alert_cooldown_seconds": Text(_seconds),
                    "command": Words(),
                }
            ),
            located=True,
        ),
        "command": Words(),
        "alert_cooldown_seconds": Text(_seconds),
    }
)
