"""Who a worker is on this host: its name, and the lock that proves that it lives."""

import fcntl
import os
import re
import secrets
import socket
import string
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wmctl.worker.folders import private_folder, remove

_ALPHABET = string.ascii_lowercase + string.digits
#: Beside the workers' folders, none of which is named so.
_LOCKS = "locks"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def new_name(group: str) -> str:
    """`wk-<group>-<host>-<5 random>`, as Windmill's; only letters and digits of the host."""
    host = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:30] or "host"
    label = re.sub(r"[^A-Za-z0-9_]", "", group)[:30] or "default"
    return f"wk-{label}-{host}-{''.join(secrets.choice(_ALPHABET) for _ in range(5))}"


def boot_id() -> str:
    """Changes at every start of this machine."""
    try:
        return Path(_BOOT_ID).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    """Process ids mean the same to all processes that give the same answer."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def work_folder(environ: Mapping[str, str]) -> Path:
    """Where the workers of this user keep job folders and locks: local, never in the spool."""
    base = environ.get("WINDMILL_DIR") or tempfile.gettempdir()
    return private_folder(Path(base) / f"wmctl-{os.geteuid()}")


class LifeLock:
    """Held as long as the process lives; jobs do not inherit it. A free one proves a death."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.path = private_folder(folder / _LOCKS) / worker
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self, *, keep: bool = False) -> None:
        """The worker goes. `keep`: it left claims behind, and others shall see that it is gone."""
        if not keep:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


def proven_dead(folder: Path, worker: str, beat: Mapping[str, object]) -> bool:
    """True only if the worker ran on this host and boot, in our PID namespace, and is gone."""
    here = beat.get("boot_id") == boot_id() != "" and beat.get("pid_namespace") == pid_namespace()
    path = f"{folder}/{_LOCKS}/{worker}"
    if not here or beat.get("lock") != path or "\0" in path:
        return False
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def forget(folder: Path, worker: str) -> None:
    """Remove the lock file and the job folders that a dead worker left on this host."""
    if worker in {_LOCKS, "", ".", ".."}:
        return  # no worker's: such a name can only be a prank in the spool
    (folder / _LOCKS / worker).unlink(missing_ok=True)
    remove(f"{folder}/{worker}")
