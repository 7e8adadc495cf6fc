"""Workers as the spool sees them: a folder of claims and a beat. join, beat, leave, rescue."""

import contextlib
from collections.abc import Mapping
from typing import Any

from wmctl.errors import MalformedJob, SpoolError, WorkerGone
from wmctl.spool import fs, hold, lookup, strict, suspended
from wmctl.spool import job as jobs
from wmctl.spool.beats import BEAT_SIZE
from wmctl.spool.job import JOB_CAP, UNREAD, Job
from wmctl.spool.lookup import Entry
from wmctl.spool.name import LOST_LIMIT
from wmctl.spool.quarantine import quarantine_claim
from wmctl.spool.store import Store


def join(store: Store, worker: str, content: Mapping[str, Any]) -> None:
    """Make `running/<worker>` and the beat. A name is made once and never used again."""
    store.must_be_ours()
    with fs.translated("join the spool"):
        try:
            store.mkdir(store.path("running", worker))
        except FileExistsError:
            raise SpoolError(f"a worker named {worker} is already there") from None
        data = encode_beat(worker, content)
        # What is claimed must not be in a folder that a power cut takes away.
        store.sync({store.path("running")})
        path = store.path("workers", worker)
        fs.write_new(store.disk, path, data, store.settings.mode, sync=False)


def beat(store: Store, worker: str, content: Mapping[str, Any]) -> None:
    """Renew the lease. WorkerGone if this worker was declared dead."""
    with fs.translated("beat"):
        try:
            store.disk.overwrite(store.path("workers", worker), encode_beat(worker, content))
        except FileNotFoundError:
            raise WorkerGone(f"worker {worker} was declared dead: its beat is gone") from None


def leave(store: Store, worker: str) -> bool:
    """A worker with no claims goes; False if claims are left, which others will rescue."""
    with fs.translated("leave the spool"):
        try:
            store.disk.rmdir(store.path("running", worker))
        except FileNotFoundError:
            pass
        except OSError:
            return False
        store.remove(store.path("workers", worker))
    return True


def encode_beat(worker: str, content: Mapping[str, Any]) -> bytes:
    """Fixed size, so that a beat neither grows nor shrinks the file."""
    text = strict.dumps({"worker": worker, **content}).encode("utf-8", "replace")
    if len(text) >= BEAT_SIZE and content.get("executions"):
        return encode_beat(worker, {**content, "executions": {}})
    if len(text) >= BEAT_SIZE:
        kept = {key: value for key, value in content.items() if key != "tags"}
        text = strict.dumps({"worker": worker, **kept, "tags": [], "cut": True}).encode()
    return text.ljust(BEAT_SIZE - 1) + b"\n"


def joined(store: Store) -> set[str]:
    """The workers that have a folder of claims, or a beat without one."""
    folders = {found.name for found in store.disk.scan(store.path("running"))}
    return folders | {found.name for found in store.disk.scan(store.path("workers"))}


def rescue(store: Store, worker: str) -> list[tuple[str, str]]:
    """Take back all claims of a dead worker: `running/<worker>/` -> `queue/` or `held/`.

    The id and the new state of each. The caller has made sure that the worker is dead. Dying in
    between leaves the rest to the next rescuer; two at once do no harm. One claim that resists
    does not stop the others; it is an error only where nothing else could be done.
    """
    done = []
    failure: Exception | None = None
    with fs.translated("rescue a worker's jobs"):
        for entry in list(lookup.claims_of(store, worker)):
            try:
                state = rescue_claim(store, entry)
            except (OSError, SpoolError) as error:
                failure = error
                continue
            if state is not None:
                done.append((entry.id, state))
        if failure is not None and not done:
            raise failure
        try:
            store.disk.rmdir(store.path("running", worker))
        except FileNotFoundError:
            pass
        except OSError:
            return done  # something is left in it: next time
        store.remove(store.path("workers", worker))
    return done


def rescue_claim(store: Store, entry: Entry) -> str | None:
    """One claim of a dead worker. None if it had moved on, or if its job had ended already."""
    record = lookup.terminal(store, entry.id)
    if record is not None:
        store.settle([record.path])
        # A power cut can leave both names; the terminal record wins.
        with contextlib.suppress(FileNotFoundError):
            store.disk.rename(entry.path, store.trash(entry.name.file))
        return None
    job = _read(store, entry)
    if job is None:
        return None
    started = fs.present(store.disk, store.log(entry.id, entry.name.claims))
    name = entry.name.but(lost=entry.name.lost + 1) if started else entry.name
    if name.lost > LOST_LIMIT:
        return hold.lost(store, entry.path, name, job)
    queue = store.queue(name.tag)
    folders = store.ensure(queue)
    fs.move(
        store.disk, entry.path, store.queued(name), mine=False, make=lambda: store.remake(queue)
    )
    store.sync_queue(queue, folders)
    store.note("rescue", name)
    suspended.swept(store, name, job)
    return "queued"


def _read(store: Store, entry: Entry) -> Job | None:
    try:
        text = fs.read_checked(store.disk, entry.path, JOB_CAP, store.trust)
        return jobs.from_json(text)
    except MalformedJob as error:
        quarantine_claim(store, entry.name, entry.path, error)
        return None
    except FileNotFoundError:
        return None
    except OSError:
        return UNREAD  # moving it back takes no reading: the next claimer decides
