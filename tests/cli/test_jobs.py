"""submit, ps, show, result, cancel and wait, with real processes and no worker."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl

Submitted = Callable[..., str]
KEYS = [
    "id", "state", "tag", "name", "workspace", "priority", "scheduled_for", "started_at",
    "completed_at", "worker", "attempt", "exit_code", "reason",
]  # fmt: skip


def test_submit_prints_the_id_and_nothing_else(wmctl: Wmctl) -> None:
    """So that `id=$(wmctl submit …)` needs no flag; who has no worker is told on the side."""
    done = wmctl("submit", "-c", "echo hi", "-l", "bash")
    assert done.returncode == 0
    assert done.stderr.startswith("wmctl: queued, but no live worker serves the tag 'bash'\n")
    assert len(done.stdout) == 37
    assert wmctl("ps", "-o", "id").stdout == done.stdout


def test_what_a_job_is_made_from(wmctl: Wmctl, submitted: Submitted, tmp_path: Path) -> None:
    """FILE, -c, -, and a command; each snapshotted now."""
    script = tmp_path / "hello.py"
    script.write_text("def main(name, n: int = 1): pass\n")
    ids = [
        submitted("hello.py", "-a", "name=ann", "-a", "n:=2", "-p", "7", "--workspace", "w",
                  "-t", "gpu", "--timeout", "1m", "-N", "called"),
        submitted("-c", "echo hi", "-l", "sh"),
        submitted("-", "-l", "bash", stdin="echo in"),
        submitted("-C", "/", "--", "ls", "-l", "--", "a b"),
    ]  # fmt: skip
    script.unlink()
    shown = wmctl("show", *ids, "-o", "json").stdout
    jobs = [json.loads(text) for text in shown.replace("\n}\n{", "\n}\n\0{").split("\0")]
    assert jobs[0]["args"] == {"name": "ann", "n": 2}
    assert [jobs[0][key] for key in ("name", "tag", "priority", "workspace", "timeout")] == [
        "called", "gpu", 7, "w", 60.0,
    ]  # fmt: skip
    assert [job["name"] for job in jobs[1:]] == ["echo hi", "-", "ls -l -- a b"]
    assert [job["tag"] for job in jobs[1:]] == ["bash"] * 3
    assert (jobs[3]["argv"], jobs[3]["cwd"]) == (["ls", "-l", "--", "a b"], "/")


def test_a_job_in_json_has_the_promised_keys(wmctl: Wmctl, submitted: Submitted) -> None:
    """In this order, and a schema."""
    submitted("-c", ":", "-l", "bash")
    (job,) = json.loads(wmctl("ps", "-o", "json").stdout)
    assert list(job)[: 1 + len(KEYS)] == ["schema", *KEYS]
    assert job["schema"] == "wmctl.job/1"
    assert job["scheduled_for"].endswith("Z")
    assert (job["state"], job["attempt"], job["worker"]) == ("queued", 1, None)
    assert json.loads(wmctl("ps", "-o", "jsonl").stdout) == job
    titles, row = wmctl("ps", "-o", "tsv").stdout.splitlines()
    assert dict(zip(titles.split("\t"), row.split("\t"), strict=True))["id"] == job["id"]


def test_each_line_is_a_job(wmctl: Wmctl, tmp_path: Path) -> None:
    """JSON lines are args, plain ones the first parameter; of a command, `{}` or its last word."""
    (tmp_path / "s.sh").write_text('host="$1"\nport="${2:-80}"\n')
    lines = 'alpha\n\n{"host": "beta", "port": "81"}\n  gamma delta\r\n'
    done = wmctl("submit", "s.sh", "--each", "-", "-a", "port=82", stdin=lines)
    ids = done.stdout.split()
    shown = [json.loads(wmctl("show", job_id, "-o", "json").stdout)["args"] for job_id in ids]
    assert shown == [
        {"port": "82", "host": "alpha"}, {"port": "81", "host": "beta"},
        {"port": "82", "host": "  gamma delta"},
    ]  # fmt: skip
    (tmp_path / "list").write_text("a b\n")
    (filled,) = wmctl("submit", "--each", "list", "--", "cp", "{}", "{}.bak").stdout.split()
    assert json.loads(wmctl("show", filled, "-o", "json").stdout)["argv"] == [
        "cp",
        "a b",
        "a b.bak",
    ]
    (added,) = wmctl("submit", "--each", "list", "--", "ls").stdout.split()
    assert json.loads(wmctl("show", added, "-o", "json").stdout)["argv"] == ["ls", "a b"]


def test_a_wrong_line_is_named_and_nothing_is_queued(wmctl: Wmctl) -> None:
    """Of a list that is not longer than a batch."""
    done = wmctl(
        "submit", "-c", 'a="$1"', "-l", "bash", "--each", "-", stdin='x\n{"a": 1, "b": 2}\n'
    )
    assert (done.returncode, done.stdout) == (65, "")
    assert "line 2" in done.stderr
    assert "'b' is unknown" in done.stderr
    assert wmctl("ps", "-o", "id").stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["nofile.py"], 66, "there is no file nofile.py"),
        (["folder"], 65, "folder is a folder"),
        (["x.unknown"], 65, "no runner takes the ending '.unknown'"),
        (["binary.py"], 65, "is binary"),
        (["latin.py"], 65, "not text in UTF-8: byte 2"),
        (["bad.py"], 65, "does not parse"),
        (["-c", "fi", "-l", "bash"], 65, "does not parse"),
        (["-c", "x"], 2, "needs a language"),
        (["-c", "x", "-l", "cobol"], 65, "no runner for language 'cobol'"),
        ([], 2, "give one source"),
        (["good.py", "-c", "x"], 2, "exclude each other"),
        (["good.py", "-C", "/"], 2, "for commands"),
        (["--"], 2, "no command after --"),
        (["good.py", "-a", "other=1"], 65, "'other' is unknown"),
        (["good.py", "-a", "a:={"], 65, "not JSON"),
        (["good.py", "-d", "[]"], 65, "not an object"),
        (["good.py", "-t", "a\nb"], 65, "control character"),
        (["good.py", "-t", "x" * 300], 65, "takes 300 bytes"),
        (["good.py", "--workspace", "/../"], 65, "workspace"),
        (["good.py", "--workspace", "w" * 300], 65, "workspace"),
        (["good.py", "--timeout", "soon"], 2, "not a duration"),
        (["good.py", "-p", "101"], 2, "101"),
        (["fifo.py"], 65, "not a regular file"),
        (["-a", "x=1", "--", "ls"], 65, "takes no args"),
        (["good.py", "--spool", "nowhere"], 78, "is not a spool"),
    ],
)
def test_bad_input(wmctl: Wmctl, tmp_path: Path, words: list[str], code: int, part: str) -> None:
    """What was wrong and where, the documented code, no traceback, no job."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.unknown").write_text("?")
    (tmp_path / "binary.py").write_bytes(b"def main():\0")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    (tmp_path / "bad.py").write_text("def main(:\n")
    (tmp_path / "good.py").write_text("def main(a=1): pass\n")
    os.mkfifo(tmp_path / "fifo.py")
    done = wmctl("submit", *words, timeout=20)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert wmctl("ps", "-o", "id").stdout == ""


