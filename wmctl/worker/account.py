"""What a worker says of itself: the content of its beat."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from wmctl.config.assignable import OWN_TAGS
from wmctl.spool import Claim
from wmctl.worker import identity, machine
from wmctl.worker.live import Configuration
from wmctl.worker.occupancy import Occupancy
from wmctl.worker.options import WorkerOptions

#: Nothing contains the jobs of this version.
_ISOLATION = "none"
#: Executions are counted for so many tags, the first ones: a beat has no room for more.
_TAGS = 20


class Account:
    """Written by the worker's thread, read by its heart."""

    def __init__(self, options: WorkerOptions, configuration: Configuration, restarts: int) -> None:
        self._options = options
        self._restarts = restarts
        self._configuration = configuration
        self._occupancy = Occupancy()
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._born = self._begun = time.monotonic()
        #: By tag: how many jobs were executed, and how many seconds that took.
        self._executions: dict[str, list[float]] = {}
        self._job: str | None = None
        self._last: Claim | None = None
        #: `starting`, `init`, `idle`, `busy` or `paused`.
        self.state = "starting"
        #: Whether it is to end, or to stand still, once its job is over.
        self.draining: Callable[[], bool] = lambda: False
        #: Why it claims nothing, or what else a person should see; and who wanted it so.
        self.remark: Callable[[], tuple[str | None, str | None]] = lambda: (None, None)
        self.executed = 0
        self.outcomes = {"success": 0, "failure": 0}
        self.slot: int | None = None
        self.lock = ""

    def begin(self, claim: Claim, state: str) -> None:
        """A job is about to run."""
        self._last, self._job, self.state = claim, claim.id, state
        self._begun = time.monotonic()
        self._occupancy.begin()

    def end(self, state: str) -> None:
        """It is over."""
        self._occupancy.end()
        if self._last is not None:
            self._add(self._last.name.tag, time.monotonic() - self._begun)
        self._job, self.state = None, state

    def _add(self, tag: str, seconds: float) -> None:
        """One more execution, however it ended."""
        found = self._executions.get(tag)
        if found is not None:
            self._executions[tag] = [found[0] + 1, found[1] + seconds]
        elif tag not in OWN_TAGS and len(self._executions) < _TAGS:
            self._executions = {**self._executions, tag: [1, seconds]}  # the heart may read it now

    def count(self, claim: Claim, outcome: str) -> None:
        """A job's end was published: its word. What a worker does for itself does not count."""
        if outcome in self.outcomes and claim.name.tag not in OWN_TAGS:
            self.outcomes[outcome] += 1

    def describe(self) -> Mapping[str, Any]:
        """The beat's content. Whoever reads it must not rely on any key: older ones lack some."""
        options, last = self._options, self._last
        reason, by = self.remark()
        return {
            "group": options.group,
            "groups": list(self._configuration.groups),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "boot_id": identity.boot_id(),
            "pid_namespace": identity.pid_namespace(),
            "lock": self.lock,
            "started_at": self._started_at,
            "state": self._shown(),
            "reason": reason,
            "by": by,
            "job": self._job,
            "last_job": None if last is None else last.id,
            "last_job_workspace": None if last is None else last.job.workspace,
            "jobs_executed": self.executed,
            "ok": self.outcomes["success"],
            "failed": self.outcomes["failure"],
            "occupancy": self._occupancy.shares(),
            "executions": {
                tag: [int(count), round(seconds, 3)]
                for tag, (count, seconds) in self._executions.items()
            },
            "uptime": round(time.monotonic() - self._born, 1),
            "memory": machine.memory(),
            "memory_usage": machine.memory_usage(),
            "vcpus": machine.vcpus(),
            "isolation": _ISOLATION,
            "slot": self.slot,
            "restarts": self._restarts,
            "only": options.only,
            "version": options.version,
            "tags": list(self._configuration.served.tags),
        }

    def _shown(self) -> str:
        if self.state == "starting" or not self.draining():
            return self.state
        return self.state if self.state == "paused" else "draining"
