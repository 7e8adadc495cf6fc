"""Why a job stands aside: the `.reason` file beside it in `held/` or `quarantine/`."""

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import fs, strict
from wmctl.spool.store import Store

_CAP = 64 << 10


def now_text() -> str:
    """The moment as people read it: this host's clock, never compared with another's."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def who() -> str:
    """The user's name, or the number where there is none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def write(store: Store, folder: str, file: str, reason: str, message: str, by: str | None) -> None:
    """Say why `file` is about to come into `folder`; a reason without its job is rubbish."""
    content = {"reason": reason, "message": message, "by": by, "at": now_text()}
    store.put((strict.dumps(content) + "\n").encode(), store.path(folder, f"{file}.reason"))


def read(store: Store, path: str) -> Mapping[str, Any] | None:
    """The content of a `.reason` or a cancel marker, or None."""
    try:
        return strict.loads_object(fs.read_checked(store.disk, path, _CAP, store.trust), path)
    except (FileNotFoundError, NotADirectoryError, MalformedJob, BadInput):
        return None


def drop(store: Store, folder: str, file: str) -> None:
    """The job has left; its reason goes too."""
    with contextlib.suppress(OSError):
        store.remove(store.path(folder, f"{file}.reason"))
