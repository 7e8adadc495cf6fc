"""Finding dead workers and taking back what they had claimed.

Dead is whose beat has not changed for a lease, on our own clock, over several looks of ours that
did not stall; at once only whose process is proven to be gone from this host.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wmctl.errors import BadInput, MalformedJob, SpoolError
from wmctl.runner import tree
from wmctl.spool import Spool
from wmctl.spool.strict import loads_object
from wmctl.worker import identity
from wmctl.worker.clock import boottime

log = logging.getLogger("wmctl.worker")

#: Looks that must agree, and beats between two looks after which we count as having slept.
_LOOKS = 3
_STALL = 3.0


@dataclass
class _Observation:
    content: bytes | None
    since: float
    last: float
    looks: int = 1


class Judge:
    """Watches beats by their content alone; no clock of another host is ever read."""

    def __init__(self, lease: float, beat: float, now: Callable[[], float] = boottime) -> None:
        self._lease = lease
        self._beat = beat
        self._now = now
        self._seen: dict[str, _Observation] = {}

    def look(self, worker: str, read: Callable[[], bytes | None]) -> bool:
        """Look once more; True if the worker must be dead."""
        started = self._now()
        content = read()
        ended = self._now()
        seen = self._seen.get(worker)
        stalled = ended - started > self._beat or (
            seen is not None and started - seen.last > _STALL * self._beat
        )
        if seen is None or seen.content != content or stalled:
            self._seen[worker] = _Observation(content, ended, ended)
            return False
        seen.looks += 1
        seen.last = ended
        return seen.looks >= _LOOKS and ended - seen.since >= self._lease

    def content(self, worker: str) -> bytes | None:
        """The beat as it was at the last look."""
        seen = self._seen.get(worker)
        return None if seen is None else seen.content

    def start_again(self, worker: str) -> None:
        """Forget what was seen of a worker."""
        self._seen.pop(worker, None)

    def forget(self, known: set[str]) -> None:
        """Keep only what is known of these workers."""
        self._seen = {worker: seen for worker, seen in self._seen.items() if worker in known}


class Rescuer:
    """One worker's look at all the others."""

    def __init__(self, spool: Spool, own: str, folder: Path, judge: Judge | None = None) -> None:
        settings = spool.settings
        self._spool = spool
        #: The worker that looks.
        self.own = own
        self._folder = folder
        self._judge = judge or Judge(settings.lease, settings.beat)
        #: The dead of whom we spoke already; something may be left that nobody can remove.
        self._told: set[str] = set()

    def sweep(self) -> int:
        """Look at every other worker and rescue the jobs of the dead; how many jobs."""
        others = self._spool.joined() - {self.own}
        self._judge.forget(others)
        self._told &= others
        rescued = 0
        for worker in sorted(others):
            try:
                rescued += self.take_over(worker) or 0
            except MalformedJob as error:
                log.error("the beat of worker %s cannot be judged: %s", worker, error)
                self._judge.start_again(worker)
            except (SpoolError, OSError) as error:
                log.error("cannot look after worker %s: %s", worker, error)
            except Exception:
                log.exception("looking after worker %r broke; the others are looked after", worker)
        return rescued

    def take_over(self, worker: str) -> int | None:
        """Look at one worker and rescue its jobs if it is dead: how many; None if it may live."""
        return self._rescue(worker) if self._dead(worker) else None

    def _dead(self, worker: str) -> bool:
        if self._judge.look(worker, lambda: self._spool.read_beat(worker)):
            if worker not in self._told:
                log.warning("worker %s gave no sign of life for a lease", worker)
            self._told.add(worker)
            return True
        if not self._proven_dead(worker):
            return False
        killed = tree.kill_leftovers(worker)
        log.warning("worker %s is gone from this host; %d processes of its jobs killed",
                    worker, killed)  # fmt: skip
        return True

    def _proven_dead(self, worker: str) -> bool:
        return identity.proven_dead(self._folder, worker, _parse(self._judge.content(worker)))

    def _rescue(self, worker: str) -> int:
        """Take back its claims one by one, as long as it is as dead as it was when judged."""
        proven = self._proven_dead(worker)
        count = 0
        for entry in list(self._spool.claims_of(worker)):
            if self._spool.read_beat(worker) != self._judge.content(worker):
                log.warning("worker %s lives after all", worker)
                self._judge.start_again(worker)
                return count
            state = self._spool.rescue_claim(entry)
            if state is not None:
                count += 1
                log.warning("job %s of worker %s: %s", entry.id, worker, state)
        if self._spool.leave(worker) and proven:
            identity.forget(self._folder, worker)
        return count


def _parse(text: bytes | None) -> Mapping[str, Any]:
    try:
        return loads_object(text or b"{}")
    except BadInput:
        return {}
