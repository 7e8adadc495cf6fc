"""Args from `-a` and `-d`."""

import io
from pathlib import Path
from typing import Any

import pytest

from wmctl.cli.args import parse_args, plain_texts
from wmctl.cli.exits import NoSuchFile, UsageError
from wmctl.errors import BadInput


@pytest.mark.parametrize(
    ("assignments", "data", "args"),
    [
        ([], None, {}),
        (["a=text"], None, {"a": "text"}),
        (["a="], None, {"a": ""}),
        (["a=b=c"], None, {"a": "b=c"}),
        (["a:=1", "b:=[true,null]"], None, {"a": 1, "b": [True, None]}),
        (['a:="1"'], None, {"a": "1"}),
        (["a=:=1"], None, {"a": ":=1"}),
        (["a=@@home"], None, {"a": "@home"}),
        (["a=2"], '{"a": 1, "b": 3}', {"a": "2", "b": 3}),
        (["a=1", "a=2"], None, {"a": "2"}),
    ],
)
def test_forms(assignments: list[str], data: str | None, args: dict[str, Any]) -> None:
    """`=` is text, `:=` JSON; `-a` wins over `-d`."""
    assert parse_args(assignments, data) == args


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`@file`, and `@-` for standard input; text is taken as it is."""
    (tmp_path / "t").write_text("line\n")
    (tmp_path / "j").write_text('{"k": [1]}')
    assert parse_args([f"a=@{tmp_path}/t", f"b:=@{tmp_path}/j"], None) == {
        "a": "line\n",
        "b": {"k": [1]},
    }
    assert parse_args([], f"@{tmp_path}/j") == {"k": [1]}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"s": 1}')))
    assert parse_args([], "@-") == {"s": 1}


@pytest.mark.parametrize(
    ("assignments", "data", "error", "part"),
    [
        (["a"], None, UsageError, "NAME=VALUE"),
        (["=a"], None, UsageError, "NAME=VALUE"),
        (["a:={"], None, BadInput, "value of 'a' is not JSON"),
        (["a:=NaN"], None, BadInput, "NaN"),
        (["a=@/no/such"], None, NoSuchFile, "/no/such: No such file"),
        (["a=@/"], None, BadInput, "is a folder"),
        ([], "[1]", BadInput, "not an object"),
        ([], '{"a":1,"a":2}', BadInput, "twice"),
        ([], "@/no/such", NoSuchFile, "the args /no/such"),
        ([], "[" * 500, BadInput, "deep"),
    ],
)
def test_refusals(
    assignments: list[str], data: str | None, error: type[Exception], part: str
) -> None:
    """Each says which one and why."""
    with pytest.raises(error, match=part):
        parse_args(assignments, data)


def test_what_is_not_text_needs_another_way(tmp_path: Path) -> None:
    """Bytes cannot be an arg."""
    (tmp_path / "b").write_bytes(b"a\0b")
    (tmp_path / "l").write_bytes(b"\xff")
    for name in "bl":
        with pytest.raises(BadInput, match="value of 'a' is"):
            parse_args([f"a=@{tmp_path}/{name}"], None)


def test_plain_texts() -> None:
    """Those of `k=text`, also from a file; the last word on each counts."""
    given = ["a=1", "b:=2", "c=3", "c:=4", "d:=5", "d=@file", "e=x=y"]
    assert plain_texts(given) == {"a": "1", "d": "@file", "e": "x=y"}
