"""Plain commands: words without a shell, the submitter's surroundings, a shell's exit codes."""

import os
from pathlib import Path
from typing import Any

import pytest

from wmctl.plugin import BadInput, Completed, Failed, Job, Tools
from wmctl.testing import Ran, run_job
from wmctl_bash.command import CommandRunner


def command(*argv: str, **more: Any) -> Ran:
    """Run one command."""
    job = Job(kind="command", argv=argv, **more)
    return run_job(CommandRunner(), job=job, timeout=60)


def refused(code: int, *argv: str, **more: Any) -> str:
    """The message of a command that must fail with this exit code."""
    outcome = command(*argv, **more).outcome
    assert isinstance(outcome, Failed)
    assert outcome.exit_code == code
    return str(outcome.error["message"])


def test_words_reach_the_program_as_they_are() -> None:
    """No shell looks at them."""
    ran = command("printf", "<%s>\n", "a b", "$HOME", "*", "", "; ls", "ž")
    assert ran.outcome == Completed(None)
    assert ran.log == "<a b>\n<$HOME>\n<*>\n<>\n<; ls>\n<ž>\n"


def test_exit_code_and_signal_are_kept() -> None:
    """They are all that a command's result says."""
    assert refused(4, "sh", "-c", "echo no; exit 4") == "exit code 4"
    assert "SIGTERM" in refused(143, "sh", "-c", "kill -15 $$")


def test_keeps_folder_umask_and_environment(tmp_path: Path) -> None:
    """PATH too: the program is looked for in the job's, not in the worker's."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "mine"
    program.write_text('#!/bin/sh\npwd; umask; echo "$LANG $VIRTUAL_ENV"\n')
    program.chmod(0o755)
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "LANG": "cs_CZ.UTF-8", "VIRTUAL_ENV": "/v"}
    ran = command("mine", cwd=str(tmp_path), umask=0o027, env=env)
    assert ran.log == f"{tmp_path}\n0027\ncs_CZ.UTF-8 /v\n"
    assert "mine" in refused(127, "mine", cwd=str(tmp_path), env={"PATH": "/usr/bin"})


def test_relative_programs_are_looked_for_in_its_folder(tmp_path: Path) -> None:
    """`./tool` and a relative entry of PATH, as in the submitter's shell."""
    (tmp_path / "tool").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "tool").chmod(0o755)
    assert command("./tool", cwd=str(tmp_path)).log == "ran\n"
    assert command("tool", cwd=str(tmp_path), env={"PATH": "."}).log == "ran\n"


def test_a_folder_that_is_not_there_is_126_with_the_host() -> None:
    """The usual mistake with several hosts."""
    message = refused(126, "true", cwd="/nonexistent/folder")
    assert "/nonexistent/folder" in message
    assert os.uname().nodename in message


def test_a_program_that_cannot_be_run_is_127_or_126(tmp_path: Path) -> None:
    """As a shell has them."""
    assert "command not found" in refused(127, "no-such-program-here")
    refused(127, "./missing", cwd=str(tmp_path))
    refused(127, "", cwd=str(tmp_path))
    (tmp_path / "plain").write_text("text")
    refused(126, "./plain", cwd=str(tmp_path))
    refused(126, "plain", cwd=str(tmp_path), env={"PATH": str(tmp_path)})
    refused(126, str(tmp_path))
    refused(127, "x" * 5000)
    refused(127, f"./{'x' * 5000}", cwd=str(tmp_path))
    refused(126, "true", cwd="/" + "x" * 5000)


def test_standard_error_is_kept_apart() -> None:
    """The log has both, a sidecar says which is which."""
    job = Job(kind="command", argv=("true",))
    ran = command("sh", "-c", "echo out; echo err >&2")
    assert sorted(ran.log.splitlines()) == ["err", "out"]
    assert job.runner == CommandRunner.name


def test_args_by_name_are_refused() -> None:
    """A command has no parameters."""
    CommandRunner().check("", {}, Tools())
    with pytest.raises(BadInput, match="'x'"):
        CommandRunner().check("", {"x": 1}, Tools())
    assert CommandRunner().health(Tools()) is None
