"""Finding and listing jobs: read-only walks over the state folders."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from wmctl.errors import BadInput, JobNotFound
from wmctl.spool import name as names
from wmctl.spool.ids import bucket, hour_of, is_id
from wmctl.spool.name import OUTCOMES, Name
from wmctl.spool.store import DEPTH, Store

WAITING = ("queued", "running", "suspended", "held", "quarantined")
STATES = (*WAITING, *OUTCOMES)
FOLDER_STATES = {"suspended": "suspended", "held": "held", "quarantine": "quarantined"}
#: Fewer digits than this are not looked up.
_SHORTEST = 4
#: Where the id is in a job file's name.
_DUE, _ID = slice(0, 23), slice(28, 64)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a job was seen: a hint, since it may have moved on."""

    name: Name
    state: str
    path: str
    worker: str | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.name.id

    @property
    def terminal(self) -> bool:
        """Whether this is a published terminal record."""
        return self.name.outcome is not None


def entries(store: Store, states: Collection[str] | None = None) -> Iterator[Entry]:
    """Every job of these states (None = all); unfinished ones first."""
    wanted = set(STATES if states is None else states)
    if "queued" in wanted:
        yield from queued(store)
    if "running" in wanted:
        yield from running(store)
    for folder, state in FOLDER_STATES.items():
        if state in wanted:
            yield from _flat(store, folder, state)
    if wanted & set(OUTCOMES):
        yield from (entry for entry in completed(store) if entry.state in wanted)


def queued(store: Store, match: Callable[[str], bool] | None = None) -> Iterator[Entry]:
    """The jobs that wait, tag by tag."""
    for folder in store.disk.scan(store.path("queue")):
        try:
            tag = names.decode_tag(folder.name)
        except BadInput:
            continue
        for path, file in _files(store, folder.path):
            if match is None or match(file):
                name = names.parse(file, tag)
                if name is not None:
                    yield Entry(name, "queued", path)


def waiting(store: Store, tag: str) -> Iterator[Entry]:
    """The jobs that wait under one tag."""
    for path, file in _files(store, store.queue(tag)):
        name = names.parse(file, tag)
        if name is not None:
            yield Entry(name, "queued", path)


def _files(store: Store, folder: str) -> Iterator[tuple[str, str]]:
    """Path and name of the files of a queue folder and of the folders inside it."""
    below = [(folder, 0)]
    while below:
        path, depth = below.pop()
        for found in store.disk.scan(path):
            if names.parse(found.name, "-") is None and found.is_dir(follow_symlinks=False):
                if depth < DEPTH:
                    below.append((found.path, depth + 1))
            else:
                yield found.path, found.name


def files(store: Store, *, finished: bool = True) -> Iterator[tuple[str, str]]:
    """Path and name of every file where jobs may be, whatever its name says."""
    for top in ("queue", "running", "keys"):
        for folder in store.disk.scan(store.path(top)):
            yield from _files(store, folder.path)
    for top in FOLDER_STATES:
        yield from _files(store, store.path(top))
    for hour in store.disk.scan(store.path("completed")) if finished else ():
        yield from _files(store, hour.path)


def running(store: Store, match: Callable[[str], bool] | None = None) -> Iterator[Entry]:
    """The jobs that are claimed, worker by worker."""
    for folder in store.disk.scan(store.path("running")):
        yield from claims_of(store, folder.name, match)


def awake(store: Store) -> dict[str, str]:
    """The ids of all that wait in a queue or run, by one listing; one in mid-rename may miss.

    And the due times of those that wait, "" of those that run.
    """
    found = {}
    for folder in store.disk.scan(store.path("queue")):
        found.update({file[_ID]: file[_DUE] for _, file in _files(store, folder.path)})
    return found | {entry.id: "" for entry in running(store)}


def claims_of(
    store: Store, worker: str, match: Callable[[str], bool] | None = None
) -> Iterator[Entry]:
    """The jobs that one worker has claimed."""
    for found in store.disk.scan(store.path("running", worker)):
        if match is None or match(found.name):
            name = names.parse(found.name)
            if name is not None:
                yield Entry(name, "running", found.path, worker)


def _flat(
    store: Store, folder: str, state: str, match: Callable[[str], bool] | None = None
) -> Iterator[Entry]:
    for found in store.disk.scan(store.path(folder)):
        if match is None or match(found.name):
            name = names.parse(found.name)
            if name is not None:
                yield Entry(name, state, found.path)


