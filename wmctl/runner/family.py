"""Which processes on this machine belong to one run: what it started, and whatever came of that."""

import os
import threading

from wmctl.runner import proc

#: Held while a run starts its process: a child of ours that is not in `_live` while this is held
#: is nobody's. Re-entrant, for a signal handler may interrupt its holder.
STARTING = threading.RLock()
_live: set[int] = set()


class Family:
    """The processes of one run. Safe to ask from several threads."""

    def __init__(self, job: str | None) -> None:
        self._mark = f"WM_JOB_ID={job}".encode() if job else None
        self._pid = 0
        #: The process that was started has ended; to be set before its pid is given back.
        self.ended = False
        #: Children that were here before: not ours.
        self._keep: frozenset[int] = frozenset()
        if proc.has_children():
            self._keep = frozenset(p.pid for p in proc.adopted(proc.snapshot()))

    def began(self, pid: int) -> None:
        """This is what was started. To be called with STARTING held since before the start."""
        self._pid = pid
        _live.add(pid)

    def forget(self) -> None:
        """The run is over."""
        with STARTING:
            _live.discard(self._pid)

    def find(self, table: proc.Table) -> list[proc.Proc]:
        """The living members: the process started, what is below it, its orphans.

        While other runs go on in this process, an orphan is known by the job's id in its
        environment; one that cleared it is left to the last of them.
        """
        with STARTING:
            others = _live - {self._pid}
        orphans = proc.adopted(table, self._keep | others)
        roots = [p.pid for p in orphans if not others or self._is_marked(p.pid)]
        if not self.ended:
            roots.append(self._pid)
        # Without a subreaper this is all that can be found of what lost its parent.
        roots += [p.pid for p in table.values() if p.session == self._pid]
        return [p for p in proc.below(table, roots) if not p.dead]

    def left(self) -> list[proc.Proc]:
        """What is left after the end. Costs three system calls if nothing is, as nearly always."""
        self.reap()
        if not proc.has_children() and not _group_exists(self._pid):
            return []
        found = self.find(proc.snapshot())
        if not found:
            self.reap()  # who was about to end at the first look has ended
        return found

    def reap(self) -> None:
        """Collect orphans that have ended."""
        with STARTING:
            proc.reap_orphans(self._keep | _live)

    def _is_marked(self, pid: int) -> bool:
        return self._mark is not None and proc.has_environ(pid, self._mark)


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
