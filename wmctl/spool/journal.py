"""The journal: what each process did to the jobs of a spool, for whoever must prove something.

Off by default. One file for each process, since several hosts cannot append to one; its first line
says who writes, each further line is one event. It never keeps a job from going on: a line that
cannot be written is left out. `history.py` reads it.
"""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from wmctl.errors import BadInput
from wmctl.spool import fs, strict
from wmctl.spool.fs import Disk
from wmctl.spool.name import Name

#: The folder inside a spool, where no other is named.
FOLDER = "journal"
SUFFIX = ".jsonl"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_CHUNK = 1 << 20


class Event(NamedTuple):
    """One line. `at`: seconds on the clock of the `boot` it was written in; compare within one."""

    verb: str
    job: str
    claims: int
    attempt: int
    at: float
    boot: str
    #: Unique for each process that wrote.
    writer: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class _Open:
    pid: int
    fd: int


class Journal:
    """Writes to a folder that is made when the first event comes. Used by several threads."""

    def __init__(self, folder: str, mode: int = 0o600, disk: Disk | None = None) -> None:
        self.folder = folder
        self._mode = mode
        self._disk = disk or Disk()
        self._open: _Open | None = None

    def note(self, verb: str, name: Name, **facts: object) -> None:
        """Write one event down, at once."""
        line = {
            "verb": verb, "job": name.id, "claims": name.claims, "attempt": name.attempt,
            "at": round(fs.boottime(), 6), **facts,
        }  # fmt: skip
        with contextlib.suppress(OSError):
            self._disk.write(self._descriptor(), (strict.dumps(line) + "\n").encode())

    def _descriptor(self) -> int:
        """The file of this process; a child that was forked has its own."""
        if self._open is None or self._open.pid != os.getpid():
            self._open = _Open(os.getpid(), self._begin())
        return self._open.fd

    def _begin(self) -> int:
        self._disk.mkdirs(self.folder)
        host, pid = socket.gethostname(), os.getpid()
        label = "".join(char for char in host if char.isalnum())[:40]
        path = f"{self.folder}/{label}.{pid}.{os.urandom(4).hex()}{SUFFIX}"
        fd = self._disk.create(path, self._mode)
        first = {"journal": 1, "host": host, "pid": pid, "boot": _boot_id(self._disk)}
        self._disk.write(fd, (strict.dumps(first) + "\n").encode())
        return fd


def read_journal(folder: str | os.PathLike[str], disk: Disk | None = None) -> Iterator[Event]:
    """Every event of every process, file by file. BadInput for a line that is none.

    The last line of a file may be torn: its writer was killed.
    """
    used = disk or Disk()
    for found in used.scan(os.fspath(folder)):
        if found.name.endswith(SUFFIX):
            yield from _events(found.path, _read(used, found.path))


def _events(path: str, text: bytes) -> Iterator[Event]:
    lines = text.split(b"\n")
    if not lines[0] or len(lines) == 1:
        return
    boot = str(strict.loads_object(lines[0], path).get("boot", ""))
    for number, line in enumerate(lines[1:-1], 2):
        where = f"{path}:{number}"
        content = strict.loads_object(line, where)
        try:
            yield Event(
                content.pop("verb"), content.pop("job"), content.pop("claims"),
                content.pop("attempt"), content.pop("at"), boot, path, content,
            )  # fmt: skip
        except KeyError as error:
            raise BadInput(f"{where}: no {error} in this event") from None


def _read(disk: Disk, path: str) -> bytes:
    folder, name = os.path.split(path)
    dfd = disk.open_folder(folder)
    try:
        fd = disk.open_in(dfd, name)
        try:
            parts = []
            while part := disk.read(fd, _CHUNK):
                parts.append(part)
            return b"".join(parts)
        finally:
            disk.close(fd)
    finally:
        disk.close(dfd)


def _boot_id(disk: Disk) -> str:
    """Clocks can be compared between those who say the same."""
    try:
        return _read(disk, _BOOT_ID).decode("ascii", "replace").strip()
    except OSError:
        return ""
