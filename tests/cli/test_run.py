"""run, logs, result and workers: jobs that really run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.spool import Settings, Spool

Submitted = Callable[..., str]


def test_a_script(wmctl: Wmctl, tmp_path: Path) -> None:
    """The log on stderr, the result on stdout, the exit code its own."""
    (tmp_path / "hello.py").write_text(
        "def main(name: str, n: int = 1):\n    print('working')\n    return {'hello': name * n}\n"
    )
    done = wmctl("run", "hello.py", "-a", "name=ann", "-a", "n:=2")
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"hello":"annann"}\n', "working\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-c", "exit 4", "-l", "bash"], 4),
        (["-c", "def main():\n    raise ValueError('no')", "-l", "python3"], 1),
        (["-c", "kill -9 $$", "-l", "bash"], 137),
        (["--timeout", "300ms", "-c", "sleep 60", "-l", "bash"], 124),
        (["--", "sh", "-c", "exit 3"], 3),
        (["--", "no-such-program-here"], 127),
        (["-C", "/no/such/folder", "--", "true"], 126),
    ],
)
def test_the_exit_code_is_the_jobs(wmctl: Wmctl, words: list[str], code: int) -> None:
    """1 for a failed script without one, 124 timeout, 128+n signal; as a shell for commands."""
    done = wmctl("run", *words)
    assert done.returncode == code, done.stderr
    if "--" not in words:
        assert "error" in json.loads(done.stdout)


def test_a_command_keeps_its_streams(wmctl: Wmctl) -> None:
    """And has no result."""
    done = wmctl("run", "--", "sh", "-c", "echo out; echo err >&2; echo more")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\nmore\n", "err\n")


def test_what_a_command_cannot_say_itself_is_said(wmctl: Wmctl) -> None:
    """It was never started."""
    assert "no-such-program-here" in wmctl("run", "--", "no-such-program-here").stderr


def test_quiet_shows_a_scripts_log_on_failure_only(wmctl: Wmctl) -> None:
    """The manners of cron; the result is always printed."""
    done = wmctl("run", "-q", "-l", "bash", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, '"err"\n', "")
    done = wmctl("run", "-q", "-l", "bash", "-c", "echo out; echo err >&2; exit 2")
    assert done.returncode == 2
    assert done.stderr.startswith("out\nerr\n")


def test_quiet_leaves_a_commands_output_alone(wmctl: Wmctl) -> None:
    """It is what the command is run for."""
    for code in (0, 2):
        done = wmctl("run", "-q", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}")
        assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", "err\n")
    assert "output of a command is always shown" in " ".join(wmctl("run", "-h").stdout.split())


def test_each(wmctl: Wmctl) -> None:
    """A result for each line; the highest code."""
    done = wmctl(
        "run", "--each", "-", "-c", "def main(x): return int(x)", "-l", "python3",
        stdin="1\n2\n", timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n2\n")


def test_the_promise_of_the_readme(wmctl: Wmctl, submitted: Submitted) -> None:
    """Submit, a worker in a burst, wait: the job's code; logs and result afterwards."""
    job_id = submitted("-c", "echo hello; exit 4", "-l", "bash")
    burst = wmctl("worker", "start", "--burst", "-q")
    assert (burst.returncode, burst.stdout) == (0, "")
    assert wmctl("wait", job_id).returncode == 4
    assert wmctl("logs", job_id).stdout == "hello\n"
    assert "exit code 4" in json.loads(wmctl("result", job_id).stdout)["error"]["message"]
    (job,) = json.loads(wmctl("ps", "-a", "-o", "json").stdout)
    assert (job["state"], job["exit_code"], job["attempt"]) == ("failure", 4, 1)
    assert job["worker"].startswith("wk-default-")
    assert job["reason_text"] == "ExecutionErr: exit code 4"
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]