def test_no_check_queues_it_all_the_same(submitted: Submitted) -> None:
    """For code that only the worker's tools understand."""
    submitted("-c", "fi", "-l", "bash", "--no-check")
    submitted("-c", "def main(a): pass", "-l", "python3", "-a", "b=1", "--no-check")


def test_a_command_keeps_its_surroundings(wmctl: Wmctl, environ: dict[str, str]) -> None:
    """A short list of variables; with --env-all the rest."""
    umask = os.umask(0o022)
    os.umask(umask)
    for words, kept in (([], False), (["--env-all"], True)):
        done = wmctl(
            "submit", *words, "--", "ls", env={"SECRET_X": "1", "LC_TIME": "C", "TZ": "UTC"}
        )
        path = Path(json.loads(wmctl("show", done.stdout.strip(), "-o", "json").stdout)["file"])
        job = json.loads(path.read_text())
        assert job["env"]["PATH"] == environ["PATH"]
        assert (job["env"]["LC_TIME"], job["env"]["TZ"]) == ("C", "UTC")
        assert ("SECRET_X" in job["env"]) is kept
        assert job["umask"] == umask


def test_ps_selects(wmctl: Wmctl, submitted: Submitted) -> None:
    """By state and tag; finished ones only with -a."""
    first = submitted("-c", ":", "-l", "bash")
    second = submitted("-c", ":", "-l", "bash", "-t", "gpu")
    wmctl("cancel", first)
    assert wmctl("ps", "-o", "id").stdout.split() == [second]
    assert set(wmctl("ps", "-a", "-o", "id").stdout.split()) == {first, second}
    assert wmctl("ps", "-s", "canceled", "-o", "id").stdout.split() == [first]
    assert wmctl("ps", "-a", "-t", "gpu", "-o", "id").stdout.split() == [second]
    assert wmctl("ps", "-s", "nosuch").returncode == 2
    assert wmctl("ps", "-o", "xml").returncode == 2


