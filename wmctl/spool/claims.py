"""What a worker does with a claim: claim, finish, retry, release, suspend. One rename each.

The source of that rename is the fence: whoever comes second finds it gone and must not publish.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wmctl.errors import MalformedJob, WorkerGone
from wmctl.spool import cancel, fs, hold, slots, strict, suspended
from wmctl.spool import job as jobs
from wmctl.spool.job import JOB_CAP, UNREAD, Job
from wmctl.spool.name import LOST_LIMIT, Name, due_after
from wmctl.spool.quarantine import quarantine_claim
from wmctl.spool.store import Store

#: From this many finished jobs on, one syncfs is cheaper than a sync of each file.
_SYNCFS_FROM = 4
#: Seconds until a job is looked at again whose file cannot be read now.
_UNREADABLE_DELAY = 30.0


@dataclass(frozen=True)
class Claim:
    """The right to run a job, and to publish its end: the file `path` is that right."""

    worker: str
    name: Name
    path: str
    job: Job
    #: The file server's clock at the claim, nanoseconds.
    claimed_at: int
    #: The record of an earlier success that answers it: then it does not run.
    answer: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.name.id


@dataclass(frozen=True)
class Staged:
    """A finished job whose result is written and not yet published."""

    claim: Claim
    outcome: str
    #: Files that must be on the disk before the commit.
    files: tuple[str, ...]


def claim(
    store: Store, worker: str, name: Name, source: str, check: Callable[[Name, Job], None]
) -> Claim | None:
    """Take a waiting job: `queue/` -> `running/<worker>/`, claims + 1.

    None if somebody else took it, if it is canceled or not fit to run (then it is moved on).
    `check` raises MalformedJob for a job that must not run here. Dying after the rename leaves the
    job claimed; a rescuer returns it, and it does not count as lost since it had not started.
    """
    claimed = name.claimed()
    path = store.running(worker, claimed)
    with fs.translated("claim a job"):
        if not fs.move(store.disk, source, path, mine=True, make=lambda: _alive(store, worker)):
            _alive(store, worker)
            return None
    return _accept(store, Claim(worker, claimed, path, UNREAD, 0), check)


def _refuse(store: Store, taken: Claim, error: OSError) -> None:
    """What cannot be handled does not stay in `running/`, and does not come first again at once."""
    if isinstance(error, FileNotFoundError):
        return
    if isinstance(error, PermissionError):
        why = MalformedJob(f"its file may not be read: {error.strerror}", reason="unreadable")
        quarantine_claim(store, taken.name, taken.path, why)
        return
    with fs.translated("read the spool's clock"):
        due = due_after(_UNREADABLE_DELAY, store.now())
    _give_back(store, taken, taken.name.but(due=due), "release")


def _accept(store: Store, taken: Claim, check: Callable[[Name, Job], None]) -> Claim | None:
    """Read the job behind a claim; what cannot run does not stay in `running/`."""
    try:
        text, found = fs.read_own(store.disk, taken.path, JOB_CAP, store.trust)
        job = jobs.from_json(text)
        check(taken.name, job)
    except MalformedJob as error:
        quarantine_claim(store, taken.name, taken.path, error)
        return None
    except OSError as error:
        _refuse(store, taken, error)
        return None
    if cancel.wanted_early(store, taken.id, job):
        if cancel.finish_claim(store, taken.name, taken.path):
            suspended.ended(store, [(taken.id, job)])
        return None
    if job.delete_after_secs is not None:
        _announce_deletion(store, taken.name, job)
    answer = _answer(store, job) if job.cache_ttl else None
    if job.concurrent_limit is not None and not answer and not _has_slot(store, taken, job):
        return None
    store.note("claim", taken.name, worker=taken.worker)
    # The rename set this time, by the file server's clock.
    return replace(taken, job=job, claimed_at=found.st_ctime_ns, answer=answer)


def _announce_deletion(store: Store, name: Name, job: Job) -> None:
    """Again: its submitter may know nothing of it."""
    from wmctl.spool import deletion  # of few jobs

    with fs.translated("write down that a job is to be deleted"):
        deletion.announce(store, name, job)


def _answer(store: Store, job: Job) -> Mapping[str, Any] | None:
    from wmctl.spool import cache  # of few jobs

    return cache.answer(store, job)


def _has_slot(store: Store, taken: Claim, job: Job) -> bool:
    """Whether it may run now beside the others of its key; else it waits, suspended, for one."""
    with fs.translated("take a slot"):
        if not store.limits or slots.take(store, job, taken.worker, taken.name):
            suspended.taken(store, taken.name, job)
            return True
    suspended.aside(store, taken.name, taken.path, job)
    return False


def _alive(store: Store, worker: str) -> None:
    """WorkerGone if the worker's folder was taken away: it was declared dead."""
    if not fs.present(store.disk, store.path("running", worker)):
        raise WorkerGone(f"worker {worker} was declared dead: its folder in running/ is gone")


