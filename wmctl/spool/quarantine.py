"""What cannot be run is put aside with a reason, and the worker goes on."""

import contextlib
import os
from urllib.parse import quote

from wmctl.errors import MalformedJob
from wmctl.spool import fs, reasons
from wmctl.spool.name import Name
from wmctl.spool.store import Store

#: A file in a queue with no job name may still be being copied: left alone so long (seconds).
PATIENCE = 60.0
_NAME_BYTES = 200


def quarantine_claim(store: Store, name: Name, path: str, why: MalformedJob) -> bool:
    """`running/` -> `quarantine/`: a claimed file that was read whole and found wrong."""
    moved = _aside(store, path, name.file, why)
    if moved:
        store.note("quarantine", name, reason=why.reason)
    return moved


def quarantine_stray(store: Store, path: str, tag: str) -> bool:
    """`queue/` -> `quarantine/`: something whose name is no job's, after a minute's patience."""
    try:
        age = (store.now() - store.disk.stat(path).st_mtime_ns) / 1e9
    except FileNotFoundError:
        return False
    if age < PATIENCE:
        return False
    label = quote(path.rpartition("/")[2].encode("utf-8", "surrogateescape"), safe="@")
    why = MalformedJob(f"the file in queue {tag!r} has no job's name", reason="bad-name")
    # Strays may share a name; none of them may be lost.
    return _aside(store, path, f"{label[:_NAME_BYTES]}.{os.urandom(4).hex()}", why)


def _aside(store: Store, path: str, file: str, why: MalformedJob) -> bool:
    with fs.translated("put a bad job aside"):
        reasons.write(store, "quarantine", file, why.reason, why.message, None)
        moved = fs.move(store.disk, path, store.path("quarantine", file), mine=True)
        if moved:
            with contextlib.suppress(FileNotFoundError):
                store.sync({store.path("quarantine"), path.rpartition("/")[0]})
            store.tell(f"quarantine/{file}: {why.message}")
    return moved
