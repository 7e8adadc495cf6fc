"""submit: a new job comes into a queue. `tmp/` -> `queue/<tag>/`.

One that waits for others begins in `suspended/`, one that waits for a person in `held/`.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from wmctl.errors import BadInput, SpoolBusy, SpoolError
from wmctl.spool import blobs, fs, lookup
from wmctl.spool.ids import new_id
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.name import Name, due_after, encode_tag, format_due
from wmctl.spool.store import Store

#: Jobs of one syncfs; from this many on it is cheaper than syncing each file.
BATCH = 1000
_SYNCFS_FROM = 8
#: Seconds after which a writer gives up its file in `tmp/`; others leave it alone for 36 h.
GIVE_UP = 3600.0


@dataclass(frozen=True)
class When:
    """Where and when a job is to run."""

    tag: str
    priority: int = 0
    #: Seconds from now, or a moment; the moment wins.
    delay: float = 0.0
    due: datetime | None = None

    def __post_init__(self) -> None:
        encode_tag(self.tag)
        if isinstance(self.priority, bool) or not 0 <= self.priority <= 100:
            raise BadInput(f"priority {self.priority} is not from 0 to 100")
        if not 0 <= self.delay < 1e10:
            raise BadInput(f"delay {self.delay} is not a number of seconds from 0")
        if self.due is not None and self.due.tzinfo is None:
            raise BadInput("a due time needs a time zone")

    def name(self, job_id: str, stamp: int) -> Name:
        """The name of a job whose file was written at `stamp` (file server's clock)."""
        due = due_after(self.delay, stamp) if self.due is None else format_due(self.due)
        return Name(due, self.priority, job_id, self.tag)


#: Of all jobs, or of each where they differ.
Whens = When | Callable[[Job], When]


@dataclass(frozen=True)
class Draft:
    """A job that is written and not yet published."""

    path: str
    name: Name
    job: Job
    blobs: dict[str, bytes]
    #: When writing began, on the clock of `fs.boottime`.
    begun: float
    #: It needs a slot, and its own time is still to come: it looks for one when it is due.
    later: bool = False


def submit(store: Store, jobs: Iterable[Job], when: Whens) -> Iterator[str]:
    """Publish jobs; an id is given out only when its job is durable.

    After an error in the midst of it the ids of what is queued are given out first.
    """
    store.must_be_ours()
    source = iter(jobs)
    count = 0
    while batch := list(islice(source, BATCH)):
        if any(job.key is not None for job in batch):
            raise BadInput("a job with a key is submitted alone, so that its key can be looked at")
        queued, failure = _submit(store, batch, when)
        yield from queued
        count += len(queued)
        if failure is not None:
            raise _counted(failure, count)


def _submit(store: Store, jobs: Sequence[Job], when: Whens) -> tuple[list[str], SpoolError | None]:
    """The ids that may be given out, and what stopped the rest."""
    try:
        with fs.translated("submit"):
            return publish(store, write(store, jobs, when))
    except SpoolError as error:
        return [], error


def _counted(failure: SpoolError, count: int) -> SpoolError:
    if not count:
        return failure
    done = "1 job was queued" if count == 1 else f"{count} jobs were queued"
    counted = type(failure)(f"{failure.message}; {done} before that", hint=failure.hint)
    counted.__cause__ = failure
    return counted


def write(store: Store, jobs: Sequence[Job], when: Whens) -> list[Draft]:
    """The job files, durable, in `tmp/`."""
    single = len(jobs) < _SYNCFS_FROM or store.synchronous
    drafts: list[Draft] = []
    try:
        drafts.extend(_draft(store, job, when, sync=single) for job in jobs)
        if not single:
            store.sync_all()
    except BaseException:
        discard(store, drafts)
        raise
    return drafts


def _draft(store: Store, job: Job, when: Whens, *, sync: bool) -> Draft:
    begun = fs.boottime()
    when = when if isinstance(when, When) else when(job)
    job, contents = blobs.offload(store, job)
    content = job.to_json()
    if len(content) > JOB_CAP:
        raise BadInput(f"the job takes {len(content)} bytes; {JOB_CAP} are allowed")
    path, stamp = store.write(content, sync=sync)
    name = when.name(new_id(), stamp)
    later = job.entrance == "suspended" and not job.after and name.due > due_after(0, stamp)
    return Draft(path, name, job, contents, begun, later)


def discard(store: Store, drafts: Iterable[Draft]) -> None:
    """What is not in the queue yet will not come any more."""
    for draft in drafts:
        with contextlib.suppress(OSError):
            store.remove(draft.path)


def in_time(draft: Draft) -> None:
    """SpoolBusy for a file so old that others may soon take it for rubbish: look before renaming.

    It may have lain there while this host slept.
    """
    if fs.boottime() - draft.begun > GIVE_UP:
        raise SpoolBusy("writing took more than an hour; the job is not queued", hint="try again")


def publish(store: Store, drafts: Sequence[Draft]) -> tuple[list[str], SpoolError | None]:
    """Move written jobs into their queues and make that durable.

    The ids of those that are, and what stopped the others.
    """
    tags = dict.fromkeys(draft.name.tag for draft in drafts)
    queues = {tag: store.queue(tag) for tag in tags}
    moved: list[Draft] = []
    unsure: list[Draft] = []
    failure: SpoolError | None = None
    folders = set(queues.values())
    waiting = [draft for draft in drafts if draft.job.waits and not draft.later]
    try:
        with fs.translated("submit"):
            for queue in queues.values():
                folders |= store.ensure(queue)
            folders |= {
                entrance(store, one.job, queues[one.name.tag]) for one in drafts if not one.later
            }
            if waiting:
                _announce(store, waiting)
            announce_deletions(store, drafts)
            for draft in drafts:
                in_time(draft)
                if not _publish(store, draft, queues[draft.name.tag]):
                    unsure.append(draft)
                moved.append(draft)
                if draft.blobs:
                    folders.add(store.path("blobs"))
    except SpoolError as error:
        failure = error
        discard(store, drafts[len(moved) :])
    if moved:
        store.sync(folders, queues.values())
    lost = {draft.name.id for draft in unsure if lookup.locate(store, draft.name.id) is None}
    queued = [draft.name for draft in moved if draft.name.id not in lost]
    for name in queued:
        store.note("submit", name)
    if waiting:
        _look_again(store, waiting)
    return [name.id for name in queued], failure or _gone(lost)


def entrance(store: Store, job: Job, queue: str) -> str:
    """The folder that a job comes to; that of its tag is `queue`."""
    return queue if job.entrance == "queue" else store.path(job.entrance)


def first_place(store: Store, job: Job, name: Name) -> str:
    """The path that a job comes to."""
    return store.queued(name) if job.entrance == "queue" else store.at(job.entrance, name)


def _announce(store: Store, drafts: Sequence[Draft]) -> None:
    """Before they are there, so that whoever ends what they wait for finds them."""
    from wmctl.spool import suspended  # most jobs wait for nothing

    for draft in drafts:
        suspended.announce(store, draft.name, draft.job)


def announce_deletions(store: Store, drafts: Sequence[Draft]) -> None:
    """Before they are there, so that whatever becomes of them, they are deleted in time."""
    wanted = [draft for draft in drafts if draft.job.delete_after_secs is not None]
    if wanted:
        from wmctl.spool import deletion  # most jobs stay for the retention

        for draft in wanted:
            deletion.announce(store, draft.name, draft.job)


def _look_again(store: Store, drafts: Sequence[Draft]) -> None:
    """What they wait for may have ended before they were announced."""
    from wmctl.spool import suspended

    suspended.entered(store, [(draft.name, draft.job) for draft in drafts])


def _publish(store: Store, draft: Draft, queue: str) -> bool:
    """False if its file was gone: then it came into the queue unseen, or not at all."""
    later = draft.later
    target = store.queued(draft.name) if later else first_place(store, draft.job, draft.name)
    seen = fs.moved(store.disk, draft.path, target, mine=False, make=lambda: store.remake(queue))
    if draft.blobs:
        blobs.keep(store, draft.blobs)
    return seen


def _gone(lost: Collection[str]) -> SpoolError | None:
    if not lost:
        return None
    some = ", ".join(sorted(lost)[:4])
    return SpoolBusy(f"job {some} disappeared from tmp/ and is not queued", hint="submit it again")
