"""JSON read with suspicion."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.errors import BadInput
from wmctl.spool import strict

#: No JSON, or JSON that means different things to different readers.
HOSTILE = {
    "nothing": "",
    "blank": " \n",
    "cut": '{"a": [1, 2',
    "two-values": "1 2",
    "comma": "[1,]",
    "single-quotes": "{'a': 1}",
    "comment": "[1] // x",
    "nan": "[NaN]",
    "infinity": "[Infinity]",
    "minus-infinity": "[-Infinity]",
    "too-large": "[1e400]",
    "digits": "1" * 5000,
    "twice": '{"a": 1, "a": 2}',
    "twice-escaped": '{"a": 1, "\\u0061": 2}',
    "twice-deep": '[{"b": {"a": 1, "a": 1}}]',
    "half": '["\\ud800"]',
    "half-key": '{"\\udc00": 1}',
    "reversed": '["\\udc00\\ud800"]',
    "bom": "\ufeff{}",
    "control": '["a\nb"]',
    "deep-lists": "[" * 100_000,
    "deep-objects": '{"a":' * 100_000,
    "deep-closed": "[" * 300 + "]" * 300,
    "leading-zero": "[01]",
    "hex": "[0x1]",
    "plus": "[+1]",
    "bare": "{a: 1}",
    "escape": '["\\x41"]',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        strict.loads(HOSTILE[name], "the file")
    assert caught.value.message.startswith("the file ")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "raw", [b"\xff", b'"\xed\xa0\x80"', b'{"a":"\xc3"}', b"\x00", "{}".encode("utf-16")]
)
def test_hostile_bytes(raw: bytes) -> None:
    with pytest.raises(BadInput):
        strict.loads(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_bad_input(raw: bytes) -> None:
    try:
        value = strict.loads(raw)
    except BadInput:
        return
    assert strict.loads(strict.dumps(value)) == value


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    text = strict.dumps(value)
    assert strict.loads(text) == value
    assert json.loads(text) == value
    assert strict.loads(text.encode()) == value


def test_keys_keep_their_order() -> None:
    assert strict.dumps(strict.loads('{"b":1,"a":2}')) == '{"b":1,"a":2}'


def test_depth_within_the_limit_and_brackets_in_texts() -> None:
    assert strict.loads("[" * 200 + "]" * 200)
    assert strict.loads(json.dumps(["[" * 500, '\\"{' * 300])) == ["[" * 500, '\\"{' * 300]
    wide = "[" + ",".join(["[]"] * 1000) + "]"
    assert len(strict.loads(wide)) == 1000


def test_a_pair_of_halves_is_text() -> None:
    assert strict.loads('["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_a_result_may_hold_a_half() -> None:
    assert strict.loads('["\\ud800"]', halves=True) == ["\ud800"]


@pytest.mark.parametrize(
    ("text", "kind"), [("[]", "a list"), ('"x"', "a text"), ("true", "true"), ("1", "a number"),
                       ("null", "null"), ("1.5", "a number")],
)  # fmt: skip
def test_an_object_is_asked_for(text: str, kind: str) -> None:
    with pytest.raises(BadInput, match=kind):
        strict.loads_object(text)


def test_the_place_of_an_error_is_named() -> None:
    with pytest.raises(BadInput, match="line 3 column 1"):
        strict.loads('{\n"a": 1,\n}')
