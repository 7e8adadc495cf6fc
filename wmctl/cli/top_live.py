"""The live screen: keys in, frames out. Whatever takes long is done in the background."""

import sys
import time
from collections.abc import Callable

from wmctl.cli import output, streams
from wmctl.cli.top_acts import Act, Acts, Page
from wmctl.cli.top_data import Looker, Snapshot
from wmctl.cli.top_keys import Terminal
from wmctl.cli.top_repeat import Repeated, once
from wmctl.cli.top_rows import PANES, Shown, rows_of
from wmctl.cli.top_screen import frame, page
from wmctl.errors import WmctlError
from wmctl.spool import Spool

#: Seconds that an answer stays in the last line.
_ANSWER = 5.0
_STEPS = {"j": 1, "down": 1, "k": -1, "up": -1, "page down": 10, "page up": -10,
          "home": -(10**6), "g": -(10**6), "end": 10**6, "G": 10**6}  # fmt: skip
HELP = """\
Tab, 1 to 4     the next pane, or that one: groups, workers, tags, jobs
j k, arrows     move; also g, G, Home, End, Page Up and Down
Enter           show what is known of the row
l               the end of the job's or worker's log
c               cancel the job, or the one that the worker runs (asks)
d               drain the worker; again: let it claim jobs (asks)
p               pause the group or the tag; again: resume it (asks)
/               show only rows with this text; Esc shows all
q, Ctrl-C       quit; Ctrl-Z stops for a while

The same in scripts: wmctl top -b -n 1, wmctl worker ls, wmctl queue ls, wmctl ps.
A bar shows how many of a group's live workers have a job. An empty REASON means that
nothing keeps the job from running; wmctl why ID tells more."""


