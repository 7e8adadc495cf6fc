"""The moments that people type for `--at`. Pure: the clock and the time zone are passed in.

A length of time counts from the submission, on the file server's clock; everything else names a
moment. What was understood is said, with what the clocks' changes made of it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from wmctl.cli.exits import UsageError
from wmctl.config.values import duration
from wmctl.errors import BadInput

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HINT = "write +5m, 16:30, tomorrow 09:00, friday 18:00, 2026-11-24T09:00 or @1795444416"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_LATEST = 1e9
_LAST_YEAR = 9998


class At(NamedTuple):
    """When a job is to run: in so many seconds, or at a moment."""

    delay: float = 0.0
    due: datetime | None = None
    #: What the clocks' change made of the time that was given.
    note: str = ""

    def moment(self, now: datetime) -> datetime:
        """The moment, as far as this host's clock can tell."""
        return now + timedelta(seconds=self.delay) if self.due is None else self.due


def parse(text: str, now: datetime, zone: tzinfo | None = None) -> At:
    """What somebody means by `--at TEXT`; `zone`: where clock times are read, None = here.

    UsageError for what is in the past, and for what is not understood, which is named.
    """
    words = " ".join(text.lower().split())
    if not words:
        raise UsageError("--at: there is no time", hint=_HINT)
    delay = _delay(words)
    if delay is not None:
        if delay > _LATEST:
            raise UsageError(f"--at {text!r} is more than 30 years from now")
        return At(delay=delay)
    at = _at(words, now, zone)
    if at.due is not None and at.due.year > _LAST_YEAR:
        raise UsageError(f"--at {text!r} is after the year {_LAST_YEAR}")
    if at.due is not None and at.due <= now:
        ago = span((now - at.due).total_seconds())
        raise UsageError(
            f"--at {text!r} is in the past: {shown(at.due, zone)} was {ago} ago",
            hint="leave --at out to run it now",
        )
    return at


def told(at: At, now: datetime, zone: tzinfo | None = None) -> str:
    """What was understood: `runs at Tue 2026-11-24 09:00:00 CET, in 13h`."""
    moment = at.moment(now)
    return f"runs at {shown(moment, zone)}, in {span((moment - now).total_seconds())}"


def shown(moment: datetime, zone: tzinfo | None = None) -> str:
    """A moment for people: `Tue 2026-11-24 09:00:00 CET`."""
    return moment.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def span(seconds: float) -> str:
    """A length of time in its two largest units: `13h`, `2d3h`, `1m30s`."""
    left = round(seconds)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        parts.append(f"{count}{unit}" if count else "")
    first = next((index for index, part in enumerate(parts) if part), len(parts))
    return "".join(parts[first : first + 2]) or "0s"


def _delay(words: str) -> float | None:
    """The seconds of a length of time; None where it is none."""
    prefix = re.match(r"(?:now|in\b|\+)(?: *\+)? *", words)
    if prefix is not None:
        rest = words[prefix.end() :]
        if not rest and prefix[0].strip() == "now":
            return 0.0
        if rest.startswith("-"):
            raise UsageError(f"--at {words!r} is in the past", hint=_HINT)
        return _length(rest, words)
    if words.startswith(("-", "yesterday ")) or words.endswith((" ago", "yesterday")):
        raise UsageError(f"--at {words!r} is in the past", hint=_HINT)
    if re.fullmatch(r"[0-9.]+", words):
        raise UsageError(
            f"--at {words!r} may be seconds, a clock time or a year",
            hint=f"write +{words}, {words[:-2] or 0}:{words[-2:]}, or @{words} (since 1970)",
        )
    is_length = re.match(r"[0-9.]+ *[a-z]|p[0-9t]", words) is not None
    return _length(words, words) if is_length else None


def _length(text: str, words: str) -> float:
    if not text:
        raise UsageError(f"--at {words!r}: {words!r} what?", hint=_HINT)
    try:
        return duration(text)
    except BadInput as error:
        raise UsageError(f"--at {words!r}: {error.message}", hint=error.hint) from None


def _at(words: str, now: datetime, zone: tzinfo | None) -> At:
    if words.startswith("@"):
        return At(due=_since_1970(words))
    if re.match(r"[0-9]{4}-", words):
        return _written(words, now, zone)
    return _clock(words, now, zone)


def _since_1970(words: str) -> datetime:
    if not re.fullmatch(r"@[0-9]{1,12}(?:\.[0-9]{1,9})?", words):
        raise UsageError(f"--at {words!r}: after @ come the seconds since 1970", hint=_HINT)
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(words[1:]))
    except OverflowError:
        raise UsageError(f"--at {words!r} is after the year {_LAST_YEAR}") from None


def _written(words: str, now: datetime, zone: tzinfo | None) -> At:
    """RFC 3339, also with a blank for the T and without seconds or zone."""
    try:
        found = datetime.fromisoformat(words.upper())
        if found.tzinfo is None:
            return _here(found, now, zone)
        return At(due=found.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--at {words!r} is no such time: {error}", hint=_HINT) from None


def _clock(words: str, now: datetime, zone: tzinfo | None) -> At:
    """A day, a time of day, or both, in any order: the next such moment."""
    day: str | None = None
    clock: str | None = None
    for word in words.replace(",", " ").split():
        if clock is None and re.fullmatch(_CLOCK, word):
            clock = word
        elif day is None and (word in {"today", "tomorrow"} or _weekday(word) is not None):
            day = word
        elif word not in {"at", "on"}:
            raise UsageError(f"--at {words!r}: {word!r} was not understood", hint=_HINT)
    if day is None and clock is None:
        raise UsageError(f"--at {words!r}: there is no time in it", hint=_HINT)
    if day == "today" and clock is None:
        raise UsageError(f"--at {words!r}: today, but at what time?", hint="write today 16:30")
    hour, minute, second = [*map(int, (clock or "0:0").split(":")), 0][:3]
    found = At()
    for on in _days(now.astimezone(zone).date(), day):
        found = _here(datetime.combine(on, time(hour, minute, second)), now, zone)
        if found.due is not None and found.due > now:
            break
    return found


def _weekday(word: str) -> int | None:
    fits = [at for at, name in enumerate(_DAYS) if len(word) >= 3 and name.startswith(word)]
    return fits[0] if fits else None


def _days(today: date, word: str | None) -> Iterator[date]:
    """The dates that may be meant, the nearest first."""
    one = timedelta(days=1)
    if word is None:
        yield from (today, today + one)
    elif word in {"today", "tomorrow"}:
        yield today if word == "today" else today + one
    else:
        away = timedelta(days=((_weekday(word) or 0) - today.weekday()) % 7)
        yield from (today + away, today + away + 7 * one)


def _here(naive: datetime, now: datetime, zone: tzinfo | None) -> At:
    """A time on the clocks of a zone, which may show it twice or not at all."""
    first, second = (_utc(naive.replace(fold=fold), zone) for fold in (0, 1))
    if first == second:
        return At(due=first)
    after = first.astimezone(zone).replace(tzinfo=None)
    if after != naive:
        note = f"there is no {naive:%H:%M} that day, so {after:%H:%M} is taken"
        return At(due=first, note=f"the clocks go forward: {note}")
    past = first <= now
    note = f"{naive:%H:%M} comes twice that day, the {'second' if past else 'first'} is taken"
    return At(due=second if past else first, note=f"the clocks go back: {note}")


def _utc(naive: datetime, zone: tzinfo | None) -> datetime:
    # Without a zone of its own, astimezone reads a time by the rules of this host.
    return (naive if zone is None else naive.replace(tzinfo=zone)).astimezone(UTC)
