"""`wmctl top`: its picture, lines of any size, keys, and that it leaves a terminal as it was."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from wmctl.cli.tables import width
from wmctl.cli.top_acts import GROUPS, JOBS, TAGS, WORKERS, Acts
from wmctl.cli.top_data import Looker
from wmctl.cli.top_keys import keys_of
from wmctl.cli.top_repeat import Repeated
from wmctl.cli.top_rows import PANES, Shown, rows_of
from wmctl.cli.top_screen import _shares, frame, page
from wmctl.spool import Job, Spool, orders
from wmctl.testing.spool_contract import claim

#: Turns colours on and off; nothing else of a terminal's controls may be in a line.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Two groups, six workers, one of them dead, jobs in all states, one waiting for nobody."""
    spool = Spool.create(tmp_path / "spool")
    for number in range(4):
        spool.join(f"wk-default-lab-{number}", {
            "tags": ["bash"], "groups": ["default"], "state": "idle", "ok": 9, "failed": 1,
            "occupancy": [0.5, 0.2, 0.1], "started_at": "2026-11-23T08:00:00Z"})  # fmt: skip
    for name in ("a", "b"):
        spool.join(f"wk-gpu-lab-{name}", {"tags": ["gpu"], "groups": ["gpu"], "state": "idle"})
    moment = time.time() - 3600
    os.utime(spool.path / "workers/wk-gpu-lab-b", (moment, moment))
    for name, tag in (("runs", "bash"), ("fails", "bash"), ("waits", "gpu"), ("nobody", "tpu"),
                      ("evil\x1b[2J[red]\n日本語", "bash")):  # fmt: skip
        spool.submit(Job(kind="command", argv=("true",), name=name), tag=tag)
    for entry in list(spool.newest(["queued"], 9)):
        job = spool.job(entry)
        if job.name in {"runs", "fails"}:
            taken = claim(spool, "wk-default-lab-1", entry)
            assert taken is not None
            if job.name == "fails":
                record = {"exit_code": 3, "result": {"error": {"name": "E", "message": "no"}}}
                assert spool.finish(taken, "failure", record)
            else:
                with open(spool.open_log(taken), "wb") as log:
                    log.write(b"step 1\n\x1b[31mstep\x1b[0m \x1b]0;2\x07\n")
                said = {"tags": ["bash"], "groups": ["default"], "state": "busy", "job": taken.id}
                spool.beat("wk-default-lab-1", said)
    return spool


def plain(lines: list[str]) -> list[str]:
    return [_COLOUR.sub("", line) for line in lines]


def test_the_picture(spool: Spool) -> None:
    """What is in the spool, each thing once."""
    found = Looker(spool).look()
    assert [(one.name, one.alive, one.busy, one.dead) for one in found.groups] == [
        ("default", 4, 1, 0), ("gpu", 1, 0, 1),
    ]  # fmt: skip
    assert [one.state for one in found.workers] == [
        *["idle", "busy", "idle", "idle"],
        "idle",
        "dead",
    ]
    assert {one["tag"] for one in found.queues} == {"bash", "gpu", "tpu"}
    assert (found.counts["running"], found.counts["waiting"], found.failures) == (1, 3, 1)
    assert [one["name"][:5] for one in found.jobs] == [
        "evil\x1b",
        "nobod",
        "waits",
        "fails",
        "runs",
    ]
    assert [one["reason"] for one in found.jobs[1:]] == ["NoWorker", "Busy", None, None]
    assert not found.trouble


def test_the_picture_of_a_spool_that_went_away(spool: Spool) -> None:
    """The last one stays, with what is the matter."""
    looker = Looker(spool)
    before = looker.look()
    spool.path.rename(spool.path.with_name("gone"))
    found = looker.look()
    assert found.trouble
    assert found.workers == before.workers
    assert found.trouble in plain(frame(found, Shown(), 200, 24))[0]


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 8), (20, 3), (1, 1)])
@pytest.mark.parametrize("pane", range(4))
def test_a_frame_fits(spool: Spool, size: tuple[int, int], pane: int) -> None:
    """As many lines as the terminal has, none as wide as it, no control character in any."""
    columns, lines = size
    drawn = plain(frame(Looker(spool).look(), Shown(pane=pane), columns, lines))
    assert len(drawn) == lines
    assert all(width(line) < max(columns, 2) for line in drawn), drawn
    assert all(line.isprintable() for line in drawn)


