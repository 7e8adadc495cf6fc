"""The jobs that a worker makes for itself: its group's init script and its periodic script.

Each is an ordinary job, with a log and a result, that its own worker alone claims. What a dead
worker left of them is canceled (`tidy`).
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator

from wmctl.errors import MalformedJob, SpoolError
from wmctl.runner.outcome import Canceled, Completed, Failed
from wmctl.spool import Entry, Job, Spool
from wmctl.worker.execute import Ran

log = logging.getLogger("wmctl.worker")

INIT, PERIODIC = "init_script", "periodic_script"
#: As people know them.
_LABELS = {INIT: "init script", PERIODIC: "periodic script"}
WORKSPACE = "admins"
_LONGEST_PAUSE = 60.0


class Chores:
    """Those of one worker. `init` and `periodic` are scripts, `interval` is in seconds."""

    def __init__(
        self,
        spool: Spool,
        worker: str,
        *,
        init: str | None = None,
        periodic: str | None = None,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._worker = worker
        self._clock = clock
        self._scripts = {INIT: init or "", PERIODIC: periodic or ""}
        self._interval = interval or math.inf
        #: Of a chore that was made and has not ended: its id.
        self._made: str | None = None
        self._unsure = False
        self._failures = 0
        self._next = {INIT: -math.inf, PERIODIC: -math.inf if periodic else math.inf}
        #: Whether jobs may be claimed: the init script has ended well, if there is one.
        self.ready = init is None
        #: What went wrong last.
        self._problem: dict[str, str] = {}

    def due(self) -> str | None:
        """The kind of the chore whose time has come."""
        kind = PERIODIC if self.ready else INIT
        return kind if self._clock() >= self._next[kind] else None

    def left(self) -> float:
        """Seconds until then."""
        return max(0.0, self._next[PERIODIC if self.ready else INIT] - self._clock())

    @property
    def failed(self) -> bool:
        """Whether the init script was tried in vain."""
        return not self.ready and self._failures > 0

    @property
    def problem(self) -> str | None:
        """`init script failed (exit 3), next try in 8 s`."""
        problem = self._problem.get(PERIODIC if self.ready else INIT)
        if problem is None or self.ready:
            return problem
        return f"{problem}, next try in {math.ceil(self.left())} s"

    def make(self, kind: str) -> Entry | None:
        """The job that is to be claimed now; None if it was taken away meanwhile.

        One that was given back waits again, and is taken again.
        """
        if self._unsure:
            self._clear(kind)
        if self._made is None:
            self._unsure = True  # an error says nothing about whether it was written
            self._made = self._spool.submit(_job(kind, self._worker, self._scripts[kind]), tag=kind)
            self._unsure = False
        return next((one for one in self._spool.waiting(kind) if one.id == self._made), None)

    def ended(self, kind: str, ran: Ran | None) -> None:
        """It has run, and was not given back; None: somebody took it away before it could."""
        made, self._made = self._made, None
        if ran is not None and ran.killed is None and isinstance(ran.outcome, Completed):
            self._well(kind)
        else:
            self._ill(kind, _why(ran), made)

    def close(self) -> None:
        """The worker goes: what it has not run, nobody will."""
        if self._made is not None:
            why = f"worker {self._worker} ended before it ran"
            self._spool.cancel(self._made, by=self._worker, reason=why)

    def _well(self, kind: str) -> None:
        self._problem.pop(kind, None)
        if kind == INIT:
            self.ready, self._failures = True, 0
        else:
            self._next[kind] = self._clock() + self._interval

    def _ill(self, kind: str, why: str, made: str | None) -> None:
        self._problem[kind] = f"{_LABELS[kind]} {why}"
        pause = self._interval
        if kind == INIT:
            self._failures += 1
            pause = min(2.0 ** (self._failures - 1), _LONGEST_PAUSE)
        self._next[kind] = self._clock() + pause
        log.error("%s; its log: wmctl logs %s", self._problem[kind], made)

    def _clear(self, kind: str) -> None:
        """A job of ours that may have been written without our knowing is run by nobody."""
        for entry, _ in _of_workers(self._spool, (kind,), {self._worker}):
            self._spool.cancel(entry.id, by=self._worker, reason="made twice")
        self._unsure = False


def _job(kind: str, worker: str, code: str) -> Job:
    return Job(
        language="bash", code=code, name=f"{kind}_{worker}", workspace=WORKSPACE, created_by=worker
    )


def _why(ran: Ran | None) -> str:
    if ran is None:
        return "was taken away before it ran"
    if ran.killed == "canceled" or isinstance(ran.outcome, Canceled):
        return "was canceled"
    if isinstance(ran.outcome, Failed):
        return f"failed (exit {ran.outcome.exit_code})"
    return "did not succeed"


def tidy(spool: Spool, by: str) -> int:
    """Cancel what workers that are gone left of their chores: nobody would ever run it."""
    found = list(_of_workers(spool, (INIT, PERIODIC), None))
    # Asked after the jobs were seen: a worker joins before it makes any, and never comes again.
    here = spool.joined() if found else set()
    left = [(entry, worker) for entry, worker in found if worker not in here]
    for entry, worker in left:
        spool.cancel(entry.id, by=by, reason=f"worker {worker} is gone")
        log.info("job %s of worker %s, which is gone, is canceled", entry.id, worker)
    return len(left)


def _of_workers(
    spool: Spool, kinds: Iterable[str], workers: set[str] | None
) -> Iterator[tuple[Entry, str]]:
    """The waiting chores, and whose they are; of all workers, or of these."""
    for kind in kinds:
        for entry in spool.waiting(kind):
            try:
                job = spool.job(entry)
            except (MalformedJob, SpoolError, FileNotFoundError):
                continue
            worker = job.created_by or ""
            if job.name == f"{kind}_{worker}" and (workers is None or worker in workers):
                yield entry, worker