def test_ids_can_be_short_and_come_from_a_pipe(wmctl: Wmctl, submitted: Submitted) -> None:
    """The last eight digits are what people see."""
    job_id = submitted("-c", ":", "-l", "bash")
    assert job_id in wmctl("show", job_id[-8:]).stdout
    assert wmctl("show", "00000000").returncode == 66
    done = wmctl("cancel", "-", stdin=f"{job_id}\n")
    assert (done.returncode, done.stdout) == (0, f"{job_id}  canceled\n")


def test_cancel_and_what_follows(wmctl: Wmctl, submitted: Submitted) -> None:
    """The reason is kept; wait exits with 143; there is no result."""
    job_id = submitted("-c", ":", "-l", "bash")
    assert wmctl("result", job_id).returncode == 75
    assert wmctl("cancel", job_id, "--reason", "wrong input").returncode == 0
    assert wmctl("cancel", job_id).returncode == 0
    (job,) = json.loads(wmctl("ps", "-a", "-o", "json").stdout)
    assert job["state"] == "canceled"
    assert job["reason_text"].startswith("wrong input (by ")
    assert job["completed_at"].endswith("Z")
    done = wmctl("wait", job_id)
    assert done.returncode == 143
    assert "wrong input" in done.stderr
    result = wmctl("result", job_id)
    assert (result.returncode, result.stdout) == (1, "")


def test_wait_gives_up(wmctl: Wmctl, submitted: Submitted) -> None:
    """75 and how to go on, for a job that nobody runs; 66 for one that is not there."""
    job_id = submitted("-c", ":", "-l", "bash")
    done = wmctl("wait", job_id, "--wait-timeout", "100ms")
    assert done.returncode == 75
    assert f"wmctl wait {job_id}" in done.stderr
    assert wmctl("wait", "00000000").returncode == 66
    assert wmctl("wait", job_id, "--spool", "nowhere").returncode == 125
    assert wmctl("wait", job_id, "--wait-timeout", "x").returncode == 2


def test_a_reader_that_goes_away_is_no_error(environ: dict[str, str], submitted: Submitted) -> None:
    """`wmctl ps | head` must not spill Python."""
    for _ in range(3):
        submitted("-c", ":", "-l", "bash")
    process = subprocess.Popen(
        [sys.executable, "-m", "wmctl", "ps", "-o", "jsonl"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr is not None
    with process.stderr as stream:
        assert stream.read() == b""
