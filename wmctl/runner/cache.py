"""Build-once folders: made aside, put in place by one rename. No locks, safe for many workers."""

import os
import time
from collections.abc import Callable
from pathlib import Path

#: Folders in the making begin with this; a killed builder leaves one behind.
STAGING = ".staging-"
#: Seconds after which such a leftover is nobody's.
ABANDONED = 86_400.0


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """`folder`, made by `build(staging)` if it is not there yet.

    Whoever finishes first wins, the others use the winner's. When `build` raises, nothing is left
    and the exception passes through. When the machine dies in the middle, `folder` does not exist.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder.parent)
    staging = folder.parent / f"{STAGING}{os.getpid()}-{os.urandom(8).hex()}"
    staging.mkdir(mode=0o700)
    try:
        build(staging)
        _sync(staging)
        staging.rename(folder)
    except BaseException as error:
        _remove(staging)
        # A rename onto a folder with something in it: another builder was faster.
        if isinstance(error, OSError) and folder.is_dir():
            return folder
        raise
    return folder


def _sweep(parent: Path) -> None:
    """Remove what builders left behind that were killed long ago."""
    for leftover in parent.glob(STAGING + "*"):
        try:
            if time.time() - leftover.stat().st_mtime > ABANDONED:
                _remove(leftover)
        except OSError:
            continue


def _remove(folder: Path) -> None:
    import shutil  # slow to import, and needed on rare paths only

    shutil.rmtree(folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Without this a power cut leaves a cached binary with the right name and no content."""
    for where, _, names in os.walk(folder):
        for path in (*(Path(where, name) for name in names), Path(where)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
