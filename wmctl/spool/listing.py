"""Lists of jobs, however many there are, from their names alone: names are cheap, files are not.

So many names are kept at once and no more; of a longer queue or hour the folders are read again.
"""

import functools
import heapq
from collections.abc import Callable, Collection, Iterable, Iterator

from wmctl.errors import BadInput
from wmctl.spool import lookup
from wmctl.spool import name as names
from wmctl.spool.ids import bucket, hour_of
from wmctl.spool.lookup import Entry
from wmctl.spool.name import OUTCOMES
from wmctl.spool.store import DEPTH, Store

#: Names in memory at once; some 300 bytes each.
AT_ONCE = 100_000
#: Where the id is in a job file's name.
_ID = slice(28, 64)
_SHORTEST = 64
#: Behind every id.
_END = "~"

#: Id, file name, path, state and, of queued or running jobs, the name of the folder it is in.
_Seen = tuple[str, str, str, str, str]


def in_order(
    store: Store, states: Collection[str], first: str = "", at_once: int = AT_ONCE
) -> Iterator[Entry]:
    """The jobs of these states, oldest first, each id once; `first`: ids below are left out.

    A job that moves on meanwhile is seen where it was or where it came to: what has not ended is
    listed before what has, in every part of the ids.
    """
    after = first
    while True:
        waiting = _least(_unfinished(store, states), after, at_once)
        last = waiting[-1][0] if len(waiting) == at_once else _END
        told = ""
        for seen in heapq.merge(waiting, _finished(store, states, after, last, at_once)):
            if seen[0] != told and (entry := _entry(seen)) is not None:
                told = seen[0]
                yield entry
        if last == _END:
            return
        after = f"{last}{_END}"


def _least(found: Iterable[_Seen], after: str, most: int) -> list[_Seen]:
    return heapq.nsmallest(most, (seen for seen in found if seen[0] >= after))


def _unfinished(store: Store, states: Collection[str]) -> Iterator[_Seen]:
    if "queued" in states:
        for folder in store.disk.scan(store.path("queue")):
            yield from _below(store, folder.path, "queued", folder.name, DEPTH)
    if "running" in states:
        for folder in store.disk.scan(store.path("running")):
            yield from _below(store, folder.path, "running", folder.name, 0)
    for top, state in lookup.FOLDER_STATES.items():
        if state in states:
            yield from _below(store, store.path(top), state, "", 0)


def _below(store: Store, folder: str, state: str, label: str, depth: int) -> Iterator[_Seen]:
    """The jobs of a folder and, so deep, of those in it."""
    for found in store.disk.scan(folder):
        file = found.name
        if _is_job(file) and file.endswith(names.SUFFIX):
            yield file[_ID], file, found.path, state, label
        elif depth and found.is_dir(follow_symlinks=False):
            yield from _below(store, found.path, state, label, depth - 1)


def _is_job(file: str) -> bool:
    return len(file) > _SHORTEST and file[23] == "_" == file[27]


def _finished(
    store: Store, states: Collection[str], after: str, last: str, at_once: int
) -> Iterator[_Seen]:
    """The terminal records with ids from `after` to `last`, hour by hour."""
    wanted = {f".{state}" for state in states if state in OUTCOMES}
    if not wanted:
        return
    for hour in sorted(found.name for found in store.disk.scan(store.path("completed"))):
        if not _hour(after, "") <= hour <= _hour(last, _END):
            continue
        listed = _hourly(store, hour, wanted)
        yield from _in_parts(listed, after, last, at_once)


def _in_parts(
    listed: Callable[[], Iterator[_Seen]], after: str, last: str, at_once: int
) -> Iterator[_Seen]:
    """What a listing gives, in order; a long one is listed again for each part of it."""
    while True:
        part = _least((seen for seen in listed() if seen[0] <= last), after, at_once)
        yield from part
        if len(part) < at_once:
            return
        after = f"{part[-1][0]}{_END}"


def _hourly(store: Store, hour: str, endings: set[str]) -> Callable[[], Iterator[_Seen]]:
    def listed() -> Iterator[_Seen]:
        for folder in store.disk.scan(store.path("completed", hour)):
            for found in store.disk.scan(folder.path):
                file = found.name
                ending = file[file.rfind(".") :]
                if ending in endings and _is_job(file):
                    yield file[_ID], file, found.path, ending[1:], ""

    return listed


def _hour(job_id: str, otherwise: str) -> str:
    """The folder of the hour in which an id, or what begins like one, was made."""
    try:
        return hour_of(int(job_id[:8] + job_id[9:13], 16))
    except ValueError:
        return otherwise


def ended(store: Store, since: int, first: str = "") -> Iterator[tuple[Entry, int]]:
    """The jobs that ended since a moment (file server's ns), and when each did; in no order.

    A bucket that has not changed since holds none: only its folder is looked at. `first`: jobs
    with ids below are left out.
    """
    for hour in store.disk.scan(store.path("completed")):
        for found in store.disk.scan(hour.path) if hour.name >= _hour(first, "") else ():
            try:
                changed = store.disk.stat(found.path).st_mtime_ns >= since
            except FileNotFoundError:
                continue  # pruned
            if changed:
                yield from _ended(store, found.path, since, first)


def _ended(store: Store, folder: str, since: int, first: str) -> Iterator[tuple[Entry, int]]:
    for found in store.disk.scan(folder):
        ending = found.name[found.name.rfind(".") + 1 :]
        if ending not in OUTCOMES or not _is_job(found.name) or found.name[_ID] < first:
            continue
        try:
            stamp = store.disk.stat(found.path).st_mtime_ns
        except FileNotFoundError:
            continue
        name = names.parse(found.name)
        if name is not None and stamp >= since:
            yield Entry(name, ending, found.path), stamp


def newest(store: Store, states: Collection[str], most: int) -> list[Entry]:
    """The jobs of these states that were submitted last, the newest first; no more than so many."""
    found = heapq.nlargest(most, _unfinished(store, states))
    endings = {f".{state}" for state in states if state in OUTCOMES}
    hours = (hour.name for hour in store.disk.scan(store.path("completed"))) if endings else ()
    for hour in sorted(hours, reverse=True):
        if len(found) == most and _hour(found[-1][0], "") > hour:
            break
        found = heapq.nlargest(most, [*found, *_hourly(store, hour, endings)()])
    # One that moved on meanwhile may have been seen twice; a stray can carry the id of another.
    entries = [entry for seen in found if (entry := _entry(seen)) is not None]
    return list({entry.id: entry for entry in entries}.values())


def logs(store: Store, job_id: str) -> list[tuple[int, str]]:
    """The claims of a job that wrote a log, and its path, in order."""
    folder = store.path("logs", bucket(job_id))
    found = []
    for item in store.disk.scan(folder):
        stem, _, number = item.name.removesuffix(".log").rpartition(".")
        if stem == job_id and item.name.endswith(".log") and number.isdecimal():
            found.append((int(number), item.path))
    return sorted(found)


def first_id(moment_ms: int) -> str:
    """Where the ids that were made from a moment on begin."""
    digits = f"{max(moment_ms, 0):012x}"
    return f"{digits[:8]}-{digits[8:12]}"


#: The same few tags come again and again.
_tag = functools.lru_cache(1000)(names.decode_tag)


def _entry(seen: _Seen) -> Entry | None:
    _, file, path, state, label = seen
    try:
        name = names.parse(file, _tag(label) if state == "queued" else None)
    except BadInput:
        return None
    return None if name is None else Entry(name, state, path, label if state == "running" else None)
