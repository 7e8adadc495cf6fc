"""Whether the kernel tells of new names in a folder (inotify). To test a mount, not for work."""

import ctypes
import errno
import os
import struct

from wmctl.spool.fs import Disk

_CREATE, _MOVED_TO = 0x100, 0x80
_HEAD = struct.Struct("iIII")


class Watch:
    """Counts the names that come into a folder, as far as the kernel tells. OSError: no watch."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        path = os.fsencode(folder)
        try:
            disk.call("watch", self._add, path)
        except OSError:
            disk.close(self._fd)
            raise

    def _add(self, path: bytes) -> None:
        self._checked(self._libc.inotify_add_watch(self._fd, path, _CREATE | _MOVED_TO))

    @staticmethod
    def _checked(answer: int) -> int:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return answer

    def count(self) -> int:
        """How many have come since the last call."""
        try:
            data = self._disk.read(self._fd, 64 << 10)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            return 0
        at, found = 0, 0
        while at + _HEAD.size <= len(data):
            _, _, _, length = _HEAD.unpack_from(data, at)
            at, found = at + _HEAD.size + length, found + 1
        return found

    def close(self) -> None:
        """Watch no more."""
        self._disk.close(self._fd)
