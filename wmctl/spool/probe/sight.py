"""How soon one host sees the names that another one makes, and in which way of looking."""

import contextlib
import time
from typing import Any

from wmctl.spool import fs
from wmctl.spool.probe.clock import ServerClock
from wmctl.spool.probe.meeting import Meeting
from wmctl.spool.probe.notify import Watch

#: How many new names each side makes, and nanoseconds between two of them.
NAMES = 5
_GAP = 250_000_000
#: Nanoseconds after which a name that is not seen counts as not seen at all.
LONGEST = 5_000_000_000
#: Seconds between two looks.
_POLL = 0.01


class Sight:
    """Makes names for the other side to see, and looks for the other side's.

    Two folders of each side: in `seen` the names are looked for by listing it. In `blind` only by a
    stat of the one name, which was missing before; nothing else that could refresh what an NFS
    client remembers of that folder.
    """

    def __init__(self, meeting: Meeting, clock: ServerClock) -> None:
        self._meeting, self._disk, self._clock = meeting, meeting.disk, clock
        for name in (*_names(), "blind"):
            path = meeting.path("aside", f"{meeting.side}.{name}")
            fs.write_new(self._disk, path, b"", meeting.store.settings.mode, sync=False)
        self._theirs = meeting.path(f"seen-{meeting.other}")
        self._watch: Watch | None = None
        with contextlib.suppress(OSError):  # this user has no watches left: nobody can tell then
            self._watch = Watch(self._disk, self._theirs)
        self._blind = self._disk.open_folder(meeting.path(f"blind-{meeting.other}"))
        self._stat_sees()
        self._start = 0

    def run(self, start: int) -> dict[str, Any]:
        """When (µs after the start) each name was made, or was seen first."""
        self._start = start
        made: list[int] = []
        seen: dict[str, int] = {}
        blind: int | None = None
        last = start + NAMES * _GAP + LONGEST
        while (now := self._clock.now()) < last and (len(made) < NAMES or len(seen) < NAMES):
            if len(made) < NAMES and now >= start + len(made) * _GAP:
                made.append(self._make(len(made), start))
            for item in self._disk.scan(self._theirs):
                seen.setdefault(item.name, self._since(start))
            if blind is None and self._stat_sees():
                blind = self._since(start)
            time.sleep(_POLL)
        return {"made": made, "seen": seen, "stat": blind, "events": self._events()}

    def after(self) -> dict[str, Any]:
        """What is seen of names that were made before the other side's last word."""
        stat = self._stat_sees()
        opened = fs.present(self._disk, self._meeting.path(f"blind-{self._meeting.other}", "blind"))
        listed = self._listed()
        # Where only time stamps tell of changes, what is unseen stays so until the next change.
        touched = listed or self._touched()
        looked = self._since(self._start)
        return {
            "looked": looked,
            "stat": stat,
            "opened": opened,
            "listed": listed,
            "touched": touched,
        }

    def _listed(self) -> bool:
        return {item.name for item in self._disk.scan(self._theirs)} >= set(_names())

    def _touched(self) -> bool:
        self._disk.touch(self._theirs)
        return self._listed()

    def close(self) -> None:
        """Look no more."""
        self._disk.close(self._blind)
        if self._watch is not None:
            self._watch.close()

    def _events(self) -> int | None:
        return self._watch.count() if self._watch is not None else None

    def _make(self, number: int, start: int) -> int:
        meeting = self._meeting
        side, name = meeting.side, _names()[number]
        if number == 0:
            self._move(f"{side}.blind", meeting.path(f"blind-{side}", "blind"))
        self._move(f"{side}.{name}", meeting.path(f"seen-{side}", name))
        return self._since(start)

    def _move(self, name: str, target: str) -> None:
        fs.move(self._disk, self._meeting.path("aside", name), target, mine=True)

    def _stat_sees(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            self._disk.stat_in(self._blind, "blind")
            return True
        return False

    def _since(self, start: int) -> int:
        return (self._clock.now() - start) // 1000


def _names() -> list[str]:
    return [str(number) for number in range(NAMES)]
