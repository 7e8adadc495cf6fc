"""A supervisor with its workers, as a process of its own: what the tests of faults start and kill.

    python -m tests.worker.supervised '{"spool": …, "work": …, "count": 1, "fault": null}'

Faults switch one protection off, so that a test can show that it would notice.
"""

import json
import logging
import os
import sys
from pathlib import Path

from wmctl import config
from wmctl.config import WorkerSettings
from wmctl.runner.tools import Tools
from wmctl.spool import Spool
from wmctl.worker import supervisor as module
from wmctl.worker.guard import Guard
from wmctl.worker.identity import private_folder
from wmctl.worker.live import Live, Sources
from wmctl.worker.options import WorkerOptions
from wmctl.worker.supervisor import Supervisor
from wmctl.worker.worker import Worker
from wmctl_bash.runner import BashRunner


def settings_of(group: str) -> WorkerSettings:
    """Of a worker of this group, or of several, about which nothing else is said."""
    nowhere = Path("/nonexistent")
    environ = {"HOME": "/nonexistent", "WORKER_GROUP": group}
    return config.load({}, environ=environ, folder=nowhere, system=nowhere).worker


class Deaf(Supervisor):
    """The control: watches no lease."""

    def _stop_hung(self) -> None:
        pass


def main(text: str) -> int:
    wanted = json.loads(text)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(process)d %(message)s")
    spool = Spool.open(wanted["spool"])
    options = WorkerOptions(
        tags={"bash": 0},
        burst=wanted.get("burst", False),
        kill_grace=wanted.get("kill_grace", 0.5),
        environ=dict(os.environ),
        tools=Tools.from_environment(os.environ),
        cache=Path(wanted["work"]) / "cache",
        work=private_folder(Path(wanted["work"])),
        runners={"bash": BashRunner()},
        group=wanted.get("group", "default"),
        configure=(lambda: Live(spool.store, sources)) if "group" in wanted else None,
    )

    sources = Sources(settings=settings_of(wanted.get("group", "default")), runner_tags=("bash",))

    def make(guard: Guard) -> Worker:
        if os.path.exists(f"{wanted['work']}/broken"):
            raise RuntimeError("broken on purpose")
        return Worker(spool, options, guard)

    if wanted.get("impatient"):
        module._TOO_SOON = 0.0
    kind = Deaf if wanted.get("fault") == "deaf" else Supervisor
    supervisor = kind(make, wanted.get("count", 1), spool.settings.lease, grace=wanted.get("grace"))
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
