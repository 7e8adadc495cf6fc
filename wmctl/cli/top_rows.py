"""The rows of the panes of `wmctl top`, from a picture of the spool. Pure."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.text import Text

from wmctl.cli import jobcolumns, output
from wmctl.cli.lists import between
from wmctl.cli.queue_ls import oldest
from wmctl.cli.top_data import GroupLine, Snapshot
from wmctl.cli.worker_columns import occupancy, ok_fail, ping, shown_name
from wmctl.cli.worker_state import COLOURS, Worker
from wmctl.spool import short

#: Characters of a bar.
_BAR = 12
_STYLES = {"grey": "bright_black"}

Cell = str | Text


class Shown(NamedTuple):
    """What of the picture is shown, and how."""

    #: Index of the pane that keys act upon, and in each pane the key of the chosen row.
    pane: int = 0
    chosen: tuple[str, ...] = ("", "", "", "")
    filter: str = ""
    #: Instead of the line of keys: a question, or what has just been done.
    line: str = ""
    plain_bars: bool = False


class Row(NamedTuple):
    """A line of a pane."""

    key: str
    cells: Sequence[Cell]
    #: What a filter looks at.
    text: str


class Pane(NamedTuple):
    """One of the lists."""

    title: str
    columns: Sequence[str]
    rows: Callable[[Snapshot, Shown], list[Row]]
    #: Indexes of columns that give way, in that order; the last column takes the room.
    right: Sequence[int] = ()


def _groups(snapshot: Snapshot, shown: Shown) -> list[Row]:
    return [
        Row(
            one.name,
            (
                one.name, bar(one, plain=shown.plain_bars), f"{one.busy}/{one.alive}",
                str(one.dead or ""), str(one.waiting),
                Text(output.safe(one.paused), style="yellow") if one.paused else " ".join(one.tags),
            ),
            f"{one.name} {' '.join(one.tags)}",
        )
        for one in snapshot.groups
    ]  # fmt: skip


def bar(group: GroupLine, *, plain: bool) -> Text:
    """How many of a group's live workers are busy."""
    full, empty = ("#", ".") if plain else ("█", "░")
    if not group.alive:
        return Text(
            ("-" if plain else "·") * _BAR, style="red" if group.waiting else "bright_black"
        )
    # One that is busy is seen, and so is one that is not.
    filled = round(_BAR * group.busy / group.alive)
    filled = min(max(filled, bool(group.busy)), _BAR - (group.busy < group.alive))
    text = Text(full * filled, style="blue")
    return text.append(empty * (_BAR - filled), style="green")


def _workers(snapshot: Snapshot, shown: Shown) -> list[Row]:
    del shown
    return [_worker(one) for one in snapshot.workers]


def _worker(one: Worker) -> Row:
    facts = one.facts()
    about = f"{facts['reason'] or ''}{' by ' + str(facts['by']) if facts['by'] else ''}"
    return Row(
        one.name,
        (
            shown_name(one.name), facts["group"] or "", _state(one.state, COLOURS),
            short(one.job) if one.job else "", ok_fail(facts), occupancy(facts), ping(facts),
            between(facts["started_at"], None),
            Text(output.safe(about), style="yellow") if about else " ".join(one.tags),
        ),
        f"{one.name} {facts['group']} {one.state} {' '.join(one.tags)} {facts['host']} {about}",
    )  # fmt: skip


def _queues(snapshot: Snapshot, shown: Shown) -> list[Row]:
    del shown
    return [
        Row(
            one["tag"],
            (
                one["tag"], str(one["running"]), str(one["waiting"]), str(one["later"]),
                str(one["suspended"]), oldest(one), str(one["workers"]),
                f"{one['rates']['30s']:.1f}", _why_queue(one),
            ),
            f"{one['tag']} {one['reason'] or ''}",
        )
        for one in snapshot.queues
    ]  # fmt: skip


def _why_queue(one: dict[str, Any]) -> Text:
    if not (one["waiting"] or one["later"] or one["suspended"] or one["paused"]):
        return Text("")
    return Text(output.safe(one["reason"] or ""), style="yellow")


def _jobs(snapshot: Snapshot, shown: Shown) -> list[Row]:
    del shown
    return [
        Row(
            one["id"],
            (
                short(one["id"]), _state(one["state"], jobcolumns.COLOURS), one["tag"],
                one["name"][:40], between(one["created_at"], None),
                between(one["started_at"], one["completed_at"]), _why_job(one),
            ),
            f"{one['id']} {one['state']} {one['tag']} {one['name']} {one['worker']}"
            f" {one['reason']} {one['reason_text']}",
        )
        for one in snapshot.jobs
    ]  # fmt: skip


def _why_job(one: dict[str, Any]) -> str:
    text = " ".join((one["reason_text"] or "").split())
    if one["reason"]:
        return f"{one['reason']}: {text}"
    if one["state"] == "running" and one["worker"]:
        return f"on {shown_name(one['worker'])}"
    code = "" if one["exit_code"] in (None, 0) else f"exit {one['exit_code']}"
    return re.sub(
        r"^(exit \d+): ExecutionErr: exit code \d+$", r"\1", ": ".join(filter(None, (code, text)))
    )


def _state(state: str, colours: dict[str, str]) -> Text:
    colour = colours.get(state, "")
    return Text(output.safe(state), style=_STYLES.get(colour, colour))


PANES = (
    Pane("GROUPS", ("BUSY", "", "DEAD", "WAITING", "TAGS"), _groups, right=(2, 3, 4)),
    Pane(
        "WORKERS", ("GROUP", "STATE", "JOB", "OK/FAIL", "OCC", "PING", "UP", "REASON OR TAGS"),
        _workers, right=(4, 5, 6, 7),
    ),
    Pane(
        "TAGS", ("RUN", "WAIT", "LATER", "SUSP", "OLDEST", "WORKERS", "JOBS/S", "REASON"),
        _queues, right=(1, 2, 3, 4, 5, 6, 7),
    ),
    Pane("JOBS", ("STATE", "TAG", "NAME", "AGE", "TIME", "REASON"), _jobs, right=(4, 5)),
)  # fmt: skip


def rows_of(pane: Pane, snapshot: Snapshot, shown: Shown) -> list[Row]:
    """The rows of a pane that fit the filter."""
    wanted = shown.filter.lower()
    return [row for row in pane.rows(snapshot, shown) if wanted in row.text.lower()]
