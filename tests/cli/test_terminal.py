"""What a person sees, on a real pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.spool import Spool

Seen = Callable[..., list[str]]


@pytest.fixture
def seen(environ: dict[str, str], tmp_path: Path) -> Seen:
    """The lines that a command writes to a terminal of so many columns."""

    def run(*words: str, columns: int = 80) -> list[str]:
        main, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "wmctl", *words],
            env=environ | {"COLUMNS": str(columns), "TERM": "dumb"}, cwd=tmp_path,
            stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        text = _read(main)
        assert process.wait(60) in {0, 3}
        return text.replace("\r\n", "\n").splitlines()

    return run


def _read(main: int) -> str:
    """Everything, until nobody has the terminal open any more."""
    parts = []
    with open(main, "rb", buffering=0) as file:
        while select.select([file], [], [], 60)[0]:
            try:
                part = file.read(65536)
            except OSError:
                break
            if not part:
                break
            parts.append(part)
    return b"".join(parts).decode()


def test_a_table_fits_the_terminal(seen: Seen, wmctl: Wmctl) -> None:
    """A long name is shortened, the last columns stay; a pipe gets all of it."""
    name = "a very long name " * 6
    job_id = wmctl("submit", "-N", name, "-c", ":", "-l", "bash").stdout.strip()
    wmctl("cancel", job_id, "--reason", "it was the wrong one " * 3)
    for columns in (200, 100, 80, 60):
        titles, row = seen("ps", "-a", columns=columns)
        assert titles.split()[-1] == "REASON"
        assert "…" in row
        assert len(row) <= max(columns, 76)
        assert "it was th" in row
    assert "a very long name a very long name a very…" not in seen("ps", "-a", columns=80)[1]
    assert "a very long name a very long name a ver…" in seen("ps", "-a", columns=200)[1]
    assert name in wmctl("ps", "-a").stdout


def test_a_log_without_an_end_of_line(seen: Seen) -> None:
    """The result begins on a line of its own."""
    assert seen("run", "-q", "-c", "printf hi", "-l", "bash") == ['"hi"']
    assert seen("run", "-c", "printf hi", "-l", "bash") == ["hi", '"hi"']
    assert seen("run", "-c", "echo hi", "-l", "bash") == ["hi", '"hi"']
    assert seen("run", "--", "printf", "hi") == ["hi"]


def test_workers_and_queues_fit_the_terminal(seen: Seen, environ: dict[str, str]) -> None:
    """A worker is called by the end of its name there, and titles are short."""
    spool = Spool.open(Path(environ["HOME"]) / ".local/state/wmctl/spool")
    spool.join("wk-default-lab-x8f2q", {
        "groups": ["default"], "tags": ["bash", "python3", "deno", "go"], "state": "busy",
        "job": "01a20b66-deda-7a52-a378-ca2262050b19", "ok": 41, "failed": 2,
        "occupancy": [1.0, 0.88, 0.61], "started_at": "2026-11-23T08:00:00Z"})  # fmt: skip
    for words in (("worker", "ls"), ("queue", "ls")):
        for line in seen(*words, columns=86):
            assert len(line) <= 86
    titles, row = seen("worker", "ls", columns=86)
    assert titles.split() == [
        "WORKER", "GROUP", "STATE", "TAGS", "JOB", "OK/FAIL", "OCC", "PING", "UP",
    ]  # fmt: skip
    assert row.startswith("lab-x8f2q  default  busy   bash,pyth")
    assert "62050b19  41/2     100/88/61%" in row
    assert seen("worker", "ls", columns=200)[0].split()[6] == "OCC(15s/5m/30m)"
    assert seen("queue", "ls", columns=80)[0].split()[1:3] == ["RUN", "WAIT"]
