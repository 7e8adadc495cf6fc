"""How two doctors find each other: one waits, another one joins it or is called to it by name."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from wmctl.errors import WmctlError
from wmctl.spool import fs
from wmctl.spool.probe.meeting import WELCOME, Left, Meeting, Silent, folder_of_all
from wmctl.spool.store import Store

#: Names of meetings that anybody may join, and of those that only who was called joins.
_OPEN = "open-"
_CALLED = "called-"
#: Whoever waits shows it all the time; who has not for so many seconds is gone.
_FRESH = 10.0
#: A meeting without a sign of life for so long (seconds) is removed by whoever comes next.
_FORGOTTEN = 600.0
_POLL = 0.2


def answer(store: Store, name: str) -> Meeting:
    """Come to a meeting to which one was called by its name."""
    meeting = Meeting(store, name, "b")
    end = time.monotonic() + WELCOME
    while not fs.present(store.disk, meeting.folder):
        if time.monotonic() > end:
            raise Silent(
                f"nobody waits in {meeting.folder}",
                hint="both sides must name the same spool: is the file system mounted here?",
            )
        time.sleep(_POLL)
    if not meeting.sit():
        raise Silent(f"the place in {meeting.folder} is taken")
    meeting.receive("welcome")
    return meeting


def find(store: Store, wait: float, tell: Callable[[], None]) -> Meeting:
    """Join whoever waits, or wait for somebody; `tell` is called before the waiting."""
    end = time.monotonic() + wait
    own: Meeting | None = None
    try:
        while True:
            own, met = _look_around(store, own, end)
            if met is not None:
                return met
            if own is None:
                own = Meeting.make(store, _OPEN + os.urandom(6).hex())
                tell()
            time.sleep(_POLL)
    except BaseException:
        _discard(own)
        raise


def _look_around(
    store: Store, own: Meeting | None, end: float
) -> tuple[Meeting | None, Meeting | None]:
    """One's own meeting, if there still is one, and the one in which the other side is."""
    try:
        for name in _waiting(store, own):
            # Of two that wait, the one with the greater name goes to the other.
            if own is not None and not own.sit():
                return own, _welcomed(own)
            _discard(own)
            own = None
            if (joined := _join(store, name)) is not None:
                return None, joined
        if own is not None:
            if _came(own, end):
                return own, _welcomed(own)
            own.freshen()
    except (FileNotFoundError, Left):  # somebody came, heard nothing and removed it
        own = None
    return own, None


def call(
    store: Store, wait: float, check: Callable[[], None], *, begin: Callable[[str], None]
) -> Meeting:
    """Wait for the one that `begin` calls; `check` raises if it cannot come."""
    meeting = Meeting.make(store, _CALLED + os.urandom(6).hex())
    end = time.monotonic() + wait
    try:
        begin(meeting.name)
        while not _came(meeting, end):
            check()
            meeting.freshen()
            time.sleep(_POLL)
        return _welcomed(meeting)
    except BaseException:
        meeting.discard()
        raise


def sweep(store: Store) -> None:
    """Remove what killed doctors left."""
    for name in _names(store):
        meeting = Meeting(store, name, "b")
        with contextlib.suppress(OSError, WmctlError):
            if meeting.age() > _FORGOTTEN:
                meeting.discard()


def _came(meeting: Meeting, end: float) -> bool:
    """Whether the other side is here; Silent when the time is over, and nobody can come now."""
    if meeting.came():
        return True
    if time.monotonic() <= end:
        return False
    if meeting.sit():
        raise Silent(
            "no other host came in time",
            hint="does it run the same command, and does it see the same folder?",
        )
    return True


def _welcomed(meeting: Meeting) -> Meeting:
    meeting.send("welcome", {})
    return meeting


def _discard(meeting: Meeting | None) -> None:
    if meeting is not None:
        meeting.discard()


def _join(store: Store, name: str) -> Meeting | None:
    meeting = Meeting(store, name, "b")
    if not meeting.sit():
        return None
    try:
        meeting.receive("welcome", WELCOME)
    except (Silent, FileNotFoundError):  # it waited a moment ago, and was killed
        meeting.discard()
        return None
    return meeting


def _waiting(store: Store, own: Meeting | None) -> Iterator[str]:
    """Open meetings in which somebody waits; only those with a smaller name than one's own."""
    for name in sorted(_names(store)):
        if not name.startswith(_OPEN) or (own is not None and name >= own.name):
            continue
        meeting = Meeting(store, name, "b")
        with contextlib.suppress(OSError):
            if not meeting.taken() and meeting.age() < _FRESH:
                yield name


def _names(store: Store) -> list[str]:
    return [
        item.name for item in store.disk.scan(folder_of_all(store)) if not item.name.startswith(".")
    ]
