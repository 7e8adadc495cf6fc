"""Words that depend on the spool: ids and tags. Never waits longer than a moment.

A file system that does not answer cannot be given up from within: the alarm ends the process, and
the shell has no answer instead of a late one.
"""

import json
import signal
import time
from collections.abc import Collection, Iterator
from itertools import islice

from wmctl.cli import recent
from wmctl.config import load
from wmctl.errors import BadInput
from wmctl.spool import beats, fs, lookup
from wmctl.spool.fs import Disk
from wmctl.spool.ids import created, short
from wmctl.spool.lookup import Entry
from wmctl.spool.name import decode_tag
from wmctl.spool.store import Store

#: Seconds for all that is read; a listing is then cut off, and a call that hangs ended.
_ENOUGH = 0.2
_TOO_LONG = 0.3
_MOST = 200

Answer = tuple[str, str]


def topics() -> list[str]:
    """The topics of `wmctl help`."""
    from wmctl.cli.topics import TOPICS  # for one command only

    return list(TOPICS)


def tags(spool: str | None) -> list[str]:
    """The tags that jobs wait under, or waited."""
    store = _open(spool)
    found = []
    for folder in store.disk.scan(store.path("queue")):
        try:
            found.append(decode_tag(folder.name))
        except BadInput:
            continue
    return sorted(found)


def groups(spool: str | None) -> list[str]:
    """The worker groups that have a file, and those that workers name."""
    store = _open(spool)
    files = (found.name for found in store.disk.scan(store.path("groups")))
    found = {name.removesuffix(".yaml") for name in files if name.endswith(".yaml")}
    for beat in beats.workers(store):
        named = beat.content.get("groups") or [beat.content.get("group")]
        found.update(name for name in named if isinstance(name, str))
    return sorted(found)


def workers(spool: str | None, *, described: bool) -> list[Answer]:
    """The workers, with host and state where that is shown."""
    store = _open(spool)
    if not described:
        names = sorted(found.name for found in store.disk.scan(store.path("workers")))
        return [(name, "") for name in names]
    found = sorted(beats.workers(store), key=lambda beat: beat.worker)
    return [(one.worker, f"{one.content.get('state')}  {one.content.get('host')}") for one in found]


def ids(spool: str | None, states: Collection[str], text: str, *, described: bool) -> list[Answer]:
    """The newest jobs in these states whose id fits the beginning of one, as `ps` shows ids."""
    until = time.monotonic() + _ENOUGH
    store = _open(spool)
    if text.startswith("@"):
        return _recent(store)
    found = [entry for entry in _newest(store, states, until) if _word(entry, text)]
    return [
        (_word(entry, text), _about(store, entry, until) if described else "")
        for entry in found[:_MOST]
    ]


def _open(spool: str | None) -> Store:
    signal.setitimer(signal.ITIMER_REAL, _TOO_LONG)
    return Store.open(str(load({"spool": spool}).spool), Disk())


def _recent(store: Store) -> list[Answer]:
    known = ((number, recent.recall(store.root, number)) for number in range(1, recent.KEPT + 1))
    return [(f"@{number}", short(found)) for number, found in known if found]


def _word(entry: Entry, text: str) -> str:
    """The short id; the whole one where somebody began to type that."""
    if short(entry.id).startswith(text):
        return short(entry.id)
    return entry.id if text and entry.id.startswith(text) else ""


def _newest(store: Store, states: Collection[str], until: float) -> list[Entry]:
    """As many entries as time allows, newest first."""
    waiting = set(states) & set(lookup.WAITING)
    found = list(_timely(lookup.entries(store, waiting), until)) if waiting else []
    if set(states) - waiting:
        found += islice(_ended(store, set(states), until), _MOST * 4)
    return sorted(found, key=lambda entry: entry.id, reverse=True)


def _ended(store: Store, states: Collection[str], until: float) -> Iterator[Entry]:
    """Finished jobs, those of the newest hour first."""
    hours = sorted((item.name for item in store.disk.scan(store.path("completed"))), reverse=True)
    for hour in hours:
        found = _timely(lookup.completed(store, hours=(hour, hour)), until)
        newest = sorted(found, key=lambda entry: entry.id, reverse=True)
        yield from (entry for entry in newest if entry.state in states)


def _timely(entries: Iterator[Entry], until: float) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        if time.monotonic() > until:
            return


def _about(store: Store, entry: Entry, until: float) -> str:
    """State, tag, name and when it was submitted; the name only while there is time to read it."""
    when = f"{created(entry.id).astimezone():%d %b %H:%M}"
    name = _name(store, entry) if time.monotonic() < until else ""
    return "  ".join(filter(None, (entry.state, entry.name.tag, name, when)))


def _name(store: Store, entry: Entry) -> str:
    from wmctl.spool.job import JOB_CAP  # names are for some shells only

    try:
        job = json.loads(fs.read_checked(store.disk, entry.path, JOB_CAP, store.trust))
        return str(job.get("name") or "")[:40]
    except (OSError, ValueError, AttributeError, BadInput):
        return ""
