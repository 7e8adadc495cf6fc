"""docs/how-to/keep-workers-running.md: the unit and the crontab do what the page says."""

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import ROOT
from wmctl.cli.service_unit import Unit
from wmctl.spool import Job, Spool
from wmctl.spool.settings import Settings
from wmctl.worker.sweeper import PRUNE_EVERY

PAGE = (ROOT / "docs" / "how-to" / "keep-workers-running.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which wmctl is installed where the page says."""
    scripts = tmp_path / "home" / "wmctl" / ".venv" / "bin"
    scripts.mkdir(parents=True)
    for name in ("wmctl", "python"):
        (scripts / name).write_text(
            f'#!/bin/sh\nexec {sys.executable} {{}} "$@"\n'.format(
                "-m wmctl" if name == "wmctl" else ""
            )
        )
        (scripts / name).chmod(0o755)
    return tmp_path / "home"


@pytest.fixture
def env(home: Path, tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(home), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def spool(home: Path) -> Spool:
    return Spool.create(home / ".local/state/wmctl/spool", Settings(durability="none"))


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(block("ini"))
    return parser["Service"]


def test_the_unit_is_stopped_as_the_page_says(
    home: Path, env: dict[str, str], spool: Spool, tmp_path: Path
) -> None:
    """Mixed: TERM for the main process; the job, which has begun, is finished."""
    service = unit()
    assert service["KillMode"] == "mixed"
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    for pipe in (begun, go_on):
        os.mkfifo(pipe)
    code = f"echo > {begun}; read < {go_on}; echo finished"
    job_id = spool.submit(Job(language="bash", code=code), tag="bash")
    words = shlex.split(service["ExecStart"].replace("/home/ann", str(home)))
    main = subprocess.Popen(words, env=env, stderr=subprocess.PIPE)
    try:
        begun.read_text()
        main.send_signal(signal.SIGTERM)
        assert main.stderr is not None
        for line in main.stderr:  # the idle workers end first, so it has been heard
            if b" down after " in line:
                break
        go_on.write_text("\n")
        assert main.wait(60) == 0
    finally:
        main.kill()
        main.communicate()
    assert spool.find(job_id).state == "success"


def test_the_unit_is_the_one_that_install_writes() -> None:
    written = Unit(
        program=("/home/ann/wmctl/.venv/bin/wmctl",),
        spool="/home/ann/.local/state/wmctl/spool",
        path="/usr/local/bin:/usr/bin:/bin",
        workers=4,
        grace=("10m", 600.0),
    )
    assert block("ini") == written.text()


def test_the_unit_leaves_time_for_the_grace() -> None:
    service = unit()
    grace = re.search(r"--grace (\d+)m", service["ExecStart"])
    assert grace is not None
    assert int(service["TimeoutStopSec"]) > int(grace[1]) * 60


def cron_lines() -> list[str]:
    return [re.sub(r"^(@\w+|(\S+ ){5})\s*", "", line) for line in block("crontab").splitlines()]


def cron(line: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line], env=env, timeout=60, check=False, capture_output=True, text=True
    )


def test_the_crontab(home: Path, env: dict[str, str], spool: Spool, tmp_path: Path) -> None:
    burst, prune = cron_lines()
    job_id = spool.submit(Job(language="bash", code="echo hello"), tag="bash")

    done = cron(burst.replace("/tmp/", f"{tmp_path}/"), env)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "cron mails nothing"
    entry = spool.find(job_id)
    assert entry.state == "success"
    assert cron(prune, env).returncode == 0
    assert spool.find(job_id).state == "success", "not old enough"
    os.utime(entry.path, (0, 0))
    assert (done.returncode, cron(prune, env).stderr) == (0, "")
    assert not Path(entry.path).exists()


def test_figures() -> None:
    assert PRUNE_EVERY == 3600.0
    assert Settings().retention == 30 * 86400.0
