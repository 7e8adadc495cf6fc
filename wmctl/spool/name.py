"""The grammar of job file names: everything about a job that changes stands in its name.

    <due>_<priority>_<id>_<claims>.<lost>.<tries>[@<tag>].v1.json

Pure text, no disk. In `queue/` the tag is the folder's name, elsewhere it follows the `@`.
All fields before the counters have a fixed width, so that names can be cut and sorted as text.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import unquote_to_bytes

from wmctl.errors import BadInput
from wmctl.spool.ids import ID_PATTERN, is_id

#: The only major number that this version reads and writes.
MAJOR = 1
SUFFIX = f".v{MAJOR}.json"

#: Bytes of an encoded tag; with it the longest name stays below the 255 bytes of a file name.
TAG_BYTES = 120
#: A job that was lost more often than this is held for a person.
LOST_LIMIT = 3
#: Of the numbers that a counter's digits can say, what is read in a queue and elsewhere: a counter
#: that has risen once more must still be read. Terminal names rise no more.
_QUEUED_SHARE, _HELD_SHARE = 0.9, 0.95
OUTCOMES = ("success", "failure", "canceled", "skipped")

_DUE = "%Y%m%dT%H%M%S.%fZ"
_COUNTERS = r"(?P<claims>0|[1-9]\d{0,8})\.(?P<lost>0|[1-9]\d{0,4})\.(?P<tries>0|[1-9]\d{0,4})"
_NAME = re.compile(
    r"(?P<due>\d{8}T\d{6}\.\d{6}Z)_(?P<priority>\d{3})_"
    rf"(?P<id>{ID_PATTERN})_{_COUNTERS}"
    r"(?:@(?P<tag>[A-Za-z0-9_%.-]{1,120}))?\.v(?P<major>[1-9]\d{0,3})\.json"
    r"(?:\.(?P<outcome>success|failure|canceled|skipped))?",
    re.ASCII,
)
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def encode_tag(tag: str) -> str:
    """The folder name of a tag: every byte but `[A-Za-z0-9_-]` and inner dots percent-encoded."""
    if not tag:
        raise BadInput("a tag cannot be empty")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in tag):
        raise BadInput(f"tag {tag!r} holds a control character")
    try:
        raw = tag.encode()
    except UnicodeEncodeError:
        raise BadInput(f"tag {tag!r} is not valid Unicode") from None
    last = len(raw) - 1
    encoded = "".join(
        chr(byte) if byte in _PLAIN or (byte == 0x2E and 0 < index < last) else f"%{byte:02X}"
        for index, byte in enumerate(raw)
    )
    if len(encoded) > TAG_BYTES:
        raise BadInput(
            f"tag {tag[:40]!r}… takes {len(encoded)} bytes as a folder's name; at most {TAG_BYTES}"
        )
    return encoded


def decode_tag(folder: str) -> str:
    """The tag of a folder name; BadInput where `encode_tag` would not have written it."""
    try:
        tag = unquote_to_bytes(folder).decode()
    except UnicodeError:  # of a folder whose name is not UTF-8, too
        raise BadInput(f"{folder!r} is not an encoded tag") from None
    if encode_tag(tag) != folder:
        raise BadInput(f"{folder!r} is not an encoded tag")
    return tag


def format_due(moment: datetime) -> str:
    """A due time as names carry it: UTC, microseconds, fixed width."""
    return moment.astimezone(UTC).strftime(_DUE).rjust(23, "0")


def due_after(seconds: float, nanoseconds: int) -> str:
    """The due time `seconds` after a file time stamp given in nanoseconds."""
    micros = nanoseconds // 1000 + round(seconds * 1_000_000)
    return format_due(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))


def parse_due(due: str) -> datetime:
    """The moment that a name's due time names (strptime would be ten times as slow)."""
    return datetime(
        int(due[:4]), int(due[4:6]), int(due[6:8]),
        int(due[9:11]), int(due[11:13]), int(due[13:15]), int(due[16:22]), UTC,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """One job file's name, parsed. `tag` is the plain tag, `due` the text of the name."""

    due: str
    priority: int
    id: str
    tag: str
    claims: int = 0
    lost: int = 0
    tries: int = 0
    outcome: str | None = None

    @property
    def attempt(self) -> int:
        """What people and scripts see: 1 for the first start."""
        return 1 + self.lost + self.tries

    @property
    def scheduled_for(self) -> datetime:
        """The due time, aware, UTC."""
        return parse_due(self.due)

    @property
    def _stem(self) -> str:
        counters = f"{self.claims}.{self.lost}.{self.tries}"
        return f"{self.due}_{self.priority:03d}_{self.id}_{counters}"

    @property
    def queued(self) -> str:
        """The file name inside `queue/<tag>/`."""
        return self._stem + SUFFIX

    @property
    def file(self) -> str:
        """The file name everywhere else, with the tag and, in `completed/`, the outcome."""
        ending = "" if self.outcome is None else f".{self.outcome}"
        return f"{self._stem}@{encode_tag(self.tag)}{SUFFIX}{ending}"

    def claimed(self) -> Self:
        """The name after one more claim."""
        return replace(self, claims=self.claims + 1)

    def but(self, **changes: object) -> Self:
        """The same name with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def parse(file: str, tag: str | None = None) -> Name | None:
    """The name of a job file, or None where it is not one that this version reads.

    `tag` is given for files in `queue/`, whose names carry none.
    """
    match = _NAME.fullmatch(file)
    if match is None or int(match["major"]) != MAJOR or (match["tag"] is None) == (tag is None):
        return None
    if tag is not None and match["outcome"] is not None:
        return None  # nothing in a queue has ended
    try:
        named = decode_tag(match["tag"]) if tag is None else tag
        parse_due(match["due"])
    except (BadInput, ValueError):
        return None
    priority, outcome = int(match["priority"]), match["outcome"]
    claims, lost, tries = int(match["claims"]), int(match["lost"]), int(match["tries"])
    if priority > 100 or not is_id(match["id"]):
        return None
    if outcome is None:
        share = _HELD_SHARE if tag is None else _QUEUED_SHARE
        if claims > share * 10**9 or max(lost, tries) > share * 10**5:
            return None
    return Name(match["due"], priority, match["id"], named, claims, lost, tries, outcome)


def newer_id(file: str) -> str | None:
    """The id in a job file's name of a later major number; None for every other name."""
    match = _NAME.fullmatch(file)
    return match["id"] if match is not None and int(match["major"]) > MAJOR else None


def is_newer(file: str) -> bool:
    """True for a job file of a later major number: left alone, for a newer worker."""
    return newer_id(file) is not None
