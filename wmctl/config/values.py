"""Texts that people write in variables, files and options, turned into values. Pure, no disk."""

import re
from pathlib import Path

from wmctl.errors import BadInput

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
# Compiled where they are used: most commands need none of them.
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = rf"({_NUMBER})(ms|[smhdw])"
_SIZE = r"([0-9]+) ?(?:([KMGkmg])(?:i?[Bb])?|[Bb])?"
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10m`, `1h30m`, `1.5h`, `2d`, `500ms`."""
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if not re.fullmatch(rf"(?:{_PART})+", text):
        raise BadInput(f"{text!r} is not a duration", hint="write 90, 90s, 10m, 1h30m or 2d")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))


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


def oom_score(text: str) -> int:
    """What the kernel adds to a job's badness: -1000 to 1000."""
    if not re.fullmatch(r"-?\d{1,4}", text.strip()) or abs(int(text)) > 1000:
        raise BadInput(f"{text!r} is not a whole number from -1000 to 1000")
    return int(text)


def words(text: str) -> tuple[str, ...]:
    """A comma list; blanks around its members and empty ones are dropped."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


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
