"""Two sides rename the same files, each to a name of its own, at the same moment. Who won what."""

import contextlib
import errno
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from wmctl.spool import fs
from wmctl.spool.probe.clock import ServerClock
from wmctl.spool.probe.meeting import Meeting

#: How many renames are raced at most and at least, and for how long (nanoseconds) between.
RACES = 300
_LEAST = 100
_LONGEST = 3_000_000_000
#: Nanoseconds between two of them, at least and at most.
_QUICK, _SLOW = 8_000_000, 60_000_000
#: One side shifts its call by up to so much (nanoseconds), to and fro: somewhere there both meet.
_SWEEP = 5_000_000
_STEPS = 20


@dataclass(frozen=True)
class Course:
    """What is raced: how many files, and nanoseconds between two of them."""

    count: int
    pace: int

    @classmethod
    def of(cls, *costs: int) -> "Course":
        """So slow that who lost one, which costs it so long, is there in time for the next."""
        pace = min(_SLOW, max(_QUICK, 2 * max(costs)))
        return cls(min(RACES, max(_LEAST, _LONGEST // pace)), pace)


def cost(meeting: Meeting) -> int:
    """Nanoseconds that it takes to lose a race."""
    took = []
    for number in range(5):
        began = time.monotonic_ns()
        with contextlib.suppress(OSError):  # the race itself will tell
            _won(meeting, f"none-{number}")
        took.append(time.monotonic_ns() - began)
    return max(took)


def lay_out(meeting: Meeting) -> None:
    """Make the files that are raced for."""
    for name in _names():
        path, mode = meeting.path("race", name), meeting.store.settings.mode
        fs.write_new(meeting.disk, path, b"", mode, sync=False)


def race(meeting: Meeting, clock: ServerClock, start: int, course: Course) -> dict[str, Any]:
    """The numbers of the files that it won, when it tried (µs), and what errors it got instead."""
    for _ in meeting.disk.scan(meeting.path("race")):
        pass  # as a worker knows them: from a listing
    won, tried, errors = [], [], Counter[str]()
    for number, name in enumerate(_names()[: course.count]):
        clock.sleep_until(start + number * course.pace + _shift(meeting.side, number))
        tried.append((clock.now() - start) // 1000)
        try:
            if _won(meeting, name):
                won.append(number)
        except OSError as error:
            errors[errno.errorcode.get(error.errno or 0, "?")] += 1
    return {"won": won, "tried": tried, "errors": dict(errors)}


def _won(meeting: Meeting, name: str) -> bool:
    target = meeting.path("won", f"{name}.{meeting.side}")
    return fs.move(meeting.disk, meeting.path("race", name), target, mine=True)


def targets(meeting: Meeting) -> list[str]:
    """What lies where the winners moved it."""
    return sorted(item.name for item in meeting.disk.scan(meeting.path("won")))


def _names() -> list[str]:
    return [f"{number:04d}" for number in range(RACES)]


def _shift(side: str, number: int) -> int:
    """From -SWEEP to +SWEEP and back, in steps."""
    if side == "a":
        return 0
    step = abs(number % (2 * _STEPS) - _STEPS)
    return _SWEEP * (2 * step - _STEPS) // _STEPS
