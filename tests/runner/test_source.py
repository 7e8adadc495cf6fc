"""Blanking out what is not code, and matching brackets."""

import pytest

from wmctl.runner.source import blanked, closing, split_list


@pytest.mark.parametrize(
    ("text", "javascript", "expected"),
    [
        ('f("(", 1) // )', False, "f(   , 1)     "),
        ("a /* ( \n */ b", False, "a      \n    b"),
        ("`raw \\` + x", False, "        + x"),
        ("`t ${a + `(${'`'}`} (` + x", True, " " * 22 + " + x"),
        ("a = /[/(]\\/(/g; b", True, "a =           ; b"),
        ("a / b / c(", True, "a / b / c("),
        ("return /(/", True, "return    "),
        ("f(/* x */ /(/)", True, "f(           )"),
        ("'never closed (\n(", False, "               \n("),
        ("'a\\'(' + 1", False, "       + 1"),
        ("/* never closed", False, " " * 15),
        ("`never closed", True, " " * 13),
    ],
)
def test_blanked(text: str, javascript: bool, expected: str) -> None:
    """Same length, same lines."""
    assert blanked(text, javascript=javascript) == expected
    assert len(blanked(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "end"), [("()", 1), ("(a[b{c}])d", 8), ("(]", -1), ("((", -1), ("(", -1)]
)
def test_closing(text: str, end: int) -> None:
    """-1 where the brackets do not match."""
    assert closing(text, 0) == end


def test_split_list() -> None:
    """Commas inside of brackets do not count; with `angles` those of types neither."""
    assert split_list(" a, (b, c), [d, e], ") == ["a", "(b, c)", "[d, e]"]
    assert split_list("") == []
    assert split_list("a: M<x, y>, b") == ["a: M<x", "y>", "b"]
    assert split_list("a: M<x, y>, b", angles=True) == ["a: M<x, y>", "b"]
    assert split_list("a = 1 < 2, b: () => M<x, y>", angles=True) == [
        "a = 1 < 2",
        "b: () => M<x, y>",
    ]
    assert split_list("a = new M<x, y>(), b", angles=True) == ["a = new M<x, y>()", "b"]
