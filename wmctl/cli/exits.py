"""Exit codes, decided here alone: from an error's class, and from how a job ended.

| code | what it means |
| --- | --- |
| 0 | done; of `run` and `wait`: success or skipped |
| 1 | not all is well: a fault, a job in the wrong state, a failure without a code |
| 2 | the command line makes no sense |
| 65 | bad input: a script that does not parse, args that do not fit, bad JSON |
| 66 | a file, a folder, a job, a worker, a tag or a group that was named is not there |
| 69 | `--require-worker`: no live worker serves the tag; `status`: none lives |
| 70 | a fault of wmctl's own |
| 73 | `--if-exists error`: another job holds the key |
| 74 | the disk or our own output refused to be read or written |
| 75 | not now: the spool is full or busy, the job is not finished, `--wait-timeout` ran out |
| 78 | a setting, a tool or the spool that was named is missing or wrong |
| 124 | `run`, `wait`: the job ran longer than its timeout |
| 125 | `run`, `wait`: in place of 1, 70, 74, 75 and 78; also a job that is held or quarantined |
| 130 | Ctrl-C |
| 141 | whoever read the output has gone |
| 143 | `run`, `wait`: the job was canceled |

`run` and `wait` pass on a job's own code, 1 to 255, as it is (126, 127 and 128+n as in a shell).
75 after `--wait-timeout` stays 75, and so do 2, 65, 66, 69 and 73. `submit --wait` is as `wait`.
"""

from collections.abc import Mapping
from typing import Any

from wmctl.errors import (
    BadInput,
    ConfigError,
    JobNotFound,
    RunnerUnavailable,
    SpoolBusy,
    SpoolError,
    SpoolFormat,
    SpoolNotFound,
    WmctlError,
)

OK = 0
FAULTS = 1
USAGE = 2
BAD_DATA = 65
NOT_FOUND = 66
UNAVAILABLE = 69
INTERNAL = 70
CANNOT_CREATE = 73
INPUT_OUTPUT = 74
TRY_AGAIN = 75
BAD_CONFIG = 78
JOB_TIMEOUT = 124
#: From `run` and `wait`: wmctl itself failed, or the job needs a person.
WMCTL_FAILED = 125
INTERRUPTED = 130
BROKEN_PIPE = 141
CANCELED = 143


class UsageError(WmctlError):
    """The command line does not make sense."""


class OutputFailed(WmctlError):
    """Our own output cannot be written: a full disk, say."""


class OutputClosed(Exception):
    """Whoever read our output has gone (`wmctl ps | head`): no error, only the end."""


class StillPending(WmctlError):
    """`--wait-timeout` ran out; the job goes on."""


class NoSuchFile(WmctlError):
    """A file that was named is not there or cannot be read."""


class NoSuchWorker(WmctlError):
    """No worker has a name like that."""


class NoSuchTag(WmctlError):
    """The list of tags has none like that."""


class NoSuchGroup(WmctlError):
    """No worker group has this name."""


class KeyTaken(WmctlError):
    """Another job holds the key, and `--if-exists error` was given."""


class NoWorker(WmctlError):
    """No live worker serves the tag, and `--require-worker` was given."""


#: The first class that fits counts.
_CODES: tuple[tuple[type[WmctlError], int], ...] = (
    (UsageError, USAGE),
    (NoSuchFile, NOT_FOUND),
    (NoSuchWorker, NOT_FOUND),
    (NoSuchTag, NOT_FOUND),
    (NoSuchGroup, NOT_FOUND),
    (JobNotFound, NOT_FOUND),
    (BadInput, BAD_DATA),
    (ConfigError, BAD_CONFIG),
    (SpoolNotFound, BAD_CONFIG),
    (SpoolFormat, BAD_CONFIG),
    (RunnerUnavailable, BAD_CONFIG),
    (SpoolBusy, TRY_AGAIN),
    (StillPending, TRY_AGAIN),
    (KeyTaken, CANNOT_CREATE),
    (NoWorker, UNAVAILABLE),
    (SpoolError, INPUT_OUTPUT),
    (OutputFailed, INPUT_OUTPUT),
)
#: What the caller did wrong, or asked to be told, is no fault: the same code in every command.
_CALLERS = {USAGE, BAD_DATA, NOT_FOUND, UNAVAILABLE, CANNOT_CREATE}


def of_error(error: BaseException, *, job_codes: bool) -> int:
    """The exit code of an error; `job_codes`: the command otherwise exits with a job's code."""
    if isinstance(error, WmctlError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), FAULTS)
    else:
        # typer's usage errors carry their code.
        code = getattr(error, "exit_code", INTERNAL)
    if isinstance(error, StillPending) or code in _CALLERS:
        return code
    return WMCTL_FAILED if job_codes else code


def of_job(state: str, record: Mapping[str, Any] | None) -> int:
    """The exit code of `run` and `wait` for a job in a state that nothing but a person changes."""
    if state == "skipped":
        return OK
    if state == "canceled":
        return CANCELED
    if state not in {"success", "failure"}:
        return WMCTL_FAILED
    code = (record or {}).get("exit_code")
    if isinstance(code, int) and 0 <= code <= 255:
        # A failure never looks like a success, whatever its runner recorded.
        return code if code or state == "success" else FAULTS
    return OK if state == "success" else FAULTS
