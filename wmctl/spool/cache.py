"""cache_ttl: a success that is fresh enough answers the same job again, which then does not run.

`control/cache/<digest>` says which job succeeded last; the digest is that of what was to be run and
with what. It is a hint: what it names must be there, a success, young, and the same job.
"""

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput, MalformedJob, SpoolError
from wmctl.spool import fs, lookup, record, strict
from wmctl.spool import job as jobs
from wmctl.spool.ids import is_id
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import Name
from wmctl.spool.store import Store

#: What makes two jobs the same. The name, the labels and the limits do not.
_SAME = ("workspace", "path", "kind", "language", "argv", "args_blob", "cwd", "umask")
_ID_CAP = 100


def digest_of(job: Job) -> str:
    """What the answers to a job are called on the disk."""
    code = job.code_blob or _sha(job.code or "")
    what = [getattr(job, field) for field in _SAME]
    return _sha(strict.dumps([*what, code, sorted(job.env.items()), _sorted(job.args)]))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _sorted(value: Any) -> Any:
    """Objects with their keys in one order."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def remember(store: Store, name: Name, job: Job) -> None:
    """A success was published: it may answer others. What resists is left; they run themselves."""
    folder = _folder(store)
    with contextlib.suppress(OSError, SpoolError):
        store.ensure(folder)
        target = f"{folder}/{digest_of(job)}"
        store.put(f"{name.id}\n".encode(), target, sync=False, make=lambda: store.remake(folder))


def answer(store: Store, job: Job) -> dict[str, Any] | None:
    """The record of a success that answers this job, with `cached_from`; None if it is to run."""
    if not job.cache_ttl:
        return None
    try:
        entry = _earlier(store, digest_of(job))
        if entry is None or not _is_fresh(store, entry, job.cache_ttl):
            return None
        if digest_of(_job(store, entry)) != digest_of(job):
            return None
        store.settle([entry.path])
        found = record.read(store, entry)
    except (OSError, SpoolError, MalformedJob, BadInput):  # pruned this moment, or unreadable
        return None
    if found is None or "cached_from" in found:
        return None
    return {**found, "cached_from": entry.id}


def is_there(store: Store, digest: str) -> bool:
    """Whether what is named by a digest's hint has not been pruned."""
    return _earlier(store, digest) is not None


def _earlier(store: Store, digest: str) -> Entry | None:
    try:
        text = fs.read_checked(store.disk, f"{_folder(store)}/{digest}", _ID_CAP, store.trust)
    except FileNotFoundError:
        return None
    job_id = text.decode("ascii", "replace").strip()
    entry = lookup.terminal(store, job_id) if is_id(job_id) else None
    return entry if entry is not None and entry.state == "success" else None


def _is_fresh(store: Store, entry: Entry, ttl: int) -> bool:
    return store.now() - store.disk.stat(entry.path).st_mtime_ns < ttl * 10**9


def _job(store: Store, entry: Entry) -> Job:
    return jobs.from_json(fs.read_checked(store.disk, entry.path, JOB_CAP, store.trust))


def _folder(store: Store) -> str:
    return store.path("control", "cache")
