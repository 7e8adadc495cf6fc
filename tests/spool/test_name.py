"""The grammar of job file names, and tags as folder names."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.errors import BadInput
from wmctl.spool import new_id
from wmctl.spool.name import (
    OUTCOMES,
    TAG_BYTES,
    Name,
    decode_tag,
    due_after,
    encode_tag,
    format_due,
    is_newer,
    parse,
)

ID = "0193a5c0-7b1e-7abc-8def-0123456789ab"
PLAIN = f"20261123T140700.123456Z_007_{ID}_3.1.2"

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


def fits(tag: str) -> bool:
    try:
        encode_tag(tag)
    except BadInput:
        return False
    return True


moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
ids = st.integers(0, 253402300799999).map(new_id)
names = st.builds(
    Name,
    due=moments.map(format_due),
    priority=st.integers(0, 100),
    id=ids,
    tag=texts.filter(fits),
    claims=st.integers(0, 900_000_000),
    lost=st.integers(0, 90_000),
    tries=st.integers(0, 90_000),
    outcome=st.sampled_from([None, *OUTCOMES]),
)


@given(names)
def test_a_name_survives_being_written_and_read(name: Name) -> None:
    assert parse(name.file) == name
    assert parse(name.but(outcome=None).queued, name.tag) == name.but(outcome=None)
    assert len(name.file.encode()) + len(".reason") <= 255


@given(names)
def test_one_place_never_reads_the_others_names(name: Name) -> None:
    """In `queue/` the folder says the tag, elsewhere the name does: never both, never none."""
    assert parse(name.file, "t") is None
    assert parse(name.queued) is None


@given(st.text(max_size=120))
def test_any_text_is_a_name_or_none(text: str) -> None:
    for found in (parse(text), parse(text, "t")):
        assert found is None or isinstance(found, Name)


def mutate(random: object, text: str) -> str:
    at = random.randrange(len(text))
    return text[:at] + random.choice("0129-_.@%Zzv/\n\0é") + text[at + random.randrange(2) :]


@given(st.randoms())
def test_what_is_read_is_written_the_same(random: object) -> None:
    """No two texts are the same name."""
    text = mutate(random, mutate(random, f"{PLAIN}@a%2Fb.v1.json.success"))
    found = parse(text)
    assert found is None or found.file == text


def test_the_fields_of_a_name() -> None:
    name = parse(f"{PLAIN}@dedicated%3Af%2Fx.v1.json.failure")
    assert name is not None
    assert name == Name("20261123T140700.123456Z", 7, ID, "dedicated:f/x", 3, 1, 2, "failure")
    assert name.attempt == 4
    assert name.scheduled_for == datetime(2026, 11, 23, 14, 7, 0, 123456, UTC)
    assert name.claimed().claims == 4


@pytest.mark.parametrize(
    "text",
    [
        "", "x", PLAIN, f"{PLAIN}.json", f"{PLAIN}.v1.json ", f" {PLAIN}.v1.json",
        f"{PLAIN}.v1.json\n", f"{PLAIN}.v01.json", f"{PLAIN}.v0.json", f"{PLAIN}.v1.json.tmp",
        f"{PLAIN}.v1.json.reason", f"{PLAIN}.v1.json.succeeded", f"{PLAIN}.V1.json",
        f"{PLAIN}@.v1.json", f"{PLAIN}.v2.json", f".{PLAIN}.v1.json",
        PLAIN.replace("_007_", "_101_") + ".v1.json", PLAIN.replace("_007_", "_7_") + ".v1.json",
        PLAIN.replace("_3.1.2", "_03.1.2") + ".v1.json",
        PLAIN.replace("_3.1.2", "_3.1") + ".v1.json",
        PLAIN.replace("_3.1.2", "_-3.1.2") + ".v1.json",
        PLAIN.replace("1123", "1323") + ".v1.json", PLAIN.replace("T14", "T24") + ".v1.json",
        PLAIN.replace("-7abc", "-4abc") + ".v1.json", PLAIN.replace("9ab_", "9AB_") + ".v1.json",
        PLAIN.replace("2", "\u0662") + ".v1.json", "../" + PLAIN + ".v1.json",
        PLAIN.replace("140700", "140760") + ".v1.json", f"{PLAIN}.v1.json.success",
    ],
)  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    assert parse(text, "t") is None


@pytest.mark.parametrize("tag", ["a b", "a%2fb", "%41", "a%", "%2", "%FF", ".a", "a.", "a%0A", "é"])
def test_a_tag_has_one_spelling(tag: str) -> None:
    """Two spellings would be two folders for one queue."""
    with pytest.raises(BadInput):
        decode_tag(tag)
    assert parse(f"{PLAIN}@{tag}.v1.json") is None


def test_a_newer_major_is_known_as_such_and_not_read() -> None:
    for text, newer in ((f"{PLAIN}.v2.json", True), (f"{PLAIN}@t.v12.json.success", True),
                        (f"{PLAIN}.v1.json", False), ("x.v2.json", False)):  # fmt: skip
        assert is_newer(text) is newer
        if newer:
            assert parse(text) is None
            assert parse(text, "t") is None


@pytest.mark.parametrize(
    ("tag", "folder"),
    [
        ("bash", "bash"), ("a_B-9", "a_B-9"), ("a.b", "a.b"), (".a", "%2Ea"), ("a.", "a%2E"),
        (".", "%2E"), ("..", "%2E%2E"), ("...", "%2E.%2E"), ("a/b", "a%2Fb"), ("../x", "%2E.%2Fx"),
        ("w:f/a", "w%3Af%2Fa"), ("%", "%25"), ("%2F", "%252F"), ("é", "%C3%A9"), ("a b", "a%20b"),
        ("$x", "%24x"), ("-rf", "-rf"), ("~", "%7E"), ("a\\b", "a%5Cb"), ("*?[]", "%2A%3F%5B%5D"),
    ],
)  # fmt: skip
def test_tags_as_folders(tag: str, folder: str) -> None:
    assert encode_tag(tag) == folder
    assert decode_tag(folder) == tag


@given(texts.filter(fits))
def test_a_folder_is_one_plain_path_component(tag: str) -> None:
    folder = encode_tag(tag)
    assert decode_tag(folder) == tag
    assert re.fullmatch(r"[A-Za-z0-9_%.-]{1,120}", folder)
    assert folder not in {".", ".."}
    assert not folder.startswith(".")


@given(texts.filter(fits), texts.filter(fits))
def test_two_tags_are_two_folders(one: str, other: str) -> None:
    assert (encode_tag(one) == encode_tag(other)) == (one == other)


@pytest.mark.parametrize("tag", ["", "a\n", "\0", "\x7f", "a\tb", "\ud800", "x" * 121, "é" * 21])
def test_what_is_no_tag(tag: str) -> None:
    with pytest.raises(BadInput):
        encode_tag(tag)


def test_the_longest_tag() -> None:
    for tag in ("x" * TAG_BYTES, "é" * (TAG_BYTES // 6)):
        assert len(encode_tag(tag)) == TAG_BYTES
        longest = Name("9" * 8 + "T235959.999999Z", 100, ID, tag, 999_999_999, 99_999, 99_999,
                       "canceled")  # fmt: skip
        assert len(longest.file) + len(".reason") <= 255


@given(moments, moments)
def test_due_times_sort_as_text(one: datetime, other: datetime) -> None:
    assert (format_due(one) < format_due(other)) == (one < other)
    assert len(format_due(one)) == 23


def test_due_times_are_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert format_due(moment) == "20251231T233000.000000Z"
    assert format_due(datetime(5, 1, 1, tzinfo=UTC)) == "00050101T000000.000000Z"


def test_due_after_keeps_the_servers_microseconds() -> None:
    assert due_after(0, 1_800_000_000_123_456_789) == "20270115T080000.123456Z"
    assert due_after(1.5, 1_800_000_000_123_456_789) == "20270115T080001.623456Z"
