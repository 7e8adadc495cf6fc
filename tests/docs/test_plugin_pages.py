"""The plugin of the docs: its page quotes it, its commands run, its tests pass, hooks speak up."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.console import ROOT

PAGE = ROOT / "docs" / "how-to" / "add-a-runner.md"
HELLO = ROOT / "examples" / "wmctl-hello"

Shell = Callable[[str], subprocess.CompletedProcess[str]]


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n((?:.*\n)*?)```$", text, re.MULTILINE)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder like site-packages, where wmctl looks for plugins."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


def install(site: Path, name: str, line: str) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[wmctl]\n{line}\n")


@pytest.fixture
def shell(site: Path, tmp_path: Path) -> Shell:
    """Runs a line as a user would who has the plugin installed."""
    (tmp_path / "home").mkdir()
    env = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{site}:{HELLO}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line], env=env, cwd=tmp_path, timeout=120, check=False,
            capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_the_page_quotes_real_files() -> None:
    sources = {
        "toml": [HELLO / "pyproject.toml"],
        "python": [
            HELLO / "wmctl_hello.py",
            HELLO / "test_hello.py",
            ROOT / "tests" / "plugins" / "test_bash.py",
        ],
    }
    for language, files in sources.items():
        texts = [file.read_text(encoding="utf-8") for file in files]
        quoted = blocks(PAGE, language)
        assert quoted
        for block in quoted:
            assert any(block in text for text in texts), block
    assert blocks(PAGE, "toml") == [(HELLO / "pyproject.toml").read_text(encoding="utf-8")]


def test_the_page_explains_all_of_the_plugin() -> None:
    text = (HELLO / "wmctl_hello.py").read_text(encoding="utf-8")
    quoted = "".join(blocks(PAGE, "python"))
    left = [line for line in text.splitlines() if line.strip() and line not in quoted]
    assert left == [line for line in left if line.startswith(('"""', "class", '    """'))]


def test_the_commands_of_the_page(shell: Shell, site: Path) -> None:
    [line] = re.findall(r"^hello = .*$", (HELLO / "pyproject.toml").read_text(), re.MULTILINE)
    install(site, "wmctl_hello", line.replace('"', ""))
    page = PAGE.read_text(encoding="utf-8").partition("## 4. ")[2].partition("## 5. ")[0]
    lines = re.findall(r"^    (.*wmctl .*)$", page, re.MULTILINE)
    assert len(lines) == 3
    printed = [shell(line.replace(".venv/bin/", "")) for line in lines]
    assert [done.returncode for done in printed] == [0, 0, 0], printed
    assert re.search(r"^hello +ok +wmctl-hello 1.0 +hello ", printed[0].stdout, re.MULTILINE)
    assert printed[1].stdout == '"Hello, Ada!"\n'
    assert printed[2].stdout == '"Hello, Ada!"\n"Hello, Grace!"\n'


def test_the_plugins_own_tests_pass(shell: Shell) -> None:
    done = shell(f"python -m pytest -q -p no:cacheprovider -p no:randomly -c /dev/null {HELLO}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_without_pytest_the_contract_says_so(shell: Shell) -> None:
    hidden = "import sys; sys.modules['pytest'] = None; import wmctl.testing"
    done = shell(f'python -c "{hidden}"')
    assert done.returncode == 1
    assert done.stderr.endswith(
        "ModuleNotFoundError: wmctl.testing needs pytest; install it with: pip install pytest\n"
    )


def test_what_the_job_end_example_logs_is_in_the_workers_log(shell: Shell, site: Path) -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    [code] = re.findall(
        r"^```python\n(.*?)^```$", page.partition("## wmctl_job_end")[2], re.MULTILINE | re.DOTALL
    )
    (site / "observer.py").write_text(code)
    install(site, "wmctl_observer", "observer = observer")
    done = shell("wmctl submit -c 'exit 3' -l bash && wmctl worker start --burst --tags bash")
    job_id = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    assert f"INFO {job_id} failed: exit code 3\n" in done.stderr
