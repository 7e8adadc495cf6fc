"""What is printed: aligned, uncut, harmless."""

import io
import sys

import pytest

from wmctl.cli import lists, output
from wmctl.cli.lists import Column


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
