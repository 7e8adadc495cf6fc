"""Controls beyond the one that each scenario names: each protection by itself."""

from collections.abc import Callable

import pytest

from tests.faults.scenario import Scenario, play


@pytest.mark.parametrize("what", ["files", "folders"])
def test_one_sync_less_is_noticed(what: str, told: Callable[[str], Scenario]) -> None:
    tally, _ = play(told("powercut"), 1, 1, without=f"no-sync={what}")
    assert tally.lost


def test_without_any_sync_most_is_lost(told: Callable[[str], Scenario]) -> None:
    tally, _ = play(told("powercut"), 2, 1, without="no-sync=all")
    assert tally.lost > tally.jobs / 2
