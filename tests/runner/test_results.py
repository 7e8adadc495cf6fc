"""From the end of a process and the files it left to an outcome."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from wmctl.runner.exit import Exit
from wmctl.runner.outcome import Canceled, Completed, Failed
from wmctl.runner.results import RESULT_CAP, exit_outcome, last_line, outcome_of, value_outcome


def failed(outcome: object) -> Failed:
    """The outcome, which must be a failure."""
    assert isinstance(outcome, Failed)
    return outcome


def left(folder: Path, result: str | bytes) -> Any:
    """The outcome of a process that ended well and left this."""
    (folder / "result.json").write_bytes(result.encode() if isinstance(result, str) else result)
    return outcome_of(Exit(0), folder / "result.json")


def test_the_exit_code_decides() -> None:
    """And the last lines of the log say why."""
    assert exit_outcome(Exit(0)) == Completed(None)
    tail = "\n".join(f"line {number}" for number in range(30)) + "\n"
    outcome = failed(exit_outcome(Exit(4, tail=tail)))
    assert outcome.exit_code == 4
    assert outcome.error["name"] == "ExecutionErr"
    assert outcome.error["message"].startswith("exit code 4, last log lines:\nline 20\n")
    assert outcome.error["message"].endswith("line 29")
    assert failed(exit_outcome(Exit(1))).error["message"] == "exit code 1"
    assert len(failed(exit_outcome(Exit(1, tail="x" * 100_000))).error["message"]) < 2100


def test_signals_are_named() -> None:
    """128 + n, as in a shell."""
    killed = failed(exit_outcome(Exit(None, 9)))
    assert killed.exit_code == 137
    assert killed.error["message"] == "terminated by signal 9 (SIGKILL); perhaps memory ran out"
    assert "SIGSEGV" in failed(exit_outcome(Exit(None, 11))).error["message"]
    assert "signal 60" in failed(exit_outcome(Exit(None, 60))).error["message"]


def test_what_wmctl_killed() -> None:
    """Also if it then ended with code 0."""
    timeout = failed(exit_outcome(Exit(0, killed="timeout", limit=1.5)))
    assert (timeout.exit_code, timeout.error["name"]) == (124, "Timeout")
    assert timeout.error["message"] == "duration > 1.5 s"
    assert exit_outcome(Exit(None, 15, killed="canceled")) == Canceled()
    assert failed(exit_outcome(Exit(None, 15, killed="stopped"))).exit_code == 143


def test_results(tmp_path: Path) -> None:
    """JSON, with its keys in order; no file and an empty file are null."""
    outcome: Any = left(tmp_path, '{"b": 1, "a": [null, 1.5, "ž"]}')
    assert outcome == Completed({"b": 1, "a": [None, 1.5, "ž"]})
    assert list(outcome.result) == ["b", "a"]
    assert left(tmp_path, "") == Completed(None)
    assert outcome_of(Exit(0), tmp_path / "missing") == Completed(None)
    assert left(tmp_path, "12345678901234567890") == Completed(12345678901234567890)


@pytest.mark.parametrize(
    "text",
    ["{", "NaN", '{"a": 1, "a": 2}', '"\\ud800"', "[" * 300 + "]" * 300, b"\xff\xfe", "1e999"],
)
def test_what_is_no_json_fails(tmp_path: Path, text: str | bytes) -> None:
    """Nothing of it reaches a reader."""
    assert failed(left(tmp_path, text)).error["name"] == "BadResult"


def test_a_result_over_the_cap_fails(tmp_path: Path) -> None:
    """One byte under it does not."""
    assert isinstance(left(tmp_path, b'"' + b"x" * (RESULT_CAP - 2) + b'"'), Completed)
    outcome = failed(left(tmp_path, b'"' + b"x" * (RESULT_CAP - 1) + b'"'))
    assert outcome.error["name"] == "ResultTooLarge"
    assert "16 MiB" in outcome.error["message"]


def test_a_job_may_leave_anything_there(tmp_path: Path) -> None:
    """A pipe must not block the worker, a link not lead it elsewhere."""
    secret = tmp_path / "secret"
    secret.write_text('"secret"')
    (tmp_path / "link").symlink_to(secret)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe"):
        outcome = failed(outcome_of(Exit(0), tmp_path / name))
        assert outcome.error["name"] == "BadResult"
        assert name in outcome.error["message"]


def test_the_error_file_counts_after_a_failure_only(tmp_path: Path) -> None:
    """Name and message are what makes it one; the exit code is the process's."""
    file = tmp_path / "error.json"

    def outcome(exit_: Exit, text: str) -> Any:
        file.write_text(text)
        return outcome_of(exit_, tmp_path / "result.json", error_file=file)

    error = {"message": "m", "name": "N", "stack": "s", "extra": {"a": 1}}
    assert outcome(Exit(3), json.dumps(error)) == Failed(error, 3)
    assert list(failed(outcome(Exit(3), json.dumps(error))).error) == list(error)
    assert outcome(Exit(0), json.dumps(error)) == Completed(None)
    timeout = Exit(1, killed="timeout", limit=1)
    assert failed(outcome(timeout, json.dumps(error))).error["name"] == "Timeout"
    for text in ("", "{", "[]", '{"name": "N"}', '{"name": "N", "message": 1}'):
        assert failed(outcome(Exit(3), text)).error["name"] == "ExecutionErr"


def test_labels_and_manual_failure() -> None:
    """Windmill's special keys; what has not their form means nothing."""
    labeled: Any = value_outcome({"wm_labels": ["a", "", 1, "b", "a"], "x": 1})
    assert labeled.labels == ("a", "b")
    assert labeled.result == {"wm_labels": ["a", "", 1, "b", "a"], "x": 1}
    manual = failed(value_outcome({"wm_failure": "no good", "wm_labels": ["a"]}))
    assert manual == Failed({"name": "ManualFailure", "message": "no good"}, 1, ("a",))
    assert value_outcome({"wm_failure": None}) == Completed({"wm_failure": None})
    assert value_outcome({"wm_labels": "a"}) == Completed({"wm_labels": "a"})


def test_text_file_and_default(tmp_path: Path) -> None:
    """In this order, each only if the one before it is missing or empty."""
    result, text = tmp_path / "result.json", tmp_path / "result.out"

    def outcome() -> Any:
        ended: Any = outcome_of(Exit(0), result, text_file=text, default="last")
        return ended.result

    assert outcome() == "last"
    text.write_text("")
    assert outcome() == "last"
    text.write_bytes(b" text \xff\n")
    assert outcome() == " text \ufffd\n"
    result.write_text("1")
    assert outcome() == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [("", ""), ("a", "a"), ("a\n b \n", "b"), ("a\n\n", ""), ("\n", ""), ("a\nb\r\n", "b")],
)
def test_last_line(text: str, line: str) -> None:
    """As `tail -1`, trimmed."""
    assert last_line(text) == line
