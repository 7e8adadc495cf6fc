"""Texts that people write in variables, files and options, turned into values. Pure, no disk."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from wmctl.errors import BadInput

_UNITS = {
    1e-3: ("ms", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3600.0: ("h", "hr", "hrs", "hour", "hours"),
    86400.0: ("d", "day", "days"),
    604800.0: ("w", "week", "weeks"),
}
# Compiled where they are used: most commands need none of them.
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = rf"({_NUMBER}) *([a-z]+)"
#: `1:30:00`, and ISO 8601 without months and years, which have no length.
_CLOCK = r"([0-9]+):([0-5][0-9]):([0-5][0-9])"
_ISO = (
    rf"p(?:({_NUMBER})w)?(?:({_NUMBER})d)?"
    rf"(?:t(?=[0-9])(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?)?"
)
_LONGEST = 300 * 366 * 86400.0
_DURATION_HINT = "write 90, 90s, 10m, 1h30m, 2d, 1:30:00 or PT1H30M"
_SIZE = r"([0-9]+) ?(?:([KMGTkmgt])(?:i?[Bb])?|[Bb])?"
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10 minutes`, `1h30m`, `1.5h`, `500ms`, `1:30:00`, `PT1H30M`."""
    seconds = _length(text)
    if seconds > _LONGEST:
        raise BadInput(f"{text[:20]!r} is longer than 300 years")
    return seconds


def _length(text: str) -> float:
    plain = text.strip().lower()
    if re.fullmatch(_NUMBER, plain):
        return float(plain)
    if found := re.fullmatch(_CLOCK, plain):
        return _sum(found.groups(), (3600.0, 60.0, 1.0))
    if (found := re.fullmatch(_ISO, plain)) and any(found.groups()):
        return _sum(found.groups(), (604800.0, 86400.0, 3600.0, 60.0, 1.0))
    seconds = {name: length for length, names in _UNITS.items() for name in names}
    if not re.fullmatch(rf"(?:{_PART} *)+", plain):
        raise BadInput(f"{text.strip()!r} is not a duration", hint=_DURATION_HINT)
    parts = re.findall(_PART, plain)
    for _, unit in parts:
        if unit not in seconds:
            raise BadInput(
                f"{text.strip()!r} is not a duration: there is no unit {unit!r}",
                hint=_DURATION_HINT,
            )
    return sum(float(number) * seconds[unit] for number, unit in parts)


def _sum(numbers: Iterable[str | None], lengths: Iterable[float]) -> float:
    return sum(float(number or 0) * length for number, length in zip(numbers, lengths, strict=True))


def positive(text: str) -> float:
    """A duration above 0."""
    seconds = duration(text)
    if not 0 < seconds < 1e9:
        raise BadInput(f"{text!r} must be more than 0 and less than 30 years")
    return seconds


def size(text: str) -> int:
    """Bytes of `65536`, `64K`, `16MiB`; factors of 1024."""
    match = re.fullmatch(_SIZE, text.strip())
    if match is None:
        raise BadInput(f"{text!r} is not a size", hint="write 65536, 64K or 16MiB")
    return int(match[1]) * _FACTORS[(match[2] or "").upper()]


class Floor(NamedTuple):
    """The least that is to be free of a disk: a share of it or so many bytes, the less of them."""

    share: float = 0.05
    size: float = 1 << 30

    def of(self, total: int) -> int:
        """Bytes, of a disk of so many."""
        return int(min(self.share * total, self.size))


def floor(text: str) -> Floor:
    """`5%`, a size, or both: `5%,1G`; 0 = none."""
    floor = Floor(1.0, float("inf"))
    parts = words(text)
    for part in parts:
        if part.endswith("%"):
            floor = floor._replace(share=_percent(part[:-1]))
        else:
            floor = floor._replace(size=size(part))
    if not 1 <= len(parts) <= 2 or len({part.endswith("%") for part in parts}) < len(parts):
        raise BadInput(f"{text!r} is no floor for free space", hint="write 5%, 1G or 5%,1G")
    return floor


def _percent(text: str) -> float:
    if not re.fullmatch(_NUMBER, text.strip()) or float(text) > 100:
        raise BadInput(f"{text}% is not a percentage from 0% to 100%")
    return float(text) / 100


def yes_or_no(text: str) -> bool:
    """true, yes, on, 1 or false, no, off, 0."""
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise BadInput(f"{text!r} is neither true nor false") from None


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= 100_000:
        raise BadInput(f"{text!r} is not a whole number from 1 on")
    return int(text)


def whole(text: str, least: int, most: int) -> int:
    """A whole number, written as people do: `010` is eight to some readers and ten to others."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,11}", text.strip(), re.ASCII):
        raise BadInput(f"{text!r} is not a whole number")
    if not least <= int(text) <= most:
        raise BadInput(f"{text.strip()} is not from {least} to {most}")
    return int(text)


def interval(text: str) -> int:
    """Seconds between two runs of a periodic script: at least 60, as in Windmill."""
    seconds = whole(text, 0, 30 * 366 * 86400)
    if seconds < 60:
        raise BadInput(f"{seconds} is less than 60 seconds", hint="write 60 or more")
    return seconds


def script(text: str) -> str:
    """The text of a shell script."""
    if "\0" in text:
        raise BadInput("a script cannot hold a NUL character")
    return text


def group_name(text: str) -> str:
    """The name of a worker group, which is a file's name too."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,49}", text, re.ASCII):
        raise BadInput(
            f"{text[:60]!r} is no name of a worker group",
            hint="letters, digits and _ . - only, no dot at the beginning, at most 50 of them",
        )
    return text


def group_names(text: str) -> tuple[str, ...]:
    """One group, or several with commas between them, each once."""
    found = tuple(dict.fromkeys(map(group_name, words(text))))
    if not found:
        raise BadInput(f"{text!r} names no worker group")
    return found


def oom_score(text: str) -> int:
    """What the kernel adds to a job's badness: -1000 to 1000."""
    if not re.fullmatch(r"-?\d{1,4}", text.strip()) or abs(int(text)) > 1000:
        raise BadInput(f"{text!r} is not a whole number from -1000 to 1000")
    return int(text)


def words(text: str, separator: str = ",") -> tuple[str, ...]:
    """A comma list; blanks around its members and empty ones are dropped."""
    return tuple(word for part in text.split(separator) if (word := part.strip()))


def plain(text: str) -> str:
    """A text that is not empty and holds no control character."""
    if not text or any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise BadInput(f"{text!r} is empty or holds a control character")
    return text


def folder(text: str) -> Path:
    """A path; `~` is the home folder. Whoever knows what it is relative to makes it absolute."""
    if "\0" in text:
        raise BadInput("a path cannot hold a NUL character")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(f"{text!r}: there is no such home folder") from None


def folder_or_no(text: str) -> Path | bool:
    """A folder; or whether there is to be one, in its usual place."""
    return _WORDS[text.lower()] if text.lower() in _WORDS else folder(text)


def program(text: str) -> str | Path:
    """A path if it holds a slash, else a name that is looked up on PATH."""
    return folder(text) if "/" in text or text.startswith("~") else plain(text)
