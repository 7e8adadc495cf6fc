"""What cannot be run is put aside with a reason, and the worker goes on."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import blobs, cancel, fs, lookup, reasons
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.name import Name
from wmctl.spool.store import Store

#: A file in a queue with no job name may still be being copied: left alone so long (seconds).
PATIENCE = 60.0
_NAME_BYTES = 200
_REASON = ".reason"


class Stray(NamedTuple):
    """Something in quarantine."""

    #: Its file name there.
    label: str
    path: str
    #: None of a file without a job's name.
    name: Name | None
    #: What stands in its `.reason`; empty where there is none.
    why: Mapping[str, Any]
    #: Seconds since it was put there, by the file server's clock, and bytes.
    age: float
    size: int


def quarantine_claim(store: Store, name: Name, path: str, why: MalformedJob) -> bool:
    """`running/` -> `quarantine/`: a claimed file that was read whole and found wrong."""
    moved = _aside(store, path, name.file, why)
    if moved:
        store.note("quarantine", name, reason=why.reason)
    return moved


def quarantine_stray(store: Store, path: str, tag: str) -> bool:
    """`queue/` -> `quarantine/`: something whose name is no job's, after a minute's patience."""
    try:
        age = (store.now() - store.disk.stat(path).st_mtime_ns) / 1e9
    except FileNotFoundError:
        return False
    if age < PATIENCE:
        return False
    label = quote(path.rpartition("/")[2].encode("utf-8", "surrogateescape"), safe="@")
    why = MalformedJob(f"the file in queue {tag!r} has no job's name", reason="bad-name")
    # Strays may share a name; none of them may be lost.
    return _aside(store, path, f"{label[:_NAME_BYTES]}.{os.urandom(4).hex()}", why)


def _aside(store: Store, path: str, file: str, why: MalformedJob) -> bool:
    with fs.translated("put a bad job aside"):
        reasons.write(store, "quarantine", file, why.reason, why.message, None)
        moved = fs.move(store.disk, path, store.path("quarantine", file), mine=True)
        if moved:
            with contextlib.suppress(FileNotFoundError):
                store.sync({store.path("quarantine"), path.rpartition("/")[0]})
            store.tell(f"quarantine/{file}: {why.message}")
    return moved


def strays(store: Store) -> Iterator[Stray]:
    """Everything in quarantine, whatever it is called."""
    folder = store.path("quarantine")
    with fs.translated("list the quarantine"):
        now = store.now()
        for item in store.disk.scan(folder):
            if item.name.endswith(_REASON):
                continue
            with contextlib.suppress(FileNotFoundError):
                found = store.disk.stat(item.path)
                why = reasons.read(store, item.path + _REASON) or {}
                # The rename put it there; its mtime is still that of whoever wrote it.
                age = max((now - found.st_ctime_ns) / 1e9, 0.0)
                name = names.parse(item.name)
                yield Stray(item.name, item.path, name, why, age, found.st_size)


def content(store: Store, stray: Stray, most: int) -> bytes:
    """Its first bytes, for a person to look at; BadInput if it is no ordinary file."""
    with fs.translated("read what is in quarantine"):
        try:
            return fs.read_beginning(store.disk, stray.path, most)
        except MalformedJob as error:
            raise BadInput(f"quarantine/{stray.label}: {error.message}") from None


def readmit(store: Store, stray: Stray) -> bool:
    """`quarantine/` -> `queue/`, if it is fit to run by now; to a shared target, as unhold.

    BadInput says why it is not fit. Dying in between leaves a reason without a job.
    """
    name = stray.name
    if name is None:
        raise BadInput(
            f"quarantine/{stray.label} has no job's name, so nobody knows where it belongs",
            hint="if it is a job, submit what it holds anew: wmctl quarantine show",
        )
    with fs.translated("release a job from quarantine"):
        record = lookup.terminal(store, name.id)
        if record is not None:
            raise BadInput(f"job {name.id} has ended already ({record.state})")
        job = _fit(store, stray)
        queue = store.queue(name.tag)
        folders = store.ensure(queue)
        moved = fs.move(
            store.disk, stray.path, store.queued(name), mine=False,
            make=lambda: store.remake(queue),
        )  # fmt: skip
        store.sync_queue(queue, folders)
        reasons.drop(store, "quarantine", stray.label)
    store.note("readmit", name)
    cancel.sweep(store, name, job)
    return moved


def _fit(store: Store, stray: Stray) -> Job:
    """The job, as its claimer will find it."""
    try:
        job = jobs.from_json(fs.read_checked(store.disk, stray.path, JOB_CAP, store.trust))
        blobs.args(store, job)
        blobs.code(store, job)
    except MalformedJob as error:
        raise BadInput(
            f"quarantine/{stray.label} is still not fit to run: {error.message}",
            hint="put that right first, or: wmctl quarantine rm",
        ) from None
    return job


def discard(store: Store, stray: Stray) -> str:
    """`quarantine/` -> `trash/`, where prune takes it a day later; where it lies until then."""
    target = store.trash(stray.label)
    with fs.translated("remove something from quarantine"):
        with contextlib.suppress(FileNotFoundError):
            store.disk.touch(stray.path)  # first, so that its day in the trash is a whole one
        fs.move(store.disk, stray.path, target, mine=False)
        with contextlib.suppress(FileNotFoundError):
            store.disk.touch(stray.path + _REASON)
            store.disk.rename(stray.path + _REASON, target + _REASON)
        store.sync({store.path("quarantine"), store.path("trash")})
    return target
