"""Keys: at most one unfinished job per workspace and key, whoever submits at the same time.

`keys/<sha256>.<generation>/` holds the winner's id and, until it is moved into its queue, the job
file. It comes into place by one rename of the folder, which a non-empty target refuses. The newest
generation is never removed, so that a generation number has one winner for ever.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence

from wmctl.errors import BadInput, JobNotFound, MalformedJob, SpoolBusy, SpoolError
from wmctl.spool import blobs, cancel, fs, lookup, suspended
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.ids import is_id
from wmctl.spool.job import JOB_CAP, UNREAD, Job
from wmctl.spool.store import Store
from wmctl.spool.submit import (
    Draft,
    When,
    announce_deletions,
    entrance,
    first_place,
    in_time,
    write,
)

#: What to do when the key's job is not finished.
IF_EXISTS = ("return", "skip", "queue", "replace", "error")
_ROUNDS = 50
#: Nanoseconds after which a record is on the disk even if its finisher died before syncing it.
_SETTLED = 3600 * 10**9


def submit_keyed(
    store: Store, job: Job, when: When, *, if_exists: str = "return"
) -> tuple[str, bool]:
    """Submit a job that holds its key: its id and True, or the holder's id and False.

    `queue` and `replace` take the next generation although the holder is not finished; `replace`
    cancels it. Dying after the folder's rename leaves a job that whoever comes next moves on.
    """
    if job.key is None or if_exists not in IF_EXISTS:
        raise BadInput(f"if_exists is one of {', '.join(IF_EXISTS)}, not {if_exists!r}")
    store.must_be_ours()
    named = f"{job.workspace}\0{job.key}".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(named).hexdigest()
    with fs.translated("submit"):
        for _ in range(_ROUNDS):
            found = generations(store, digest)
            holder = next(_holders(store, digest, found), None)
            if holder is not None and if_exists in {"return", "skip", "error"}:
                return holder, False
            mine = _take(store, digest, max(found, default=0) + 1, job, when)
            if mine is not None:
                if holder is not None and if_exists == "replace":
                    _replace(store, holder, mine, job.created_by)
                return mine, True
    raise SpoolBusy(f"others keep taking the key {job.key!r}; try again")


def _replace(store: Store, holder: str, by_job: str, by: str | None) -> None:
    with contextlib.suppress(JobNotFound):  # pruned meanwhile
        if cancel.cancel(store, holder, by=by, reason=f"replaced by {by_job}") == "canceled":
            suspended.ended(store, [(holder, None)])


def generations(store: Store, digest: str) -> list[int]:
    """The generations of a key that are still there, newest first."""
    parts = (item.name.partition(".") for item in store.disk.scan(store.path("keys")))
    found = (generation(number) for sha, _, number in parts if sha == digest)
    return sorted((number for number in found if number is not None), reverse=True)


def generation(text: str) -> int | None:
    """The number at the end of a generation's folder name."""
    return int(text) if text.isascii() and text.isdigit() else None


def _folder(store: Store, digest: str, generation: int) -> str:
    return store.path("keys", f"{digest}.{generation}")


def _holders(store: Store, digest: str, found: Sequence[int]) -> Iterator[str]:
    """The unfinished jobs of a key, newest first, each brought into its queue if need be.

    An older one may outlive those that queued up behind it; one that was replaced may too, until
    its worker has stopped it, and holds nothing any more.
    """
    for number in found:
        folder = _folder(store, digest, number)
        for item in list(store.disk.scan(folder)):
            name = names.parse(item.name)
            if name is not None:
                _dispatch(store, item.path, name, _job(store, item.path))
        entry = _entry(store, folder)
        if entry is None:
            continue
        # Its id or its key is given away on the strength of this.
        if number == found[0] or not entry.terminal or _recent(store, entry.path):
            store.settle([entry.path])
        replaced = number != found[0] and fs.present(store.disk, store.cancel_marker(entry.id))
        if not entry.terminal and not replaced:
            yield entry.id


