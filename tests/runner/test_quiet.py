"""Short questions to tools."""

import pytest

from wmctl.runner.quiet import run_quietly


def test_code_and_output() -> None:
    """Both streams together, the text on standard input."""
    assert run_quietly(["sh", "-c", "cat; echo err >&2; exit 3"], "in\n") == (3, "in\nerr\n")


def test_what_cannot_be_run_is_an_answer() -> None:
    """Never an exception."""
    assert run_quietly(["/nonexistent/tool"])[0] == 127
    assert run_quietly(["sh", "-c", "a\0b"])[0] == 127
    code, output = run_quietly(["sh", "-c", "sleep 60"], timeout=0.1)
    assert code == 124
    assert "0.1 s" in output


def test_its_environment_cannot_make_a_shell_run_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """BASH_ENV would."""
    monkeypatch.setenv("BASH_ENV", "/dev/stderr")
    monkeypatch.setenv("SECRET", "x")
    output = run_quietly(["env"], env={"ADDED": "1"})[1]
    assert "ADDED=1" in output
    assert "BASH_ENV" not in output
    assert "SECRET" not in output
