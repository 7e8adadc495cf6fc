"""`--watch` of lists that are short: workers, queues. As `watch` does it for jobs."""

import time
from collections.abc import Callable, Collection, Sequence
from shutil import get_terminal_size
from typing import NamedTuple

from wmctl.cli import output, streams, tables
from wmctl.cli.exits import UsageError
from wmctl.cli.lists import show_list
from wmctl.cli.tables import Column, Item
from wmctl.cli.watch import pressed_q, screen

#: Seconds between two looks; a look that takes long is followed by a longer pause.
_PAUSE = 1.0
_SHARE = 5


class WatchedList(NamedTuple):
    """A list that can be looked at again and again."""

    look: Callable[[], list[Item]]
    #: What the items are, as in `7 workers`.
    what: str
    key: str
    #: What of an item is a change worth a line.
    told: Collection[str]
    columns: Callable[[], Sequence[Column]]
    colour: Callable[[Item], str]

    def run(self, format: str) -> None:
        """Until somebody has had enough: q, Ctrl-C, or the reader of the pipe goes."""
        if format == "json":
            raise UsageError("-o json has an end, --watch has none", hint="use -o jsonl")
        if output.on_terminal() and format in {"table", "wide"}:
            with screen():
                while not pressed_q(self._draw()):
                    pass
            return
        known: dict[str, list[object]] | None = None
        while True:
            known, pause = self._changes(format, known)
            streams.flush()
            time.sleep(pause)

    def _looked(self) -> tuple[list[Item], float]:
        """The items, and how long to wait now."""
        started = time.monotonic()
        found = self.look()
        return found, max(_PAUSE, _SHARE * (time.monotonic() - started))

    def _draw(self) -> float:
        found, pause = self._looked()
        room = max(get_terminal_size().lines - 3, 1)
        head = f"{len(found)} {self.what}, {time.strftime('%H:%M:%S')}, q ends"
        if len(found) > room:
            head += f"; {len(found) - room} are not shown"
        output.draw([head, "", *tables.lines(found[:room], self.columns(), self._painted)])
        return pause

    def _painted(self, item: Item) -> str:
        return self.colour(item) if output.coloured() else ""

    def _changes(
        self, format: str, known: dict[str, list[object]] | None
    ) -> tuple[dict[str, list[object]], float]:
        """Print an item for each that is new or has changed."""
        found, pause = self._looked()
        now = {str(item[self.key]): [item[key] for key in self.told] for item in found}
        before = known or {}
        changed = [item for item in found if before.get(item[self.key]) != now[item[self.key]]]
        if changed or known is None:
            show_list(
                changed, format, self.columns(), key=self.key, ordered=True, colour=self._painted,
                titles=known is None,
            )  # fmt: skip
        return now, pause
