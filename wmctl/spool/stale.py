"""Markers for nobody: requests to workers that are gone, signals to claims that have ended."""

from collections.abc import Iterator
from typing import NamedTuple

from wmctl.errors import BadInput
from wmctl.spool import fs, lookup, signals, workers
from wmctl.spool.name import decode_tag
from wmctl.spool.store import Store

#: Seconds: a younger marker may be on its way to a worker that is slow.
PATIENCE = 3600.0


class Stale(NamedTuple):
    """A marker that does nothing any more."""

    what: str
    path: str


def stale(store: Store) -> Iterator[Stale]:
    """What may go: nobody will ever look at it."""
    with fs.translated("look for old markers"):
        now = store.now()
        joined = workers.joined(store)
        for item in store.disk.scan(store.path("control", "drain")):
            # A worker's name is made once and never used again.
            if item.name not in joined and _is_old(store, item.path, now):
                yield Stale("asks a worker that is gone to drain", item.path)
        running = {f"{found.id}.{found.name.claims}" for found in lookup.running(store)}
        for path, _ in signals.markers(store):
            claim = path.rpartition("/")[2].split(".")[:2]
            if ".".join(claim) not in running and _is_old(store, path, now):
                yield Stale("a signal for a job that runs no more", path)


def unknown_pauses(store: Store) -> Iterator[str]:
    """Files among the pauses that name no tag, and so pause nothing."""
    with fs.translated("look for pauses"):
        for item in store.disk.scan(store.path("control", "pause")):
            try:
                decode_tag(item.name)
            except BadInput:
                yield item.path


def remove(store: Store, found: Stale) -> bool:
    """Remove one; False if that was refused."""
    try:
        store.remove(found.path)
    except OSError:
        return False
    return True


def _is_old(store: Store, path: str, now: int) -> bool:
    try:
        return (now - store.disk.stat(path).st_mtime_ns) / 1e9 >= PATIENCE
    except FileNotFoundError:
        return False
