"""What others want of a worker: its configuration, pauses and orders, and what follows from them.

Looked at by time, so that no claim costs a call more.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from wmctl.spool import Spool
from wmctl.worker.live import Configuration
from wmctl.worker.pauses import Pauses

#: A reason and who gave it.
Remark = tuple[str | None, str | None]
NOTHING: Remark = (None, None)


class Steering:
    """One worker's. Orders come from its heart, the rest is looked at here."""

    def __init__(
        self,
        spool: Spool,
        configuration: Configuration,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configuration = configuration
        self._pauses = Pauses(spool, clock)
        #: What the tags were made of.
        self._from: tuple[object, object, object] = (None, None, None)
        #: What may be claimed now; the same object as long as nothing changes.
        self.tags: Mapping[str, int] = configuration.served.tags
        #: `drain`, `stop` or `restart`, and who said so and why.
        self.order: Mapping[str, Any] | None = None

    def look(self) -> bool:
        """Look if it is time; whether the configuration is another one now."""
        changed = self._configuration.look()
        self._pauses.look()
        sources = (self._configuration.served, self._pauses.groups, self._pauses.tags)
        if sources != self._from:
            self._from, self.tags = sources, self._left()
        return changed

    @property
    def still(self) -> bool:
        """Whether it is to stay and claim nothing."""
        return self.order is not None and self.order["order"] == "drain"

    @property
    def restless(self) -> bool:
        """Whether it shall not go on as usual once its job is over."""
        return self.order is not None or self.restarts

    @property
    def ends(self) -> bool:
        """Whether it is to end after its job."""
        return self.restarts or (self.order is not None and not self.still)

    @property
    def restarts(self) -> bool:
        """Whether it is to be started again when it has ended."""
        if self.order is not None and self.order["order"] != "drain":
            return bool(self.order["order"] == "restart")
        return self._configuration.restart is not None

    def remark(self) -> Remark:
        """Why it does not go on as usual: an order, or a change that asks for a new start."""
        if self.order is not None:
            return self.order.get("reason"), self.order.get("by")
        return self._configuration.restart, None

    def pause(self) -> Remark | None:
        """Why nothing is left to be claimed; None: something is."""
        if self.tags:
            return None
        for group in self._configuration.groups:
            if group in self._pauses.groups:
                marker = self._pauses.groups[group]
                return marker.get("reason") or f"the group {group} is paused", marker.get("by")
        tag = next((one for one in self._configuration.served.tags if one in self._pauses.tags), "")
        marker = self._pauses.tags.get(tag, {})
        return marker.get("reason") or "all its tags are paused", marker.get("by")

    def _left(self) -> Mapping[str, int]:
        paused = self._pauses.groups
        tags = self._configuration.served.tags
        return self._pauses.left(self._configuration.without(frozenset(paused)) if paused else tags)


def told_order(order: Mapping[str, Any] | None) -> str:
    """For the log."""
    if order is None:
        return "goes on: nobody wants it to stop any more"
    reason = f" ({order['reason']})" if order.get("reason") else ""
    return f"told to {order['order']} by {order.get('by') or 'somebody'}{reason}"
