"""Jobs in `suspended/` that wait for other jobs: for their ends, or for a slot of their key.

`control/waiters/<what>/<id>` says which ones wait for a job (`what` is its id) or for a slot (its
digest); the content is the waiter's file name. That is a fast path for whoever ends a job and is
never relied upon: the job file says what it waits for, and every lease somebody sweeps.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

from wmctl.errors import BadInput, MalformedJob, SpoolError
from wmctl.spool import cancel, fs, hold, lookup, reasons, slots
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.ids import is_id
from wmctl.spool.job import ENDS, JOB_CAP, Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name, due_after
from wmctl.spool.store import Store

#: Bytes of a waiter's file name.
_NAME_CAP = 255
#: Job files that a sweep remembers; they never change.
_REMEMBERED = 10_000


#: Seconds after a slot is free that a job is due: a claimer may be early by a tick of the clock.
GRACE = 0.05


class Fate(Enum):
    """What becomes of a job that waits for others."""

    WAITS = "waits"
    RIPE = "ripe"
    NEVER = "never"


def announce(store: Store, name: Name, job: Job) -> None:
    """Before a job comes into `suspended/`: whoever ends what it waits for shall find it."""
    for what in _awaited(job):
        _mark(store, _folder(store, what), name)


def _mark(store: Store, folder: str, name: Name) -> None:
    store.ensure(folder)
    target = f"{folder}/{name.id}"
    store.put(name.file.encode(), target, sync=False, make=lambda: store.remake(folder))


def _awaited(job: Job) -> Iterator[str]:
    yield from (one["id"] for one in job.after)
    if job.concurrent_limit is not None:
        yield slots.digest_of(job)


def _folder(store: Store, what: str) -> str:
    return store.path("control", "waiters", what)


def entered(store: Store, some: Sequence[tuple[Name, Job]]) -> None:
    """These have just come into `suspended/`: what they wait for may be there already."""
    look = _Look(store)
    for name, job in some:
        if job.hold:
            continue
        if job.after:
            if look.ripen(Entry(name, "suspended", store.at("suspended", name)), job):
                _forget(store, name, job)
        else:
            look.keyed[slots.digest_of(job)] = job
    look.conclude()


def aside(store: Store, name: Name, path: str, job: Job) -> bool:
    """No slot is free: `running/` -> `suspended/` before the start. True if the claim was ours."""
    with fs.translated("let a job wait for a slot"):
        announce(store, name, job)
        moved = fs.move(store.disk, path, store.at("suspended", name), mine=True)
        store.sync({store.path("suspended")})
    if moved:
        store.note("suspend", name)
        swept(store, name, job)
        admit(store, job)  # a slot may have become free meanwhile
    return moved


def unhold(store: Store, entry: Entry, job: Job) -> bool:
    """`held/` -> `suspended/`, of a job that waits for others; a shared target, as of wake."""
    with fs.translated("let a job wait again"):
        announce(store, entry.name, job)
        target = store.at("suspended", entry.name)
        moved = fs.move(store.disk, entry.path, target, mine=False)
        store.sync({store.path("suspended")})
        reasons.drop(store, "held", entry.name.file)
    store.note("unhold", entry.name)
    swept(store, entry.name, job)
    entered(store, [(entry.name, job.but(hold=False))])
    return moved


def taken(store: Store, name: Name, job: Job) -> None:
    """A waiter has its slot and waits no more."""
    store.remove(f"{_folder(store, slots.digest_of(job))}/{name.id}")


def fate(store: Store, job: Job, known: dict[str, Entry] | None = None) -> tuple[Fate, str]:
    """What the jobs that this one waits for say, and why it will never run if so.

    `known`: the records of a moment ago, to which what is found is added.
    """
    known = {} if known is None else known
    waits = False
    for one in job.after:
        entry = known.get(one["id"]) or _record(store, one["id"])
        if entry is None:
            waits = True
            continue
        known[entry.id] = entry
        if entry.state not in ENDS[one["on"]]:
            return (
                Fate.NEVER,
                f"it was to run after {entry.id}:{one['on']}, which ended in {entry.state}",
            )
    return (Fate.WAITS if waits else Fate.RIPE), ""


def _record(store: Store, job_id: str) -> Entry | None:
    """A terminal record, durable, since something is about to be done on the strength of it."""
    entry = lookup.terminal(store, job_id)
    if entry is not None:
        store.settle([entry.path])
    return entry


def unmet(store: Store, job: Job) -> list[tuple[Mapping[str, str], Entry | None]]:
    """The items of `after` whose jobs have not ended, and where those are; None is gone."""
    seen = [(one, lookup.locate(store, one["id"])) for one in job.after]
    return [(one, entry) for one, entry in seen if entry is None or not entry.terminal]


def ripen(store: Store, entry: Entry, job: Job) -> None:
    """Wake a suspended job if what it waits for has come; cancel it if that cannot come any more.

    A needless wake is harmless: the next claimer looks again.
    """
    look = _Look(store)
    look.ripen(entry, job)
    look.conclude()


class _Look:
    """A look at some suspended jobs: what follows from it for others is done once, at its end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Entry] = {}
        self._canceled: list[str] = []
        #: A job of each key for which there may be a slot.
        self.keyed: dict[str, Job] = {}

    def ripen(self, entry: Entry, job: Job) -> bool:
        """False if it still waits for other jobs' ends."""
        with fs.translated("look what a job waits for"):
            word, why = fate(self._store, job, self._known)
        if word is Fate.NEVER:
            self.give_up(entry, why)
        elif word is Fate.RIPE and job.concurrent_limit is not None:
            self.keyed[slots.digest_of(job)] = job
        elif word is Fate.RIPE:
            hold.wake(self._store, entry, job)
        return word is not Fate.WAITS

    def give_up(self, entry: Entry, why: str) -> None:
        """Cancel a job that will never be ripe."""
        with fs.translated("cancel a job"):
            cancel.mark(self._store, entry.id, by=None, reason=why)
        if cancel.take(self._store, entry.name, entry.path):
            self._canceled.append(entry.id)

    def admit(self) -> list[str]:
        """Fill the slots; the ids of the jobs that were canceled."""
        for job in self.keyed.values():
            admit(self._store, job)
        return self._canceled

    def conclude(self) -> None:
        """Fill the slots, and tell those that waited for what was canceled."""
        ended(self._store, [(job_id, None) for job_id in self.admit()])


