"""Slots: of the jobs with one concurrency key no more than the limit run at once, on all hosts.

A running job holds `control/slots/<digest>/<k>.<generation>/`, a folder with one name in it: its
claim. It comes into place by one rename, which a non-empty target refuses, so a generation has one
winner; the next one may only be taken once that claim does not run any more. Nobody counts, and
nobody frees a slot: the end of the claim does.
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


class Slot(NamedTuple):
    """One generation of a slot, and the claim that took it."""

    number: int
    generation: int
    #: `<id>.<claims>@<worker>`; "" in the moment in which an older generation is being removed.
    holder: str


def digest_of(job: Job) -> str:
    """What a key is called on the disk; each workspace has its own keys."""
    import hashlib  # costs more than most commands need altogether

    named = f"{job.workspace}\0{job.concurrency_key}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).hexdigest()


def take(store: Store, job: Job, worker: str, name: Name) -> bool:
    """A slot for a claim that is about to start; False if all are held.

    Dying afterwards frees it: its claim will not be running any more.
    """
    digest, mine = digest_of(job), f"{name.id}.{name.claims}@{worker}"
    newest = {slot.number: slot for slot in _newest(store, digest)}
    held = _running(store)
    for number in range(job.concurrent_limit or 0):
        slot = newest.get(number)
        if slot is not None and slot.holder == mine:
            return True
        if slot is not None and _holds(store, slot.holder, held):
            continue
        if _take(store, digest, Slot(number, slot.generation + 1 if slot else 1, mine)):
            return True
    return False


def holders(store: Store, job: Job) -> list[str]:
    """The ids of the jobs that hold a slot of this job's key now."""
    return [holder.partition(".")[0] for holder in _held(store, digest_of(job))]


def free(store: Store, digest: str) -> list[str]:
    """The generations of a key whose claims do not run any more, and never will again."""
    held = _running(store)
    paths = [found.path for found in store.disk.scan(_folder(store, digest))]
    return [path for path in paths if not _holds(store, _holder(store, path), held)]


def _held(store: Store, digest: str) -> list[str]:
    held = _running(store)
    found = (slot.holder for slot in _newest(store, digest))
    return [holder for holder in found if holder.partition("@")[0] in held]


def _running(store: Store) -> set[str]:
    """The claims that run, as holders begin."""
    return {f"{entry.id}.{entry.name.claims}" for entry in lookup.running(store)}


def _holds(store: Store, holder: str, held: set[str]) -> bool:
    """Whether the claim runs; one that a listing does not show is looked for once more."""
    claim, _, worker = holder.partition("@")
    if claim in held:
        return True
    return any(
        claim == f"{entry.id}.{entry.name.claims}" for entry in lookup.claims_of(store, worker)
    )


def _newest(store: Store, digest: str) -> Iterator[Slot]:
    """The newest generation of each slot."""
    newest: dict[int, tuple[int, str]] = {}
    for found in store.disk.scan(_folder(store, digest)):
        number, _, generation = found.name.partition(".")
        if number.isdecimal() and generation.isdecimal():
            pair = (int(generation), found.path)
            newest[int(number)] = max(pair, newest.get(int(number), pair))
    for at, (latest, path) in newest.items():
        yield Slot(at, latest, _holder(store, path))


def _holder(store: Store, path: str) -> str:
    names = (found.name for found in store.disk.scan(path))
    return next((name for name in names if is_id(name.partition(".")[0])), "")


def _take(store: Store, digest: str, slot: Slot) -> bool:
    """Put a generation into place; False if somebody else has it, or a later one is there."""
    aside = store.temporary()
    store.mkdir(aside)
    fs.write_new(store.disk, f"{aside}/{slot.holder}", b"", store.settings.mode, sync=False)
    folder = _folder(store, digest)
    target = f"{folder}/{slot.number}.{slot.generation}"
    store.ensure(folder)
    if not _place(store, aside, target, slot.holder):
        _remove(store, aside)
        return False
    older: list[str] = []
    for found in store.disk.scan(folder):
        number, _, generation = found.name.partition(".")
        if number != str(slot.number) or not generation.isdecimal():
            continue
        if int(generation) > slot.generation or (
            int(generation) < slot.generation and _holds(store, _holder(store, found.path), set())
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
    """A folder with a name or none in it; others may be doing the same."""
    with contextlib.suppress(OSError):
        for found in list(store.disk.scan(folder)):
            store.remove(found.path)
        store.disk.rmdir(folder)


def _folder(store: Store, digest: str) -> str:
    return store.path("control", "slots", digest)
