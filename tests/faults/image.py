"""Small file systems of a story's own: in memory, or ext4 in a file whose power can be cut.

All are unmounted when the story is over, however it ends. They need root and a machine that mounts.
"""

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from tests.faults.scenario import Ground
from tests.host import eventually

#: EXT4_IOC_SHUTDOWN: from now on nothing reaches the disk, as after a power cut.
_SHUTDOWN = 0x8004587D
#: What the journal holds is written first, or is lost with all the rest.
JOURNAL_KEPT, ALL_LOST = 1, 2


def tmpfs(ground: Ground, options: str) -> Path:
    """A file system in memory with limits: "size=12m" or "nr_inodes=64"."""
    folder = ground.folder()
    _run("mount", "-t", "tmpfs", "-o", f"{options},mode=700", "wmctl-fault", folder)
    ground.later(lambda: unmount(folder))
    return folder


class Image:
    """ext4 in a file on the ordinary disk, mounted at `folder`."""

    def __init__(self, ground: Ground, megabytes: int = 64) -> None:
        self._ground = ground
        self._home = ground.folder()
        self._file = self._home / "image"
        with self._file.open("wb") as file:
            file.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-F", "-E", "nodiscard", self._file)
        self.folder = self._mount(self._file)

    def cut(self, how: int) -> None:
        """The power fails: every later call to this file system is refused."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", how))
        finally:
            os.close(fd)

    def restart(self) -> Path:
        """Mount what the disk holds, once nobody uses the old mount any more.

        A copy: a mount that some other process inherited would keep the dead one alive.
        """
        unmount(self.folder)
        copy = self._home / "copy"
        shutil.copyfile(self._file, copy)
        self.folder = self._mount(copy)
        return self.folder

    def remount(self, how: str) -> bool:
        """`ro` or `rw`; False while somebody has a file open for writing."""
        done = subprocess.run(
            ["mount", "-o", f"remount,{how}", str(self.folder)], capture_output=True, check=False
        )
        return done.returncode == 0

    def _mount(self, file: Path) -> Path:
        folder = self._ground.folder()
        _run("mount", "-o", "loop", file, folder)
        self._ground.later(lambda: unmount(folder))
        return folder


def unmount(folder: Path) -> None:
    """And give the loop device back. Whoever was just killed may hold it a little longer."""

    def gone() -> bool:
        if not os.path.ismount(folder):
            return True
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)
        return not os.path.ismount(folder)

    try:
        eventually(gone)
    except AssertionError:
        _run("umount", "--lazy", folder)
        raise


def _run(*words: str | Path) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr.strip()} (these stories need root)"
