"""An outcome as the spool keeps it."""

import json
from typing import Any

import pytest

from wmctl.runner.outcome import Canceled, Completed, Failed, Retry, Skipped, Suspended, failed
from wmctl.spool import RESULT_CAP, strict
from wmctl.worker.records import checked, record_of, word_of

FACTS = {"worker": "w", "started_at": "a", "completed_at": "b", "log_dropped": 0}


@pytest.mark.parametrize(
    ("outcome", "word", "exit_code", "result"),
    [
        (Completed({"b": 1, "a": [2]}), "success", 0, {"b": 1, "a": [2]}),
        (Completed(None, labels=("x",)), "success", 0, None),
        (failed("E", "m", exit_code=4), "failure", 4, {"error": {"name": "E", "message": "m"}}),
        (Skipped(), "skipped", 0, None),
        (Skipped("nothing new"), "skipped", 0, {"skipped": "nothing new"}),
    ],
)
def test_each_outcome_has_its_word_and_its_record(
    outcome: Any, word: str, exit_code: int, result: Any
) -> None:
    record = record_of(outcome, FACTS)
    assert word_of(outcome) == word
    assert record["exit_code"] == exit_code
    assert record["result"] == result
    assert record["labels"] == list(getattr(outcome, "labels", ()))
    assert record.items() >= FACTS.items()


def test_the_result_comes_last_and_keeps_its_order() -> None:
    record = record_of(Completed({"z": 1, "a": 2}), FACTS)
    assert list(record)[-1] == "result"
    assert list(record["result"]) == ["z", "a"]


def test_a_canceled_job_has_windmills_error_and_143() -> None:
    record = record_of(Canceled("ann", "too slow"), FACTS)
    assert record["exit_code"] == 143
    assert record["result"]["error"] == {
        "name": "Canceled",
        "message": "Job canceled: too slow by ann",
        "reason": "too slow",
        "canceler": "ann",
    }
    assert word_of(Canceled()) == "canceled"


def test_a_result_at_the_cap_is_kept_and_one_above_it_is_not() -> None:
    largest = Completed("x" * (RESULT_CAP - 2))
    assert checked(largest) is largest
    refused = checked(Completed("x" * (RESULT_CAP - 1)))
    assert isinstance(refused, Failed)
    assert refused.error["name"] == "ResultTooLarge"
    assert str(RESULT_CAP) in refused.error["message"]


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        {1, 2},
        b"bytes",
        {("a",): 1},
        {"1": 1, 1: 2},
        object(),
        "half \ud83d a pair",
        _deep(100_000),
        _deep(200),
    ],
    ids=["nan", "set", "bytes", "key", "twice", "object", "surrogate", "very deep", "deep"],
)
def test_a_result_that_is_no_json_is_a_failure(value: Any) -> None:
    refused = checked(Completed(value))
    assert isinstance(refused, Failed)
    assert refused.error["name"] == "BadResult"


def test_a_result_that_is_nearly_too_deep_can_be_read_again() -> None:
    outcome = Completed(_deep(199))
    assert checked(outcome) is outcome
    strict.loads(strict.dumps(record_of(outcome, FACTS)))


def test_an_error_that_is_no_json_is_another_error() -> None:
    refused = checked(Failed({"name": "E", "message": object()}))
    assert isinstance(refused, Failed)
    assert refused.error["name"] == "BadResult"


@pytest.mark.parametrize(
    "outcome",
    [
        None, "success", Completed, Completed(1, exit_code="0"), Completed(1, labels=(b"x",)),
        Completed(1, labels=7), Failed({}, exit_code=None), Failed("boom"), Skipped(b"x"),
        Canceled(b"x"), Canceled(None, {1}), Retry("soon"), Retry(float("nan")),
        Retry(float("inf")), Retry(-1.0), Skipped("\ud800"), Completed(1, labels=("\ud800",)),
    ],
    ids=repr,
)  # fmt: skip
def test_an_outcome_that_is_none_is_a_failure_of_the_runner(outcome: Any) -> None:
    """A plugin's mistake must not reach the thread that publishes: it would stop all jobs."""
    refused = checked(outcome)
    assert isinstance(refused, Failed)
    assert refused.error["name"] == "RunnerError"
    json.dumps(record_of(refused, FACTS), allow_nan=False)


@pytest.mark.parametrize("outcome", [Retry(), Retry(86400.0), Suspended(), Canceled("a", "b")])
def test_what_is_well_formed_passes(outcome: Any) -> None:
    assert checked(outcome) is outcome


def test_a_very_long_wait_is_cut_to_what_a_name_can_say() -> None:
    shorter = checked(Retry(1e18))
    assert isinstance(shorter, Retry)
    assert shorter.delay <= 366 * 86400
