"""What is paused, of what a worker serves; looked at so seldom that no claim costs a call more."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from wmctl.spool import Spool
from wmctl.worker.clock import Every


class Pauses:
    """The paused tags and groups of a spool as one worker sees them."""

    def __init__(self, spool: Spool, clock: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._every = Every(spool.store, clock)
        self.tags: Mapping[str, Mapping[str, Any]] = {}
        self.groups: Mapping[str, Mapping[str, Any]] = {}

    def look(self) -> None:
        """If it is time."""
        if self._every.due():
            self.tags, self.groups = self._spool.pauses(), self._spool.group_pauses()

    def left(self, tags: Mapping[str, int]) -> Mapping[str, int]:
        """The tags without those that are paused."""
        if not self.tags:
            return tags
        return {tag: rank for tag, rank in tags.items() if tag not in self.tags}
