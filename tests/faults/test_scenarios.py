"""Every scenario in its short form, and its control: with a protection off it must turn red."""

import secrets
from collections.abc import Callable

import pytest

from tests.faults.catalogue import SHORT
from tests.faults.scenario import Scenario, play


@pytest.fixture
def seed() -> int:
    """Shown when a test fails: `python -m tests.faults --seed N NAME` runs it again."""
    number = secrets.randbits(32)
    print(f"seed {number}")
    return number


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost(name: str, seed: int, told: Callable[[str], Scenario]) -> None:
    scenario = told(name)
    tally, _ = play(scenario, scenario.short, seed)
    assert tally.clean, tally
    assert tally.faults, "nothing went wrong: the story proves nothing"


#: What is switched off does harm only where faults hit the right moment.
CHANCES = 3


@pytest.mark.parametrize("name", SHORT)
def test_control(name: str, seed: int, told: Callable[[str], Scenario]) -> None:
    scenario = told(name)
    for again in range(CHANCES):
        tally, _ = play(scenario, scenario.control_size, seed + again, without=scenario.control)
        if not tally.clean:
            return
    raise AssertionError(f"without {scenario.control!r} nothing was noticed: {tally}")
