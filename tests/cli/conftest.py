"""A home folder of the test's own, and the `wmctl` command in it as a real process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wmctl.cli import app
from wmctl.spool import Spool

Wmctl = Callable[..., subprocess.CompletedProcess[str]]
#: Exit code, standard output, standard error.
Call = Callable[..., tuple[int, str, str]]
#: What the machine of the test run may have set.
_FOREIGN = (
    "WMCTL_",
    "XDG_",
    "WORKER_",
    "FORCE_WORKER_TAGS",
    "NUM_WORKERS",
    "NO_COLOR",
    "CUSTOM_TAGS",
)


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of all tests keep their byte code."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def environ(tmp_path: Path, bytecode: Path) -> dict[str, str]:
    """The environment of a user who has a spool already."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    Spool.create(tmp_path / "home/.local/state/wmctl/spool")
    return kept | {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path),
        "PYTHONPYCACHEPREFIX": str(bytecode),
    }


@pytest.fixture
def fresh(environ: dict[str, str], tmp_path: Path) -> Path:
    """Make it the environment of a new user; where the default spool will be."""
    environ["XDG_STATE_HOME"] = str(tmp_path / "state")
    return tmp_path / "state/wmctl/spool"


@pytest.fixture
def wmctl(environ: dict[str, str], tmp_path: Path) -> Wmctl:
    """Run `wmctl` to its end."""

    def run(
        *words: str, stdin: str = "", env: dict[str, str] | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wmctl", *words],
            input=stdin, env=environ | (env or {}), cwd=tmp_path, timeout=timeout,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def submitted(wmctl: Wmctl) -> Callable[..., str]:
    """Submit a job that must be accepted; its id."""

    def submit(*words: str, stdin: str = "") -> str:
        done = wmctl("submit", *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return submit


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """The spool of `call`, with one worker that does nothing by itself."""
    spool = Spool.create(tmp_path / "spool")
    spool.join("wk-default-test-00000", {})
    return spool


@pytest.fixture
def call(
    spool: Spool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """`wmctl` with these words in this process, which is a hundred times as fast."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WMCTL_SPOOL", str(spool.path))

    def wmctl(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app.run(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return wmctl
