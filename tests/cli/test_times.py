"""The moments that people type: what each means, what is refused, what the clocks' changes do."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.cli import times
from wmctl.cli.exits import UsageError
from wmctl.config.values import duration

BERLIN = ZoneInfo("Europe/Berlin")
#: A Monday, 20:28:48 in Berlin.
NOW = datetime(2026, 11, 23, 19, 28, 48, tzinfo=UTC)


def at(text: str, now: datetime = NOW) -> times.At:
    return times.parse(text, now, BERLIN)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+5m", 300), ("5m", 300), ("in 5m", 300), ("now+1hour", 3600), ("now + 1 hour", 3600),
        ("now", 0), ("+90", 90), ("in 90", 90), ("+1:30:00", 5400), ("PT1H30M", 5400),
        ("IN  2 Days", 172800), ("1.5h", 5400), ("now +  1h30m", 5400),
    ],
)  # fmt: skip
def test_lengths_of_time_are_delays(text: str, seconds: float) -> None:
    """They count on the file server's clock, so no moment is made of them here."""
    assert at(text) == times.At(delay=seconds)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("16:30", "Tue 2026-11-24 16:30:00 CET"),
        ("23:59", "Mon 2026-11-23 23:59:00 CET"),
        ("9:05:07", "Tue 2026-11-24 09:05:07 CET"),
        ("1:30:00", "Tue 2026-11-24 01:30:00 CET"),
        ("tomorrow 09:00", "Tue 2026-11-24 09:00:00 CET"),
        ("09:00 Tomorrow", "Tue 2026-11-24 09:00:00 CET"),
        ("tomorrow", "Tue 2026-11-24 00:00:00 CET"),
        ("today at 21:00", "Mon 2026-11-23 21:00:00 CET"),
        ("fri 18:00", "Fri 2026-11-27 18:00:00 CET"),
        ("on sunday", "Sun 2026-11-29 00:00:00 CET"),
        ("monday 21:00", "Mon 2026-11-23 21:00:00 CET"),
        ("Mon, 9:00", "Mon 2026-11-30 09:00:00 CET"),
        ("2026-11-24", "Tue 2026-11-24 00:00:00 CET"),
        ("2026-11-24T09:00", "Tue 2026-11-24 09:00:00 CET"),
        ("2026-11-24 09:00:05.5", "Tue 2026-11-24 09:00:05 CET"),
        ("2026-11-24T09:00:00Z", "Tue 2026-11-24 10:00:00 CET"),
        ("2026-11-24t09:00:00+02:00", "Tue 2026-11-24 08:00:00 CET"),
        ("@1795944416", "Sun 2026-11-29 10:26:56 CET"),
    ],
)
def test_moments(text: str, shown: str) -> None:
    """A clock time is the next such one, in the zone of whoever types it."""
    found = at(text)
    assert found.due is not None
    assert (times.shown(found.due, BERLIN), found.delay, found.note) == (shown, 0.0, "")


