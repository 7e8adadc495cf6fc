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

from wmctl.errors import ConfigError

_ALPHABET = string.ascii_lowercase + string.digits
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


def private_folder(path: Path) -> Path:
    """A folder of this user's that nobody else can enter; made if it is not there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{path} is not a folder that only this user may enter",
            hint=f"remove it, or set TMPDIR to a folder of your own: rm -r {path}",
        )
    return path


def work_folder(environ: Mapping[str, str]) -> Path:
    """Where the workers of this user keep job folders and locks: local, never in the spool."""
    base = environ.get("WINDMILL_DIR") or tempfile.gettempdir()
    return private_folder(Path(base) / f"wmctl-{os.geteuid()}")


class LifeLock:
    """Held as long as the process lives; jobs do not inherit it. A free one proves a death."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.path = private_folder(folder / "locks") / worker
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """The worker has left its spool: nobody needs the proof any more."""
        self.path.unlink(missing_ok=True)
        os.close(self._fd)


def proven_dead(folder: Path, beat: Mapping[str, object]) -> bool:
    """True only if the worker ran on this host and boot, in our PID namespace, and is gone."""
    here = beat.get("boot_id") == boot_id() != "" and beat.get("pid_namespace") == pid_namespace()
    path = Path(str(beat.get("lock") or ""))
    if not here or path.parent != folder / "locks":
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
    import shutil

    (folder / "locks" / worker).unlink(missing_ok=True)
    shutil.rmtree(folder / worker, ignore_errors=True)
