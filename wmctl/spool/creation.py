"""Making a spool: the whole tree beside its place, then one rename."""

import contextlib
import os
import stat
from dataclasses import asdict

from wmctl.errors import ConfigError
from wmctl.spool import fs, strict
from wmctl.spool.fs import Disk
from wmctl.spool.settings import SETTINGS_FILE, Settings

#: Every folder of a new spool.
FOLDERS = (
    "tmp", "queue", "running", "suspended", "completed", "held", "quarantine", "results", "logs",
    "state", "children", "blobs", "trash", "keys", "workers", "control", "control/cancel",
    "control/drain", "control/group", "control/pause", "control/signal", "control/waiters",
    "control/slots", "groups", "workspaces", "intake",
)  # fmt: skip


def make(root: str, settings: Settings, disk: Disk) -> None:
    """Make a spool, whole or not at all; one that is there is left as it is."""
    with fs.translated(f"make the spool {root}"):
        above = _mkdirs(os.path.dirname(root), disk)
        if not _taken(root, disk):
            _build(root, settings, disk)
        fs.sync_folders(disk, above)


def _mkdirs(folder: str, disk: Disk) -> set[str]:
    """Make the folders that lead to the spool; those to be synced, so that they stay."""
    unsynced: set[str] = set()
    at = folder
    while at != os.path.dirname(at) and not fs.present(disk, at):
        at = os.path.dirname(at)
        unsynced.add(at)
    disk.mkdirs(folder)
    return unsynced


def _taken(root: str, disk: Disk) -> bool:
    """True if a spool is there; ConfigError if something else is."""
    if fs.present(disk, f"{root}/{SETTINGS_FILE}"):
        return True
    if not fs.present(disk, root):
        return False
    if not stat.S_ISDIR(disk.stat(root).st_mode) or next(disk.scan(root), None) is not None:
        raise ConfigError(
            f"{root} exists and is not a spool",
            hint="name an empty or a new folder: wmctl init FOLDER",
        )
    return False


def _build(root: str, settings: Settings, disk: Disk) -> None:
    """The whole tree beside its place, then one rename, which a non-empty target refuses."""
    aside = f"{root}.{os.urandom(6).hex()}.new"
    try:
        _lay_out(aside, settings, disk)
        disk.rename(aside, root)
    except OSError:
        _discard(aside, disk)
        if not fs.present(disk, f"{root}/{SETTINGS_FILE}"):
            raise
    fs.sync_folders(disk, {os.path.dirname(root)})


def _lay_out(aside: str, settings: Settings, disk: Disk) -> None:
    for folder in ("", *FOLDERS):
        path = f"{aside}/{folder}".rstrip("/")
        disk.mkdir(path, settings.folder_mode)
        disk.chmod_path(path, settings.folder_mode)
    content = (strict.dumps(asdict(settings)) + "\n").encode()
    fs.write_new(disk, f"{aside}/{SETTINGS_FILE}", content, settings.mode, sync=True)
    fs.sync_folders(disk, {aside, f"{aside}/control"})


def _discard(aside: str, disk: Disk) -> None:
    """What was laid out, as far as it came; it is gone if the rename was done after all."""
    with contextlib.suppress(OSError):
        disk.unlink(f"{aside}/{SETTINGS_FILE}")
    for folder in (*sorted(FOLDERS, key=len, reverse=True), ""):
        with contextlib.suppress(OSError):
            disk.rmdir(f"{aside}/{folder}".rstrip("/"))