def admit(store: Store, job: Job) -> None:
    """Wake the first of those that wait for a slot of this job's key, due when one is free.

    So many as there are slots in which no claim runs; one that is awake and has not started counts
    as if it held its slot already.
    """
    with fs.translated("look for free slots"):
        line = waiters(store, slots.digest_of(job))
        if line:
            free = slots.vacancies(store, job) if store.limits else [0] * len(line)
            _Admission(store, job, free).run(line)


class _Admission:
    """Of the jobs that wait for slots of one key, so many are woken as there are times in `free`.

    More would come for nothing, each time a slot is free; so they have their order, too.
    """

    def __init__(self, store: Store, job: Job, free: list[int]) -> None:
        self._store = store
        self._digest = slots.digest_of(job)
        self._free = free
        self._seen: Mapping[str, str] | None = None
        self._time = 0

    def _awake(self) -> Mapping[str, str]:
        """What waits in a queue or runs, listed once."""
        if self._seen is None:
            self._seen = lookup.awake(self._store)
        return self._seen

    def _now(self) -> int:
        self._time = self._time or self._store.now()
        return self._time

    def run(self, line: Sequence[str]) -> None:
        """`line`: the ids of those that wait, in order."""
        # Of several times each is promised to one; where all are now, the order does not matter.
        promised = [one for one in line if one in self._awake()] if any(self._free) else []
        for waiter in promised:
            self._reserve(self._awake()[waiter])
        for waiter in line:
            if not self._free:
                return
            if waiter not in promised:
                self._look(waiter)

    def _look(self, waiter: str) -> None:
        found = _find(self._store, self._digest, waiter)
        if found is not None:
            self._admit(*found)
        elif waiter in self._awake():
            self._reserve(self._awake()[waiter])
        elif lookup.terminal(self._store, waiter) is not None:
            self._forget(waiter)
        # Else it is held, or about to come into `suspended/`: it needs its marker there.

    def _reserve(self, due: str) -> None:
        """For one that is awake: the first slot that is free when it comes, or nobody takes it.

        One that comes later than that needs none now.
        """
        for at in self._free:
            if due <= due_after(GRACE, max(at, self._now())):
                self._free.remove(at)
                return

    def _admit(self, entry: Entry, job: Job) -> None:
        """Wake a waiter, unless it still waits for other jobs."""
        if job.after and fate(self._store, job)[0] is not Fate.RIPE:
            return
        if entry.name.due > due_after(GRACE, self._now()):  # it looks for a slot when it is due
            self._forget(entry.id)
            hold.wake(self._store, entry, job)
            return
        at = self._free.pop(0)
        due = due_after(GRACE, at) if at else None
        hold.wake(self._store, entry, job, due)
        if due is not None:
            _note(self._store, entry.name.claimed().but(due=due), job)

    def _forget(self, waiter: str) -> None:
        self._store.remove(f"{_folder(self._store, self._digest)}/{waiter}")


def _note(store: Store, name: Name, job: Job) -> None:
    """For the log: when it may start, and why not before."""
    due = name.scheduled_for.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = (
        f"rescheduled to {due}: no more than {job.concurrent_limit} of the key {job.slots_key!r}"
        f" may start in {job.window} s\n"
    )
    path = store.notice(name.id, name.claims)
    folder = path.rpartition("/")[0]
    with contextlib.suppress(OSError, SpoolError):  # a courtesy
        store.ensure(folder)
        data = text.encode("utf-8", "backslashreplace")
        store.put(data, path, sync=False, make=lambda: store.remake(folder))


