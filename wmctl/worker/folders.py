"""Folders of this user alone: made private, removed whatever a job did to what is in them."""

import contextlib
import os
import shutil
import stat
from pathlib import Path

from wmctl.errors import ConfigError


def private_folder(path: Path) -> Path:
    """A folder of this user's that nobody else can enter; made if it is not there."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{path} is not a folder that only this user may enter",
            hint=f"remove it, or set TMPDIR to a folder of your own: rm -r {path}",
        )
    return path


def make_anew(folder: str) -> None:
    """An empty private folder, whatever was there before."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        remove(folder)
        os.mkdir(folder, 0o700)


def remove(folder: str) -> None:
    """Remove a folder; also parts that a job made unreadable, as Go does with its module cache."""
    try:
        # Most hold a few files and an empty `shared`: a third of rmtree's system calls.
        with os.scandir(folder) as found:
            for entry in found:
                (os.rmdir if entry.is_dir(follow_symlinks=False) else os.unlink)(entry.path)
        os.rmdir(folder)
    except OSError:
        _remove_thoroughly(folder)


def _remove_thoroughly(folder: str) -> None:
    refused = False

    def note(*_: object) -> None:
        nonlocal refused
        refused = True

    shutil.rmtree(folder, onerror=note)
    if refused and os.path.lexists(folder):
        for above, folders, _ in os.walk(folder):
            for path in (above, *(f"{above}/{name}" for name in folders)):
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