def _recent(store: Store, path: str) -> bool:
    """Whether a record is so young that it may not be on the disk yet."""
    try:
        return store.now() - store.disk.stat(path).st_mtime_ns < _SETTLED
    except FileNotFoundError:
        return False


def _entry(store: Store, folder: str) -> lookup.Entry | None:
    """Where the job of a generation is."""
    job_id = holder_id(store, folder)
    return None if job_id is None else lookup.locate(store, job_id)


def holder_id(store: Store, folder: str) -> str | None:
    """The id in a generation's folder."""
    try:
        content = fs.read_checked(store.disk, f"{folder}/id", 100, store.trust)
    except FileNotFoundError:
        return None
    text = content.decode("ascii", "replace").strip()
    return text if is_id(text) else None


def _take(store: Store, digest: str, generation: int, job: Job, when: When) -> str | None:
    """Try to become the holder of a generation; None if somebody else did."""
    draft = write(store, [job], when)[0]
    aside = store.temporary()
    target = _folder(store, digest, generation)
    try:
        _prepare(store, aside, draft)
        announce_deletions(store, [draft])
        in_time(draft)
        won = _place(store, aside, target, draft.name.id)
    except (OSError, SpoolError):
        _discard(store, aside, draft)
        raise
    if not won:
        _discard(store, aside, draft)
        return None
    store.sync({store.path("keys")})
    job_id = draft.name.id
    path = f"{target}/{draft.name.file}"
    seen = _dispatch(store, path, draft.name, draft.job, lambda: _keep(store, draft))
    if not seen and lookup.locate(store, job_id) is None:
        raise SpoolBusy(f"job {job_id} disappeared and is not queued", hint="submit it again")
    store.note("submit", draft.name)
    return job_id


def _prepare(store: Store, aside: str, draft: Draft) -> None:
    """The generation's folder in `tmp/`, whole and durable."""
    store.mkdir(aside)
    target = f"{aside}/{draft.name.file}"
    if not store.place(draft.path, target) and not fs.present(store.disk, target):
        raise SpoolBusy("what is written in tmp/ disappears", hint="try again")
    store.put(draft.name.id.encode() + b"\n", f"{aside}/id")
    store.sync({aside})


def _place(store: Store, aside: str, target: str, job_id: str) -> bool:
    """Rename the folder; after an error, the id inside the target says whether it is ours."""
    try:
        store.disk.rename(aside, target)
    except OSError as error:
        if error.errno not in fs.QUESTIONS:
            raise
        if not fs.present(store.disk, target):
            raise
        return holder_id(store, target) == job_id
    return True


def _keep(store: Store, draft: Draft) -> None:
    if draft.blobs:
        blobs.keep(store, draft.blobs)
        store.sync({store.path("blobs")})


def _job(store: Store, path: str) -> Job:
    """A holder's job, which says where it begins; one that cannot be read is for its claimer."""
    try:
        return jobs.from_json(fs.read_checked(store.disk, path, JOB_CAP, store.trust))
    except (FileNotFoundError, MalformedJob):
        return UNREAD


def _dispatch(
    store: Store, path: str, name: names.Name, job: Job, keep: Callable[[], None] = lambda: None
) -> bool:
    """Move a holder's job file to where it begins, durable; whoever finds it there does this.

    False if it was gone.
    """
    queue = store.queue(name.tag)
    folders = store.ensure(queue) | {entrance(store, job, queue)}
    if job.waits:
        suspended.announce(store, name, job)
    target = first_place(store, job, name)
    seen = fs.moved(store.disk, path, target, mine=False, make=lambda: store.remake(queue))
    keep()
    store.sync_queue(queue, folders)
    store.sync({path.rpartition("/")[0]})
    if job.waits:
        suspended.entered(store, [(name, job)])
    return seen


def _discard(store: Store, aside: str, draft: Draft) -> None:
    for path in (draft.path, f"{aside}/{draft.name.file}", f"{aside}/id"):
        with contextlib.suppress(OSError):
            store.remove(path)
    with contextlib.suppress(OSError):
        store.disk.rmdir(aside)
