"""Durations, sizes and the like, as people write them."""

import pytest

from wmctl.config import values
from wmctl.errors import BadInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172800),
        ("500ms", 0.5), ("1w", 604800), ("0.25", 0.25), (" 5s ", 5), ("0", 0), ("1h 30m", 5400),
        ("1 hour", 3600), ("2 Days 3 hours", 183600), ("1:30:00", 5400), ("100:00:01", 360001),
        ("PT1H30M", 5400), ("P1DT0.5S", 86400.5), ("P2W", 1209600), ("pt90m", 5400),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    """The accepted forms."""
    assert values.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "s", "1x", "-1", "1 h 30", "1:30", "1:60:00", "1h30", "inf", "nan", "\u0661s", "P",
        "PT", "P1M", "P1Y", "P1DT", "1 fortnight", "h1", "1h-30m",
    ],
)  # fmt: skip
def test_what_is_no_duration(text: str) -> None:
    """Everything else, with a hint."""
    with pytest.raises(BadInput) as caught:
        values.duration(text)
    assert "1h30m" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["0", "0s", "1e3", "999999999999"])
def test_a_limit_is_more_than_nothing(text: str) -> None:
    """A timeout of 0 is a mistake."""
    with pytest.raises(BadInput):
        values.positive(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("65536", 65536), ("64K", 65536), ("16MiB", 16 << 20), ("1 GB", 1 << 30), ("7B", 7)],
)
def test_sizes(text: str, number: int) -> None:
    """Factors of 1024."""
    assert values.size(text) == number


def test_other_values() -> None:
    """Each parser refuses what it cannot mean."""
    assert values.words("a,,b") == ("a", "b")
    assert values.yes_or_no("Yes") is True
    assert values.oom_score("-5") == -5
    for parse, text in (
        (values.size, "1X"), (values.yes_or_no, "maybe"), (values.count, "0"), (values.count, "x"),
        (values.plain, "a\nb"), (values.plain, ""), (values.folder, "a\0b"),
        (values.folder, "~no-such-user-here/x"), (values.oom_score, "1001"),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            parse(text)


def test_a_comma_list_may_have_blanks() -> None:
    """As people write lists; nothing but blanks is no member."""
    assert values.words("bash, python3 ,, gpu one, ") == ("bash", "python3", "gpu one")
    assert values.words(" ") == ()
