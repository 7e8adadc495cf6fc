"""An outcome as the spool keeps it: the word in the file name and the record beside it."""

import functools
import socket
from collections.abc import Mapping
from typing import Any, TypeGuard

from wmctl.errors import BadInput
from wmctl.runner.outcome import (
    Canceled,
    Completed,
    Failed,
    Outcome,
    Retry,
    Skipped,
    Suspended,
    failed,
)
from wmctl.spool import RESULT_CAP, strict

#: What a shell would show for a job that was told to stop, and when wmctl itself is at fault.
CANCELED_EXIT = 143
OWN_FAULT = 125
#: Seconds; a later due time would not fit into a file name for ever.
LONGEST_DELAY = 365 * 86400.0


def checked(outcome: object) -> Outcome:
    """The outcome, or a failure in its place: it is a plugin's, and nothing may break over it."""
    if not _well_formed(outcome):
        return failed(
            "RunnerError",
            f"the runner gave an outcome that is none: {type(outcome).__name__}",
            exit_code=OWN_FAULT,
        )
    if isinstance(outcome, Retry) and outcome.delay > LONGEST_DELAY:
        return Retry(LONGEST_DELAY)
    return _with_a_result(outcome) if isinstance(outcome, Completed | Failed) else outcome


def _with_a_result(outcome: Completed | Failed) -> Outcome:
    try:
        text = strict.dumps({"result": outcome.result})
        size = len(text.encode()) - len('{"result":}')
        if size <= RESULT_CAP:
            strict.loads(text, "the result")  # whoever reads the record will be as strict
            return outcome
    except (TypeError, ValueError, RecursionError, BadInput) as error:
        return failed("BadResult", f"the result cannot be written as JSON: {error}")
    return failed(
        "ResultTooLarge",
        f"the result takes {size} bytes; {RESULT_CAP} are allowed. Write large data to a file"
        " and return its path.",
    )


def _well_formed(outcome: object) -> TypeGuard[Outcome]:
    match outcome:
        case Completed() | Failed():
            return (
                isinstance(outcome.exit_code, int)
                and isinstance(outcome.labels, tuple | list)
                and all(map(_is_text, outcome.labels))
                and (isinstance(outcome, Completed) or isinstance(outcome.error, Mapping))
            )
        case Canceled(by, reason):
            return _is_text(by or "") and _is_text(reason or "")
        case Skipped(reason):
            return _is_text(reason or "")
        case Retry(delay):
            return isinstance(delay, int | float) and 0 <= delay < float("inf")
    return isinstance(outcome, Suspended)


def _is_text(value: object) -> bool:
    """Text that UTF-8 can say."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


def word_of(outcome: Completed | Failed | Canceled | Skipped) -> str:
    """The ending of the terminal record's name."""
    match outcome:
        case Completed():
            return "success"
        case Failed():
            return "failure"
        case Canceled():
            return "canceled"
        case Skipped():
            return "skipped"


def record_of(
    outcome: Completed | Failed | Canceled | Skipped, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The record of a finished job; the result comes last."""
    match outcome:
        case Completed(result, exit_code, labels):
            pass
        case Failed(_, exit_code, labels):
            result = outcome.result
        case Canceled(by, reason):
            exit_code, labels = CANCELED_EXIT, ()
            result = {"error": canceled_error(by, reason)}
        case Skipped(reason):
            exit_code, labels, result = 0, (), {"skipped": reason} if reason else None
    return {
        "exit_code": exit_code,
        **facts,
        "host": host(),
        "labels": list(labels),
        "result": result,
    }


@functools.cache
def host() -> str:
    """This host's name, as records have it."""
    return socket.gethostname()


def canceled_error(by: str | None, reason: str | None) -> dict[str, Any]:
    """Windmill's error of a canceled job."""
    return {
        "name": "Canceled",
        "message": f"Job canceled: {reason or 'no reason given'} by {by or 'unknown'}",
        "reason": reason,
        "canceler": by,
    }
