"""What people are told next: it must be true, and it must work."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli.problems import problem_of
from wmctl.spool import Spool

Submitted = Callable[..., str]


@pytest.fixture
def quarantined(wmctl: Wmctl, submitted: Submitted) -> tuple[str, Path]:
    """A job that no worker can read: its id and where its file is now."""
    job_id = submitted("-c", ":", "-l", "bash")
    Path(json.loads(wmctl("show", job_id, "-o", "json").stdout)["file"]).write_text("{}\n")
    assert wmctl("worker", "start", "--burst", "-q").returncode == 0
    return job_id, Path(json.loads(wmctl("show", job_id, "-o", "json").stdout)["file"])


def test_a_quarantined_job(wmctl: Wmctl, quarantined: tuple[str, Path]) -> None:
    """No command brings it back, so none is named; cancel says that it has no need of that."""
    job_id, file = quarantined
    done = wmctl("wait", job_id)
    assert done.returncode == 125
    assert f"no worker can run {file} (why stands beside it" in done.stderr
    assert "wmctl cancel" not in done.stderr
    assert Path(f"{file}.reason").exists()
    done = wmctl("cancel", job_id)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{job_id}  is quarantined: ")
    assert "no file of this job" not in done.stdout
    assert file.exists()


def test_doctor_counts_what_waits_for_a_person(
    wmctl: Wmctl, quarantined: tuple[str, Path], submitted: Submitted, environ: dict[str, str]
) -> None:
    """With the command that lists it; jobs that just wait are no news."""
    job_id = submitted("-c", ":", "-l", "bash")

    def jobs() -> list[tuple[str, str]]:
        found = json.loads(wmctl("doctor", "-o", "json").stdout)
        return [(item["detail"], item["remedy"]) for item in found if item["check"] == "jobs"]

    assert jobs() == [("1 quarantined", "see them and why: wmctl ps -s quarantined")]
    spool = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    spool.hold(spool.find(job_id), "wait for ann")
    assert jobs() == [
        ("1 quarantined, 1 held", "see them and why: wmctl ps -s quarantined -s held")
    ]
    quarantined[1].unlink()
    spool.unhold(spool.find(job_id))
    assert jobs() == []


def test_doctor_puts_remedies_below(wmctl: Wmctl) -> None:
    """A column of them would be cut off or wrapped."""
    out = wmctl("doctor", env={"DENO_PATH": "/nope"}).stdout
    lines = out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("runner deno"))
    assert "note" in lines[at]
    assert lines[at + 1] == (
        "    set DENO_PATH (or its key under tools: in .wmctl.yaml) right, or remove it"
    )
    assert "-0.0 s" not in out


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("go was not found; install it with: x", "go was not found", "install it with: x"),
        ("X_PATH is /y, which is no program", "X_PATH is /y, which is no program", "set X_PATH"),
        ("its health check failed", "its health check failed", "put that right"),
    ],
)
def test_a_problem_has_a_remedy(text: str, what: str, remedy: str) -> None:
    """Whatever a runner says."""
    found = problem_of(text)
    assert found.what == what
    assert found.remedy.startswith(remedy)


def test_run_without_the_tool_says_which(wmctl: Wmctl) -> None:
    """A worker started here would not serve it either."""
    words = ("run", "--wait-timeout", "300ms", "-l", "deno", "-c", "export function main() {}")
    done = wmctl(*words, env={"DENO_PATH": "/nope"})
    assert done.returncode == 75
    assert "and DENO_PATH is /nope" in done.stderr
    assert "\n  set DENO_PATH" in done.stderr
    assert "start a worker where it works" in done.stderr


def test_waiting_for_nobody_is_told_once(wmctl: Wmctl, submitted: Submitted) -> None:
    """By wait and logs -f; not with -q, not of a job that has ended."""
    first, second = (submitted("-c", ":", "-l", "bash", "-t", "gpu") for _ in range(2))
    note = "no live worker serves the tag 'gpu'\n  start a worker with: wmctl worker start --tags"
    done = wmctl("wait", first, second, "--wait-timeout", "3s")
    assert done.stderr.count(note) == 1
    assert note not in wmctl("wait", "-q", first, "--wait-timeout", "3s").stderr
    with pytest.raises(subprocess.TimeoutExpired) as stopped:
        wmctl("logs", "-f", first, timeout=4)
    assert stopped.value.stderr is not None
    assert note.encode() in stopped.value.stderr
    wmctl("cancel", first)
    assert note not in wmctl("wait", first).stderr


def test_waiting_for_many_is_summed_up(wmctl: Wmctl, submitted: Submitted) -> None:
    """One hint, and only where there is something to see."""
    silent = submitted("-c", "exit 3", "-l", "bash")
    loud = submitted("-c", "echo no; exit 4", "-l", "bash")
    well = submitted("-c", ":", "-l", "bash")
    wmctl("worker", "start", "--burst", "-q")
    assert wmctl("wait", well, well).stderr == ""
    done = wmctl("wait", silent, loud, well)
    assert done.returncode == 4
    assert done.stderr == (
        f"wmctl: job {silent}: failure: ExecutionErr: exit code 3\n"
        f"wmctl: job {loud}: failure: ExecutionErr: exit code 4\n"
        f"wmctl: 3 jobs: 1 success, 2 failure\n  see what one wrote: wmctl logs {loud}\n"
    )
    assert "wmctl logs" in wmctl("wait", loud).stderr
    assert "wmctl logs" not in wmctl("wait", silent).stderr


@pytest.mark.parametrize("command", ["cancel", "wait", "show"])
def test_no_ids_are_no_error(wmctl: Wmctl, command: str) -> None:
    """`wmctl ps … | wmctl cancel -` where nothing is left to do."""
    done = wmctl(command, "-", stdin="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert wmctl(command).returncode == 2


def test_a_folder_that_is_gone(environ: dict[str, str], tmp_path: Path) -> None:
    """Of the shell that one is in; -C names another."""
    command = f"mkdir gone; cd gone; rmdir ../gone; {sys.executable} -m wmctl"

    def run(words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f"{command} {words}"], env=environ, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = run("run -- true")
    assert done.returncode == 66
    assert "the folder that you are in is not there any more" in done.stderr
    assert "-C FOLDER" in done.stderr
    assert run("run -C / -- true").returncode == 0
    assert run("ps").returncode == 0


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("\n  \n  echo one\necho two", "echo one"),
        ("x" * 60, "x" * 39 + "…"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        (" ", "-c"),
    ],
)
def test_code_is_called_by_its_first_line(
    wmctl: Wmctl, submitted: Submitted, code: str, name: str
) -> None:
    """Short, and harmless."""
    submitted("-c", code, "-l", "bash")
    assert json.loads(wmctl("ps", "-o", "jsonl").stdout)["name"] == name
    submitted("-c", code, "-l", "bash", "-N", "mine")
    assert '"mine"' in wmctl("ps", "-o", "json").stdout


def test_show_tells_the_files_and_the_code(wmctl: Wmctl, submitted: Submitted) -> None:
    """Those that are there."""
    code = "echo hi\necho err >&2"
    script, command = submitted("-c", code, "-l", "bash"), submitted("--", "echo", "a b")
    waiting = json.loads(wmctl("show", script, "-o", "json").stdout)
    assert waiting["log"] is None
    assert waiting["result_file"] is None
    wmctl("worker", "start", "--burst", "-q")
    shown = json.loads(wmctl("show", script, "-o", "json").stdout)
    assert Path(shown["log"]).read_text() == "hi\nerr\n"
    assert json.loads(Path(shown["result_file"]).read_text())["result"] == "err"
    assert f"result        {shown['result_file']}" in wmctl("show", script).stdout
    assert wmctl("show", "--code", script).stdout == code
    assert wmctl("show", "--code", command).stdout == "echo 'a b'"


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (["run", "s.py", "ann"], 2, ["-a NAME=ann", "wmctl run -- COMMAND"]),
        (["submit", "s.py", "a", "b"], 2, ["-a NAME=a ", "wmctl submit -- COMMAND"]),
        (["ps", "ann"], 2, ["unexpected extra argument"]),
        (["worker", "start", "-n", "0"], 2, ["-n: '0' is not a whole number from 1 on"]),
        (["worker", "start", "--grace", "x"], 2, ["--grace: 'x' is not a duration"]),
        (["ps", "-s", "failed"], 2, ["did you mean failure? states: queued"]),
        (["ps", "-s", "done"], 2, ["did you mean success?"]),
        (["ps", "-s", "cancelled"], 2, ["did you mean canceled?"]),
        (["ps", "-s", "runing"], 2, ["did you mean running?"]),
        (["ps", "-s", "zzz"], 2, ["states: queued"]),
        (["submit", "n.py", "-a", "times=3"], 65, ["times takes an int: write -a times:=3"]),
        (["submit", "n.py", "-d", "args.json"], 65, ["to read the file write: -d @args.json"]),
        (["submit", "n.py", "-d", "none.json"], 65, ["the args (-d)"]),
        (["submit", "plain.py"], 65, ["no function main", "wmctl run -- python3 FILE"]),
        (["submit", "-c", ":", "-l", "bash", "-a", "x=1"], 65, ['name="${1:-default}"']),
        (["submit", "p.go"], 65, ["not `package main`"]),
    ],
)
def test_what_to_do_instead(
    wmctl: Wmctl, tmp_path: Path, words: list[str], code: int, parts: list[str]
) -> None:
    """Wrong words, and the right ones in the answer; no job is queued."""
    (tmp_path / "s.py").write_text("def main(name): pass\n")
    (tmp_path / "n.py").write_text("def main(times: int = 1): return times\n")
    (tmp_path / "plain.py").write_text("print('hi')\n")
    (tmp_path / "p.go").write_text("package main\nfunc main() {}\n")
    (tmp_path / "args.json").write_text('{"times": 3}\n')
    done = wmctl(*words)
    assert done.returncode == code, done.stderr
    for part in parts:
        assert part in done.stderr
    if words[0] == "ps":
        assert "COMMAND" not in done.stderr
    assert wmctl("ps", "-o", "id").stdout == ""


def test_the_right_words_are_taken(wmctl: Wmctl, submitted: Submitted, tmp_path: Path) -> None:
    """What the hints above say works; so does --no-check."""
    (tmp_path / "n.py").write_text("def main(times: int = 1): return times\n")
    (tmp_path / "plain.py").write_text("print('hi')\n")
    (tmp_path / "args.json").write_text('{"times": 3}\n')
    assert wmctl("run", "n.py", "-a", "times:=3").stdout == "3\n"
    assert wmctl("run", "n.py", "-d", "@args.json").stdout == "3\n"
    assert wmctl("run", "n.py", "-d", '{"times": "3"}').stdout == '"3"\n'
    assert wmctl("run", "--", "python3", "plain.py").stdout == "hi\n"
    submitted("n.py", "-a", "times=3", "--no-check")
    submitted("plain.py", "--no-check")


@pytest.mark.parametrize(
    ("word", "tag"), [("python", "python3"), ("typescript", "deno"), ("shell", "bash")]
)
def test_languages_by_their_common_names(
    wmctl: Wmctl, submitted: Submitted, word: str, tag: str
) -> None:
    """Jobs bear the runner's name all the same."""
    submitted("-c", "", "-l", word, "--no-check")
    job = json.loads(wmctl("ps", "-o", "jsonl").stdout)
    assert (job["language"], job["tag"]) == (tag, tag)


