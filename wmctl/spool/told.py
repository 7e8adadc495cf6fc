"""Who has been told of what: of all hosts that look, one tells, and then none for a while.

`control/alerts/<digest>.<generation>/` is a folder with one name in it. It comes into place by one
rename, which a non-empty target refuses, so a generation has one winner, who tells; the next one
may only be taken when the last is older than the cooldown, by the file server's clock.
"""

import contextlib
import hashlib
import os
from typing import NamedTuple

from wmctl.spool import fs, reasons, strict
from wmctl.spool.store import Store

FOLDER = ("control", "alerts")


class Telling(NamedTuple):
    """The last time that somebody was told, or is about to be."""

    generation: int
    #: Nanoseconds, by the file server's clock.
    at: int
    path: str


def digest(alert: str) -> str:
    """What an alert is called on the disk."""
    return hashlib.sha256(alert.encode("utf-8", "surrogatepass")).hexdigest()


def tellings(store: Store) -> dict[str, Telling]:
    """The last telling of each alert, by its digest."""
    found: dict[str, Telling] = {}
    with fs.translated("look who was told"):
        for item in store.disk.scan(store.path(*FOLDER)):
            label, _, number = item.name.partition(".")
            if not number.isdecimal() or (label in found and found[label].generation > int(number)):
                continue
            found[label] = Telling(int(number), _changed(store, item.path), item.path)
    return found


def _changed(store: Store, folder: str) -> int:
    """When its one name came; long ago where that is gone, for the folder is about to go."""
    for own in store.disk.scan(folder):
        with contextlib.suppress(FileNotFoundError):
            return store.disk.stat(own.path).st_mtime_ns
    return 0


def ages(store: Store) -> dict[str, float]:
    """How many seconds ago somebody was told of each alert, by its digest."""
    found = tellings(store)
    now = store.now() if found else 0
    return {label: max(now - telling.at, 0) / 1e9 for label, telling in found.items()}


def claim(store: Store, alert: str, cooldown: float) -> str | None:
    """The right to tell of an alert, as a path; None: somebody has told within the cooldown.

    Dying afterwards leaves it told: of what goes on, somebody is told after the cooldown.
    """
    store.must_be_ours()
    label = digest(alert)
    last = tellings(store).get(label)
    with fs.translated("claim an alert"):
        if last is not None and store.now() - last.at < cooldown * 10**9:
            return None
        generation = last.generation + 1 if last else 1
        path = store.path(*FOLDER, f"{label}.{generation}")
        if not _take(store, alert, path):
            return None
        # We stood still, and others told and tell again by now.
        newest = tellings(store).get(label)
        if newest is not None and newest.generation > generation:
            _remove(store, path)
            return None
        if last is not None:
            _remove(store, last.path)
    return path


def withdraw(store: Store, path: str) -> None:
    """It could not be told after all: whoever looks next tries."""
    _remove(store, path)


def forget(store: Store, older: float) -> None:
    """Remove what is older than all cooldowns, so many seconds."""
    found = tellings(store)
    now = store.now() if found else 0
    for telling in found.values():
        if now - telling.at >= older * 10**9:
            _remove(store, telling.path)


def _take(store: Store, alert: str, path: str) -> bool:
    """Put a generation into place; False if somebody else has it."""
    folder, aside, own = store.path(*FOLDER), store.temporary(), os.urandom(8).hex()
    store.ensure(folder)
    store.mkdir(aside)
    content = strict.dumps({"alert": alert, "by": reasons.who(), "at": reasons.now_text()})
    fs.write_new(
        store.disk, f"{aside}/{own}", f"{content}\n".encode(), store.settings.mode, sync=False
    )
    try:
        store.disk.rename(aside, path)
    except OSError:
        # A question: the reply may have been lost. Its name in there is nobody's but ours.
        if not fs.present(store.disk, f"{path}/{own}"):
            _remove(store, aside)
            return False
    return True


def _remove(store: Store, folder: str) -> None:
    """A folder with a name in it, or none; others may be doing the same."""
    with contextlib.suppress(OSError):
        for found in list(store.disk.scan(folder)):
            store.remove(found.path)
        store.disk.rmdir(folder)
