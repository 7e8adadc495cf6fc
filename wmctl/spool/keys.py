"""Keys: at most one unfinished job per workspace and key, whoever submits at the same time.

`keys/<sha256>.<generation>/` holds the winner's id and, until it is moved into its queue, the job
file. It comes into place by one rename of the folder, which a non-empty target refuses. The newest
generation is never removed, so that a generation number has one winner for ever.
"""

import contextlib
import hashlib
from collections.abc import Callable

from wmctl.errors import BadInput, JobNotFound, SpoolBusy
from wmctl.spool import blobs, cancel, fs, lookup
from wmctl.spool import name as names
from wmctl.spool.ids import is_id
from wmctl.spool.job import Job
from wmctl.spool.store import Store
from wmctl.spool.submit import Draft, When, write

#: What to do when the key's job is not finished.
IF_EXISTS = ("return", "skip", "queue", "replace", "error")
_ROUNDS = 50


def submit_keyed(
    store: Store, job: Job, when: When, *, if_exists: str = "return"
) -> tuple[str, bool]:
    """Submit a job that holds its key: its id and True, or the holder's id and False.

    `queue` and `replace` take the next generation although the holder is not finished; `replace`
    cancels it. Dying after the folder's rename leaves a job that whoever comes next moves on.
    """
    if job.key is None or if_exists not in IF_EXISTS:
        raise BadInput(f"if_exists is one of {', '.join(IF_EXISTS)}, not {if_exists!r}")
    named = f"{job.workspace}\0{job.key}".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(named).hexdigest()
    with fs.translated("submit"):
        for _ in range(_ROUNDS):
            newest = newest_generation(store, digest)
            holder = _holder(store, digest, newest)
            if holder is not None and if_exists in {"return", "skip", "error"}:
                return holder, False
            mine = _take(store, digest, newest + 1, job, when)
            if mine is not None:
                if holder is not None and if_exists == "replace":
                    with contextlib.suppress(JobNotFound):  # pruned meanwhile
                        cancel.cancel(
                            store, holder, by=job.created_by, reason=f"replaced by {mine}"
                        )
                return mine, True
    raise SpoolBusy(f"others keep taking the key {job.key!r}; try again")


def newest_generation(store: Store, digest: str) -> int:
    """The highest generation of a key; 0 where there is none."""
    found = (item.name.partition(".") for item in store.disk.scan(store.path("keys")))
    return max((int(number) for sha, _, number in found if sha == digest and number.isdigit()),
               default=0)  # fmt: skip


def _folder(store: Store, digest: str, generation: int) -> str:
    return store.path("keys", f"{digest}.{generation}")


def _holder(store: Store, digest: str, generation: int) -> str | None:
    """The unfinished job that holds the key, brought into its queue if it is not there yet."""
    folder = _folder(store, digest, generation)
    for found in store.disk.scan(folder):
        name = names.parse(found.name)
        if name is not None:
            _dispatch(store, found.path, name)
    job_id = _id(store, folder)
    if job_id is None:
        return None
    entry = lookup.locate(store, job_id)
    if entry is None:
        return None
    # Its id or its key is given away on the strength of this.
    store.settle([entry.path])
    return None if entry.terminal else job_id


def _id(store: Store, folder: str) -> str | None:
    try:
        text = fs.read_checked(store.disk, f"{folder}/id", 100, store.trust).decode().strip()
    except FileNotFoundError:
        return None
    return text if is_id(text) else None


def _take(store: Store, digest: str, generation: int, job: Job, when: When) -> str | None:
    """Try to become the holder of a generation; None if somebody else did."""
    draft = write(store, [job], when)[0]
    aside = store.temporary()
    target = _folder(store, digest, generation)
    try:
        _prepare(store, aside, draft)
        won = _place(store, aside, target, draft.name.id)
    except OSError:
        _discard(store, aside, draft)
        raise
    if not won:
        _discard(store, aside, draft)
        return None
    store.sync({store.path("keys")})
    _dispatch(store, f"{target}/{draft.name.file}", draft.name, lambda: _keep(store, draft))
    return draft.name.id


def _prepare(store: Store, aside: str, draft: Draft) -> None:
    """The generation's folder in `tmp/`, whole and durable."""
    store.mkdir(aside)
    store.place(draft.path, f"{aside}/{draft.name.file}", mine=True)
    path, _ = store.write(draft.name.id.encode() + b"\n")
    store.place(path, f"{aside}/id", mine=True)
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
        return _id(store, target) == job_id
    return True


def _keep(store: Store, draft: Draft) -> None:
    if draft.blobs:
        blobs.keep(store, draft.blobs)
        store.sync({store.path("blobs")})


def _dispatch(
    store: Store, path: str, name: names.Name, keep: Callable[[], None] = lambda: None
) -> None:
    """Move a holder's job file into its queue, durable; whoever finds it there does this."""
    queue = store.queue(name.tag)
    folders = store.ensure(queue)
    fs.move(store.disk, path, store.queued(name), mine=False, make=lambda: store.remake(queue))
    keep()
    store.sync_queue(queue, folders)
    store.sync({path.rpartition("/")[0]})


def _discard(store: Store, aside: str, draft: Draft) -> None:
    for path in (draft.path, f"{aside}/{draft.name.file}", f"{aside}/id"):
        with contextlib.suppress(OSError):
            store.remove(path)
    with contextlib.suppress(OSError):
        store.disk.rmdir(aside)
