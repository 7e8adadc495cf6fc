"""Machine output is a promise: golden files hold it, and no variable alters it."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import golden
from tests.cli.golden import (
    FOLDER,
    MACHINE,
    SHAPES,
    VALUES,
    lines_of,
    normal,
    printed,
    scene,
    shape_of,
)

COMMANDS = [(command, form) for _, command, formats in (*VALUES, *SHAPES) for form in formats]
#: All that makes other programs print otherwise.
NOISE = {
    "COLUMNS": "20", "LINES": "5", "TERM": "dumb", "NO_COLOR": "1", "LANG": "C", "LC_ALL": "POSIX",
    "LANGUAGE": "de", "PAGER": "false", "WMCTL_OUTPUT": "table", "WMCTL_FORMAT": "x",
    "TZ": "Asia/Tokyo",
}  # fmt: skip
COLOUR = {
    "COLUMNS": "500", "TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1",
    "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "WMCTL_DEBUG": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The scene, and the environment of its user for as long as this file's tests last."""
    root = tmp_path_factory.mktemp("golden").resolve()
    environ, folder = dict(os.environ), os.getcwd()
    golden.at_home(root)
    yield root, scene(root)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)


def test_nothing_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it was meant: python -m tests.cli.golden --write. Keys may only be added."""
    environ, folder = dict(os.environ), os.getcwd()
    try:
        golden.at_home(tmp_path)
        found = dict(golden.outputs(tmp_path))
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
    assert {path.name for path in FOLDER.iterdir()} == set(found)
    for name, text in found.items():
        assert text == (FOLDER / name).read_text(), name


@pytest.mark.parametrize(("command", "format"), [one for one in COMMANDS if one[1] != "table"])
def test_no_variable_changes_what_machines_read(
    command: str,
    format: str,
    spool: tuple[Path, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command and format, plain and under two sets of variables."""
    root, made = spool
    words = [*lines_of(command, made), "-o", format]
    shapes = {one[1] for one in SHAPES}

    def seen() -> str:
        text = printed(words)
        assert "\x1b" not in text
        return shape_of(text, format) if command in shapes else normal(text, root)

    plain = seen()
    for variables in (NOISE, COLOUR):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            time.tzset()
            assert seen() == plain
        time.tzset()


@pytest.mark.parametrize(("command", "format"), [one for one in COMMANDS if one[1] != "id"])
def test_every_object_says_what_it_is(
    command: str, format: str, spool: tuple[Path, dict[str, str]]
) -> None:
    """In its first key, or in the first column."""
    text = printed([*lines_of(command, spool[1]), "-o", format])
    if format == "tsv":
        assert not text or text.startswith("schema\t")
    if format not in {"json", "jsonl"}:
        return
    found = json.loads(text) if format == "json" else list(map(json.loads, text.splitlines()))
    for item in found if isinstance(found, list) else [found]:
        assert next(iter(item)) == "schema"
        assert item["schema"].startswith("wmctl.")
        assert item["schema"].rpartition("/")[2].isdigit()


def test_every_command_that_has_formats_is_held() -> None:
    """Whoever adds a command adds it to the table; `bench` and what only prune shows are there.

    What `service ls` says depends on the machine: see test_service.py.
    """
    from wmctl.cli.manual import tree

    formats = {
        " ".join(one.path): option.help
        for one in tree.walk(tree.whole())
        for option in one.options
        if "--output" in option.names
    }
    told = {tuple(command.split()[:2]) for command, _ in COMMANDS}
    missing = [
        name for name in formats
        if tuple(name.split()[:2]) not in told and (name,) not in {one[:1] for one in told}
    ]  # fmt: skip
    assert missing == ["service ls", "bench"]
    assert set(MACHINE) >= {form for _, form in COMMANDS} - {"table"}
