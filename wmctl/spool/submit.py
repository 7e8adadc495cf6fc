"""submit: a new job comes into a queue. `tmp/` -> `queue/<tag>/`."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from wmctl.errors import BadInput, SpoolBusy
from wmctl.spool import blobs, fs
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


@dataclass(frozen=True)
class Draft:
    """A job that is written and not yet published."""

    path: str
    name: Name
    blobs: dict[str, bytes]


def submit(store: Store, jobs: Iterable[Job], when: When) -> Iterator[str]:
    """Publish jobs; an id is given out only when its job is durable."""
    source = iter(jobs)
    while batch := list(islice(source, BATCH)):
        if any(job.key is not None for job in batch):
            raise BadInput("a job with a key is submitted alone, so that its key can be looked at")
        started = time.monotonic()
        with fs.translated("submit"):
            drafts = write(store, batch, when)
            if time.monotonic() - started > GIVE_UP:
                raise SpoolBusy("writing took more than an hour; nothing of this batch is queued")
            publish(store, drafts)
        yield from (draft.name.id for draft in drafts)


def write(store: Store, jobs: Sequence[Job], when: When) -> list[Draft]:
    """The job files, durable, in `tmp/`."""
    single = len(jobs) < _SYNCFS_FROM
    drafts: list[Draft] = []
    try:
        drafts.extend(_draft(store, job, when, sync=single) for job in jobs)
        if not single:
            store.sync_all()
    except BaseException:
        for draft in drafts:
            with contextlib.suppress(OSError):
                store.remove(draft.path)
        raise
    return drafts


def _draft(store: Store, job: Job, when: When, *, sync: bool) -> Draft:
    job, contents = blobs.offload(store, job)
    content = job.to_json()
    if len(content) > JOB_CAP:
        raise BadInput(f"the job takes {len(content)} bytes; {JOB_CAP} are allowed")
    path, stamp = store.write(content, sync=sync)
    return Draft(path, when.name(new_id(), stamp), contents)


def publish(store: Store, drafts: Sequence[Draft]) -> None:
    """Move written jobs into their queue and make that durable."""
    queue = store.queue(drafts[0].name.tag)
    try:
        _publish(store, drafts, queue)
    except OSError:
        for draft in drafts:  # what is not in the queue yet will not come any more
            with contextlib.suppress(OSError):
                store.remove(draft.path)
        raise


def _publish(store: Store, drafts: Sequence[Draft], queue: str) -> None:
    folders = store.ensure(queue) | {queue}
    for draft in drafts:
        target = store.queued(draft.name)
        fs.move(store.disk, draft.path, target, mine=False, make=lambda: store.remake(queue))
        if draft.blobs:
            blobs.keep(store, draft.blobs)
            folders.add(store.path("blobs"))
    store.sync(folders, {queue})
