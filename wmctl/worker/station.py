"""What a worker needs besides its spool: a slot, a cache, its init script done. And its chores."""

import logging

from wmctl.config.served import Served
from wmctl.spool import Spool
from wmctl.worker.caches import Cache
from wmctl.worker.chores import Chores
from wmctl.worker.live import Configuration
from wmctl.worker.options import WorkerOptions
from wmctl.worker.places import Places
from wmctl.worker.surroundings import Surroundings, surroundings

log = logging.getLogger("wmctl.worker")

#: Seconds between two looks for a slot that somebody gave up.
_SLOT_AGAIN = 2.0


class Station:
    """One worker's. What needs a new start is as it was when the worker started."""

    def __init__(
        self, spool: Spool, worker: str, options: WorkerOptions, configuration: Configuration
    ) -> None:
        self._options = options
        self._configuration = configuration
        root, served = str(spool.path), configuration.served
        self._places = Places(options.work, root, options.group)
        self._cache = Cache(options.cache, root, options.group, served.cache_clear)
        self._settled: Served | None = None
        #: Why there is no slot to be had.
        self._no_slot: str | None = None
        self.chores = Chores(
            spool, worker, init=served.init_bash, periodic=served.periodic_bash,
            interval=served.periodic_interval,
        )  # fmt: skip
        self.surroundings = Surroundings(cache=self._cache.folder)

    def settle(self) -> bool:
        """Have what the configuration wants now; True if jobs get something else from now on."""
        served = self._configuration.served
        if served is self._settled and self._no_slot is None:
            return False
        before, self._no_slot = self._no_slot, self._places.settle(served.slots)
        if self._no_slot not in {None, before}:
            log.warning("%s: nothing is claimed until one is free", self._no_slot)
        self._settled = served
        slot = self._places.variables(served.slots)
        self.surroundings = surroundings(served, self._options.environ, slot, self._cache.folder)
        return True

    @property
    def slot(self) -> int | None:
        """The number of the slot that it has."""
        return self._places.number

    def due(self) -> str | None:
        """The chore that is to be done now; none without the slot's variables."""
        return None if self._no_slot else self.chores.due()

    @property
    def obstacle(self) -> str | None:
        """Why no job may be claimed yet."""
        if self._no_slot:
            return self._no_slot
        return None if self.chores.ready else self.chores.problem or "its init script is to run"

    @property
    def failed(self) -> bool:
        """Whether what is missing was tried to be had."""
        return self._no_slot is not None or self.chores.failed

    def left(self) -> float:
        """Seconds until there is something to be done here."""
        return _SLOT_AGAIN if self._no_slot else self.chores.left()

    def close(self) -> None:
        """The worker goes."""
        self._places.release()
        self._cache.close()