def open_log(store: Store, taken: Claim) -> int:
    """Open the claim's log; that it exists tells a rescuer that the job had started."""
    path = store.log(taken.id, taken.name.claims)
    folder = path.rpartition("/")[0]
    with fs.translated("open the job's log"):
        store.ensure(folder)
        try:
            return _new_log(store, taken, path)
        except FileNotFoundError:
            store.remake(folder)  # pruned while it was empty
            return _new_log(store, taken, path)


def _new_log(store: Store, taken: Claim, path: str) -> int:
    """An older one of the same number (a power cut undid its claim) takes its `.err` with it."""
    if store.synchronous:  # where no power cut undoes a claim
        return _open_log(store, path)
    try:
        fd = store.disk.create(path, store.settings.mode)
    except FileExistsError:
        store.remove(store.log_errors(taken.id, taken.name.claims))
        return _open_log(store, path)
    return _of_the_group(store, fd)


def open_log_errors(store: Store, taken: Claim) -> int:
    """Open the list of those parts of the log that are standard error."""
    path = store.log_errors(taken.id, taken.name.claims)
    with fs.translated("open the job's log"):
        return _open_log(store, path)


def _open_log(store: Store, path: str) -> int:
    return _of_the_group(store, fs.open_own(store.disk, path, store.settings.mode))


def _of_the_group(store: Store, fd: int) -> int:
    mode = store.settings.mode
    if mode & 0o077:
        try:
            store.disk.chmod(fd, mode)
        except OSError:
            store.disk.close(fd)
            raise
    return fd


def stage(store: Store, taken: Claim, outcome: str, record: Mapping[str, Any]) -> Staged:
    """Write the result of a claim under the claim's own name; nothing is published yet."""
    target = store.result(taken.id, taken.name.claims)
    folder = target.rpartition("/")[0]
    with fs.translated("write a result"):
        store.ensure(folder)
        # A power cut can give a claim's number away twice: an older result may be there.
        content = _encode({"outcome": outcome, **record})
        store.put_own(content, target, sync=store.synchronous, make=lambda: store.remake(folder))
    log = store.log(taken.id, taken.name.claims)
    return Staged(taken, outcome, (target, log, store.log_errors(taken.id, taken.name.claims)))


def _encode(record: Mapping[str, Any]) -> bytes:
    text = strict.dumps(record) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON can say it in ASCII, UTF-8 cannot.
        return text.encode("utf-8", "backslashreplace")


