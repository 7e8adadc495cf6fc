"""The page on reliability: its table is that of the scenarios, and each named test is there."""

import re
from pathlib import Path

import pytest

from tests.faults.catalogue import SCENARIOS, SHORT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/reliability.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (G\d+) \| ([^|]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|", re.MULTILINE
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+)(?:\[([\w-]+)\])?)?`")


def test_the_table_has_every_scenario_in_its_order() -> None:
    told = [(goal, title.partition(";")[0].strip()) for goal, title, *_ in ROW.findall(PAGE)]
    assert told == [(scenario.goal, scenario.title.partition(";")[0]) for scenario in SCENARIOS]


def test_nothing_was_lost_doubled_or_otherwise_wrong() -> None:
    for goal, title, faults, _, *wrong in ROW.findall(PAGE):
        assert [int(number) for number in wrong] == [0, 0, 0], (goal, title)
        assert int(faults.replace(",", "")) > 0 or goal == "G17", (goal, title)


def test_the_table_has_a_date() -> None:
    assert re.search(r"^20\d\d-\d\d-\d\d, ", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("file", "function", "case"), sorted(set(NAMED.findall(PAGE))))
def test_every_named_test_is_there(file: str, function: str, case: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not function or f"def {function}(" in source
    assert not case or case in SHORT
