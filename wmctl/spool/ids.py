"""Job ids: UUIDv7 (RFC 9562) in the usual 8-4-4-4-12 form, and what is computed from them."""

import os
import re
import time
from datetime import UTC, datetime

ID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_ID = re.compile(ID_PATTERN)
#: The last millisecond of the year 9999, as an id begins: what is later has no hour, no bucket.
_LAST = "e677d21f-dbff"

#: Hex digits of an id that people see; the last ones, since the first ones stand still for weeks.
SHORT = 8


def new_id(milliseconds: int | None = None) -> str:
    """A new id: 48 bits of Unix milliseconds, 12 of the next fraction (RFC 9562, 6.2), 62 random.

    So the ids of a batch sort in the order in which its jobs were made. Where `milliseconds` is
    given, the fraction is random too.
    """
    random = int.from_bytes(os.urandom(10), "big")
    if milliseconds is None:
        stamp, rest = divmod(time.time_ns(), 1_000_000)
        fraction = (rest << 12) // 1_000_000
    else:
        stamp, fraction = milliseconds, random >> 62 & 0xFFF
    value = (stamp & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | fraction << 64
    value |= 0b10 << 62 | (random & ((1 << 62) - 1))
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """True for a whole id in the form that `new_id` gives, of a moment that a calendar has."""
    return _ID.fullmatch(text) is not None and text[:13] <= _LAST


def short(job_id: str) -> str:
    """The last eight hex digits."""
    return job_id[-SHORT:]


def created(job_id: str) -> datetime:
    """When the id was made, by the submitter's clock."""
    return datetime.fromtimestamp(int(job_id[:8] + job_id[9:13], 16) / 1000, UTC)


def hour_of(milliseconds: int) -> str:
    """`YYYYMMDDHH`, UTC; the end of all times for what lies beyond."""
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y%m%d%H}"
    except (OverflowError, ValueError):
        return "9999123123"


def bucket(job_id: str) -> str:
    """`YYYYMMDDHH/xx`: the hour the id was made (UTC) and the last two digits of its random part.

    The last two, so that a short id names its bucket within an hour.
    """
    moment = created(job_id)
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}{moment.hour:02d}/{job_id[-2:]}"
