"""Third-party plugins as the command line shows and uses them."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from tests.plugin.fakes import module, with_runners


@pytest.fixture
def installed(tmp_path: Path, environ: dict[str, str]) -> Path:
    """A folder like site-packages, with two distributions: a good one and a broken one."""
    folder = tmp_path / "packages"
    for name, lines in (("good", "good = good"), ("evil", "evil = evil\nbash = good")):
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[wmctl]\n{lines}\n")
    with_runners(folder, "good", ("fake", "fake", (".fk",)))
    with (folder / "good.py").open("a") as file:
        file.write(
            "\n\ndef greet(name: str = 'you'):\n    print('hello', name)\n\n\n"
            "@hookimpl\ndef wmctl_register_commands(register):\n"
            "    register('greet', 'Greet somebody.', lambda: greet)\n"
        )
    module(folder, "evil", "raise RuntimeError('boom')\n")
    environ["PYTHONPATH"] = f"{folder}:{environ.get('PYTHONPATH', '')}"
    return folder


@pytest.mark.usefixtures("installed")
def test_plugin_ls_names_the_broken_with_their_distribution(wmctl: Wmctl) -> None:
    """Exit 1, since something is wrong; the good ones are there."""
    done = wmctl("plugin", "ls", "-o", "json")
    assert done.returncode == 1
    found = {(item["distribution"], item["name"]): item for item in json.loads(done.stdout)}
    assert found["good", "good"]["runners"] == ["fake"]
    assert found["good", "good"]["commands"] == ["greet"]
    assert "boom" in found["evil", "evil"]["problems"][0]
    assert "already that of bash (wmctl " in found["evil", "bash"]["problems"][0]
    assert found["wmctl", "bash"]["status"] == "ok"
    doctor = wmctl("doctor")
    assert doctor.returncode == 1
    assert "plugin evil" in doctor.stdout


@pytest.mark.usefixtures("installed")
def test_a_broken_plugin_stops_no_command(wmctl: Wmctl, tmp_path: Path) -> None:
    """Neither wmctl's own nor those of other plugins."""
    (tmp_path / "x.fk").write_text("anything")
    assert wmctl("submit", "x.fk").returncode == 0
    assert json.loads(wmctl("ps", "-o", "json").stdout)[0]["tag"] == "fake"
    assert wmctl("--help").returncode == 0
    burst = wmctl("worker", "start", "--burst", "--tags", "bash")
    assert burst.returncode == 0
    assert "plugin evil (evil 1.0)" in burst.stderr


@pytest.mark.usefixtures("installed")
def test_a_command_of_a_plugin(wmctl: Wmctl) -> None:
    """In the help, in suggestions, and as if it were wmctl's own."""
    assert re.search(r"^  greet +Greet somebody\.$", wmctl("--help").stdout, re.MULTILINE)
    assert wmctl("greet", "--name", "ann").stdout == "hello ann\n"
    assert "did you mean wmctl greet?" in wmctl("gret").stderr
