"""Signals to running jobs: a marker for each, which the worker that holds the claim delivers once.

A marker is for one claim of one worker. Its holder remembers what it has delivered for as long as
it runs, and whoever comes after it runs another claim: so nothing is delivered twice, whatever the
disk refuses, and none reaches a program that it was not meant for.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from wmctl.spool import fs, lookup, reasons, strict
from wmctl.spool.ids import is_id
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name
from wmctl.spool.store import Store

_FOLDER = ("control", "signal")


class Signal(NamedTuple):
    """A signal that was asked for. `name` as in kill(1), without SIG."""

    path: str
    name: str
    by: str


def send(store: Store, entry: Entry, signal: str, *, by: str) -> bool:
    """Write `control/signal/<id>.<claims>.<time>.<random>` for the claim of `entry`, durable.

    False if that claim has ended before its worker could see the marker. Dying after the marker is
    written leaves the signal to be delivered.
    """
    store.must_be_ours()  # no worker would believe another user's marker
    folder = store.path(*_FOLDER)
    with fs.translated("signal a job"):
        unsynced = store.ensure(folder)
        target = f"{folder}/{_prefix(entry.name)}{store.now():020d}.{os.urandom(4).hex()}"
        content = {"signal": signal, "worker": entry.worker, "by": by, "at": reasons.now_text()}
        store.put(
            (strict.dumps(content) + "\n").encode(), target, make=lambda: store.remake(folder)
        )
        store.sync({*unsynced, folder})
        store.reveal(folder)
        # Only a look after the marker counts. One that is gone by now was delivered.
        found = lookup.locate(store, entry.id)
        if found is not None and (found.state, found.name) == ("running", entry.name):
            return True
        return not store.remove(target)


def waiting(store: Store, worker: str, name: Name) -> Iterator[Signal]:
    """The signals for a worker's claim, in the order in which they were asked for."""
    prefix = _prefix(name)
    found = (item for item in store.disk.scan(store.path(*_FOLDER)) if item.name.startswith(prefix))
    for item in sorted(found, key=lambda item: item.name):
        content: Mapping[str, object] = reasons.read(store, item.path) or {}
        if content.get("worker") == worker:
            yield Signal(item.path, str(content.get("signal")), str(content.get("by") or ""))


def done(store: Store, signal: Signal) -> None:
    """It was delivered: its marker goes, now or with its job."""
    with contextlib.suppress(OSError):
        store.remove(signal.path)


def markers(store: Store) -> Iterator[tuple[str, str]]:
    """Each marker's path and the id of its job."""
    for item in store.disk.scan(store.path(*_FOLDER)):
        job_id = item.name.partition(".")[0]
        if is_id(job_id):
            yield item.path, job_id


def _prefix(name: Name) -> str:
    return f"{name.id}.{name.claims}."