@pytest.mark.parametrize(
    "text",
    ["-5m", "5m ago", "now - 1h", "now-5m", "today 09:00", "2020-01-01", "@1", "yesterday 9:00"],
)
def test_the_past_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="in the past"):
        at(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("yesterdayish", "'yesterdayish' was not understood"),
        ("next friday", "'next' was not understood"),
        ("friday 18:00 sharp", "'sharp' was not understood"),
        ("09:00 10:00", "'10:00' was not understood"),
        ("24:00", "'24:00' was not understood"),
        ("in 5 parsecs", "no unit 'parsecs'"),
        ("in a while", "'a while'"),
        ("1630", "may be seconds"),
        ("in", "what?"),
        ("today", "at what time?"),
        ("at", "no time in it"),
        ("2026-13-01", "month must be"),
        ("2026-02-30 10:00", "day is out of range"),
        ("@x", "seconds since 1970"),
        ("@999999999999", "after the year"),
        ("9999-06-01", "after the year"),
        ("9999-12-31T23:59:59-10:00", "no such time"),
        ("40000d", "more than 30 years"),
        (" ", "no time"),
    ],
)
def test_nonsense_is_refused_and_named(text: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        at(text)
    assert part in caught.value.message


def test_the_clocks_go_forward() -> None:
    """There is no 02:30 in that night: the same length after the last midnight is taken."""
    found = at("2027-03-28 02:30")
    assert found.due == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert "there is no 02:30 that day, so 03:30 is taken" in found.note


def test_the_clocks_go_back() -> None:
    """02:30 comes twice: the first, unless that is over."""
    first, second = (datetime(2027, 10, 31, hour, 30, tzinfo=UTC) for hour in (0, 1))
    found = at("2027-10-31 02:30")
    assert found.due == first
    assert "twice" in found.note
    assert "the first" in found.note
    found = at("02:30", now=first + timedelta(minutes=5))
    assert found.due == second
    assert "the second" in found.note
    assert at("02:30", now=second).due == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


def test_what_was_understood() -> None:
    told = times.told(at("tomorrow 09:00"), NOW, BERLIN)
    assert told == "runs at Tue 2026-11-24 09:00:00 CET, in 12h31m"
    assert times.told(at("+90"), NOW, BERLIN) == "runs at Mon 2026-11-23 20:30:18 CET, in 1m30s"
    assert [times.span(s) for s in (0, 59.6, 3600, 90061)] == ["0s", "1m", "1h", "1d1h"]


moments = st.datetimes(
    min_value=datetime(2026, 11, 24),
    max_value=datetime(2900, 1, 1),
).map(lambda naive: naive.replace(tzinfo=UTC))


@given(moments)
def test_rfc_3339_is_read_as_written(moment: datetime) -> None:
    """With a zone it says the same everywhere."""
    assert at(moment.isoformat()).due == moment
    assert at(moment.isoformat(" ").replace("+00:00", "Z")).due == moment
    assert at(moment.astimezone(BERLIN).isoformat()).due == moment


@given(moments)
def test_a_local_time_is_that_on_the_clock(moment: datetime) -> None:
    """Without a zone it is what a clock here shows, but for the hour that a clock leaves out."""
    local = moment.astimezone(BERLIN).replace(tzinfo=None)
    found = at(local.isoformat())
    assert found.due is not None
    assert found.due.astimezone(BERLIN).replace(tzinfo=None) == local
    assert found.due == moment or "twice" in found.note


@given(moments.map(lambda moment: moment.replace(microsecond=0)))
def test_seconds_since_1970(moment: datetime) -> None:
    assert at(f"@{int(moment.timestamp())}").due == moment


@given(st.integers(0, 23), st.integers(0, 59), moments)
def test_a_clock_time_is_the_next_one(hour: int, minute: int, now: datetime) -> None:
    """Less than a day and an hour away, never behind."""
    found = at(f"{hour}:{minute:02}", now)
    assert found.due is not None
    assert timedelta() < found.due - now <= timedelta(hours=25)
    shown = found.due.astimezone(BERLIN)
    assert (shown.hour, shown.minute) == (hour, minute) or "forward" in found.note


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_in_every_spelling(days: int, hours: int, minutes: int, seconds: int) -> None:
    """They all say the same length."""
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    spellings = [
        f"{total}",
        f"{days}d{hours}h{minutes}m{seconds}s",
        f"{days} days {hours} hours {minutes} min {seconds} seconds",
        f"{days * 24 + hours}:{minutes:02}:{seconds:02}",
        f"P{days}DT{hours}H{minutes}M{seconds}S",
    ]
    assert {duration(text) for text in spellings} == {float(total)}
    assert at(f"in {spellings[1]}").delay == total
    assert abs(duration(times.span(total)) - total) < 86400


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Never anything else."""
    found = None
    with suppress(UsageError):
        found = at(text)
    assert found is None or found.due is None or found.due > NOW