def test_what_80_by_24_shows(spool: Spool) -> None:
    """Both groups with their bars, all six workers, the tag that nobody serves, newest jobs."""
    text = "\n".join(plain(frame(Looker(spool).look(), Shown(), 80, 24)))
    assert re.search(r"default +███░░░░░░░░░ 1/4 +1 bash", text)
    assert re.search(r"gpu +░░░░░░░░░░░░ 0/1 +1 +1 gpu", text)
    for number in range(4):
        assert f"\nlab-{number} " in text
    assert re.search(r"lab-b +gpu +dead", text)
    assert "50/20/10%" in text
    assert re.search(r"tpu +0 +1 .* NoWorker", text)
    assert "evil\\x1b[2J[red]\\n日本語" in text
    assert re.search(r"failure +bash +fails .*exit 3", text)
    assert "1 failed in the last hour" in text
    ascii_only = frame(Looker(spool).look(), Shown(plain_bars=True), 80, 24)
    assert "###......... 1/4" in "\n".join(plain(ascii_only))


def test_the_room_is_shared(spool: Spool) -> None:
    """What is too long is shown in part, the chosen row among it; the focused pane gets more."""
    assert _shares([3, 7, 5, 9], 1, 21) == [3, 7, 5, 6]
    assert _shares([50, 50, 50, 50], 3, 21) == [5, 5, 4, 7]
    assert _shares([50, 50, 50, 50], 0, 3) == [2, 1, 0, 0]
    found = Looker(spool).look()
    last = found.workers[-1].name
    shown = Shown(pane=1, chosen=("", last, "", ""))
    text = "\n".join(plain(frame(found, shown, 80, 12)))
    assert "2 WORKERS 5-6/6" in text
    assert "lab-b" in text


def test_a_filter(spool: Spool) -> None:
    """Rows that have the text somewhere."""
    found = Looker(spool).look()
    keys = [row.key for pane in PANES for row in rows_of(pane, found, Shown(filter="GPU"))]
    assert keys[:4] == ["gpu", "wk-gpu-lab-a", "wk-gpu-lab-b", "gpu"]


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("jk\x1b[A\x1b[B", ["j", "k", "up", "down"]),
        ("\x1b", ["escape"]),
        ("\x1b[200~x\x1b[5~\x1b[1;5A", ["x", "page up"]),
        ("\r\t\x7f\x15/ü", ["enter", "tab", "delete", "clear", "/", "ü"]),
        ("\x1bOHq\x00", ["home", "q"]),
    ],
)
def test_keys(sent: str, keys: list[str]) -> None:
    """Characters and names; what nobody knows is left out."""
    assert keys_of(sent) == keys


def test_pages_and_acts(spool: Spool) -> None:
    """What Enter, l, c, d and p do to a row of each pane, and where they do nothing."""
    found = Looker(spool).look()
    acts = Acts(spool)
    running = next(one["id"] for one in found.jobs if one["name"] == "runs")
    texts = {
        pane: "\n".join(acts.page(pane, key, found).lines())
        for pane, key in ((GROUPS, "gpu"), (WORKERS, "lab-1"), (TAGS, "tpu"), (JOBS, running))
    }
    assert "alive    1, of them 0 with a job; 1 dead" in texts[GROUPS]
    assert f"job        {running} runs" in texts[WORKERS]
    assert "NoWorker" in texts[TAGS]
    assert f"job {running} (runs)" in texts[JOBS]
    log = acts.log(JOBS, running)
    assert log is not None
    assert log.lines() == ["step 1", "step \x1b]0;2\x07"]
    drawn = plain(page(log.title, list(log.lines()), 0, 80, 24))
    assert drawn[1:3] == ["step 1", "step \\x1b]0;2\\x07"]
    assert acts.log(TAGS, "tpu") is acts.cancel(GROUPS, "gpu", found) is None
    assert acts.drain(JOBS, running) is acts.pause(WORKERS, "x") is None
    act = acts.cancel(WORKERS, "wk-default-lab-1", found)
    assert act is not None
    assert "its worker has been told to stop it" in act.run()
    for state in ("drain", None):
        act = acts.drain(WORKERS, "wk-gpu-lab-a")
        assert act is not None
        act.run()
        assert (orders.order_for(spool.store, "wk-gpu-lab-a") or {}).get("order") == state
    for known in ({"gpu"}, set()):
        for pane in (GROUPS, TAGS):
            act = acts.pause(pane, "gpu")
            assert act is not None
            act.run()
        assert set(spool.pauses()) == set(orders.paused_groups(spool.store)) == known


