"""From how a process ended, and what it left in its folder, to the job's outcome.

The protocol with a wrapper: exit 0 and the value in `result.json` (none = null), or any other
exit and Windmill's error object (name, message, stack…) in `error.json`.
"""

import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmctl.errors import BadInput
from wmctl.runner.exit import Exit
from wmctl.runner.outcome import Canceled, Completed, Failed, Outcome, failed
from wmctl.spool import strict

#: Bytes of a result.
RESULT_CAP = 16 << 20
#: Log lines, and characters of them, that an error message repeats.
LAST_LINES = 10
LAST_CHARACTERS = 2000


class _BadFileError(Exception):
    """The job left a file that cannot be its result."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def exit_outcome(exit_: Exit) -> Outcome:
    """The outcome of a process whose exit code is all it has to say."""
    if exit_.ok:
        return Completed()
    if exit_.killed == "canceled":
        return Canceled()
    if exit_.killed == "timeout":
        limit = f"{exit_.limit:g} s" if exit_.limit is not None else "its limit"
        return failed("Timeout", f"duration > {limit}", exit_code=124)
    if exit_.killed:
        return failed("Killed", f"wmctl ended the process: {exit_.killed}", exit_code=exit_.status)
    message = _signal(exit_.signal) if exit_.signal else f"exit code {exit_.code}"
    last = _last_lines(exit_.tail)
    if last:
        message += f", last log lines:\n{last}"
    return failed("ExecutionErr", message, exit_code=exit_.status)


def outcome_of(
    exit_: Exit,
    result_file: Path | None = None,
    *,
    error_file: Path | None = None,
    text_file: Path | None = None,
    default: Any = None,
) -> Outcome:
    """The outcome of a process that leaves files.

    After success the JSON of `result_file`, else the text of `text_file`, else `default`; an empty
    file counts as none. After a failure the error object of `error_file`, if there is one.
    """
    try:
        if not exit_.ok:
            return _error(exit_, error_file)
        content = _read(result_file)
        if content is not None:
            return value_outcome(strict.loads(content, "the result"))
        text = _read(text_file)
        return value_outcome(default if text is None else text.decode(errors="replace"))
    except _BadFileError as error:
        return failed(error.name, str(error))
    except BadInput as error:
        return failed("BadResult", error.message)


def value_outcome(value: Any) -> Outcome:
    """A result value, with Windmill's special keys `wm_labels` and `wm_failure` obeyed."""
    if not isinstance(value, Mapping):
        return Completed(value)
    listed = value.get("wm_labels")
    words = listed if isinstance(listed, list) else []
    labels = tuple(dict.fromkeys(word for word in words if isinstance(word, str) and word))
    failure = value.get("wm_failure")
    if isinstance(failure, str):
        return Failed({"name": "ManualFailure", "message": failure}, labels=labels)
    return Completed(value, labels=labels)


def last_line(text: str) -> str:
    """The last line, trimmed; a line feed at the very end ends it and begins none."""
    return text.removesuffix("\n").rpartition("\n")[2].strip()


def _error(exit_: Exit, error_file: Path | None) -> Outcome:
    plain = exit_outcome(exit_)
    if exit_.killed or exit_.signal:
        return plain
    try:
        content = _read(error_file)
        error = strict.loads_object(content, "the error") if content is not None else {}
    except (BadInput, _BadFileError):
        return plain
    if not (isinstance(error.get("name"), str) and isinstance(error.get("message"), str)):
        return plain
    return Failed(error, exit_.status)


def _read(path: Path | None) -> bytes | None:
    """The file's content; None where there is no such file or nothing in it.

    A job may have put anything there: a pipe would block us, a link lead elsewhere.
    """
    if path is None:
        return None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _BadFileError("BadResult", f"{path.name} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _BadFileError("BadResult", f"{path.name} is not a plain file")
    with open(handle, "rb") as file:
        content = file.read(RESULT_CAP + 1)
    if len(content) > RESULT_CAP:
        raise _BadFileError(
            "ResultTooLarge",
            f"the result is larger than {RESULT_CAP >> 20} MiB; write large data to a file"
            " and return its path",
        )
    return content or None


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    text = f"terminated by signal {number} ({name})"
    return text + "; perhaps memory ran out" if number == signal.SIGKILL else text


def _last_lines(tail: str) -> str:
    lines = tail.rstrip().splitlines()[-LAST_LINES:]
    return "\n".join(lines)[-LAST_CHARACTERS:]