def commit(store: Store, batch: Sequence[Staged]) -> list[bool]:
    """finish: `running/<worker>/` -> `completed/`, for staged jobs; True for each that was ours.

    Results and logs are on the disk before the renames, the renames before this returns; only then
    may anybody be told. False: a rescuer had taken the claim; nothing is published or deleted.
    """
    if not batch:
        return []
    _sync_contents(store, batch)
    folders: set[str] = set()
    buckets: set[str] = set()
    won = []
    for item in batch:
        target = store.completed(item.claim.name.but(outcome=item.outcome))
        bucket = target.rpartition("/")[0]
        above = store.ensure(bucket)
        won.append(_publish(store, item.claim.path, target, bucket))
        if won[-1]:  # else the bucket may be gone: remembered, but pruned meanwhile
            folders |= above | {bucket}
            buckets.add(bucket)
    if len(batch) >= _SYNCFS_FROM:
        store.sync_all()
        store.remember(buckets)
    else:
        store.sync(folders, buckets)
    store.remember(path.rpartition("/")[0] for item in batch for path in item.files[:2])
    for item, ours in zip(batch, won, strict=True):
        store.note("finish" if ours else "fenced", item.claim.name, outcome=item.outcome)
    return won


def _publish(store: Store, path: str, target: str, bucket: str) -> bool:
    try:
        store.disk.touch(path)  # the record's mtime says when the job was finished
    except FileNotFoundError:
        return fs.present(store.disk, target)
    return fs.move(store.disk, path, target, mine=True, make=lambda: store.remake(bucket))


def _sync_contents(store: Store, batch: Sequence[Staged]) -> None:
    if not store.durable or store.synchronous:  # where each file's writer has synced it
        return
    if len(batch) >= _SYNCFS_FROM:
        store.sync_all()
        return
    folders: set[str] = set()
    for item in batch:
        for path in item.files:
            fs.sync_file(store.disk, path)
            folder = path.rpartition("/")[0]
            if path.endswith((".json", ".log")) and fs.present(store.disk, folder):
                folders |= {
                    folder,
                    folder.rpartition("/")[0],
                    store.path("results"),
                    store.path("logs"),
                }
    store.sync(folders)


def retry(store: Store, taken: Claim, delay: float) -> bool:
    """The program failed and is tried again: `running/` -> `queue/`, tries + 1, due in `delay`."""
    with fs.translated("read the spool's clock"):
        due = due_after(delay, store.now())
    return _give_back(store, taken, taken.name.but(tries=taken.name.tries + 1, due=due), "retry")


def release(store: Store, taken: Claim, *, lost: bool = False) -> bool:
    """Give a claim back: `running/` -> `queue/`.

    `lost`: the job had started and was stopped because we could no longer renew the lease; that
    counts as a rescue would, and too often means `held/`, as there.
    """
    name = taken.name.but(lost=taken.name.lost + (1 if lost else 0))
    if name.lost > LOST_LIMIT:
        return hold.lost(store, taken.path, name, taken.job) is not None
    return _give_back(store, taken, name, "release", lost=lost)


def _give_back(store: Store, taken: Claim, name: Name, verb: str, **facts: object) -> bool:
    """To a shared target; False only if the claim certainly was not ours any more."""
    queue = store.queue(name.tag)
    with fs.translated("give a job back"):
        folders = store.ensure(queue)
        moved = fs.move(
            store.disk, taken.path, store.queued(name), mine=False,
            make=lambda: store.remake(queue),
        )  # fmt: skip
        store.sync_queue(queue, folders)
    store.note(verb, name, **facts)
    suspended.swept(store, name, taken.job)
    return moved


def suspend(store: Store, taken: Claim) -> bool:
    """The job waits without a worker: `running/` -> `suspended/`. True if it was ours."""
    with fs.translated("suspend a job"):
        target = store.at("suspended", taken.name)
        moved = fs.move(store.disk, taken.path, target, mine=True)
        store.sync({store.path("suspended")})
    store.note("suspend", taken.name)
    suspended.swept(store, taken.name, taken.job)
    return moved


def settle(store: Store, paths: Iterable[str]) -> None:
    """Make terminal records durable before acting on them: their finisher may not have yet."""
    store.settle(paths)
