"""Reading beats: which workers there are, as they described themselves."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wmctl.errors import BadInput
from wmctl.spool import fs, strict
from wmctl.spool.store import Store

#: Bytes of a beat: written over in place, so that no block is needed on a full disk.
BEAT_SIZE = 8192


class Beat(NamedTuple):
    """What a worker said last. `age` in seconds, by the file server's clock."""

    worker: str
    content: Mapping[str, Any]
    age: float

    def alive(self, lease: float) -> bool:
        """For people and warnings; a rescuer watches the content instead."""
        return self.age < lease


def read_beat(store: Store, worker: str) -> bytes | None:
    """A beat's bytes as they are now; None if there is none.

    MalformedJob for one that is there and not to be trusted: it says nothing, not even that it
    stands still.
    """
    try:
        return fs.read_checked(store.disk, store.path("workers", worker), BEAT_SIZE, store.trust)
    except FileNotFoundError:
        return None


def workers(store: Store) -> Iterator[Beat]:
    """Every worker that has a beat, as it described itself."""
    now = store.now()
    for found in store.disk.scan(store.path("workers")):
        with contextlib.suppress(FileNotFoundError, BadInput):
            text = read_beat(store, found.name)
            if text is not None:
                age = (now - store.disk.stat(found.path).st_mtime_ns) / 1e9
                yield Beat(found.name, strict.loads_object(text, found.path), max(age, 0.0))
