"""The record of a finished job: what the holder of its last claim wrote."""

from typing import Any

from wmctl.errors import MalformedJob
from wmctl.spool import fs, strict
from wmctl.spool.lookup import Entry
from wmctl.spool.store import Store

#: A result may take this much; its record a little more.
RESULT_CAP = 16 << 20
_RECORD_CAP = RESULT_CAP * 6 + (1 << 20)


def read(store: Store, entry: Entry) -> dict[str, Any] | None:
    """Outcome, exit code, times, result; None if nothing was written."""
    if not entry.terminal:
        return None
    path = store.result(entry.id, entry.name.claims)
    try:
        with fs.translated("read a result", but=(FileNotFoundError,)):
            text = fs.read_checked(store.disk, path, _RECORD_CAP, store.trust)
    except (FileNotFoundError, MalformedJob):
        return None
    content = strict.loads_object(text, path, halves=True)
    # Of another outcome: left by a claim of the same number that a power cut undid.
    return content if content.get("outcome") == entry.state else None
