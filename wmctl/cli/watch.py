"""`--watch`: a list of jobs that stays up to date; on a terminal as a screen, else as lines."""

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from shutil import get_terminal_size

from wmctl.cli import jobcolumns, output, streams, tables
from wmctl.cli.exits import UsageError
from wmctl.cli.jobview import view
from wmctl.cli.ps import View, jobs, show
from wmctl.cli.reasons import Reasons
from wmctl.cli.selector import Selector
from wmctl.cli.tables import Item
from wmctl.spool import Spool

#: Seconds between two looks; a look that takes long is followed by a longer pause.
_PAUSE = 1.0
_SHARE = 5
#: What of a job is a change worth a line.
_TOLD = ("state", "reason", "attempt", "worker", "exit_code")


class Watching:
    """One list that is looked at again and again."""

    def __init__(
        self, spool: Spool, selector: Selector, how: View, order: tuple[str, bool] | None
    ) -> None:
        self._spool = spool
        self._selector = selector
        self._how = how
        self._order = order
        self._took = 0.0

    def run(self) -> None:
        """Until somebody has had enough: q, Ctrl-C, or the reader of the pipe goes."""
        if self._how.format == "json":
            raise UsageError("-o json has an end, --watch has none", hint="use -o jsonl")
        if output.on_terminal() and self._how.format in {"table", "wide"}:
            with screen():
                while True:
                    self._draw()
                    if pressed_q(self._pause()):
                        return
        for _ in show_changes(self):
            streams.flush()
            time.sleep(self._pause())

    def _pause(self) -> float:
        return max(_PAUSE, _SHARE * self._took)

    def look(self) -> list[Item]:
        """The jobs as they are now."""
        started = time.monotonic()
        found = list(jobs(self._spool, self._selector))
        self._took = time.monotonic() - started
        return found if self._order is None else jobcolumns.in_order(found, *self._order)

    def _draw(self) -> None:
        """As many rows as there is room for, the last ones; in place, so that nothing flickers."""
        found = self.look()
        room = max(get_terminal_size().lines - 3, 1)
        shown = found[-room:] if self._order is None else found[:room]
        lines = [f"{len(found)} jobs, {time.strftime('%H:%M:%S')}, q ends", ""]
        lines += tables.lines(
            shown, self._how.columns, lambda job: jobcolumns.COLOURS.get(job["state"], ""),
            titles=self._how.titles,
        )  # fmt: skip
        if len(shown) < len(found):
            lines[0] += f"; {len(found) - len(shown)} are not shown"
        output.draw(lines)

    @property
    def how(self) -> View:
        """How the changes are shown."""
        return self._how

    def later(self, job_id: str) -> Item | None:
        """A job that is not in the list any more, as it is now."""
        entry = self._spool.locate(job_id)
        found = None if entry is None else view(self._spool, entry)
        return None if found is None else found.facts(Reasons(self._spool).first(found))


def show_changes(watching: Watching) -> Iterator[None]:
    """Print a line for each job at first and then whenever it has changed; stops in between.

    A job that leaves the list is told of once more, as it is then.
    """
    how = watching.how
    known: dict[str, list[object]] = {}
    while True:
        found = {job["id"]: job for job in watching.look()}
        gone = [watching.later(job_id) for job_id in known if job_id not in found]
        changed = [job for job in found.values() if known.get(job["id"]) != _told(job)]
        changed += [job for job in gone if job is not None]
        known = {job_id: _told(job) for job_id, job in found.items()}
        if changed or how.titles:
            show(changed, how)
        how = how._replace(titles=False)
        yield


def _told(job: Item) -> list[object]:
    return [job[key] for key in _TOLD]


@contextlib.contextmanager
def screen() -> Iterator[None]:
    """Another screen than the one with the shell's lines; keys come one by one."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd) if os.isatty(fd) else None
    output.enter_screen()
    try:
        if before is not None:
            tty.setcbreak(fd)
        yield
    finally:
        output.leave_screen()
        if before is not None:
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


def pressed_q(seconds: float) -> bool:
    """Whether somebody pressed q within so many seconds; any other key looks again at once."""
    fd = sys.stdin.fileno()
    if not os.isatty(fd):
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([fd], [], [], seconds)
    return bool(ready) and os.read(fd, 1024)[:1] in {b"q", b"Q", b""}
