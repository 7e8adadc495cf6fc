"""A limit for a whole tree of processes: a control group (v1) where the machine has one to give."""

import contextlib
import os
import secrets
import signal
from pathlib import Path

from tests.faults.scenario import Ground
from tests.host import eventually

_ROOT = Path("/sys/fs/cgroup")


def limited(ground: Ground, controller: str, setting: str, value: int) -> list[str] | None:
    """Words to put before a command, so that it runs within the limit; None: there is no group."""
    folder = _ROOT / controller / f"wmctl-fault-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        ground.later(lambda: _remove(folder))
        (folder / setting).write_text(str(value))
    except OSError:
        return None
    # The shell puts itself into the group and becomes the command.
    return ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh"]


def _remove(folder: Path) -> None:
    """With what is left in it: where the worker was killed, nobody else ends its jobs."""

    def gone() -> bool:
        with contextlib.suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            os.rmdir(folder)
        return not folder.exists()

    eventually(gone)
