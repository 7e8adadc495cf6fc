"""What `wmctl bench` measures, in a scratch spool: each figure beside the bare system calls.

Both sides do their work in turn, so that a disk that gets slower meets both. Nothing of the real
spool is read or written.
"""

import os
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

from wmctl.runner.quiet import run_quietly
from wmctl.spool import Job, Name, Spool

_BATCH = 100
_TAG = "bash"
_WORKER = "bench"
#: A job that does nothing but say when it started; bash reads the clock by itself.
_STARTED = 'echo "$EPOCHREALTIME"'
#: Seconds for a worker to appear, or for a job to end, before there is no figure.
_PATIENCE = 15.0


class Figure(NamedTuple):
    """One row: seconds for one of it, ours and bare; how many were measured."""

    what: str
    bare_is: str
    ours: float
    bare: float
    samples: int
    #: Shown in a second, or as the time of one.
    rate: bool = True


def one_by_one(spool: Spool, seconds: float) -> Figure | None:
    """Submits, each durable before the next."""
    bare = Bare(spool)
    pairs = _paired(lambda: spool.submit(_job(), tag=_TAG), bare.submit, seconds)
    return _figure("submit, one by one", "write, sync, rename, sync", pairs, 1)


def batched(spool: Spool, seconds: float) -> Figure | None:
    """Submits that are made durable together, as those of `submit --each`."""
    bare = Bare(spool)

    def submit() -> None:
        for _ in spool.submit_all((_job() for _ in range(_BATCH)), tag=_TAG):
            pass

    pairs = _paired(submit, lambda: bare.submit_all(_BATCH), seconds)
    return _figure(f"submit, {_BATCH} at once", "writes, one syncfs, renames", pairs, _BATCH)


def claimed(spool: Spool, seconds: float) -> Figure | None:
    """From a waiting job to its published end, without running anything."""
    bare = Bare(spool)
    spool.join(_WORKER, {})
    waiting = _waiting(spool)

    def work() -> None:
        name, path = next(waiting)
        claim = spool.claim(_WORKER, name, path, lambda _name, _job: None)
        if claim is not None:
            spool.finish(claim, "success", {"result": None})

    pairs = _paired(work, bare.work, seconds)
    return _figure("claim to finish", "rename, write, sync, rename, sync", pairs, 1)


def idle(spool: Spool, tag: str, seconds: float) -> Figure | None:
    """From the acknowledged submit to the job's start, by a worker that waits; None without one."""
    pairs: list[tuple[float, float]] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(pairs) < 3:
        ours = _latency(spool, tag)
        if ours is None:
            break
        pairs.append((ours, _start()))
        time.sleep(0.05)  # the worker is to wait again
    return _figure("idle: submit to start", "start of the same process", pairs, 1, rate=False)


def ready(spool: Spool) -> bool:
    """Wait until a worker waits for jobs."""
    until = time.monotonic() + _PATIENCE
    while not any(beat.content.get("state") == "idle" for beat in spool.workers()):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


class Bare:
    """The same steps as plain system calls, in folders of their own in the scratch spool."""

    def __init__(self, spool: Spool) -> None:
        self._durable = spool.store.durable
        self._root = f"{spool.path}/bare"
        self._content = _job().to_json()
        self._count = 0
        self._taken = 0
        for name in ("tmp", "queue", "running", "done", "results"):
            os.makedirs(f"{self._root}/{name}", exist_ok=True)

    def submit(self) -> None:
        """Write and sync a file, rename it into a folder, sync that."""
        self._publish([self._write(sync=self._durable)])

    def submit_all(self, count: int) -> None:
        """Many files and one syncfs."""
        written = [self._write(sync=False) for _ in range(count)]
        if self._durable:
            _sync_all(self._root)
        self._publish(written)

    def work(self) -> None:
        """Rename a file of the queue, write its result, rename it again."""
        if self._taken == self._count:
            self.submit_all(_BATCH)
        name, self._taken = str(self._taken), self._taken + 1
        os.rename(self._path("queue", name), self._path("running", name))
        _write(self._path("results", name), b'{"result":null}\n', sync=self._durable)
        os.rename(self._path("running", name), self._path("done", name))
        self._sync_folder("done")

    def _write(self, *, sync: bool) -> str:
        name, self._count = str(self._count), self._count + 1
        _write(self._path("tmp", name), self._content, sync=sync)
        return name

    def _publish(self, names: list[str]) -> None:
        for name in names:
            os.rename(self._path("tmp", name), self._path("queue", name))
        self._sync_folder("queue")

    def _path(self, folder: str, name: str) -> str:
        return f"{self._root}/{folder}/{name}"

    def _sync_folder(self, name: str) -> None:
        if self._durable:
            _sync(f"{self._root}/{name}", os.fsync)


def _write(path: str, content: bytes, *, sync: bool) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.write(file, content)
    if sync:
        os.fsync(file)
    os.close(file)


def _sync(path: str, how: Callable[[int], object]) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how(folder)
    finally:
        os.close(folder)


def _sync_all(path: str) -> None:
    import ctypes  # Python has no syncfs

    _sync(path, ctypes.CDLL(None).syncfs)


def _job() -> Job:
    return Job(language="bash", code=":")


def _waiting(spool: Spool) -> Iterator[tuple[Name, str]]:
    """Waiting jobs without end; new ones are submitted as they are used up."""
    while True:
        for entry in list(spool.entries(["queued"])):
            yield entry.name, entry.path
        list(spool.submit_all((_job() for _ in range(_BATCH * 5)), tag=_TAG))


def _latency(spool: Spool, tag: str) -> float | None:
    job_id = spool.submit(Job(language="bash", code=_STARTED), tag=tag)
    acknowledged = time.time()
    until = time.monotonic() + _PATIENCE
    while (entry := spool.terminal(job_id)) is None:
        if time.monotonic() > until:
            return None
        time.sleep(0.005)
    started = (spool.record(entry) or {}).get("result")
    return _seconds(str(started)) - acknowledged if started is not None else None


def _start() -> float:
    before = time.time()
    _, text = run_quietly(["bash", "-c", _STARTED])
    return _seconds(text) - before


def _seconds(text: str) -> float:
    """Some locales write a comma."""
    return float(text.strip().strip('"').replace(",", "."))


def _paired(
    ours: Callable[[], object], bare: Callable[[], object], seconds: float
) -> list[tuple[float, float]]:
    """The time of each side, in turn, until the time is used up; first once without a clock."""
    ours(), bare()
    pairs: list[tuple[float, float]] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(pairs) < 3:
        pairs.append((_time(ours), _time(bare)))
    return pairs


def _time(action: Callable[[], object]) -> float:
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def _figure(
    what: str, bare_is: str, pairs: list[tuple[float, float]], each: int, *, rate: bool = True
) -> Figure | None:
    if not pairs:
        return None
    ours, bare = (median(pair[side] for pair in pairs) / each for side in (0, 1))
    return Figure(what, bare_is, ours, bare, len(pairs) * each, rate)
