"""Process trees: finding and ending them, escaped children too.

A process that forks twice or calls setsid leaves its group and its parent, but not the nearest
living subreaper above it; so a worker and its supervisor are subreapers, and what a job leaves
behind becomes their child. Starts no process and knows nothing of jobs.
"""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from wmctl.runner.proc import Proc, Table, below, has_environ, read, reap_orphans, snapshot

_PR_SET_CHILD_SUBREAPER = 36
#: How long a killed process may take to go (it can hang in the kernel, on a dead file server).
PATIENCE = 5.0
#: Picks the processes meant from a table; asked again after every round of signals.
Find = Callable[[Table], list[Proc]]


class Killed(NamedTuple):
    """What `kill_all` did."""

    gone: list[Proc]
    #: Could not be killed: another user's, or hanging in the kernel.
    left: list[Proc]


def become_subreaper(*, on: bool = True) -> None:
    """Make this process the new parent of every orphan below it (Linux's child subreaper)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def descendants(pid: int) -> list[int]:
    """The living descendants of a process."""
    return [proc.pid for proc in below(snapshot(), [pid]) if proc.pid != pid and not proc.dead]


def signal_all(table: Table, procs: Collection[Proc], signum: int) -> None:
    """Send a signal to these processes, whole groups in one call where a group is all theirs.

    A group's signal reaches its members at one instant, so none forks out of it in between.
    """
    chosen = {proc.pid for proc in procs}
    mixed = {proc.group for proc in table.values() if proc.pid not in chosen and not proc.dead}
    mixed.add(os.getpgrp())
    done: set[int] = set()
    for proc in procs:
        if proc.group in mixed:
            _signal_one(proc, signum)
        elif proc.group not in done and _signal_group(proc, signum):
            done.add(proc.group)


def _signal_one(proc: Proc, signum: int) -> None:
    try:
        fd = os.pidfd_open(proc.pid)
    except OSError:
        return
    try:
        now = read(proc.pid)
        if now and now.start == proc.start:  # so the descriptor is the one meant
            signal.pidfd_send_signal(fd, signum)
    except OSError:
        pass
    finally:
        os.close(fd)


def _signal_group(member: Proc, signum: int) -> bool:
    now = read(member.pid)
    if not now or now.start != member.start:
        return False
    if now.group != member.group:
        _signal_one(member, signum)
        return False
    try:
        os.killpg(member.group, signum)  # a group with a member keeps its number
    except OSError:
        return False
    return True


def await_end(procs: Iterable[Proc], timeout: float) -> None:
    """Wait until these processes (of many: the first 64) have ended, or the time is over."""
    poll = select.poll()
    fds: set[int] = set()
    until = time.monotonic() + timeout
    try:
        for proc in list(procs)[:64]:
            with contextlib.suppress(OSError):
                fd = os.pidfd_open(proc.pid)
                fds.add(fd)
                poll.register(fd, select.POLLIN)
        while fds and (left := until - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000):
                poll.unregister(fd)
                fds.discard(fd)
                os.close(fd)
    finally:
        for fd in fds:
            os.close(fd)


def kill_all(find: Find, patience: float = PATIENCE) -> Killed:
    """Kill what `find` finds until twice in a row it finds nothing (one pass can miss a mover)."""
    gone: dict[tuple[int, int], Proc] = {}
    left: list[Proc] = []
    until = time.monotonic() + patience
    empty = 0
    while empty < 2 and time.monotonic() < until:
        table = snapshot()
        left = find(table)
        empty = 0 if left else empty + 1
        signal_all(table, left, signal.SIGKILL)
        await_end(left, 0.1)
        gone.update({(proc.pid, proc.start): proc for proc in left})
    for proc in left:
        gone.pop((proc.pid, proc.start), None)
    return Killed(list(gone.values()), left)


def terminate(find: Find) -> list[Proc]:
    """Send TERM to what `find` finds; who that is."""
    table = snapshot()
    procs = find(table)
    signal_all(table, procs, signal.SIGTERM)
    signal_all(table, procs, signal.SIGCONT)  # a stopped process cannot end
    return procs


def send(find: Find, signum: int) -> bool:
    """Send one signal to what `find` finds; False if there is nothing."""
    table = snapshot()
    procs = find(table)
    signal_all(table, procs, signum)
    return bool(procs)


def signal_number(name: str) -> int | None:
    """The number, on this machine, of a signal that is named as in kill(1); None if it has none."""
    if name.isascii() and name.isdecimal():
        return int(name) if int(name) in signal.valid_signals() else None
    found = signal.Signals.__members__.get(f"SIG{name}")
    return None if found is None else int(found)


def _terminate(find: Find, grace: float) -> None:
    procs = terminate(find)
    until = time.monotonic() + grace
    while procs and time.monotonic() < until:
        await_end(procs, min(0.1, until - time.monotonic()))
        procs = find(snapshot())


def kill_tree(
    root_pid: int,
    *,
    keep_root: bool,
    sessions: Collection[int] = (),
    grace: float = 0.0,
) -> int:
    """End a process's descendants, the members of `sessions`, and the process; how many.

    With `grace`, all are asked first. Orphans of the tree that went to another parent are found
    again by the sessions they were seen in.
    """
    own = os.getpid()
    known: dict[int, int] = {}
    wide = set(sessions)
    root = read(root_pid)
    if root:
        known[root.pid] = root.start
    narrow = {os.getsid(0), root.session if root and root.session != root.pid else -1}

    def find(table: Table) -> list[Proc]:
        roots = [p.pid for p in table.values() if known.get(p.pid) == p.start or p.session in wide]
        found = [p for p in below(table, roots, without=(own,)) if not p.dead]
        known.update({p.pid: p.start for p in found})
        wide.update({p.session for p in found if p.pid != root_pid} - narrow)
        return found

    def find_below(table: Table) -> list[Proc]:
        return [p for p in find(table) if p.pid != root_pid]

    chosen = find_below if keep_root else find
    if grace:
        _terminate(chosen, grace)
    if root and not keep_root:
        _signal_one(root, signal.SIGSTOP)  # while it lives, its orphans come to it and are found
    count = len(kill_all(find_below).gone)
    return count if keep_root else count + len(kill_all(find).gone)


def kill_descendants(keep: Collection[int] = ()) -> int:
    """Kill all descendants of this process but `keep` and what is below them; how many.

    `keep` must name every child whose end somebody else waits for; the others are collected.
    """
    own = os.getpid()

    def find(table: Table) -> list[Proc]:
        return [p for p in below(table, [own], without=keep) if p.pid != own and not p.dead]

    count = len(kill_all(find).gone)
    reap_orphans(keep, any_session=True)
    return count


def leftovers(worker: str) -> list[int]:
    """The processes on this host that a worker's jobs left behind, wherever they went."""
    return [proc.pid for proc in _leftovers(worker)(snapshot())]


def kill_leftovers(worker: str) -> int:
    """Kill what a worker's jobs left behind on this host; how many.

    Only for a worker that is proven dead. A caller that is itself among them is spared, with what
    is below it.
    """
    return len(kill_all(_leftovers(worker)).gone)


def _leftovers(worker: str) -> Find:
    entry = f"WM_WORKER={worker}".encode()

    def find(table: Table) -> list[Proc]:
        marked = {pid for pid in table if has_environ(pid, entry)}
        # A job's session is its own; a member that cleared its environment is found by it.
        sessions = {table[pid].session for pid in marked}
        sessions = {session for session in sessions if session in marked or session not in table}
        marked |= {p.pid for p in table.values() if p.session in sessions}
        spared = _above(table, os.getpid())
        if marked & spared:
            spared |= {p.pid for p in below(table, [os.getpid()])}
        return [p for p in below(table, marked - spared, without=spared) if not p.dead]

    return find


def _above(table: Table, pid: int) -> set[int]:
    """A process and its ancestors."""
    found: set[int] = set()
    while pid in table:
        found.add(pid)
        pid = table[pid].parent
    return found
