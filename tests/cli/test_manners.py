"""Whatever is typed: a documented exit code, a line that says what was wrong, no traceback."""

import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli import exits, recent
from wmctl.cli.app import run
from wmctl.cli.ids import find
from wmctl.cli.manual import tree
from wmctl.cli.tags import did_you_mean, known_tags
from wmctl.config.nearest import nearest
from wmctl.errors import BadInput, JobNotFound
from wmctl.spool import Job, Settings, Spool

COMMANDS = [one for one in tree.walk(tree.whole()) if one.path and not one.commands]
#: Those that, given nothing to complain of, would stay or ask other hosts.
STAYS = {("worker", "start"), ("bench",), ("doctor",), ("top",)}
GARBAGE = ("", "-1", "\udcff", "\x1b[31m", "9" * 400, "zz", "@0", "name:", "a=b=c", "../..", "nan")
CODES = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}


class Typed:
    """What became of a command line."""

    def __init__(self, words: list[str], stdin: bytes) -> None:
        self.words = words
        streams = sys.stdin, sys.stdout, sys.stderr
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.BytesIO(), "utf-8", errors)
            for errors in ("surrogateescape", "backslashreplace")
        )
        try:
            self.code = run(words)
        finally:
            outputs = sys.stdout, sys.stderr
            sys.stdin, sys.stdout, sys.stderr = streams
        self.out, self.err = (one.buffer.getvalue().decode(errors="replace") for one in outputs)

    def is_civil(self) -> None:
        """Of a fault of wmctl's own as of a traceback: never."""
        shown = (self.words, self.code, self.err)
        assert self.code in CODES - {exits.INTERNAL}, shown
        assert "Traceback" not in self.err, shown
        assert "unexpected " not in self.err.replace("unexpected extra argument", ""), shown
        assert "\x1b" not in self.err, shown
        assert not self.err or self.err.startswith(("wmctl: ", "Usage: ")), shown
        if self.code in {exits.USAGE, exits.BAD_DATA, exits.NOT_FOUND, exits.BAD_CONFIG}:
            assert self.err, shown


def typed(*words: str, stdin: bytes = b"") -> Typed:
    return Typed(list(words), stdin)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """One that is in use, though nothing in it can be waited for in vain."""
    for name in [name for name in os.environ if name.startswith(("WMCTL_", "XDG_", "WORKER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WMCTL_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("EDITOR", "false")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = Spool.create(tmp_path / "spool")
    for name in ("one", "two"):
        made.cancel(made.submit(Job(language="bash", code=":", name=name), tag="bash"))
    kept = made.submit(Job(language="bash", code=":", name="kept"), tag="bash")
    made.hold(made.find(kept), "test")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def needed(command: tree.Command) -> list[str]:
    """Words without which it would only say that they are missing."""
    return ["zz"] if command.arguments and command.arguments[0].required else []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: "-".join(one.path))
def test_wrong_options_and_spools(command: tree.Command, spool: Spool, tmp_path: Path) -> None:
    typed(*command.path, "--no-such-option").is_civil()
    assert typed(*command.path, "--no-such-option").code == exits.USAGE
    (tmp_path / "file").write_text("no spool")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/spool.json").write_bytes(b"\xff{")
    takes = [one for one in command.options if "--spool" in one.names]
    for wrong in ("file", "missing", "broken", "file/below", "", "\udcff") if takes else ():
        typed(*command.path, *needed(command), "--spool", str(tmp_path / wrong)).is_civil()


@pytest.mark.parametrize(
    "command",
    [one for one in COMMANDS if one.path not in STAYS],
    ids=lambda one: "-".join(one.path),
)
def test_garbage(command: tree.Command, spool: Spool) -> None:
    """In the place of each argument, and a choice of what each option can be given."""
    for word in GARBAGE:
        typed(*command.path, word).is_civil()
        typed(*command.path, word, word, word).is_civil()
    typed(*command.path, *(["-"] * bool(command.arguments)), stdin=b"\0\xff\n").is_civil()
    chosen = random.Random(0)
    for option in command.options:
        if option.value:
            typed(*command.path, option.names[-1]).is_civil()
            for word in chosen.sample(GARBAGE, 3):
                typed(*command.path, *needed(command), option.names[-1], word).is_civil()


@pytest.mark.parametrize(
    "text", ["spool: [", "a: *b", "\0", "spoool: x", "worker: {count: many}", "- x", "é" * 10]
)
def test_a_broken_configuration(text: str, spool: Spool) -> None:
    Path(".wmctl.yaml").write_text(text)
    for words in (["ps"], ["submit", "--", "true"], ["config", "show"], ["nosuch"]):
        done = typed(*words)
        done.is_civil()
        assert done.code in {exits.BAD_CONFIG, exits.USAGE}
    assert ".wmctl.yaml" in typed("ps").err


@pytest.mark.parametrize(
    "closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"]
)
def test_closed_and_full_streams(closed: str, environ: dict[str, str], tmp_path: Path) -> None:
    command = f"{sys.executable} -m wmctl"
    for words in ("ps", "show zz", "nosuch"):
        done = subprocess.run(
            ["sh", "-c", f"{command} {words} {closed}"],
            env=environ, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode in CODES - {exits.INTERNAL}
        assert "Traceback" not in done.stdout + done.stderr
        assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "words",
    ["ps -a", "ps -a -o json", "ps -a -o id", "help environment", "show -"],
)  # fmt: skip
def test_whoever_has_read_enough_may_go(
    words: str, environ: dict[str, str], tmp_path: Path
) -> None:
    """A pipe holds 64 KiB: these say more, or their reader is gone before they begin."""
    spool = Spool.create(tmp_path / "quick", Settings(durability="none"))
    environ["WMCTL_SPOOL"] = str(spool.path)
    jobs = (Job(language="bash", code=":", name="x" * 190) for _ in range(2000))
    ids = list(spool.submit_all(jobs, tag="bash"))
    (tmp_path / "ids").write_text("\n".join(ids[:100]))
    script = f"{{ {sys.executable} -m wmctl {words} < ids; echo $? >&3; }} 3>code | true"
    done = subprocess.run(["sh", "-c", script], env=environ, cwd=tmp_path, capture_output=True)
    assert done.stderr == b""
    assert (tmp_path / "code").read_text().strip() in {"0", "141"}
    if words.startswith("ps"):
        script = script.replace("| true", "| head -n 1")
        done = subprocess.run(["sh", "-c", script], env=environ, cwd=tmp_path, capture_output=True)
        assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")
        assert (tmp_path / "code").read_text().strip() == "141"


# What was meant.


def test_nearest() -> None:
    assert nearest("quued", ["queued", "running"]) == "queued"
    assert nearest("GPU", ["gpu"]) == "gpu"
    assert nearest("xyz", ["gpu"]) is None


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["sumbit"], "did you mean wmctl submit?"),
        (["ps", "--al"], "did you mean --all?"),
        (["worker", "start", "--tgas", "x"], "did you mean --tags?"),
        (["ps", "-s", "quueed"], "did you mean queued?"),
        (["ps", "-s", "done"], "did you mean success?"),
    ],
)
def test_suggestions(words: list[str], hint: str, spool: Spool) -> None:
    assert hint in typed(*words).err


