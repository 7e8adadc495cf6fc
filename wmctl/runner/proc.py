"""What /proc tells about processes, and the collecting of ended children. Sends no signal."""

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple


class Proc(NamedTuple):
    """A process as /proc showed it. A pid alone names nobody for long; with `start` it does."""

    pid: int
    parent: int
    group: int
    session: int
    start: int
    name: str
    #: Ended, and only waiting for its parent to ask how.
    dead: bool


Table = Mapping[int, Proc]


def read(pid: int | str) -> Proc | None:
    """One process, or None if there is none of this pid."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name may hold anything, brackets and newlines too; nothing after it can.
    head, _, rest = text.rpartition(b")")
    number, _, name = head.partition(b" (")
    fields = rest.split()
    # A dead first thread does not mean a dead process: others may go on.
    dead = fields[0] in (b"Z", b"X") and int(fields[17]) <= 1
    parent, group, session = map(int, fields[1:4])
    return Proc(
        int(number),
        parent,
        group,
        session,
        int(fields[19]),
        name.decode("utf-8", "replace"),
        dead,
    )


def snapshot() -> dict[int, Proc]:
    """Every process there is, in one pass. Whatever moves meanwhile may be missed: ask again."""
    found = (read(entry) for entry in os.listdir("/proc") if entry.isdecimal())
    return {proc.pid: proc for proc in found if proc}


def below(table: Table, roots: Iterable[int], without: Collection[int] = ()) -> list[Proc]:
    """The roots that are there and all their descendants, but no tree that `without` names."""
    children: dict[int, list[int]] = {}
    for proc in table.values():
        children.setdefault(proc.parent, []).append(proc.pid)
    found: dict[int, Proc] = {}
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid in table and pid not in found and pid not in without:
            found[pid] = table[pid]
            todo += children.get(pid, ())
    return list(found.values())


def adopted(table: Table, keep: Collection[int] = ()) -> list[Proc]:
    """This process's children of other sessions: started as such, or orphans come to it.

    A job starts a session of its own and no process can enter another's, so no process of a job
    is ever in the session of its worker.
    """
    own, session = os.getpid(), os.getsid(0)
    return [
        proc
        for proc in table.values()
        if proc.parent == own and proc.session != session and proc.pid not in keep
    ]


def has_environ(pid: int, entry: bytes) -> bool:
    """Whether a process was started with `NAME=value` in its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return entry in file.read().split(b"\0")
    except OSError:
        return False


def has_children() -> bool:
    """Whether this process has any child, dead or alive; two microseconds."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap(pids: Iterable[int]) -> int:
    """Collect those of these children that have ended; how many."""
    count = 0
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            count += os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    return count


def reap_orphans(keep: Collection[int] = (), *, any_session: bool = False) -> int:
    """Collect children that have ended and for which nobody else waits; how many.

    `keep` are the children somebody else waits for. Those of the own session are somebody's,
    unless `any_session` is set.
    """
    count = 0
    with contextlib.suppress(ChildProcessError):
        while info := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            pid = info.si_pid
            proc = read(pid)
            if pid in keep or not proc or not (any_session or proc.session != os.getsid(0)):
                # The kernel would name this one again and again: look for the others in /proc.
                return count + reap(_dead_children(keep, any_session=any_session))
            count += reap([pid])
    return count


def _dead_children(keep: Collection[int], *, any_session: bool) -> list[int]:
    own, session = os.getpid(), os.getsid(0)
    return [
        proc.pid
        for proc in snapshot().values()
        if proc.parent == own
        and proc.dead
        and proc.pid not in keep
        and (any_session or proc.session != session)
    ]
