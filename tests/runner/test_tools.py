"""Where programs are looked for, and what is said when they are not there."""

import os
import sys
from pathlib import Path

import pytest

from wmctl.errors import RunnerUnavailable
from wmctl.runner.tools import Tools


def program(folder: Path, name: str, text: str = "#!/bin/sh\nexit 0\n", mode: int = 0o755) -> Path:
    """A program, or with another mode a file that cannot be executed."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """One program `tool` in the own scripts folder, another on PATH."""
    program(tmp_path / "own", "tool")
    program(tmp_path / "path", "tool")
    return Tools({}, tmp_path / "own", f"{tmp_path}/empty:{tmp_path}/path")


def test_order(tools: Tools, tmp_path: Path) -> None:
    """The variable, then the own scripts folder, then PATH."""
    set_ = Tools({"TOOL_PATH": str(program(tmp_path, "x"))}, tools.own_scripts, tools.search_path)
    assert set_.find("tool", "TOOL_PATH") == tmp_path / "x"
    assert tools.find("tool", "TOOL_PATH") == tmp_path / "own" / "tool"
    assert tools.find("tool", "TOOL_PATH", own=False) == tmp_path / "path" / "tool"
    assert tools.find("other", "TOOL_PATH") is None


def test_a_name_in_the_variable_is_looked_for_on_path(tools: Tools, tmp_path: Path) -> None:
    """PYTHON_PATH=python3.12, say; the own scripts folder was not meant."""
    other = Tools({"OTHER_PATH": "tool"}, tools.own_scripts, tools.search_path)
    assert other.find("other", "OTHER_PATH") == tmp_path / "path" / "tool"


def test_configuration_wins_over_the_environment(tmp_path: Path) -> None:
    """And both are settings by name."""
    found = Tools.from_environment({"A": "1", "B": "1", "PATH": str(tmp_path)}, {"B": "2"})
    assert (found.value("A"), found.value("B"), found.value("C")) == ("1", "2", "")
    assert found.search_path == str(tmp_path)
    assert found.own_scripts is not None
    assert "'1'" not in repr(found)


def test_what_was_set_is_never_passed_over_in_silence(tools: Tools, tmp_path: Path) -> None:
    """A path that cannot be executed is an answer: no other program is used in its place."""
    for path in (tmp_path / "missing", tmp_path, program(tmp_path, "plain", mode=0o644)):
        wrong = Tools({"TOOL_PATH": str(path)}, tools.own_scripts, tools.search_path)
        assert wrong.find("tool", "TOOL_PATH") is None
        problem = wrong.problem("tool", "TOOL_PATH", "tool-bin")
        assert problem == f"TOOL_PATH is {path}, which is not a program that can be executed"


def test_what_is_missing_is_told_with_the_command_that_brings_it(tools: Tools) -> None:
    """A package's name becomes a command for this very environment."""
    assert tools.problem("tool", "TOOL_PATH", "tool-bin") is None
    problem = tools.problem("other", "OTHER_PATH", "other-bin") or ""
    assert f"{sys.executable} -m pip install other-bin" in problem
    assert "OTHER_PATH" in problem
    assert "apt-get install other" in (tools.problem("other", "O", "apt-get install other") or "")
    with pytest.raises(RunnerUnavailable, match="other-bin"):
        tools.need("other", "OTHER_PATH", "other-bin")


def test_the_current_folder_is_nobodys_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty entry of PATH means it, and anybody may have put a program there."""
    program(tmp_path, "tool")
    monkeypatch.chdir(tmp_path)
    assert Tools({}, None, ":.:").find("tool", "TOOL_PATH") is None


def test_python_jobs_get_the_base_interpreter(tmp_path: Path) -> None:
    """Never the one of wmctl's own virtual environment."""
    python = Tools.from_environment(os.environ).python()
    assert python is not None
    assert not python.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    mine = program(tmp_path, "mine")
    assert Tools({"PYTHON_PATH": str(mine)}).python() == mine
    assert Tools({"PYTHON_PATH": str(tmp_path / "missing")}).python() is None


def test_interpreters(tmp_path: Path) -> None:
    """The usual one first, then what is on PATH, newest first; what does not run is left out."""
    for minor in (97, 98):
        text = f'#!/bin/sh\necho "3.{minor}.2 $0"\n'
        program(tmp_path / "bin", f"python3.{minor}", text)
    program(tmp_path / "bin", "python3.96", "#!/bin/sh\necho no such version >&2; exit 127\n")
    program(tmp_path / "bin", "python3.95", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    found = Tools(search_path=str(tmp_path / "bin")).interpreters()
    assert [str(one) for one in found[1:]] == ["3.98.2", "3.97.2"]
    assert found[0].path == Tools().python()
    assert found[0].version == sys.version_info[:3]
    assert found[1].path == tmp_path / "bin" / "python3.98"
