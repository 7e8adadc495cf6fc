"""Slots: of the jobs with one concurrency key no more than the limit run at once, on all hosts.

A running job holds `control/slots/<digest>/<k>.<generation>/`, a folder with one name in it: its
claim. It comes into place by one rename, which a non-empty target refuses, so a generation has one
winner; the next one may only be taken once that claim does not run any more and, with a window,
has been over for so long. Nobody counts, and nobody frees a slot: the end of the claim does.
"""

import contextlib
import errno
from collections.abc import Iterator
from typing import NamedTuple

from wmctl.spool import fs, lookup
from wmctl.spool.ids import is_id
from wmctl.spool.job import Job
from wmctl.spool.name import Name
from wmctl.spool.store import Store

#: What a rename onto a folder in use answers.
_IN_USE = {errno.ENOTEMPTY, errno.EEXIST}
#: In a slot's folder: made by the first who saw that its claim had ended without a record.
_OVER = "over"
_WINDOW_CAP = 100


class Slot(NamedTuple):
    """One generation of a slot, and the claim that took it."""

    number: int
    generation: int
    #: `<id>.<claims>@<worker>`; "" in the moment in which an older generation is being removed.
    holder: str
    path: str = ""


class Held(NamedTuple):
    """Who holds a slot."""

    id: str
    #: Nanoseconds, by the file server's clock; None while it runs.
    until: int | None


def digest_of(job: Job) -> str:
    """What a key is called on the disk."""
    import hashlib  # costs more than most commands need altogether

    return hashlib.sha256((job.slots_key or "").encode("utf-8", "surrogatepass")).hexdigest()


def take(store: Store, job: Job, worker: str, name: Name) -> bool:
    """A slot for a claim that is about to start; False if as many are held as may be.

    Dying afterwards frees it: its claim will not be running any more.
    """
    digest, mine = digest_of(job), f"{name.id}.{name.claims}@{worker}"
    limit = job.concurrent_limit or 0
    newest = {slot.number: slot for slot in _newest(store, digest)}
    if any(slot.holder == mine for slot in newest.values()):
        return True
    look = _Look(store, job.window)
    busy = {slot.number for slot in newest.values() if look.held(slot) is not None}
    # Of another limit with the same key there may be slots of higher numbers.
    if len(busy) >= limit:
        return False
    for number in range(limit):
        slot = newest.get(number)
        wanted = Slot(number, slot.generation + 1 if slot else 1, mine)
        if number not in busy and _take(store, digest, wanted, job.window):
            return True
    return False


def held(store: Store, job: Job, *, dry: bool = False) -> list[Held]:
    """Who holds the slots of this job's key now, by the job's own window."""
    look = _Look(store, job.window, dry=dry)
    found = (look.held(slot) for slot in _newest(store, digest_of(job)))
    return [one for one in found if one is not None]


def vacancies(store: Store, job: Job) -> list[int]:
    """When jobs of this key may start, as many as may before another one ends: in order.

    Nanoseconds of the file server's clock; 0 is now.
    """
    limit, found = job.concurrent_limit or 0, held(store, job)
    # As many as there are too many of another limit must end first.
    later = sorted(one.until for one in found if one.until is not None)
    later = later[max(0, len(found) - limit) :]
    return [0] * (limit - len(found)) + later


def free(store: Store, digest: str, *, dry: bool = False) -> list[str]:
    """The generations of a key that hold nothing any more, and never will again."""
    paths = [found.path for found in store.disk.scan(_folder(store, digest))]
    looks = ((path, _Look(store, _window(store, path), dry=dry)) for path in paths)
    return [path for path, look in looks if look.held(_slot(store, path, 0, 0)) is None]


