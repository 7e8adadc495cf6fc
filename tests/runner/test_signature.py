"""Whether args fit a signature, and what people are told who gave others."""

import pytest

from wmctl.errors import BadInput
from wmctl.runner.signature import Parameter, Signature


@pytest.mark.parametrize(
    ("takes", "text", "part"),
    [
        ("int", "3", "x takes an int: write -a x:=3"),
        ("int", "3.5", "-a x:=3"),
        ("int", "true", "-a x:=3"),
        ("float", "2.5", "x takes a float: write -a x:=2.5"),
        ("float", "2", "-a x:=2"),
        ("bool", "True", "x takes a bool: write -a x:=true"),
        ("bool", "1", "-a x:=true"),
        ("list", '[1, "it\'s"]', "x takes a list: write -a x:='[1, \"it'\"'\"'s\"]'"),
        ("list", "a,b", "-a x:='[1, 2]'"),
        ("dict", "[]", "-a x:='{\"key\": 1}'"),
        ("int", "9" * 100, "-a x:=3"),
        ("dict", "@a.json", "-a x:=@a.json"),
    ],
)
def test_a_text_for_what_is_no_text(takes: str, text: str, part: str) -> None:
    """The message is the option to write, with the own value where that is one."""
    signature = Signature((Parameter("x", takes=takes),))
    with pytest.raises(BadInput) as refused:
        signature.check_texts({"x": text})
    assert refused.value.message.endswith(part)


def test_texts_that_may_be_what_they_are() -> None:
    """A parameter that takes texts, or one that is not given."""
    Signature((Parameter("x"), Parameter("n", takes="int"))).check_texts({"x": "3", "other": "4"})


def test_the_runners_hint_is_for_args_without_a_parameter() -> None:
    """What is missing needs no declaration."""
    signature = Signature((Parameter("x"),), hint="declare it so")
    with pytest.raises(BadInput) as refused:
        signature.check({"x": 1, "y": 2})
    assert refused.value.hint == "declare it so"
    with pytest.raises(BadInput) as refused:
        signature.check({})
    assert refused.value.hint is not None
    assert "-a NAME=VALUE" in refused.value.hint
