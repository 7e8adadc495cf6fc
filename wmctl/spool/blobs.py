"""Blobs: code and args too long for a job file, stored once under the sha256 of their bytes."""

import contextlib
from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import fs, strict
from wmctl.spool.job import BLOB_CAP, INLINE_CAP, Job
from wmctl.spool.store import Store


def offload(store: Store, job: Job) -> tuple[Job, dict[str, bytes]]:
    """The job with what is long replaced by references, and the blobs that were put in place.

    The blobs' own bytes are synced; the caller syncs `blobs/` before it acknowledges.
    """
    contents: dict[str, bytes] = {}
    changes: dict[str, Any] = {}
    if job.code is not None and len(code := _encode(job.code, "code")) > INLINE_CAP:
        changes |= {"code": None, "code_blob": _sha(code)}
        contents[_sha(code)] = code
    if len(args := _encode_args(job)) > INLINE_CAP:
        changes |= {"args": {}, "args_blob": _sha(args)}
        contents[_sha(args)] = args
    for sha, content in contents.items():
        if len(content) > BLOB_CAP:
            raise BadInput(f"code or args of {len(content)} bytes; {BLOB_CAP} are allowed")
        put(store, sha, content)
    return (job.but(**changes) if changes else job), contents


def put(store: Store, sha: str, content: bytes) -> None:
    """Put a blob in place. One that is there is touched, so that prune sees it is wanted."""
    try:
        store.disk.touch(store.blob(sha))
    except FileNotFoundError:
        store.put(content, store.blob(sha))


def keep(store: Store, contents: Mapping[str, bytes]) -> None:
    """After a job's rename and before its acknowledgement: put back what prune took meanwhile."""
    for sha, content in contents.items():
        if not fs.present(store.disk, store.blob(sha)):
            put(store, sha, content)


def read(store: Store, sha: str) -> bytes:
    """A blob's bytes; whoever misses one looks in the trash and puts it back."""
    try:
        content = fs.read_checked(store.disk, store.blob(sha), BLOB_CAP, store.trust)
    except FileNotFoundError:
        with contextlib.suppress(FileNotFoundError):
            store.disk.rename(store.trash(f"blob-{sha}"), store.blob(sha))
        try:
            content = fs.read_checked(store.disk, store.blob(sha), BLOB_CAP, store.trust)
        except FileNotFoundError:
            raise MalformedJob(f"blob {sha} is missing", reason="blob-missing") from None
    if _sha(content) != sha:
        raise MalformedJob(f"blob {sha} does not hold what its name says", reason="blob-damaged")
    return content


def code(store: Store, job: Job) -> str:
    """A script's text, from the job or its blob."""
    if job.code_blob is None:
        return job.code or ""
    try:
        return read(store, job.code_blob).decode()
    except UnicodeDecodeError:
        raise MalformedJob(f"blob {job.code_blob} is not UTF-8", reason="blob-damaged") from None


def args(store: Store, job: Job) -> dict[str, Any]:
    """A job's args, from the job or its blob."""
    if job.args_blob is None:
        return dict(job.args)
    try:
        return strict.loads_object(read(store, job.args_blob), "args")
    except MalformedJob:
        raise
    except BadInput as error:
        raise MalformedJob(error.message, reason="blob-damaged") from None


def _sha(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _encode_args(job: Job) -> bytes:
    try:
        return strict.dumps(job.args).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"the args cannot be written as JSON: {error}") from None


def _encode(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{what} holds half a surrogate pair, which is no text") from None
