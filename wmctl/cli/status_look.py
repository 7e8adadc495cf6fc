"""What `wmctl status` is made of, each looked up once."""

from wmctl.cli import alerting
from wmctl.cli.alerting import Alert
from wmctl.cli.grouptags import GroupTags
from wmctl.cli.reasons import Reasons
from wmctl.cli.session import Session
from wmctl.cli.worker_state import Worker, of_beat
from wmctl.config import alerts as config
from wmctl.config.alerts import Alerts
from wmctl.errors import ConfigError
from wmctl.spool import orders


class Look:
    """One look at a spool."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.spool = session.spool
        self.reasons = Reasons(self.spool)
        self.groups = GroupTags(self.spool.store)
        #: Configuration that cannot be used.
        self.faults: list[ConfigError] = []
        self.rules = self._rules()
        self.queues = alerting.Queues(self.spool, self.reasons.now, self.rules)
        settings = self.spool.settings
        self.workers = [of_beat(beat, settings) for beat in self.reasons.beats or ()]
        self.paused_tags = self.spool.pauses()
        self.paused_groups = orders.paused_groups(self.spool.store)

    @property
    def alive(self) -> list[Worker]:
        """The workers that live."""
        return [worker for worker in self.workers if worker.alive]

    def alerts(self) -> list[Alert]:
        """All alerts, those too that do not fire."""
        return alerting.evaluate(self.spool, self.reasons, self.rules, self.groups, self.queues)

    def _rules(self) -> Alerts:
        try:
            return config.load(self.spool.store)
        except ConfigError as error:
            self.faults.append(error)
            return Alerts()
