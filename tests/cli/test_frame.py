"""The command itself: help, suggestions, `--`, errors, and what a start costs."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli.app import Root, split
from wmctl.cli.manual.tree import walk, whole

HEAVY = {
    "rich", "asyncio", "watchdog", "psutil", "yaml", "filelock", "pluggy", "importlib.metadata",
    "pydantic", "email", "wmctl.worker",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (["ps"], ["ps"], None),
        (["run", "--", "a"], ["run"], ["a"]),
        (["run", "--", "a", "--", "b"], ["run"], ["a", "--", "b"]),
        (["run", "--"], ["run"], []),
    ],
)
def test_split(words: list[str], before: list[str], after: list[str] | None) -> None:
    """At the first one only."""
    assert split(words) == (before, after)


def test_help_lists_all_commands_without_loading_them(wmctl: Wmctl) -> None:
    """And each has examples."""
    text = wmctl("--help").stdout
    for name in Root.table:
        assert f"\n  {name} " in text
    for command in walk(whole()):
        assert command.commands or command.examples, command.name
    own = wmctl("worker", "start", "--help").stdout
    assert own.startswith("Usage: wmctl worker start [OPTIONS]\n")
    assert "\n  Examples:\n    wmctl worker start\n" in own


def test_words_after_the_dashes_belong_to_commands_that_want_them(wmctl: Wmctl) -> None:
    """To others they are plain arguments, as everywhere."""
    assert "'zz'" in wmctl("show", "--", "zz").stderr
    assert wmctl("version", "--", "x").returncode == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sumbit"], "did you mean wmctl submit?"),
        (["worker", "strat"], "start"),
        (["qqqq"], "wmctl --help lists them"),
        (["ps", "--al"], "--all"),
    ],
)
def test_usage_errors_suggest(wmctl: Wmctl, words: list[str], part: str) -> None:
    """Also names that are not loaded."""
    done = wmctl(*words)
    assert done.returncode == 2
    assert part in done.stderr


def test_version(wmctl: Wmctl) -> None:
    """As a command and as an option."""
    assert wmctl("version").stdout.startswith("wmctl ")
    assert wmctl("--version").stdout.startswith("wmctl ")
    assert '"schema":"wmctl.version/1"' in wmctl("version", "-o", "json").stdout


def test_the_spool_can_be_named_before_or_after_the_command(wmctl: Wmctl, tmp_path: Path) -> None:
    """And by WMCTL_SPOOL; the option wins."""
    for name in ("a", "b"):
        assert wmctl("init", name).stdout == f"{tmp_path}/{name}\n"
    assert wmctl("--spool", "a", "spool", "path").stdout == f"{tmp_path}/a\n"
    assert wmctl("spool", "path", "--spool", "b").stdout == f"{tmp_path}/b\n"
    assert wmctl("spool", "path", env={"WMCTL_SPOOL": "b"}).stdout == f"{tmp_path}/b\n"
    assert (
        wmctl("--spool", "a", "spool", "path", env={"WMCTL_SPOOL": "b"}).stdout == f"{tmp_path}/a\n"
    )
    assert wmctl("spool", "path", "-t", "a/b").stdout.endswith("/queue/a%2Fb\n")


def test_only_the_default_spool_is_made_by_itself(wmctl: Wmctl, tmp_path: Path) -> None:
    """A named one that is missing may be an unmounted folder."""
    done = wmctl("ps", env={"WMCTL_SPOOL": "missing"})
    assert done.returncode == 78
    assert "wmctl init" in done.stderr
    assert not (tmp_path / "missing").exists()
    assert wmctl("submit", "-c", ":", "-l", "bash", "--spool", "missing").returncode == 78
    assert not (tmp_path / "missing").exists()


def test_the_first_job_makes_the_default_spool_and_says_so(wmctl: Wmctl, fresh: Path) -> None:
    """Once."""
    words = ("submit", "-c", ":", "-l", "bash")
    assert wmctl(*words).stderr.startswith(f"wmctl: made a new spool: {fresh}\n")
    assert "made a new spool" not in wmctl(*words).stderr
    assert wmctl("worker", "start", "--burst", "-q").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "out"),
    [
        (["ps", "-o", "json"], 0, "[]\n"),
        (["ps", "-a"], 0, "ID  STATE  TAG  NAME  AGE  TIME  EXIT  REASON\n"),
        (["worker", "ls", "-o", "json"], 0, "[]\n"),
        (["spool", "path"], 0, "SPOOL\n"),
        (["spool", "path", "-t", "gpu"], 0, "SPOOL/queue/gpu\n"),
        (["spool", "info"], 78, ""),
        (["show", "89abcdef"], 66, ""),
        (["logs", "89abcdef"], 66, ""),
        (["result", "89abcdef"], 66, ""),
        (["cancel", "89abcdef"], 66, ""),
        (["wait", "89abcdef"], 66, ""),
        (["plugin", "ls", "-o", "id"], 0, "bash\ndeno\ngo\npython3\n"),
    ],
)
def test_questions_make_no_spool(
    wmctl: Wmctl, fresh: Path, words: list[str], code: int, out: str
) -> None:
    """Whoever only looks leaves nothing behind."""
    done = wmctl(*words)
    assert (done.returncode, done.stdout) == (code, out.replace("SPOOL", str(fresh)))
    assert "Traceback" not in done.stderr
    assert not fresh.parent.exists()


def test_doctor_makes_no_spool(wmctl: Wmctl, fresh: Path) -> None:
    """It says that there will be one."""
    done = wmctl("doctor")
    assert done.returncode == 0
    assert f"{fresh} is not there yet" in done.stdout
    assert not fresh.parent.exists()


def test_a_wrong_file_is_named_with_its_line(wmctl: Wmctl, tmp_path: Path) -> None:
    """78, and the nearest known key."""
    (tmp_path / ".wmctl.yaml").write_text("spool: x\nworkr: {}\n")
    done = wmctl("ps")
    assert done.returncode == 78
    assert ".wmctl.yaml:2: unknown key 'workr'\n  did you mean 'worker'?" in done.stderr


def test_a_fault_of_wmctls_own_is_one_line_and_a_traceback_on_request(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """People cannot use a traceback; developers can ask for it."""
    (tmp_path / "broken").mkdir()
    code = (
        "import sys; from wmctl.cli import app; from wmctl.cli.session import Session\n"
        "Session.store = property(lambda self: 1 / 0)\n"
        "sys.exit(app.run(sys.argv[1:]))"
    )

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            env=environ | more,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("ps")
    assert done.returncode == 70
    assert "unexpected ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("wait", "abcd1234").returncode == 125
    assert "Traceback" in run("ps", WMCTL_DEBUG="1").stderr


def imported(environ: dict[str, str], *words: str) -> set[str]:
    """The modules that a command has imported at its end."""
    code = (
        "import sys; from wmctl.__main__ import main\n"
        f"sys.argv = ['wmctl', *{words!r}]\n"
        "code = main(); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "-c", "def main(): pass", "-l", "python3"),
        ("submit", "-c", ":", "-l", "bash"),
        ("submit", "--", "true"),
        ("ps",),
    ],
)
def test_what_daily_commands_do_not_import(environ: dict[str, str], words: tuple[str, ...]) -> None:
    """Each of these would cost more than the command itself."""
    assert not imported(environ, *words) & HEAVY


def test_the_control_imports_some_of_them(environ: dict[str, str]) -> None:
    """So the test above would notice."""
    assert {"pluggy"} <= imported(environ, "plugin", "ls")


def test_submit_costs_little_more_than_typer(environ: dict[str, str]) -> None:
    """CPU time of the best of several runs, side by side."""
    commands = {
        "typer": [sys.executable, "-c", "import typer"],
        "submit": [
            sys.executable,
            "-m",
            "wmctl",
            "submit",
            "-c",
            "def main(): pass",
            "-l",
            "python3",
        ],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(12):
        for name, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            best[name] = min(best[name], spent)
    assert best["submit"] <= 1.8 * best["typer"], best
