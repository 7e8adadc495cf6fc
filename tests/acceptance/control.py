"""Workers with one protection switched off: the checks of these tests must notice.

python -m tests.acceptance.control no-rescue|no-fence|no-guard
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from wmctl.cli.serve import Limits, supervisor_of
from wmctl.cli.session import Session
from wmctl.spool import Spool, Staged
from wmctl.worker.rescuer import Rescuer
from wmctl.worker.supervisor import Supervisor


def no_rescue() -> None:
    """What a dead worker had claimed stays with it."""
    Rescuer.sweep = lambda _: 0  # type: ignore[method-assign]


def no_fence() -> None:
    """A finished job is published by writing its record, whoever holds the claim by now."""

    def commit(self: Spool, batch: Sequence[Staged]) -> list[bool]:
        for item in batch:
            target = Path(self.store.completed(item.claim.name.but(outcome=item.outcome)))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(item.claim.job.to_json())
            target.chmod(0o600)
            Path(item.claim.path).unlink(missing_ok=True)
        return [True] * len(batch)

    Spool.commit = commit  # type: ignore[method-assign]


def no_guard() -> None:
    """A worker that stands still keeps its job running."""
    Supervisor._stop_hung = lambda _: None  # type: ignore[method-assign]


def main(name: str) -> int:
    {"no-rescue": no_rescue, "no-fence": no_fence, "no-guard": no_guard}[name]()
    logging.basicConfig(level=logging.INFO)
    return supervisor_of(Session(), Limits()).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
