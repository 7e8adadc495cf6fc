"""A supervisor on a laboratory host whose jobs are functions of its own: no fork, no exec.

    python -m tests.nfs.worker '{"spool": …, "burst": true, "rigs": "no-fence"}'

`rigs` are those of `tests.faults.rigged`. Jobs of the kind `noop` note that they ran, on standard
output, and are done.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.rigged import rig
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed, Outcome
from wmctl.runner.tools import Tools
from wmctl.spool import Spool
from wmctl.worker.guard import Guard
from wmctl.worker.identity import work_folder
from wmctl.worker.options import WorkerOptions
from wmctl.worker.supervisor import Supervisor
from wmctl.worker.worker import Worker


class Noop:
    """Says which job it ran; the job's result says which worker did."""

    name = tag = "noop"
    extensions: tuple[str, ...] = ()

    def health(self, tools: Tools) -> str | None:
        return None

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        pass

    def run(self, ctx: RunContext) -> Outcome:
        print("ran", ctx.id, ctx.attempt)  # buffered: a line a job would cost as much as the job
        return Completed(ctx.worker)


def main(text: str) -> int:
    wanted = json.loads(text)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(message)s")
    logging.getLogger("wmctl.worker").addFilter(lambda line: "success" not in line.getMessage())
    rig(wanted.get("rigs", ""))
    spool = Spool.open(wanted["spool"])
    options = WorkerOptions(
        tags={"noop": 0},
        burst=wanted.get("burst", False),
        environ=dict(os.environ),
        tools=Tools.from_environment(os.environ),
        cache=Path("/tmp/cache"),
        work=work_folder(os.environ),
        runners={"noop": Noop()},
    )

    def make(guard: Guard) -> Worker:
        return Worker(spool, options, guard)

    return Supervisor(make, wanted.get("count", 1), spool.settings.lease).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