def completed(
    store: Store, digits: str = "", hours: tuple[str, str] = ("", "~")
) -> Iterator[Entry]:
    """The terminal records, oldest hour first.

    `digits`: only ids that end like this; `hours`: the first and the last hour of interest.
    """
    found_hours = sorted(found.name for found in store.disk.scan(store.path("completed")))
    for hour in found_hours:
        if not hours[0] <= hour <= hours[1]:
            continue
        if len(digits) >= 2:
            yield from _bucket(store, f"{hour}/{digits[-2:]}")
            continue
        for found in sorted(_names(store, store.path("completed", hour))):
            yield from _bucket(store, f"{hour}/{found}")


def _names(store: Store, folder: str) -> Iterator[str]:
    return (found.name for found in store.disk.scan(folder))


def _bucket(store: Store, label: str) -> Iterator[Entry]:
    for found in store.disk.scan(store.path("completed", label)):
        name = names.parse(found.name)
        if name is not None and name.outcome is not None:
            yield Entry(name, name.outcome, found.path)


def terminal(store: Store, job_id: str) -> Entry | None:
    """The job's terminal record, if there is one; no walk."""
    for entry in _bucket(store, bucket(job_id)):
        if entry.id == job_id:
            return entry
    return None


def locate(store: Store, job_id: str) -> Entry | None:
    """Where a job is, or None after two full passes: in mid-rename it can be missing from one."""
    for _ in range(2):
        found = terminal(store, job_id) or _unfinished(store, job_id)
        if found is not None:
            return found
        store.reveal(store.path("completed", bucket(job_id)))
    return terminal(store, job_id)


def is_gone(store: Store, job_id: str) -> bool:
    """Whether a job is nowhere; for whoever does something final on the strength of it.

    One that was claimed and given back meanwhile can be missed twice, and where time stamps hide
    changes, a listing may be wrong for as long as nothing else changes.
    """
    if locate(store, job_id) is not None:
        return False
    for top in ("running", "queue"):
        for folder in list(store.disk.scan(store.path(top))):
            store.reveal(folder.path)
    for top in ("running", "queue", *FOLDER_STATES):
        store.reveal(store.path(top))
    return locate(store, job_id) is None


def _unfinished(store: Store, job_id: str) -> Entry | None:
    def match(file: str) -> bool:
        return job_id in file

    for entry in running(store, match):
        return entry
    for entry in queued(store, match):
        return entry
    for folder, state in FOLDER_STATES.items():
        for entry in _flat(store, folder, state, match):
            return entry
    return None


def find(store: Store, text: str) -> Entry:
    """The job that a whole id, or a unique ending or beginning of one, names."""
    wanted = text.strip().lower()
    if is_id(wanted):
        entry = locate(store, wanted)
        if entry is None:
            raise JobNotFound(f"no job {wanted}", hint="wmctl ps -a lists all jobs")
        return entry
    digits = wanted.replace("-", "")
    if len(digits) < _SHORTEST or not set(digits) <= set("0123456789abcdef"):
        raise BadInput(
            f"{text[:60]!r} is not a job id",
            hint=f"give an id, or at least its last {_SHORTEST} digits; wmctl ps -a lists them",
        )
    return _unique(text, _matching(store, digits) or _matching(store, digits))


def _matching(store: Store, digits: str) -> dict[str, Entry]:
    def fits(job_id: str) -> bool:
        plain = job_id.replace("-", "")
        return plain.endswith(digits) or plain.startswith(digits)

    found = {entry.id: entry for entry in entries(store, WAITING) if fits(entry.id)}
    for entry in (*completed(store, digits), *completed(store, hours=_hours(digits))):
        if fits(entry.id):
            found[entry.id] = entry
    return found


def _hours(digits: str) -> tuple[str, str]:
    """The hours in which ids begin like this: their first twelve digits are milliseconds."""
    first, last = (int(digits[:12].ljust(12, filler), 16) for filler in "0f")
    return hour_of(first), hour_of(last)


def _unique(text: str, found: dict[str, Entry]) -> Entry:
    if not found:
        raise JobNotFound(f"no job {text}", hint="wmctl ps -a lists all jobs")
    if len(found) > 1:
        some = ", ".join([*sorted(found)[:4], *(["…"] if len(found) > 4 else [])])
        raise BadInput(f"{text!r} fits {len(found)} jobs: {some}", hint="give more digits")
    return next(iter(found.values()))


def log_path(store: Store, entry: Entry) -> Path:
    """The log of the job's last claim, or of the one before where that wrote none."""
    return Path(store.log(entry.id, entry.name.claims))