def test_blanks_in_a_list_of_tags(wmctl: Wmctl, submitted: Submitted) -> None:
    """As people write lists."""
    submitted("-c", ":", "-l", "bash", "-t", "gpu")
    assert wmctl("worker", "start", "--burst", "--tags", "bash, gpu", "-q").returncode == 0
    assert wmctl("ps", "-o", "id").stdout == ""


def test_a_failing_script_tells_its_id(wmctl: Wmctl) -> None:
    """For show and logs; a good one does not."""
    done = wmctl("run", "-c", "exit 3", "-l", "bash")
    (job_id,) = wmctl("ps", "-a", "-o", "id").stdout.split()
    assert done.stderr == f"wmctl: job {job_id}: failure: ExecutionErr: exit code 3\n"
    assert "wmctl:" not in wmctl("run", "-c", "exit 0", "-l", "bash").stderr


def test_units(wmctl: Wmctl) -> None:
    """For people; machines get seconds."""
    lines = wmctl("spool", "info").stdout.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines)
    assert (shown["lease"], shown["beat"], shown["retention"]) == ("60 s", "5 s", "30d")
    assert json.loads(wmctl("spool", "info", "-o", "json").stdout)["lease"] == 60


def test_a_beginning_that_fits_many(wmctl: Wmctl, submitted: Submitted) -> None:
    """Some of them, and a sign that there are more."""
    for count, more in ((3, False), (5, True)):
        while len(ids := wmctl("ps", "-o", "id").stdout.split()) < count:
            submitted("-c", ":", "-l", "bash")
        done = wmctl("show", ids[0][:7])
        assert done.returncode == 65
        assert f"fits {count} jobs" in done.stderr
        assert (", …\n" in done.stderr) is more
