"""Exit codes: the whole table."""

import pytest

from wmctl import errors
from wmctl.cli import exits


@pytest.mark.parametrize(
    ("error", "code", "with_job_codes"),
    [
        (exits.UsageError("x"), 2, 2),
        (errors.BadInput("x"), 65, 65),
        (errors.MalformedJob("x"), 65, 65),
        (exits.NoSuchFile("x"), 66, 66),
        (errors.JobNotFound("x"), 66, 66),
        (exits.StillPending("x"), 75, 75),
        (errors.SpoolBusy("x"), 75, 125),
        (errors.SpoolError("x"), 74, 125),
        (errors.ConfigError("x"), 78, 125),
        (errors.SpoolNotFound("x"), 78, 125),
        (errors.SpoolFormat("x"), 78, 125),
        (errors.RunnerUnavailable("x"), 78, 125),
        (errors.PluginError("x"), 1, 125),
        (RuntimeError("x"), 70, 125),
    ],
)
def test_of_errors(error: Exception, code: int, with_job_codes: int) -> None:
    """What the caller did wrong keeps its code where jobs' codes are passed through."""
    assert exits.of_error(error, job_codes=False) == code
    assert exits.of_error(error, job_codes=True) == with_job_codes


@pytest.mark.parametrize(
    ("state", "record", "code"),
    [
        ("success", {"exit_code": 0}, 0),
        ("success", None, 0),
        ("failure", {"exit_code": 4}, 4),
        ("failure", {"exit_code": 124}, 124),
        ("failure", {"exit_code": 137}, 137),
        ("failure", {"exit_code": 0}, 1),
        ("failure", {"exit_code": None}, 1),
        ("failure", {"exit_code": 70000}, 1),
        ("failure", None, 1),
        ("canceled", {"exit_code": 143}, 143),
        ("canceled", None, 143),
        ("skipped", {"exit_code": 9}, 0),
        ("held", None, 125),
        ("quarantined", None, 125),
    ],
)
def test_of_jobs(state: str, record: dict[str, object] | None, code: int) -> None:
    """A failure never looks like a success."""
    assert exits.of_job(state, record) == code
