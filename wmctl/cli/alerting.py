"""Which alerts of a spool fire now, by what its files say at this moment; nothing is kept."""

from collections import Counter
from collections.abc import Iterable, Mapping
from shlex import quote
from typing import Any, NamedTuple

from wmctl.cli.confirm import counted
from wmctl.cli.grouptags import GroupTags
from wmctl.cli.lists import age
from wmctl.cli.reasons import Reasons
from wmctl.cli.worker_state import groups_of
from wmctl.config.alerts import Alerts, Command
from wmctl.spool import Beat, Spool
from wmctl.spool.counts import Queue


class Alert(NamedTuple):
    """One condition: of an alert with several tags there is one for each."""

    name: str
    #: `jobs` (of a tag) or `workers` (of a group), and its name.
    kind: str
    of: str
    #: How many there are, and from how many on, or below how many, somebody is told.
    number: int
    threshold: int
    #: Jobs count that have waited for so many seconds.
    seconds: int
    cooldown: int
    command: Command | None

    @property
    def key(self) -> str:
        """What it is, and stays, for who remembers whom was told."""
        return f"{self.kind}\0{self.name}\0{self.of}"

    @property
    def fires(self) -> bool:
        """Whether somebody is to be told."""
        return (
            self.number >= self.threshold if self.kind == "jobs" else self.number < self.threshold
        )

    @property
    def text(self) -> str:
        """One sentence with the facts."""
        if self.kind == "workers":
            return (
                f"group {self.of} has {counted(self.number, 'live worker')},"
                f" and is to have {self.threshold} or more"
            )
        long = f" for {age(self.seconds)} or longer" if self.seconds else ""
        what = counted(self.number, "job waits", "jobs wait")
        return f"{what} for the tag {self.of!r}{long}; {self.name}: {self.threshold} or more"

    @property
    def fix(self) -> str:
        """The command that tells more."""
        if self.kind == "workers":
            return f"WORKER_GROUP={quote(self.of)} wmctl worker start"
        return f"wmctl why {quote(self.of)}"

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name, "kind": self.kind, "of": self.of, "fires": self.fires,
            "count": self.number, "threshold": self.threshold, "seconds": self.seconds,
            "cooldown": self.cooldown, "text": self.text, "fix": self.fix,
        }  # fmt: skip


class Queues:
    """What waits under each tag, counted once: also what has waited as long as alerts ask for."""

    def __init__(self, spool: Spool, now: int, alerts: Alerts) -> None:
        self._spool = spool
        self._now = now
        self._found: dict[str, Queue] = {}
        self._spans: dict[str, list[int]] = {}
        for row in alerts.rows:
            for tag in row.tags_to_monitor:
                spans = self._spans.setdefault(tag, [])
                if row.alert_time_threshold_seconds not in {0, *spans}:
                    spans.append(row.alert_time_threshold_seconds)

    def of(self, tag: str) -> Queue:
        """What waits there."""
        if tag not in self._found:
            spans = self._spans.get(tag, [])
            self._found[tag] = self._spool.queue(tag, self._now, spans)
        return self._found[tag]

    def waiting(self, tag: str, seconds: int) -> int:
        """How many have waited for so long."""
        queue = self.of(tag)
        return queue.long[self._spans[tag].index(seconds)] if seconds else queue.due


def alive(beats: Iterable[Beat], lease: float) -> Mapping[str, int]:
    """How many workers of each group live; those for a single job count nowhere."""
    return Counter(
        group
        for beat in beats
        if beat.alive(lease) and not beat.content.get("only")
        for group in groups_of(beat.content)
    )


def evaluate(
    spool: Spool, reasons: Reasons, alerts: Alerts, groups: GroupTags, queues: Queues
) -> list[Alert]:
    """All of them, whether they fire or not."""
    living = alive(reasons.beats or (), spool.settings.lease)
    of_groups = [
        Alert(
            f"workers of {name}", "workers", name, living.get(name, 0), threshold, 0,
            alerts.alert_cooldown_seconds, alerts.command,
        )
        for name, group in sorted(groups.all.items())
        if (threshold := group.min_alive_workers_alert_threshold)
    ]  # fmt: skip
    of_jobs = [
        Alert(
            row.name, "jobs", tag, queues.waiting(tag, row.alert_time_threshold_seconds),
            row.jobs_num_threshold, row.alert_time_threshold_seconds,
            row.alert_cooldown_seconds, row.command,
        )
        for row in alerts.rows
        for tag in dict.fromkeys(row.tags_to_monitor)
    ]  # fmt: skip
    return of_groups + of_jobs
