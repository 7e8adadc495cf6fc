"""Jobs of a newer format: known by their names, and left to a newer wmctl."""

from wmctl.spool import lookup
from wmctl.spool import name as names
from wmctl.spool.store import Store


class Newer:
    """Which unfinished jobs of a newer format there are; looked up once, when it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: set[str] | None = None

    def waits(self, job_id: str) -> bool:
        """Whether an unfinished job of this id has such a name."""
        if self._waiting is None:
            found = (
                names.newer_id(file)
                for _ in range(2)  # a job in mid-rename can be missing from one pass
                for _, file in lookup.files(self._store, finished=False)
            )
            self._waiting = {newer for newer in found if newer is not None}
        return job_id in self._waiting