def test_blocks(spool: Spool, call: Call) -> None:
    """Where there is no terminal: all of it as text, so many times."""
    code, out, _ = call("top", "-n", "2", "-d", "0.1")
    assert code == 0
    assert out.count("newest jobs\n") == 2
    assert "evil\\x1b[2J[red]\\n日本語" in out
    assert re.search(r"(?m)^gpu +0 +1 +1 +1 +gpu$", out)
    assert "wk-gpu-lab-b" in out
    assert "\x1b" not in out


def test_work_in_the_background_that_breaks() -> None:
    """Is told, not lost in its thread."""
    news: list[int] = []
    repeated = Repeated(lambda: 1 // 0, 0.0, lambda: news.append(1))
    repeated._thread.join(10)
    assert isinstance(repeated.failure, ZeroDivisionError)
    assert news == [1]


class Screen:
    """The command on a terminal of its own."""

    def __init__(self, spool: Path, environ: dict[str, str], columns: int = 80) -> None:
        self._main, self._terminal = pty.openpty()
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.before = termios.tcgetattr(self._terminal)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wmctl", "--spool", str(spool), "top", "-d", "0.2"],
            env=environ | {"TERM": "xterm", "LANG": "C.UTF-8"}, process_group=0,
            stdin=self._terminal, stdout=self._terminal, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.text = ""

    def until(self, text: str, seconds: float = 30) -> str:
        """Read until it has written this; what came before it."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} in {self.text[-3000:]!r}"
            if select.select([self._main], [], [], left)[0]:
                self.text += os.read(self._main, 65536).decode("utf-8", "replace")
        before, _, self.text = self.text.partition(text)
        return before

    def press(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self.process.send_signal(signal.SIGWINCH)

    @property
    def settings(self) -> list[Any]:
        return termios.tcgetattr(self._terminal)

    def ended(self) -> int:
        """The exit code; the terminal must be as it was."""
        self.until("\x1b[?25h\x1b[?1049l")
        code = self.process.wait(30)
        assert self.settings == self.before
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._main)
        os.close(self._terminal)


@pytest.fixture
def screen(spool: Spool, environ: dict[str, str]) -> Iterator[Screen]:
    found = Screen(spool.path, environ)
    yield found
    found.close()


def test_a_session(screen: Screen, spool: Spool) -> None:
    """Look, choose, show, go back, drain after a yes, filter, stop and go on, resize, quit."""
    screen.until("\x1b[?1049h\x1b[?25l")
    screen.until("WORKERS 6")
    assert not screen.settings[3] & (termios.ICANON | termios.ECHO)
    screen.press("\t\t4\r")
    screen.until("why it does not run")
    screen.press("\x1b")
    screen.until("JOBS 5")
    screen.press("2Gkd")
    screen.until("drain wk-gpu-lab-a? [y/N]")
    screen.press("y")
    screen.until("wk-gpu-lab-a drains")
    assert orders.order_for(spool.store, "wk-gpu-lab-a") is not None
    screen.press("/tpu\r")
    screen.until("WORKERS 0")
    screen.process.send_signal(signal.SIGTSTP)
    screen.until("\x1b[?25h\x1b[?1049l")
    os.waitpid(screen.process.pid, os.WUNTRACED)
    assert screen.settings == screen.before
    screen.process.send_signal(signal.SIGCONT)
    screen.until("\x1b[?1049h\x1b[?25l")
    screen.until("TAGS 1")
    screen.resize(160, 50)
    screen.until("\x1b[H")
    screen.press("\x1bq")
    assert screen.ended() == 0


@pytest.mark.parametrize(
    ("end", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), ("spool", 0)], ids=str
)
def test_the_terminal_is_put_back(
    screen: Screen, spool: Spool, end: signal.Signals | str, code: int
) -> None:
    """Whatever ends it; a spool that goes away does not."""
    screen.until("WORKERS 6")
    if isinstance(end, signal.Signals):
        screen.process.send_signal(end)
    else:
        spool.path.rename(spool.path.with_name("gone"))
        screen.until("\x1b[1;31m")
        screen.press("q")
    assert screen.ended() == code