def test_tags(spool: Spool) -> None:
    spool.join("w", {"tags": ["python3", "gpu"], "state": "idle"})
    assert known_tags(spool) == {"python3", "gpu", "bash"}
    assert did_you_mean(spool, "pyhton3") == " (did you mean 'python3'?)"
    assert did_you_mean(spool, "gpu") == did_you_mean(spool, "net") == ""
    assert "did you mean 'python3'?" in typed("why", "pyhton3").err
    done = typed("submit", "-t", "pyhton3", "-c", ":", "-l", "bash")
    assert done.code == 0
    assert "serves the tag 'pyhton3' (did you mean 'python3'?)" in done.err


# Programs of PATH.


@pytest.fixture
def programs(environ: dict[str, str], tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "wmctl-greet"
    program.write_text('#!/bin/sh\nyes | head -n 1\necho "$WMCTL_SPOOL" "$@"\nexit 3\n')
    program.chmod(0o755)
    (folder / "wmctl-data").write_text("x")
    environ["PATH"] = f"{folder}:{environ['PATH']}"
    return folder


def test_a_program_of_path_is_a_command(
    programs: Path, wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    done = wmctl("greet", "-x", "a", "--", "b")
    spool = f"{environ['HOME']}/.local/state/wmctl/spool"
    assert (done.returncode, done.stdout) == (3, f"y\n{spool} -x a -- b\n")
    assert done.stderr == ""  # a reader that goes ends `yes`, as in any shell
    assert wmctl("--spool", "other", "greet").stdout == f"y\n{tmp_path}/other\n"
    assert "did you mean wmctl greet?" in wmctl("gret").stderr
    assert wmctl("data").returncode == exits.USAGE
    assert wmctl("bin/greet").returncode == exits.USAGE


def test_a_program_does_not_hide_a_command(programs: Path, wmctl: Wmctl) -> None:
    (programs / "wmctl-greet").rename(programs / "wmctl-version")
    assert wmctl("version").stdout.startswith("wmctl ")


def test_a_program_that_cannot_start(programs: Path, wmctl: Wmctl) -> None:
    (programs / "wmctl-greet").write_text("no first line\n")
    done = wmctl("greet")
    assert done.returncode == exits.USAGE
    assert "#!/bin/sh" in done.stderr


# Ids.


def test_the_last_ones_are_remembered(spool: Spool, tmp_path: Path) -> None:
    path = str(spool.path)
    assert recent.recall(path, 1) is None
    recent.remember(path, [f"id{number}" for number in range(12)])
    recent.remember(str(tmp_path / "other"), ["x"])
    recent.remember(path, ["new"])
    assert [recent.recall(path, number) for number in (1, 2, 9, 10)] == ["new", "id11", "id4", None]
    assert recent.recall(str(tmp_path / "other"), 1) == "x"
    assert recent.recall(f"{path}/../spool", 1) == "new"
    file = tmp_path / "home/.local/state/wmctl/last"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["last"]


def test_what_cannot_be_remembered_is_no_error(spool: Spool, tmp_path: Path) -> None:
    file = tmp_path / "home/.local/state/wmctl/last"
    file.mkdir(parents=True)
    recent.remember(str(spool.path), ["x"])
    assert recent.recall(str(spool.path), 1) is None
    file.rmdir()
    file.write_bytes(b"\xff\x00\n \nx\n")
    assert recent.recall(str(spool.path), 1) is None
    os.unlink(file)
    os.mkfifo(file)
    assert recent.recall(str(spool.path), 1) is None


def test_the_spellings_of_a_job(spool: Spool) -> None:
    first, second = (
        spool.submit(Job(language="bash", code=":", name="etl", key=key), tag="bash")
        for key in ("a", "b")
    )
    recent.remember(str(spool.path), [first, second])
    assert find(spool, "@1").id == second
    assert find(spool, "@2").id == first
    assert find(spool, "key:a").id == first
    with pytest.raises(BadInput, match="2 unfinished jobs"):
        find(spool, "name:etl")
    spool.cancel(first)
    assert find(spool, "name:etl").id == second
    spool.cancel(second)
    assert find(spool, "name:etl").id == max(first, second)
    for wrong, error in (
        ("@0", BadInput), ("@10", BadInput), ("@x", BadInput), ("@3", JobNotFound),
        ("name:none", JobNotFound), ("key:", JobNotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            find(spool, wrong)


# Settings and the bench.


def test_config_show_says_where_a_setting_comes_from(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".wmctl.yaml").write_text("workspace: lab\nworker:\n  tags: [a, b]\n")
    monkeypatch.setenv("WMCTL_NUM_WORKERS", "3")
    found = {
        item["key"]: (item["value"], item["origin"])
        for item in json.loads(typed("config", "show", "--spool", "s", "-o", "json").out)
    }
    here = Path.cwd()
    assert found["spool"] == (f"{here}/s", "option")
    assert found["workspace"] == ("lab", f"{here}/.wmctl.yaml:1")
    assert found["worker.tags"] == (["a", "b"], f"{here}/.wmctl.yaml:3")
    assert found["worker.count"] == (3, "WMCTL_NUM_WORKERS")
    assert found["cache"][1] == "built in"
    lines = typed("config", "show", "--origin").out.splitlines()
    assert lines[0].split() == ["KEY", "VALUE", "ORIGIN"]


def test_bench_measures_and_leaves_nothing(
    wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    spool = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    waiting = spool.submit(Job(language="bash", code=":"), tag="bash")
    found = json.loads(wmctl("bench", "--seconds", "1", "-o", "json").stdout)
    assert found["schema"] == "wmctl.bench/1"
    assert len(found["figures"]) == 4
    for row in found["figures"]:
        assert row["count"] >= 3
        assert row["wmctl"] > 0
        assert row["ratio"] > 0
    assert spool.find(waiting).state == "queued"
    assert list((spool.path / "tmp").iterdir()) == []
    assert spool.workers() == []


def test_an_interrupted_bench_leaves_nothing(environ: dict[str, str]) -> None:
    spool = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    process = subprocess.Popen(
        [sys.executable, "-m", "wmctl", "bench", "--seconds", "600"],
        env=environ, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list((spool.path / "tmp").glob("bench-*/queue/bash")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == exits.INTERRUPTED
    assert list((spool.path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False), ({"CLICOLOR_FORCE": "1"}, True), ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, False), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)  # fmt: skip
def test_colours_in_a_pipe(wmctl: Wmctl, variables: dict[str, str], expected: bool) -> None:
    """Only where they are asked for, and only in tables."""
    assert wmctl("submit", "-c", ":", "-l", "bash", "--hold").returncode == 0
    assert ("\x1b[" in wmctl("ps", env=variables).stdout) is expected
    assert "\x1b" not in wmctl("ps", "-o", "tsv", env=variables).stdout
