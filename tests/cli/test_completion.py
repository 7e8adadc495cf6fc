"""Completion: what is offered where, what real shells make of it, and what a TAB costs."""

import contextlib
import os
import pty
import re
import resource
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli import recent
from wmctl.cli.complete.answer import FILES, FOLDERS, PROGRAMS, answers
from wmctl.cli.completion import SCRIPTS
from wmctl.spool import STATES, Job, Spool, short

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setenv("WMCTL_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    # The alarm is for a process of its own; here it would end the tests.
    monkeypatch.setattr("wmctl.cli.complete.live.signal.setitimer", lambda *_: None)
    monkeypatch.setattr("wmctl.cli.complete.live._ENOUGH", 30.0)
    return Spool.create(tmp_path / "spool")


def submit(spool: Spool, name: str = "", tag: str = "bash") -> str:
    return spool.submit(Job(language="bash", code=":", name=name), tag=tag)


def offered(*words: str, described: bool = False) -> list[str]:
    return [word for word, _ in answers(words, described=described)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["su"], ["submit"]),
        (["worker", "re"], ["resume", "restart"]),
        (["worker", "ls", "-s", "d"], ["draining", "dead"]),
        (["worker", "drain", "wk"], ["wk-gpu-lab-00001"]),
        (["worker", "ls", "-g", ""], ["big", "gpu"]),
        (["queue", "move", ""], ["bash"]),
        (["ps", "--sta"], ["--state"]),
        (["ps", "-s", "q"], ["queued", "quarantined"]),
        (["ps", "-s", "queued", "-s", "h"], ["held"]),
        (["ps", "-o", "js"], ["json", "jsonl"]),
        (["ps", "--output=js"], ["--output=json", "--output=jsonl"]),
        (["ps", "--output", "=", "js"], ["json", "jsonl"]),
        (["submit", ""], [FILES]),
        (["submit", "-C", ""], [FOLDERS]),
        (["--spool", ""], [FOLDERS]),
        (["--spool", "x", "worker", "s"], ["start", "show", "stop"]),
        (["run", "--", ""], [PROGRAMS]),
        (["run", "--", "make", ""], [FILES]),
        (["completion", "z"], ["zsh"]),
        (["help", "exit"], ["exit-codes"]),
        (["submit", "--workspace", ""], []),
        (["no-such-command", ""], [FILES]),
        (["kill", "-s", "US"], ["USR1", "USR2"]),
    ],
)
def test_what_is_offered(spool: Spool, words: list[str], expected: list[str]) -> None:
    spool.join("wk-gpu-lab-00001", {"groups": ["gpu"], "state": "idle", "host": "lab"})
    (spool.path / "groups/big.yaml").touch()
    spool.cancel(submit(spool))
    assert offered(*words) == expected


def test_an_option_is_offered_once_unless_it_may_be_repeated(spool: Spool) -> None:
    assert "--all" in offered("ps", "--")
    assert "--all" not in offered("ps", "-a", "--")
    assert "--state" in offered("ps", "-s", "held", "--")


def test_all_states_are_known() -> None:
    assert offered("ps", "-s", "") == list(STATES)


def test_live_ids_newest_first_with_state_and_name(spool: Spool) -> None:
    first, second = submit(spool, "one"), submit(spool, "two", tag="gpu")
    assert offered("show", "") == [short(second), short(first)]
    found = dict(answers(["show", ""], described=True))
    assert re.match(r"queued  gpu  two  \d", found[short(second)])
    assert offered("show", short(first)[:5]) == [short(first)]
    assert offered("show", first[:20]) == sorted(
        (one for one in (first, second) if one.startswith(first[:20])), reverse=True
    )
    assert offered("ps", "-t", "") == ["bash", "gpu"]
    assert offered("why", "gp") == ["gpu"]


def test_a_command_is_offered_the_jobs_that_it_can_act_on(spool: Spool) -> None:
    waiting, ended = submit(spool), submit(spool)
    spool.cancel(ended)
    assert offered("cancel", "") == [short(waiting)]
    assert offered("retry", "") == [short(ended)]
    assert set(offered("logs", "")) == {short(waiting), short(ended)}


def test_at_most_two_hundred(spool: Spool) -> None:
    ids = list(spool.submit_all((Job(language="bash", code=":") for _ in range(250)), tag="bash"))
    newest = sorted(ids, reverse=True)[:200]
    assert offered("show", "") == [short(one) for one in newest]


def test_recent_ones(spool: Spool) -> None:
    first, second = submit(spool), submit(spool)
    recent.remember(str(spool.path), [first])
    recent.remember(str(spool.path), [second])
    assert answers(["show", "@"], described=True) == [("@1", short(second)), ("@2", short(first))]


