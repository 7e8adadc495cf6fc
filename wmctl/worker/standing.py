"""Whether a worker may claim now, and what its beat says if it may not."""

from collections.abc import Callable

from wmctl.worker.account import Account
from wmctl.worker.live import Configuration
from wmctl.worker.station import Station
from wmctl.worker.steering import NOTHING, Remark, Steering


class Standing:
    """One worker's. `changed` is called when its beat has something else to tell."""

    def __init__(
        self,
        steering: Steering,
        station: Station,
        configuration: Configuration,
        account: Account,
        hindrance: Callable[[], str | None],
    ) -> None:
        self._steering = steering
        self._station = station
        self._configuration = configuration
        self._account = account
        self._hindrance = hindrance
        self._obstacle = NOTHING
        self.changed: Callable[[], None] = lambda: None

    def may_claim(self) -> bool:
        """Whether nothing stands in the way; what does is told by the beat."""
        state, obstacle = self._now()
        if (state, obstacle) != (self._account.state, self._obstacle):
            self._account.state, self._obstacle = state, obstacle
            self.changed()
        return state == "idle" and obstacle == NOTHING

    @property
    def waits(self) -> bool:
        """Whether it claims nothing until somebody, or time, changes that."""
        return self._steering.still or self._station.obstacle is not None

    def remark(self) -> Remark:
        """What people should know of a worker besides its state, and who wanted it so."""
        if self._steering.restless:
            return self._steering.remark()
        if self._obstacle != NOTHING:
            return self._obstacle
        station = self._station
        return station.obstacle or self._configuration.trouble or station.chores.problem, None

    def _now(self) -> tuple[str, Remark]:
        if self._steering.still:
            return "paused", NOTHING
        if self._station.obstacle is not None:
            return "init", NOTHING
        pause = self._steering.pause()
        if pause is not None:
            return "paused", pause
        return "idle", (self._hindrance(), None)
