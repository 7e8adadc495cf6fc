"""Standard streams that are closed or cannot be written: one line, a fixed code, nothing lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl

Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(environ: dict[str, str], tmp_path: Path) -> Shell:
    """Run a line of sh in which `$wmctl` is the command."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=environ | {"wmctl": f"{sys.executable} -m wmctl"},
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def states(wmctl: Wmctl) -> list[str]:
    """The states of all jobs."""
    return [row.split("\t")[2] for row in wmctl("ps", "-a", "-o", "tsv").stdout.splitlines()[1:]]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("submit -c : -l bash", 0),
        ("submit -c fi -l bash", 65),
        ("run -- sh -c 'echo out; echo err >&2; exit 3'", 3),
        ("run -c 'echo hi' -l bash", 0),
        ("ps", 0),
        ("--help", 0),
        ("nosuch", 2),
    ],
)
def test_closed_streams_lead_nowhere(shell: Shell, closed: str, words: str, code: int) -> None:
    """As if they were /dev/null."""
    done = shell(f"$wmctl {words} {closed}")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_no_job_gets_a_file_of_ours_as_its_stream(shell: Shell) -> None:
    """What is opened later must not take the number of a stream that was closed."""
    assert shell("$wmctl run -- ls -l /proc/self/fd 0<&- 2>&-").stdout.count("spool") == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ps", 74),
        ("ps -o json", 74),
        ("--help", 74),
        ("version", 74),
        ("run -c 'echo hi' -l bash", 125),
        ("run -- echo hi", 125),
    ],
)
def test_a_full_disk_behind_stdout(shell: Shell, words: str, code: int) -> None:
    """One line, the same code everywhere."""
    done = shell(f"$wmctl {words} >/dev/full")
    assert done.returncode == code, done.stderr
    told = "wmctl: cannot write to standard output: No space left on device\n"
    assert done.stderr.removeprefix("hi\n") == told


def test_a_full_disk_behind_stderr(shell: Shell, wmctl: Wmctl) -> None:
    """Where it matters the code says so; an error keeps its own."""
    assert shell("$wmctl ps 2>/dev/full").returncode == 0
    assert shell("$wmctl show zz 2>/dev/full").returncode == 65
    assert shell("$wmctl nosuch 2>/dev/full").returncode == 2
    assert shell("$wmctl run -c 'echo hi; sleep 60' -l bash 2>/dev/full").returncode == 125
    assert states(wmctl) == ["canceled"]
    assert shell("$wmctl submit -c : -l bash").returncode == 0
    assert shell("$wmctl worker start --burst 2>/dev/full").returncode == 0
    assert sorted(states(wmctl)) == ["canceled", "success"]


def test_run_leaves_no_job_behind_that_nobody_hears(shell: Shell, wmctl: Wmctl) -> None:
    """Neither the one whose output failed nor those after it."""
    line = "printf '1\n2\n3\n' | $wmctl run --each - -- sh -c 'echo hi; sleep 60' >/dev/full"
    assert shell(line).returncode == 125
    assert states(wmctl) == ["canceled"] * 3


def test_a_pipe_that_does_not_block(environ: dict[str, str], wmctl: Wmctl) -> None:
    """Everything comes, however slowly it is read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    command = ["sh", "-c", "yes | head -c 300000"]
    words = [sys.executable, "-m", "wmctl", "run", "--", *command]
    process = subprocess.Popen(words, env=environ, stdout=write)
    os.close(write)
    with open(read, "rb") as file:
        assert len(file.read()) == 300_000
    assert process.wait(30) == 0


def test_an_id_that_cannot_be_printed_is_told(shell: Shell, wmctl: Wmctl) -> None:
    """The job is queued all the same."""
    done = shell("$wmctl submit -c : -l bash >/dev/full")
    assert done.returncode == 74
    job_id = wmctl("ps", "-o", "id").stdout.strip()
    assert f"\n  queued all the same: {job_id}\n" in done.stderr


def test_a_reader_that_has_gone_is_quiet(shell: Shell, wmctl: Wmctl) -> None:
    """141 from every command, and Python says nothing at its end."""
    for words in ("--help", "ps", "version", "doctor", "submit -c : -l bash"):
        done = shell(f"$wmctl {words} | (exec <&-; sleep 1)")
        assert (done.returncode, done.stderr) == (141, ""), words
    assert shell("$wmctl ps | cat").returncode == 0
