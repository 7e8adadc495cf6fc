"""`wmctl service`: units that systemd itself finds right, and that nobody loses."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from wmctl.cli import service_files
from wmctl.cli.serve import install_line
from wmctl.cli.service_unit import Unit, file_name
from wmctl.cli.session import Session
from wmctl.errors import BadInput
from wmctl.spool import Spool

#: Strange, and allowed: what a unit's grammar gives a meaning.
STRANGE = "/srv/a b/%n/$HOME/\\x/\"q'/ü"


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl, and a loginctl, that write down what they were told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "loginctl"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/log\necho active\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(service_files, "_SYSTEM", tmp_path / "etc")
    return folder / "log"


def unit(**changes: object) -> str:
    usual = {"program": ("/opt/wmctl/bin/wmctl",), "spool": "/srv/jobs", "path": "/usr/bin:/bin"}
    return Unit(**{**usual, **changes}).text()  # type: ignore[arg-type]


def lines(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def test_what_the_unit_says() -> None:
    text = unit(groups=("gpu", "etl"), workers=4, tags=("a", "b"), grace=("10m", 600.0))
    assert lines(text, "ExecStart") == [
        "/opt/wmctl/bin/wmctl worker start -n 4 --group gpu,etl --tags a,b --grace 10m"
    ]
    assert lines(text, "Environment") == ["WMCTL_SPOOL=/srv/jobs", "PATH=/usr/bin:/bin"]
    assert lines(text, "TimeoutStopSec") == ["660"]
    assert lines(unit(), "TimeoutStopSec") == ["infinity"]
    expected = {
        "Type": "exec", "KillMode": "mixed", "Restart": "on-failure", "OOMPolicy": "continue",
        "RestartForceExitStatus": "75", "WantedBy": "default.target",
    }  # fmt: skip
    assert {key: lines(text, key) for key in expected} == {k: [v] for k, v in expected.items()}
    assert lines(unit(), "ExecStart") == ["/opt/wmctl/bin/wmctl worker start"]
    of_system = unit(system=True, user="jobs")
    assert lines(of_system, "RequiresMountsFor") == ["/srv/jobs"]
    assert lines(of_system, "User") == ["jobs"]
    assert lines(of_system, "WantedBy") == ["multi-user.target"]


def test_names_of_units() -> None:
    assert file_name(("default",), None) == "wmctl.service"
    assert file_name(("gpu", "etl"), None) == "wmctl-gpu-etl.service"
    assert file_name((), "x.service") == "x.service"
    for wrong in ("../x", "a b", ".x", ""):
        with pytest.raises(BadInput):
            file_name((), wrong or "/")


def test_no_line_of_ones_own_in_a_unit() -> None:
    with pytest.raises(BadInput, match="control character"):
        unit(spool="/srv/x\nExecStartPre=/bin/rm")


# Where the package systemd is missing, nobody can be asked.
@pytest.mark.parametrize("system", [True, False] if shutil.which("systemd-analyze") else [])
def test_systemd_finds_nothing_wrong(system: bool, tmp_path: Path) -> None:
    path = tmp_path / "wmctl.service"
    path.write_text(
        unit(program=(shutil.which("true"),), spool=STRANGE, system=system, grace=("1m", 60.0))
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", *([] if system else ["--user"]), path],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "wmctl.service" in line]
    assert (ours, done.returncode) == ([], 0), done.stderr


def test_install_writes_it_and_says_what_is_left(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path
) -> None:
    path = tmp_path / ".config/systemd/user/wmctl-gpu.service"
    words = ("service", "install", "--user", "-g", "gpu", "-n", "2")
    code, out, err = call(*words)
    assert (code, out) == (0, f"wrote {path}\n")
    assert "systemctl --user enable wmctl-gpu.service" in err
    assert "loginctl enable-linger" in err
    assert not systemctl.exists()
    text = path.read_text()
    assert f"WMCTL_SPOOL={spool.path}" in text
    assert f"{call('service', 'print', '--user', '-g', 'gpu', '-n', '2')[1]}" == text
    assert call(*words)[:2] == (0, f"{path} is there already\n")

    code, out, err = call(*words[:-1], "3")
    assert (code, out) == (1, "")
    assert "-n 2" in err
    assert "-y replaces it" in err
    assert path.read_text() == text
    assert call(*words[:-1], "3", "-y", "-q")[:2] == (0, "")
    assert "-n 3" in path.read_text()


def test_now_runs_systemctl_and_rm_takes_it_away(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path
) -> None:
    assert call("service", "install", "--user", "--now", "-q")[0] == 0
    assert systemctl.read_text().splitlines() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable wmctl.service",
        "systemctl --user restart --no-block wmctl.service",
        "loginctl enable-linger",
    ]
    foreign = tmp_path / ".config/systemd/user/other.service"
    foreign.write_text("[Service]\nExecStart=/bin/true\n")
    [one] = json.loads(call("service", "ls", "-o", "json")[1])
    assert (one["unit"], one["of"], one["active"]) == ("wmctl.service", "user", "active")
    assert call("service", "rm", "other", "--user")[0] == 66
    assert foreign.exists()
    assert call("service", "rm", "wmctl", "--user", "--now", "-q")[0] == 0
    assert "systemctl --user disable --now --no-block wmctl.service" in systemctl.read_text()
    assert call("service", "ls", "-o", "json")[1] == "[]\n"


def test_a_systemctl_that_refuses_is_told_of(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path
) -> None:
    (systemctl.parent / "systemctl").write_text("#!/bin/sh\necho no bus; exit 1\n")
    code, _, err = call("service", "install", "--user", "--now")
    assert code == 1
    assert "daemon-reload ended with 1: no bus" in err
    assert (tmp_path / ".config/systemd/user/wmctl.service").exists()


def test_a_unit_of_the_machine_runs_as_the_spool_s_owner(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path
) -> None:
    assert call("service", "install", "--system", "--as", "daemon", "-q")[0] == 0
    text = (tmp_path / "etc/wmctl.service").read_text()
    assert lines(text, "User") == ["daemon"]
    assert call("service", "install", "--user", "--as", "daemon")[0] == 2


def test_what_root_means_is_not_guessed(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, machine = tmp_path / ".config", tmp_path / "etc"
    for user in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        code, _, err = call("service", "install")
        assert code == (2 if user == 0 else 0), err
        assert own.exists() == (user != 0)
    assert not machine.exists()


def test_the_line_of_worker_start_installs_the_same_workers(
    spool: Spool, call: Call, systemctl: Path, tmp_path: Path
) -> None:
    """What `worker start` tells its user to write is understood, and means what it did."""
    words = {"worker.group": "gpu,etl", "worker.count": "3", "worker.tags": "a,b"}
    session = Session()
    for key, value in (words | {"worker.grace": "10m"}).items():
        session.flag(key, value)
    line = shlex.split(install_line(session))
    assert call(*line[1:], "-q")[0] == 0
    root = os.geteuid() == 0
    folder = tmp_path / "etc" if root else tmp_path / ".config/systemd/user"
    path = folder / "wmctl-gpu-etl.service"
    [start] = lines(path.read_text(), "ExecStart")
    assert start.endswith("worker start -n 3 --group gpu,etl --tags a,b --grace 600s")
    assert f"WMCTL_SPOOL={spool.path}" in call("service", "print")[1]