class Screen:
    """One live screen."""

    def __init__(self, spool: Spool, terminal: Terminal, delay: float, most: int | None) -> None:
        self._spool = spool
        self._terminal = terminal
        self._most = most
        self._looks = Repeated(Looker(spool).look, delay, terminal.wake)
        self._acts = Acts(spool)
        self._shown = Shown(pane=1, plain_bars=not _is_unicode())
        self._snapshot = Snapshot(str(spool.path), "", "")
        self._page: Page | None = None
        self._lines: Repeated[list[str]] | None = None
        self._start = 0
        self._act: Act | None = None
        self._typing = False
        self._answer, self._answered = "", 0.0
        self._drawn: list[str] = []
        self._over = False

    def run(self) -> None:
        """Until somebody quits."""
        try:
            while not self._over:
                self._take_news()
                self._draw()
                for key in self._terminal.keys(1.0):
                    self._press(key)
        finally:
            self._looks.end()
            self._close_page()

    def _take_news(self) -> None:
        failure = self._looks.failure
        if failure is not None:
            raise failure
        if self._looks.latest is not None:
            self._snapshot = self._looks.latest
        self._over = self._over or (self._most is not None and self._looks.count >= self._most)
        chosen = [self._still(pane) for pane in range(len(PANES))]
        self._shown = self._shown._replace(chosen=tuple(chosen))

    def _still(self, pane: int) -> str:
        """The chosen row, or the first one where it has gone."""
        keys = self._keys(pane)
        return self._shown.chosen[pane] if self._shown.chosen[pane] in keys else (*keys, "")[0]

    def _keys(self, pane: int) -> list[str]:
        return [row.key for row in rows_of(PANES[pane], self._snapshot, self._shown)]

    # Drawing.

    def _draw(self) -> None:
        columns, lines = self._terminal.size
        if self._page is not None:
            drawn = self._page_lines(columns, lines)
        else:
            drawn = frame(self._snapshot, self._with_line(), columns, lines)
        if drawn != self._drawn or self._terminal.stale:
            self._terminal.stale = False
            self._drawn = drawn
            output.draw(drawn)
            streams.flush()

    def _with_line(self) -> Shown:
        line = ""
        if self._act is not None:
            line = f"{self._act.question} [y/N]"
        elif self._typing:
            line = f"/{self._shown.filter}_   Enter keeps it, Esc shows all"
        elif self._answer and time.monotonic() - self._answered < _ANSWER:
            line = self._answer
        elif not self._looks.count:
            line = "looking…" if not self._shown.plain_bars else "looking..."
        return self._shown._replace(line=line)

    def _page_lines(self, columns: int, lines: int) -> list[str]:
        assert self._page is not None  # noqa: S101 - the caller has looked
        text = (self._lines.latest if self._lines else None) or []
        room = max(lines - 2, 1)
        last = max(len(text) - room, 0)
        if self._page.tail and self._start < 0:
            return page(self._page.title, text, last, columns, lines)
        self._start = min(max(self._start, 0), last)
        return page(self._page.title, text, self._start, columns, lines)

    # Keys.

    def _press(self, key: str) -> None:
        if self._act is not None:
            self._answer_question(key)
        elif self._typing:
            self._type(key)
        elif self._page is not None:
            self._press_on_page(key)
        else:
            self._press_on_rows(key)

    def _answer_question(self, key: str) -> None:
        act, self._act = self._act, None
        if act is not None and key in {"y", "Y"}:
            self._say("…" if not self._shown.plain_bars else "...")
            once(act.run, self._told)
        else:
            self._say("nothing was done")

    def _type(self, key: str) -> None:
        text = self._shown.filter
        if key == "escape":
            text, self._typing = "", False
        elif key == "enter":
            self._typing = False
        elif key == "delete":
            text = text[:-1]
        elif key == "clear":
            text = ""
        elif len(key) == 1:
            text += key
        self._shown = self._shown._replace(filter=text)

    def _press_on_page(self, key: str) -> None:
        if key in _STEPS:
            text = (self._lines.latest if self._lines else None) or []
            room = max(self._terminal.size[1] - 2, 1)
            last = max(len(text) - room, 0)
            start = last if self._start < 0 else self._start
            self._start = min(max(start + _STEPS[key], 0), last)
            if self._page is not None and self._page.tail and self._start == last:
                self._start = -1  # goes on with what comes
        elif key in {"escape", "q", "enter", "l", "?"}:
            self._close_page()

    def _press_on_rows(self, key: str) -> None:
        pane = self._shown.pane
        if key in {"q", "Q"}:
            self._over = True
        elif key in {"tab", "back tab"}:
            step = 1 if key == "tab" else -1
            self._shown = self._shown._replace(pane=(pane + step) % len(PANES))
        elif key in {str(number + 1) for number in range(len(PANES))}:
            self._shown = self._shown._replace(pane=int(key) - 1)
        elif key in _STEPS:
            self._move(_STEPS[key])
        elif key == "/":
            self._typing = True
        elif key == "escape":
            self._shown = self._shown._replace(filter="")
        elif key == "?":
            self._open(Page("keys", HELP.splitlines))
        elif key in _ON_ROW:
            self._on_row(key, pane, self._shown.chosen[pane])

    def _move(self, step: int) -> None:
        pane = self._shown.pane
        keys = self._keys(pane)
        if keys:
            at = keys.index(self._still(pane)) + step
            chosen = list(self._shown.chosen)
            chosen[pane] = keys[min(max(at, 0), len(keys) - 1)]
            self._shown = self._shown._replace(chosen=tuple(chosen))

    def _on_row(self, key: str, pane: int, row: str) -> None:
        if not row:
            return
        acts, snapshot = self._acts, self._snapshot
        if key in {"enter", "l"}:
            found = acts.page(pane, row, snapshot) if key == "enter" else acts.log(pane, row)
            if found is not None:
                self._open(found)
                return
        else:
            ask: dict[str, Callable[[], Act | None]] = {
                "c": lambda: acts.cancel(pane, row, snapshot),
                "d": lambda: acts.drain(pane, row),
                "p": lambda: acts.pause(pane, row),
            }
            try:
                self._act = ask[key]()
            except WmctlError as error:
                self._say(error.message)
                return
            if self._act is not None:
                return
        self._say(_ON_ROW[key])

    # Pages and answers.

    def _open(self, found: Page) -> None:
        def lines() -> list[str]:
            try:
                return list(found.lines())
            except WmctlError as error:
                return [error.message]

        self._page, self._start = found, -1 if found.tail else 0
        self._lines = Repeated(lines, 1.0, self._terminal.wake)

    def _close_page(self) -> None:
        if self._lines is not None:
            self._lines.end()
        self._page = self._lines = None

    def _say(self, text: str) -> None:
        self._answer, self._answered = text, time.monotonic()

    def _told(self, text: str) -> None:
        """From another thread: something was done."""
        self._say(text)
        self._looks.now()
        self._terminal.wake()


#: What keys need that act on a row, for those who press them elsewhere.
_ON_ROW = {
    "enter": "there is nothing to show",
    "l": "l shows the log of a job or of a worker",
    "c": "c cancels a job, or the one that a worker runs",
    "d": "d drains a worker",
    "p": "p pauses a group or a tag",
}


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
