"""An outcome as the spool keeps it: the word in the file name and the record beside it."""

import socket
from collections.abc import Mapping
from typing import Any

from wmctl.runner.outcome import Canceled, Completed, Failed, Outcome, Skipped, failed
from wmctl.spool import RESULT_CAP, strict

#: What a shell would show for a job that was told to stop.
CANCELED_EXIT = 143


def checked(outcome: Outcome) -> Outcome:
    """The outcome, or a failure in its place if its result cannot be kept."""
    if not isinstance(outcome, Completed | Failed):
        return outcome
    try:
        size = len(strict.dumps(outcome.result))
    except (TypeError, ValueError, RecursionError) as error:
        return failed("BadResult", f"the result cannot be written as JSON: {error}")
    if size > RESULT_CAP:
        return failed(
            "ResultTooLarge",
            f"the result takes {size} bytes; {RESULT_CAP} are allowed. Write large data to a file"
            " and return its path.",
        )
    return outcome


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
        "host": socket.gethostname(),
        "labels": list(labels),
        "result": result,
    }


def canceled_error(by: str | None, reason: str | None) -> dict[str, Any]:
    """Windmill's error of a canceled job."""
    return {
        "name": "Canceled",
        "message": f"Job canceled: {reason or 'no reason given'} by {by or 'unknown'}",
        "reason": reason,
        "canceler": by,
    }
