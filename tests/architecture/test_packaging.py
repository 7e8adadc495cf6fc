"""What a user installs: a wheel into a fresh environment, and a third-party plugin beside it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A fresh environment with wmctl and the example plugin, and an empty home."""
    folder = tmp_path_factory.mktemp("installed")
    home = folder / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    python = folder / "env/bin/python"
    for what in (ROOT, ROOT / "examples/wmctl-hello"):
        subprocess.run([python, "-m", "pip", "install", "-q", what], check=True)
    env = {**os.environ, "HOME": str(home)}
    env.pop("WMCTL_SPOOL", None)

    def wmctl(*words, **more):
        return subprocess.run(
            [folder / "env/bin/wmctl", *words],
            env=env,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            **more,
        )

    return wmctl


def test_a_third_party_runner_is_listed(installed):
    done = installed("plugin", "ls", "-o", "json")
    assert done.returncode == 0, done.stderr
    text = json.dumps(json.loads(done.stdout))
    assert "wmctl-hello" in text


def test_a_third_party_runner_runs(installed, tmp_path):
    script = tmp_path / "greet.hello"
    script.write_text("Hello, {name}!\n")
    done = installed("run", script, "-a", "name=Ada")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '"Hello, Ada!"'


def test_the_installed_tool_runs_python_without_its_own_packages(installed):
    code = "def main():\n  try:\n    import wmctl\n  except ImportError:\n    return 'clean'"
    done = installed("run", "-c", code, "-l", "python3")
    assert (done.returncode, done.stdout.strip()) == (0, '"clean"'), done.stderr


def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True
    )
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    data = next(top for top in tops if top.endswith(".data"))
    assert tops == {data, "wmctl", "wmctl_bash", "wmctl_deno", "wmctl_go", "wmctl_python3"}
    shared = {name.removeprefix(f"{data}/data/share/") for name in names if name.startswith(data)}
    assert {"man/man1/wmctl.1", "man/man1/wmctl-submit.1"} <= shared
    assert {"zsh/site-functions/_wmctl", "bash-completion/completions/wmctl"} <= shared
    assert any(name.endswith("wmctl/py.typed") for name in names)
