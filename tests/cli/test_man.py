"""Pages that are made from the commands: as new as the commands, and good troff."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli import exits, times
from wmctl.cli.app import Root
from wmctl.cli.app import wmctl as wmctl_command
from wmctl.cli.manual import tree
from wmctl.cli.manual.__main__ import files
from wmctl.cli.options import FORMATS
from wmctl.cli.topics import DURATIONS, MOMENTS, TOPICS, text_of
from wmctl.config.keys import KEYS
from wmctl.config.values import duration

ROOT = Path(__file__).parents[2]
MADE = files()


def test_what_is_made_from_the_commands_is_up_to_date() -> None:
    """If not: python -m wmctl.cli.manual."""
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "docs/man").iterdir()}
    assert there == {name for name in MADE if name.startswith("docs/man/")}
    stale = [name for name, text in MADE.items() if (ROOT / name).read_text() != text]
    assert stale == []


def test_every_command_has_a_page_with_examples() -> None:
    assert {one.path[0] for one in tree.walk(tree.whole()) if one.path} == set(Root.table)
    for one in tree.walk(tree.whole()):
        page = MADE[f"docs/man/{'-'.join(('wmctl', *one.path))}.1"]
        assert ".SH NAME\n" in page
        assert one.commands or 1 <= len(one.examples) <= 6, one.name


def test_groff_has_nothing_to_complain_of(tmp_path: Path) -> None:
    """Where it is installed; elsewhere the pages are at least of the macros it knows."""
    pages = [name for name in MADE if name.startswith("docs/man/")]
    macros = {
        line.split()[0] for name in pages for line in MADE[name].splitlines() if line[0] == "."
    }
    assert macros <= {".TH", ".SH", ".PP", ".TP", ".B", ".nf", ".fi", ".RS", ".RE"}
    assert all(MADE[name].isascii() for name in pages)
    if shutil.which("groff"):
        for name in pages:
            (tmp_path / Path(name).name).write_text(MADE[name])
        done = subprocess.run(
            ["groff", "-ww", "-rF0", "-man", "-Tutf8", *sorted(tmp_path.iterdir())],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.stderr == ""
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
        assert "wmctl submit -c 'make all' -l bash" in text  # neither quotes nor dashes are lost


# Topics.


def test_main_help_lists_the_topics(wmctl: Wmctl) -> None:
    text = " ".join(wmctl("--help").stdout.split())
    assert ", ".join(TOPICS) in text
    assert ", ".join(TOPICS) in str(tree.one("help").description)
    assert wmctl_command.__doc__


@pytest.mark.parametrize("name", TOPICS)
def test_topics_fit_on_a_screen(name: str) -> None:
    """Plain text, no wider than a terminal."""
    lines = text_of(name).splitlines()
    assert lines
    assert max(map(len, lines)) <= 79
    assert "`" not in text_of(name)


def test_topics_say_what_the_code_knows() -> None:
    codes = {
        value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)
    }
    told = {int(code) for code in re.findall(r"^  (\d+) ", text_of("exit-codes"), re.MULTILINE)}
    assert told == codes
    assert re.findall(r"^  ([a-z]+) ", text_of("formats"), re.MULTILINE) == list(FORMATS)
    assert all(f"WMCTL_{key.variable}" in text_of("environment") for key in KEYS)
    assert "--older-than DURATION" in text_of("selectors")


def test_what_the_topic_of_times_names_is_understood() -> None:
    for words in DURATIONS:
        for text in words.split(", "):
            assert duration(text) > 0
    for words in MOMENTS:
        for text in words.split(", "):
            assert times.parse(text, datetime.now(UTC)).moment(datetime.now(UTC))


def test_help_shows_commands_and_suggests(wmctl: Wmctl) -> None:
    assert wmctl("help", "worker", "start").stdout == wmctl("worker", "start", "--help").stdout
    assert wmctl("help").stdout == wmctl("--help").stdout
    assert wmctl("help", "exit-codes").stdout == text_of("exit-codes")
    for word, meant in (("exit-code", "exit-codes"), ("sumbit", "submit")):
        done = wmctl("help", word)
        assert done.returncode == 2
        assert f"did you mean wmctl help {meant}?" in done.stderr
