"""What is printed: aligned, uncut, harmless."""

import io
import re
import sys

import pytest

from wmctl.cli import lists, output, tables
from wmctl.cli.tables import Column


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


HOSTILE = "a\x1b[2Jb\nc\td\r\x9b31m\u202e\u2028\x00z"
COLUMNS = (Column("ID", lambda item: item["id"]), Column("NAME", lambda item: item["name"]))


def test_control_characters_are_written_out() -> None:
    """Also those that turn the direction of writing, and C1."""
    text = output.safe(HOSTILE)
    assert text == "a\\x1b[2Jb\\nc\\td\\r\\x9b31m\\u202e\\u2028\\x00z"
    assert output.safe("Grüße 日本 🙂") == "Grüße 日本 🙂"


def test_a_log_on_a_terminal_keeps_colours_only() -> None:
    """Lines, tabs and colours; nothing that moves the cursor or sets a title."""
    assert output.harmless("\x1b[31mred\x1b[0m\n\x1b]0;title\x07\x1b[2J") == (
        "\x1b[31mred\x1b[0m\n\\x1b]0;title\\x07\\x1b[2J"
    )


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "tsv", "id"])
def test_no_format_lets_control_characters_through(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job's name is anybody's text."""
    lists.show_list([{"id": "1", "name": HOSTILE}], form, COLUMNS, key="id")
    text = capsys.readouterr().out
    allowed = set("\n") | ({"\t"} if form == "tsv" else set())
    assert not {char for char in text if not char.isprintable()} - allowed
    assert text.count("\n") <= 2


def test_tables_are_aligned_and_uncut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """However long a cell is."""
    items = [{"id": "1", "name": "x" * 500}, {"id": "22", "name": "y"}]
    lists.show_list(items, "table", COLUMNS, key="id", colour=lambda _: "red")
    assert capsys.readouterr().out == f"ID  NAME\n1   {'x' * 500}\n22  y\n"


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only where they are wanted."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    lists.show_list([{"id": "1", "name": "n"}], "table", COLUMNS, key="id", colour=lambda _: "red")
    assert ("\x1b[31mn\x1b[0m" in stream.getvalue()) is coloured


def test_empty_lists(capsys: pytest.CaptureFixture[str]) -> None:
    """Each format has its nothing."""
    for form, expected in (
        ("json", "[]\n"), ("jsonl", ""), ("tsv", ""), ("id", ""), ("table", "ID  NAME\n"),
    ):  # fmt: skip
        lists.show_list([], form, COLUMNS, key="id")
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0s"), (9.99, "10.0s"), (59, "59s"), (192, "3m12s"), (7500, "2h05m"), (400000, "4d")],
)
def test_ages(seconds: float, text: str) -> None:
    """Short and readable."""
    assert lists.age(seconds) == text
    assert lists.age(-5) == "0.0s"


JOBS = (
    Column("ID", lambda item: item["id"]),
    Column("NAME", lambda item: item["name"], shrink=1, most=40),
    Column("EXIT", lambda item: "4"),
    Column("REASON", lambda item: item["reason"], shrink=2),
)


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, **item: str) -> list[str]:
    """A table of one job on a terminal so wide."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    lists.show_list([{"id": "89abcdef", **item}], "table", JOBS, key="id")
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (200, f"89abcdef  {'n' * 39}…  4     {'r' * 30}"),
        (80, f"89abcdef  {'n' * 31}…  4     {'r' * 30}"),
        (60, f"89abcdef  {'n' * 11}…  4     {'r' * 30}"),
        (50, f"89abcdef  {'n' * 9}…  4     {'r' * 21}…"),
        (20, f"89abcdef  {'n' * 9}…  4     {'r' * 9}…"),
    ],
)
def test_a_narrow_terminal_shortens_names_then_reasons(
    monkeypatch: pytest.MonkeyPatch, columns: int, row: str
) -> None:
    """Every column stays; what is missing shows as an ellipsis."""
    assert on_terminal(monkeypatch, columns, name="n" * 50, reason="r" * 30)[1] == row


def test_wide_characters_take_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is put above another takes none."""
    assert tables.width("日本") == 4
    assert tables.width("e\u0301") == 1
    assert tables.shortened("日本語", 5) == "日本…"
    assert tables.shortened("日本語", 4) == "日…"
    titles, row = on_terminal(monkeypatch, 40, name="日" * 20, reason="r")
    assert row == f"89abcdef  {'日' * 7}…   4     r"
    assert titles.index("EXIT") == tables.width(row[: row.index("4 ")])


def test_what_stands_below_an_item(capsys: pytest.CaptureFixture[str]) -> None:
    """Indented, and only where there is something."""
    items = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
    below = {"1": "", "2": "do this"}
    lists.show_list(items, "table", COLUMNS, key="id", below=lambda item: below[item["id"]])
    assert capsys.readouterr().out == "ID  NAME\n1   a\n2   b\n    do this\n"


@pytest.mark.parametrize("form", ["id", "json", "jsonl", "tsv", "table"])
def test_every_format_has_the_order_of_the_table(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the list can be kept; a longer one comes as it is found."""
    monkeypatch.setattr(lists, "SORTED", 3)
    items = [{"id": id_, "name": ""} for id_ in "9788"]

    def order() -> list[str]:
        return re.findall(r"\d", capsys.readouterr().out)

    lists.show_list(iter(items[:3]), form, COLUMNS, key="id")
    assert order() == ["7", "8", "9"]
    lists.show_list(iter(items), form, COLUMNS, key="id")
    assert order() == (["7", "8", "8", "9"] if form == "table" else ["9", "7", "8", "8"])