class _Look:
    """One look at slots; what runs is listed once, and the time read once if at all."""

    def __init__(self, store: Store, window: int, *, dry: bool = False) -> None:
        self._store = store
        self._window = window
        #: Nothing may be written down.
        self._dry = dry
        self._running: set[str] | None = None
        self._now = 0

    def _listed(self) -> set[str]:
        """The claims that run, as holders begin."""
        if self._running is None:
            found = lookup.running(self._store)
            self._running = {f"{entry.id}.{entry.name.claims}" for entry in found}
        return self._running

    def held(self, slot: Slot, *, listed: bool = True) -> Held | None:
        """By whom a slot is held, if it is; `listed`: look at the listing of all workers first."""
        claim, _, worker = slot.holder.partition("@")
        job_id = claim.partition(".")[0]
        if not claim:
            return None
        if (listed and claim in self._listed()) or self._runs(claim, worker):
            return Held(job_id, None)
        if not self._window:
            return None
        ended = self._ended(slot, claim)
        if ended is None:
            return Held(job_id, None)
        self._now = self._now or self._store.now()
        until = ended + self._window * 10**9
        return Held(job_id, until) if until > self._now else None

    def _runs(self, claim: str, worker: str) -> bool:
        """One that a listing did not show is looked for once more."""
        own = lookup.claims_of(self._store, worker)
        return any(claim == f"{entry.id}.{entry.name.claims}" for entry in own)

    def _ended(self, slot: Slot, claim: str) -> int | None:
        """When a claim ended that does not run; None if the slot has a new holder meanwhile.

        A record says it. Of what ended without one (it is tried again, its worker was lost, it was
        pruned) the first who looks writes it down: rather later than it was, never earlier.
        """
        over = f"{slot.path}/{_OVER}"
        with contextlib.suppress(FileNotFoundError):
            return self._store.disk.stat(over).st_mtime_ns
        job_id, _, claims = claim.partition(".")
        record = lookup.terminal(self._store, job_id)
        if record is not None and str(record.name.claims) == claims:
            with contextlib.suppress(FileNotFoundError):
                return self._store.disk.stat(record.path).st_mtime_ns
        if self._dry:
            return None
        mode = self._store.settings.mode
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            return fs.write_new(self._store.disk, over, b"", mode, sync=False)
        with contextlib.suppress(FileNotFoundError):
            return self._store.disk.stat(over).st_mtime_ns
        return None


def _newest(store: Store, digest: str) -> Iterator[Slot]:
    """The newest generation of each slot."""
    newest: dict[int, tuple[int, str]] = {}
    for found in store.disk.scan(_folder(store, digest)):
        number, _, generation = found.name.partition(".")
        if number.isdecimal() and generation.isdecimal():
            pair = (int(generation), found.path)
            newest[int(number)] = max(pair, newest.get(int(number), pair))
    for at, (latest, path) in newest.items():
        yield _slot(store, path, at, latest)


def _slot(store: Store, path: str, number: int, generation: int) -> Slot:
    names = (found.name for found in store.disk.scan(path))
    holder = next((name for name in names if is_id(name.partition(".")[0])), "")
    return Slot(number, generation, holder, path)


def _window(store: Store, path: str) -> int:
    """The window of the job that took a slot, as its file says."""
    holder = _slot(store, path, 0, 0).holder
    if not holder:
        return 0
    try:
        text = fs.read_beginning(store.disk, f"{path}/{holder}", _WINDOW_CAP)
    except FileNotFoundError:
        return 0
    return int(text) if text.strip().isdigit() else 0


def _take(store: Store, digest: str, slot: Slot, window: int) -> bool:
    """Put a generation into place; False if somebody else has it, or a later one is there."""
    aside = store.temporary()
    store.mkdir(aside)
    content = f"{window}\n".encode() if window else b""
    fs.write_new(store.disk, f"{aside}/{slot.holder}", content, store.settings.mode, sync=False)
    folder = _folder(store, digest)
    target = f"{folder}/{slot.number}.{slot.generation}"
    store.ensure(folder)
    if not _place(store, aside, target, slot.holder):
        _remove(store, aside)
        return False
    older: list[str] = []
    look = _Look(store, window)
    for found in store.disk.scan(folder):
        number, _, generation = found.name.partition(".")
        if number != str(slot.number) or not generation.isdecimal():
            continue
        if int(generation) > slot.generation or (
            int(generation) < slot.generation
            and look.held(_slot(store, found.path, 0, 0), listed=False) is not None
        ):
            # We stood still, and took what was long over; or the numbers began anew meanwhile.
            _remove(store, target)
            return False
        if int(generation) < slot.generation:
            older.append(found.path)
    for path in older:
        _remove(store, path)
    return True


def _place(store: Store, aside: str, target: str, holder: str) -> bool:
    try:
        store.disk.rename(aside, target)
    except FileNotFoundError:  # the key's folder was pruned, being empty; or done all the same
        if fs.present(store.disk, f"{target}/{holder}"):
            return True
        store.remake(target.rpartition("/")[0])
        return _place_again(store, aside, target, holder)
    except OSError as error:
        if error.errno not in _IN_USE | fs.QUESTIONS:
            raise
        return fs.present(store.disk, f"{target}/{holder}")
    return True


def _place_again(store: Store, aside: str, target: str, holder: str) -> bool:
    with contextlib.suppress(OSError):
        store.disk.rename(aside, target)
    return fs.present(store.disk, f"{target}/{holder}")


def _remove(store: Store, folder: str) -> None:
    """A folder with a name or two in it, or none; others may be doing the same."""
    with contextlib.suppress(OSError):
        for found in list(store.disk.scan(folder)):
            store.remove(found.path)
        store.disk.rmdir(folder)


def _folder(store: Store, digest: str) -> str:
    return store.path("control", "slots", digest)
