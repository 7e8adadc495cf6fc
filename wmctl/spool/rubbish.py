"""The parts of a prune that are about no finished job: blobs, keys, and what was left behind."""

from wmctl.errors import MalformedJob
from wmctl.spool import cache, fs, journal, keys, lookup, slots
from wmctl.spool import job as jobs
from wmctl.spool import name as names
from wmctl.spool.broom import PATIENCE, TRASH, Broom
from wmctl.spool.ids import is_id
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.newer import Newer

#: Where the id is in a job file's name.
ID = slice(28, 64)
#: Beside the hours in `logs/`.
WORKER_LOGS = "workers"


def job_of(broom: Broom, path: str) -> Job | None:
    """The job of a file; None if it is gone, or none."""
    try:
        store = broom.store
        return jobs.from_json(fs.read_checked(store.disk, path, JOB_CAP, store.trust))
    except (MalformedJob, FileNotFoundError):
        return None


def blobs(broom: Broom) -> None:
    """Unreferenced blobs go to `trash/` for a day; there, wanted ones are put back."""
    store = broom.store
    old = [
        found.name
        for found in store.disk.scan(store.path("blobs"))
        if broom.age(found.path) >= TRASH
    ]
    gone = [
        found.name[5:]
        for found in store.disk.scan(store.path("trash"))
        if found.name.startswith("blob-")
    ]
    if not old and not gone:
        return
    wanted = _wanted_blobs(broom)
    if wanted is None:
        return
    for sha in old:
        with broom.item():
            if sha not in wanted and broom.age(store.blob(sha)) >= TRASH:
                broom.trash(store.blob(sha), f"blob-{sha}")
                broom.done.blobs += 1
    for sha in gone:
        _trashed_blob(broom, sha, wanted)


def _trashed_blob(broom: Broom, sha: str, wanted: set[str]) -> None:
    path = broom.store.trash(f"blob-{sha}")
    with broom.item():
        if sha in wanted:
            broom.rename(path, broom.store.blob(sha))
        elif broom.age(path) >= TRASH:
            broom.remove(path)


def _wanted_blobs(broom: Broom) -> set[str] | None:
    """The blobs that jobs refer to; None if there are jobs of a newer format to ask."""
    wanted: set[str] = set()
    read: set[str] = set()
    for _ in range(2):  # a job in mid-rename can be missing from one pass
        for path, file in lookup.files(broom.store):
            if names.is_newer(file):
                return None
            if path in broom.gone or file[ID] in read:
                continue
            if not (names.parse(file) or names.parse(file, "-")):
                continue
            job = job_of(broom, path)
            if job is not None:
                read.add(file[ID])
                wanted.update(job.blobs)
    return wanted


def generations(broom: Broom, newer: Newer) -> None:
    """Generations below a key's newest; the newest stays, so that numbers never repeat."""
    newest: dict[str, int] = {}
    folders = []
    for found in broom.listed(broom.store.path("keys")):
        digest, _, text = found.name.partition(".")
        number = keys.generation(text)
        if number is not None:
            newest[digest] = max(number, newest.get(digest, 0))
            folders.append((found.path, digest, number))
    for path, digest, number in folders:
        if number < newest[digest]:
            with broom.item():
                _generation(broom, newer, path)


def _generation(broom: Broom, newer: Newer, path: str) -> None:
    """It goes once its job is over: while that runs, it holds the key."""
    store = broom.store
    files = [found.name for found in store.disk.scan(path)]
    if files not in ([], ["id"]) or broom.age(path) < PATIENCE:
        return
    job_id = keys.holder_id(store, path)
    if job_id is not None:
        entry = lookup.locate(store, job_id)
        if (entry is not None and not entry.terminal) or newer.waits(job_id):
            return
    broom.remove(f"{path}/id")
    broom.rmdir(path)


def waiting(broom: Broom) -> None:
    """Markers of jobs that wait no more, and slots whose holders and takers are long gone."""
    store, unfinished = broom.store, None
    for folder in broom.listed(store.path("control", "waiters")):
        for found in broom.listed(folder.path):
            if not is_id(found.name) or broom.age(found.path) < PATIENCE:
                continue
            if unfinished is None:
                unfinished = {entry.id for entry in lookup.entries(store, lookup.WAITING)}
            with broom.item():
                entry = None if found.name in unfinished else lookup.locate(store, found.name)
                if found.name not in unfinished and (entry is None or entry.terminal):
                    broom.drop(found.path, is_folder=False)
        broom.rmdir_if_old(folder.path)
    for folder in broom.listed(store.path("control", "slots")):
        with broom.item():
            if broom.age(folder.path) < PATIENCE:
                continue
            for path in slots.free(store, folder.name, dry=broom.dry):
                if broom.age(path) >= PATIENCE:  # else it was taken this moment
                    broom.drop(path, is_folder=True)
            broom.rmdir(folder.path)


def awaited(broom: Broom) -> set[str]:
    """The jobs whose ends decide what becomes of those that are suspended or held."""
    found: set[str] = set()
    for entry in list(lookup.entries(broom.store, {"suspended", "held"})):
        with broom.item():
            job = job_of(broom, entry.path)
            found.update(one["id"] for one in (job.after if job is not None else ()))
    return found


def leftovers(broom: Broom) -> None:
    """Half-written files, old journals, the trash, reasons whose job has left."""
    store = broom.store
    for found in broom.listed(store.path("tmp")):
        with broom.item():
            if broom.age(found.path) >= PATIENCE:
                broom.drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
    for found in broom.listed(store.path(journal.FOLDER)):
        with broom.item():
            if broom.age(found.path) >= broom.keep_logs:
                broom.drop(found.path, is_folder=False)
    _worker_logs(broom)
    _answers(broom)
    for found in broom.listed(store.path("trash")):
        with broom.item():
            if broom.age(found.path) >= TRASH and not found.name.startswith("blob-"):
                broom.drop(found.path, is_folder=found.is_dir(follow_symlinks=False))
    for folder in ("held", "quarantine"):
        _reasons(broom, store.path(folder))


def _worker_logs(broom: Broom) -> None:
    """What workers wrote that are no more."""
    store = broom.store
    for found in broom.listed(store.path("logs", WORKER_LOGS)):
        with broom.item():
            if broom.age(found.path) < broom.keep_logs:
                continue
            worker = found.name.partition(".log")[0]
            if not fs.present(store.disk, store.path("workers", worker)):
                broom.drop(found.path, is_folder=False)


def _answers(broom: Broom) -> None:
    """Hints at answers that are gone."""
    store = broom.store
    for found in broom.listed(store.path("control", "cache")):
        with broom.item():
            if broom.age(found.path) >= PATIENCE and not cache.is_there(store, found.name):
                broom.drop(found.path, is_folder=False)


def _reasons(broom: Broom, folder: str) -> None:
    for found in broom.listed(folder):
        job = found.path.removesuffix(".reason")
        with broom.item():
            alone = job != found.path and not fs.present(broom.store.disk, job)
            if alone and broom.age(found.path) >= PATIENCE:
                broom.drop(found.path, is_folder=False)


def empty_folders(broom: Broom) -> None:
    """Hours and queues that are empty and were not changed for a while."""
    for top in ("completed", "results", "logs", "queue"):
        for found in broom.listed(broom.store.path(top)):
            if found.name != WORKER_LOGS or top != "logs":
                broom.rmdir_if_old(found.path)