def start(environ: dict[str, str], folder: Path, *words: str) -> subprocess.Popen[str]:
    """A `wmctl` that goes on; Ctrl-C reaches it as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "wmctl", *words], env=environ, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def until(condition: Callable[[], bool], timeout: float = 30) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_the_own_job_and_no_other(
    wmctl: Wmctl, submitted: Submitted, environ: dict[str, str], tmp_path: Path, number: int
) -> None:
    """130; nothing of the job is left running."""
    other = submitted("-c", ":", "-l", "bash")
    process = start(
        environ, tmp_path, "run", "-c", "echo $$ > pid; sleep 300", "-l", "bash", "-N", "mine"
    )

    def running() -> bool:
        return "mine" in wmctl("ps", "-s", "running").stdout

    until(running)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 130
    states = {
        job["name"]: job["state"] for job in json.loads(wmctl("ps", "-a", "-o", "json").stdout)
    }
    assert states["mine"] == "canceled"
    assert states[":"] == "queued"
    assert other in wmctl("ps", "-o", "id").stdout


def test_ctrl_c_cancels_all_jobs_of_a_list(
    wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    """Those that have not begun, too."""
    (tmp_path / "list").write_text("1\n2\n3\n")
    process = start(environ, tmp_path, "run", "--each", "list", "--", "sleep", "300")
    until(lambda: wmctl("ps", "-s", "running", "-o", "id").stdout != "")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    jobs = json.loads(wmctl("ps", "-a", "-o", "json").stdout)
    assert [job["state"] for job in jobs] == ["canceled"] * 3


def test_ctrl_c_in_wait_only_detaches(
    wmctl: Wmctl, submitted: Submitted, environ: dict[str, str], tmp_path: Path
) -> None:
    """It says how to wait again."""
    first, job_id = (submitted("-c", ":", "-l", "bash") for _ in range(2))
    wmctl("cancel", first)
    process = start(environ, tmp_path, "wait", first, job_id)
    assert process.stderr is not None
    assert first in process.stderr.readline()  # it is past the first and waits for the second
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"wmctl wait {first} {job_id}" in errors
    assert wmctl("ps", "-o", "id").stdout.split() == [job_id]


def test_a_custom_tag_waits_and_says_why(wmctl: Wmctl) -> None:
    """A job for a GPU does not run on the laptop."""
    done = wmctl("run", "-t", "gpu", "--wait-timeout", "500ms", "-c", ":", "-l", "bash")
    assert done.returncode == 75
    assert "no live worker serves the tag 'gpu'" in done.stderr
    assert "wmctl worker start --tags gpu" in done.stderr


def test_a_job_goes_on_when_nobody_waits_any_longer(wmctl: Wmctl, tmp_path: Path) -> None:
    """Also where `run` itself had to bring the worker."""
    done = wmctl(
        "run", "--wait-timeout", "1s", "-N", "long", "--",
        "sh", "-c", "touch started; while [ ! -e go ]; do sleep 0.1; done; echo done",
    )  # fmt: skip
    assert done.returncode == 75
    assert (tmp_path / "started").exists()
    (tmp_path / "go").touch()
    (job_id,) = wmctl("ps", "-a", "-o", "id").stdout.split()
    assert wmctl("wait", job_id).returncode == 0
    assert wmctl("logs", job_id).stdout == "done\n"


def test_logs_follow_a_running_job(
    submitted: Submitted, environ: dict[str, str], tmp_path: Path
) -> None:
    """Line by line, to the end."""
    job_id = submitted(
        "--", "sh", "-c", "echo one; while [ ! -e go ]; do sleep 0.1; done; echo two"
    )
    worker = start(environ, tmp_path, "worker", "start", "--max-jobs", "1")
    follower = start(environ, tmp_path, "logs", "-f", job_id)
    assert follower.stdout is not None
    assert follower.stdout.readline() == "one\n"
    (tmp_path / "go").touch()
    assert follower.communicate(timeout=30)[0] == "two\n"
    assert worker.wait(30) == 0
    worker.communicate()


def test_worker_ls_and_drain(
    wmctl: Wmctl, submitted: Submitted, environ: dict[str, str], tmp_path: Path
) -> None:
    """What is alive, what it does; TERM lets it finish its job."""
    worker = start(environ, tmp_path, "worker", "start", "-n", "2", "--tags", "bash,gpu")

    def workers() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(wmctl("worker", "ls", "-o", "json").stdout)
        return found

    until(lambda: len(workers()) == 2)
    job_id = submitted(
        "-t", "gpu", "--", "sh", "-c", "touch on; while [ ! -e go ]; do sleep 0.1; done"
    )
    until((tmp_path / "on").exists)
    assert {"schema", "worker", "state", "tags", "group", "job"} <= set(workers()[0])
    assert {tuple(found["tags"]) for found in workers()} == {("bash", "gpu")}  # type: ignore[arg-type]
    worker.send_signal(signal.SIGTERM)
    until(lambda: len(workers()) == 1)
    (tmp_path / "go").touch()
    _, errors = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert wmctl("wait", job_id).returncode == 0
    assert "Traceback" not in errors
    assert workers() == []


def test_a_worker_without_a_tool_says_so(wmctl: Wmctl) -> None:
    """And serves the rest; with nothing left it is a matter of configuration."""
    words = ("worker", "start", "--burst", "--tags", "bash,deno")
    done = wmctl(*words, env={"DENO_PATH": "/no/deno"})
    assert done.returncode == 0
    assert "the tag 'deno' is not served: DENO_PATH is /no/deno" in done.stderr
    done = wmctl("worker", "start", "--tags", "deno", env={"DENO_PATH": "/no/deno"})
    assert done.returncode == 78


def test_doctor(wmctl: Wmctl, tmp_path: Path) -> None:
    """Notes for what is missing, faults for what is wrong."""
    done = wmctl("doctor", "-o", "json", env={"DENO_PATH": "/no/deno"})
    assert done.returncode == 0, done.stdout
    found = {item["check"]: item for item in json.loads(done.stdout)}
    assert found["runner deno"]["status"] == "note"
    assert found["runner bash"]["status"] == found["clock"]["status"] == "ok"
    (tmp_path / "home/.local/state/wmctl/spool").chmod(0o777)
    assert wmctl("doctor").returncode == 1
    assert wmctl("doctor", "--spool", "nowhere").returncode == 1
    assert "\x1b" not in wmctl("doctor").stdout


def test_run_takes_over_when_its_jobs_worker_is_killed(
    wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    """Nobody else is there to rescue the job: the embedded worker does, and runs it again."""
    Spool.create(tmp_path / "sp", Settings(lease=3.0, beat=0.5))
    environ["WMCTL_SPOOL"] = str(tmp_path / "sp")
    worker = start(environ, tmp_path, "worker", "start", "-q")
    until(lambda: '"idle"' in wmctl("worker", "ls", "-o", "json").stdout)
    script = "echo x >> starts; while [ ! -e go ]; do sleep 0.1; done; echo over"
    run = start(environ, tmp_path, "run", "--", "sh", "-c", script)
    until((tmp_path / "starts").exists)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    until(lambda: (tmp_path / "starts").read_text().count("x") == 2)
    (tmp_path / "go").touch()
    out, _ = run.communicate(timeout=30)
    assert (run.returncode, out) == (0, "over\n")
    (job,) = json.loads(wmctl("ps", "-a", "-o", "json").stdout)
    assert job["attempt"] == 2