def notice(store: Store, name: Name) -> str | None:
    """What was noted when a job got this name."""
    try:
        text = fs.read_checked(store.disk, store.notice(name.id, name.claims), 4096, store.trust)
    except (FileNotFoundError, MalformedJob):
        return None
    return text.decode(errors="replace").strip()


def waiters(store: Store, what: str) -> list[str]:
    """The ids of those that wait, in the order of their submission."""
    found = store.disk.scan(_folder(store, what))
    return sorted(item.name for item in found if is_id(item.name))


def _find(store: Store, what: str, waiter: str) -> tuple[Entry, Job] | None:
    """A waiter in `suspended/`, as it was announced; one that cannot be read stops no other."""
    with contextlib.suppress(OSError, MalformedJob, BadInput):
        path = f"{_folder(store, what)}/{waiter}"
        text = fs.read_checked(store.disk, path, _NAME_CAP, store.trust)
        name = names.parse(text.decode("ascii", "replace"))
        if name is not None:
            entry = Entry(name, "suspended", store.at("suspended", name))
            return entry, _read(store, entry)
    return None


def _read(store: Store, entry: Entry) -> Job:
    return jobs.from_json(fs.read_checked(store.disk, entry.path, JOB_CAP, store.trust))


def ended(store: Store, some: Iterable[tuple[str, Job | None]]) -> None:
    """These jobs have ended (or given up their slots): wake what waited for them.

    Whatever resists is left to the sweep; the end itself stands.
    """
    pending = deque(some)
    while pending:
        batch, pending = list(pending), deque()
        with contextlib.suppress(SpoolError, OSError):
            canceled = _ended(store, batch)
            pending.extend((job_id, None) for job_id in canceled)


def swept(store: Store, name: Name, job: Job) -> None:
    """Carry out a cancel that came before a rename, and tell those that waited for the job."""
    if cancel.sweep(store, name, job):
        ended(store, [(name.id, None)])


def _ended(store: Store, some: Sequence[tuple[str, Job | None]]) -> list[str]:
    """Look at the waiters of jobs that have ended; the ids of those that end with them."""
    limited = (job for _, job in some if job is not None and job.concurrent_limit is not None)
    keyed = {slots.digest_of(job): job for job in limited}
    look = _Look(store)
    for what in store.awaited.among([*(job_id for job_id, _ in some), *keyed]):
        if what in keyed:
            look.keyed[what] = keyed[what]
        else:
            _tell(store, what, look)
    return look.admit()


def _tell(store: Store, what: str, look: _Look) -> None:
    """A job has ended: those that waited for it go on, or end; some wait for others as well."""
    folder = _folder(store, what)
    for waiter in waiters(store, what):
        found = _find(store, what, waiter)
        if found is None:  # it is held, or awake; or it comes just now, and looks for itself
            store.remove(f"{folder}/{waiter}")
        elif look.ripen(*found):
            _forget(store, found[0].name, found[1], still=what)
    with contextlib.suppress(OSError):
        store.disk.rmdir(folder)


def _forget(store: Store, name: Name, job: Job, still: str = "") -> None:
    """It waits for no job's end any more; `still`: a folder that stays for now."""
    for one in job.after:
        folder = _folder(store, one["id"])
        with contextlib.suppress(OSError):  # prune takes what resists
            store.remove(f"{folder}/{name.id}")
            if one["id"] != still:
                store.disk.rmdir(folder)


class Sweep:
    """The truth behind the markers: every suspended job is looked at, by its own file."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: dict[str, Job] = {}

    def run(self) -> None:
        """Wake and cancel what is due for it."""
        store = self._store
        gone: dict[str, bool] = {}
        look = _Look(store)
        with fs.translated("look after suspended jobs"):
            entries = list(lookup.entries(store, {"suspended"}))
        for entry in entries:
            job = self._job(entry)
            if job is None or not job.waits:
                continue
            if job.concurrent_limit is not None:
                self._announce_again(entry, job)
                look.keyed[slots.digest_of(job)] = job
            if job.after:
                self._ripen(entry, job, gone, look)
        look.conclude()

    def _job(self, entry: Entry) -> Job | None:
        if entry.id not in self._jobs:
            if len(self._jobs) > _REMEMBERED:
                self._jobs.clear()
            try:
                self._jobs[entry.id] = _read(self._store, entry)
            except (OSError, MalformedJob):  # gone, or for a later sweep
                return None
        return self._jobs[entry.id]

    def _announce_again(self, entry: Entry, job: Job) -> None:
        if _find(self._store, slots.digest_of(job), entry.id) is None:
            announce(self._store, entry.name, job)

    def _ripen(self, entry: Entry, job: Job, gone: dict[str, bool], look: _Look) -> None:
        for one in job.after:
            if one["id"] not in gone:
                with fs.translated("look for a job"):
                    gone[one["id"]] = lookup.is_gone(self._store, one["id"])
            if gone[one["id"]]:
                why = f"job {one['id']}, which it waits for, is gone; nobody knows how it ended"
                look.give_up(entry, why)
                return
        if look.ripen(entry, job):
            _forget(self._store, entry.name, job)
