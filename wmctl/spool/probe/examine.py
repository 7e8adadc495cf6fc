"""What two doctors find out about the file system between them: facts, no judgement.

Each side runs `examine` and gets both sides' answers. Times of both are told in the file server's
time, which each side estimates for itself; no host's clock is compared with another's.
"""

import contextlib
import hashlib
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wmctl.errors import WmctlError
from wmctl.spool import fs
from wmctl.spool.probe import contest
from wmctl.spool.probe.clock import ServerClock
from wmctl.spool.probe.meeting import Meeting, Silent
from wmctl.spool.probe.sight import Sight
from wmctl.spool.settings import SETTINGS_FILE
from wmctl.spool.store import Store

#: Both sides must speak the same one.
PROTOCOL = 1
#: Seconds between the word that a test begins and its begin.
_AHEAD = 0.5
_SYNCS = 15
_NS = 1e9

Answers = dict[str, dict[str, Any]]


@dataclass
class Examined:
    """What one side knows in the end: its own answers and the other's, by step."""

    mine: Answers = field(default_factory=dict)
    peers: Answers = field(default_factory=dict)
    #: Why it ended early, and in which step.
    stopped: WmctlError | None = None
    step: str = ""

    @property
    def complete(self) -> bool:
        """Whether all was found out."""
        return self.stopped is None


def facts(store: Store, clock: ServerClock) -> dict[str, Any]:
    """What one side can say alone."""
    with fs.translated("examine the spool"):
        text = fs.read_checked(
            store.disk, store.path(SETTINGS_FILE), 64 << 10, fs.Trust(None, 0o002)
        )
        seen_as, milliseconds = _sync_cost(store)
    return {
        "protocol": PROTOCOL,
        "spool": hashlib.sha256(text).hexdigest(),
        "uid": os.geteuid(),
        "seen_as": seen_as,
        "sync": milliseconds,
        "clock": clock.host_ahead,
    }


def _sync_cost(store: Store) -> tuple[int, float]:
    """Whose a new file is, and what it takes to make one durable: the median, in ms."""
    disk, took, uid = store.disk, [], -1
    for _ in range(_SYNCS):
        path = store.temporary()
        began = time.perf_counter()
        fs.write_new(disk, path, b"x" * 512, store.settings.mode, sync=True)
        try:
            fs.sync_folders(disk, {os.path.dirname(path)})
            took.append(time.perf_counter() - began)
            uid = disk.stat(path).st_uid
        finally:
            store.remove(path)
    return uid, round(1000 * statistics.median(took), 2)


def examine(
    meeting: Meeting,
    own: Mapping[str, Any],
    tell: Callable[[Examined], None] = lambda _: None,
) -> Examined:
    """Both sides call this; what each finds out, both get. `tell` hears when it begins."""
    found = Examined()
    try:
        with fs.translated("examine the spool"):
            _steps(meeting, {**own, "side": meeting.side}, found, tell)
    except WmctlError as error:
        found.stopped = error
        meeting.give_up(error.message)
    except BaseException:
        meeting.give_up("it was stopped")
        meeting.discard()
        raise
    meeting.close(alone=isinstance(found.stopped, Silent))
    return found


def _steps(
    meeting: Meeting,
    own: Mapping[str, Any],
    found: Examined,
    tell: Callable[[Examined], None],
) -> None:
    def exchange(step: str, content: Mapping[str, Any]) -> None:
        found.mine[step] = dict(content)
        meeting.send(step, content)
        found.peers[step] = meeting.receive(step)

    found.step = "the greeting"
    exchange("facts", own)
    if found.peers["facts"].get("protocol") != PROTOCOL:
        found.peers.clear()  # whatever it means by them
        raise WmctlError("the other side runs another version of wmctl", hint="use one on all")
    tell(found)
    exchange("met", {"uid": meeting.peers_uid()})
    clock = ServerClock(meeting.store)
    found.step = "the look at new names"
    with contextlib.closing(Sight(meeting, clock)) as sight:
        exchange("seen", sight.run(_agree(meeting, clock, "seen")))
        found.step = "the race of renames"
        if meeting.side == "a":
            contest.lay_out(meeting)
        exchange("cost", {"cost": contest.cost(meeting)})
        course = contest.Course.of(
            *(int(side["cost"]["cost"]) for side in (found.mine, found.peers))
        )
        exchange("race", contest.race(meeting, clock, _agree(meeting, clock, "race"), course))
        exchange("end", {**sight.after(), "won": contest.targets(meeting)})
    found.step = ""


def _agree(meeting: Meeting, clock: ServerClock, step: str) -> int:
    """When both sides begin, in the server's time."""
    if meeting.side == "b":
        meeting.send(f"{step}-ready", {})
        return int(meeting.receive(f"{step}-go")["at"])
    meeting.receive(f"{step}-ready")
    start = clock.now() + round(_AHEAD * _NS)
    meeting.send(f"{step}-go", {"at": start})
    return start
