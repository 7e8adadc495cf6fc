"""The slots of a group on this host: each worker of the group has one, with variables of its own.

A lock on a local file is the right to a slot, so that two supervisors do not give one GPU away
twice; it ends with the worker's process.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from wmctl.worker.folders import private_folder

_LOCKS = "locks"


class Places:
    """One worker's slot, if its group has any."""

    def __init__(self, work: Path, spool: str, group: str) -> None:
        self._group = group
        self._work = work
        spool_id = hashlib.sha256(os.path.realpath(spool).encode()).hexdigest()[:12]
        self._prefix = f"slot.{spool_id}.{group}"
        self._fd = -1
        #: The number of the slot that we have.
        self.number: int | None = None

    def settle(self, slots: Sequence[Mapping[str, str]]) -> str | None:
        """Have a slot if the group has slots, else none; why there is none to be had, or None."""
        if self.number is not None and self.number >= len(slots):
            self.release()
        if self.number is not None or not slots:
            return None
        for number in range(len(slots)):
            if self._take(number):
                return None
        how_many = f"all {len(slots)} slots" if len(slots) > 1 else "the only slot"
        taken = "are" if len(slots) > 1 else "is"
        return f"{how_many} of group {self._group} {taken} taken on this host"

    def variables(self, slots: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """What jobs get of our slot."""
        number = self.number
        return slots[number] if number is not None and number < len(slots) else {}

    def release(self) -> None:
        """Another worker may have it."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self.number = -1, None

    def _take(self, number: int) -> bool:
        path = private_folder(self._work / _LOCKS) / f"{self._prefix}.{number}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._fd, self.number = fd, number
            return True
        os.close(fd)
        return False