def test_a_listing_is_cut_off_in_time(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(20):
        submit(spool)
    monkeypatch.setattr("wmctl.cli.complete.live._ENOUGH", 0.0)
    assert len(offered("show", "")) == 1


def test_a_spool_that_hangs_ends_the_tab(environ: dict[str, str], tmp_path: Path) -> None:
    """The alarm is the kernel's: a call that never returns cannot stand in its way."""
    code = (
        "import sys, time; from wmctl.spool import lookup\n"
        "lookup.entries = lambda *_: time.sleep(60)\n"
        "sys.argv = ['wmctl', '__complete', 'zsh', 'show', '']\n"
        "from wmctl.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, timeout=50
    )
    assert (done.returncode, done.stdout, done.stderr) == (-14, b"", b"")


@pytest.mark.parametrize(
    "words", [["show", ""], ["ps", "-t", ""], ["--spool", "/nope", "show", ""]]
)
def test_a_tab_never_complains(wmctl: Wmctl, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / ".wmctl.yaml").write_text("spool: [\n")
    done = wmctl("__complete", "zsh", *words)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_tab_imports_little(environ: dict[str, str]) -> None:
    """typer alone takes longer than the whole of it."""
    code = (
        "import sys; from wmctl.__main__ import main\n"
        "sys.argv = ['wmctl', '__complete', 'zsh', 'show', '']\n"
        "code = main(); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.returncode == 0
    assert not {"typer", "rich", "yaml", "pluggy", "psutil", "wmctl.cli.app"} & set(
        done.stderr.split()
    )


# Real shells.


@pytest.fixture
def shell_env(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With `wmctl` on PATH, and three jobs."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/wmctl"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT}:{ROOT}/plugins exec {sys.executable} -m wmctl "$@"\n'
    )
    program.chmod(0o755)
    (tmp_path / "hello.py").touch()
    return environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "TERM": "xterm"}


def home_spool(environ: dict[str, str]) -> Spool:
    return Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")


def in_bash(shell_env: dict[str, str], tmp_path: Path) -> None:
    job_id = submit(home_spool(shell_env))
    script = (
        "source <(wmctl completion bash)\n"
        'try() { COMP_WORDS=(wmctl "$@"); COMP_CWORD=$#; _wmctl wmctl; echo "${COMPREPLY[*]}"; }\n'
        "try sub; try show ''; try ps --output = js; try submit hel; complete -p wmctl\n"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=shell_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    *found, registered = done.stdout.splitlines()
    assert found == ["submit", short(job_id), "json jsonl", "hello.py"]
    assert registered.endswith("-F _wmctl wmctl")
    assert done.stderr == ""


def in_fish(shell_env: dict[str, str], tmp_path: Path) -> None:
    job_id = submit(home_spool(shell_env), "named")
    script = (
        "wmctl completion fish | source\n"
        "for line in 'wmctl sub' 'wmctl show ' 'wmctl ps --output=js' 'wmctl submit hel'\n"
        'complete -C "$line"\nend\n'
    )
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=shell_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    found = done.stdout.splitlines()
    assert found[0].startswith("submit\t")
    assert found[1].startswith(f"{short(job_id)}\tqueued  bash  named")
    assert found[2:] == ["--output=json", "--output=jsonl", "hello.py"]


def in_zsh(shell_env: dict[str, str], tmp_path: Path) -> None:
    """Only a shell with a terminal completes."""
    job_id = submit(home_spool(shell_env), "named")
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execvpe("zsh", ["zsh", "-f", "-i"], shell_env)
    try:
        setup = (
            "PS1=; unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -D -u"
        )
        typed(terminal, f"{setup}; source <(wmctl completion zsh); echo REA''DY\n", "READY")
        typed(terminal, "wmctl sub\t", "submit")
        typed(terminal, f"\x15wmctl show {short(job_id)[:4]}\t", f"show {short(job_id)}")
        typed(terminal, "\x15wmctl ps -o ts\t", "tsv")
        typed(terminal, "\x15wmctl submit hel\t", "hello.py")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def typed(terminal: int, keys: str, expected: str) -> None:
    """Type and wait until the screen shows it; how the shell moves its cursor is left out."""
    os.write(terminal, keys.encode())
    seen = ""
    until = time.monotonic() + 30
    while expected not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|.\x08|\x07|\r|\n", "", seen):
        assert time.monotonic() < until, seen
        if select.select([terminal], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                seen += os.read(terminal, 65536).decode(errors="replace")


SHELLS = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_in_a_real_shell(shell: str, shell_env: dict[str, str], tmp_path: Path) -> None:
    """In those that this machine has."""
    SHELLS[shell](shell_env, tmp_path)


def test_each_shell_has_its_script(wmctl: Wmctl) -> None:
    assert set(SCRIPTS) == {"bash", "zsh", "fish"}
    done = wmctl("completion", "tcsh")
    assert done.returncode == 2
    assert "use bash, zsh, fish" in done.stderr


def test_a_tab_costs_little_more_than_typer(environ: dict[str, str]) -> None:
    """CPU time of the best of several runs, side by side."""
    spool = home_spool(environ)
    list(spool.submit_all((Job(language="bash", code=":", name="x") for _ in range(200)), tag="b"))
    commands = {
        "typer": ["-c", "import typer"],
        "ids": ["-m", "wmctl", "__complete", "zsh", "show", ""],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(8):
        for name, words in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, *words], env=environ, check=True, stdout=subprocess.DEVNULL
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            best[name] = min(best[name], spent)
    assert best["ids"] <= 1.5 * best["typer"], best
