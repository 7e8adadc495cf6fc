"""Controls beyond the one that each scenario names: each protection by itself."""

import pytest

from tests.faults.catalogue import BY_NAME
from tests.faults.scenario import play


@pytest.mark.parametrize("what", ["files", "folders"])
def test_one_sync_less_is_noticed(what: str) -> None:
    tally, _ = play(BY_NAME["powercut"], 1, 1, without=f"no-sync={what}")
    assert tally.lost


def test_without_any_sync_most_is_lost() -> None:
    tally, _ = play(BY_NAME["powercut"], 2, 1, without="no-sync=all")
    assert tally.lost > tally.jobs / 2
