"""What the stories about hosts and time share: hosts beside each other, scripts that tick."""

import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

from tests.faults.scenario import Ground
from tests.host import Host, eventually
from wmctl.spool import Job, Spool

#: Seconds between two ticks of a script that is to show when it runs.
TICK = 0.05
#: Seconds without a tick in which a script did not run, but stood still with its host.
FROZEN = 0.5
#: Seconds that a promise in seconds gets on top, for a machine with other work to do.
SLACK = 1.0

Ticks = dict[str, dict[int, list[float]]]


def elsewhere(
    host: Host, *words: str, rigs: str = "", prefix: Iterable[str] = ()
) -> subprocess.Popen[bytes]:
    """Workers on what wmctl takes for another host: locks and job folders are their own.

    So nobody can prove their death, and only the lease says it.
    """
    home = tempfile.mkdtemp(prefix="host", dir=host.folder)
    return host.start(*words, rigs=rigs, prefix=["env", f"TMPDIR={home}", *prefix])


def ticking(host: Host, until: str) -> str:
    """A script's work: note the time again and again until a bash condition holds."""
    note = f'echo "$WM_JOB_ID $WM_ATTEMPT $EPOCHREALTIME" >> {host.folder}/ticks'
    return f"while {note}; ! {until}; do sleep {TICK}; done"


def ticks(host: Host) -> Ticks:
    """When each attempt of each job showed that it ran: seconds since 1970, this machine's."""
    found: Ticks = defaultdict(lambda: defaultdict(list))
    path = host.folder / "ticks"
    for line in path.read_text().splitlines() if path.exists() else []:
        job_id, attempt, moment = line.split()
        found[job_id][int(attempt)].append(float(moment))
    return found


def overlaps(found: Ticks) -> dict[str, float]:
    """Seconds that an attempt of a job still ran after a later one had begun."""
    longest: dict[str, float] = {}
    for job_id, attempts in found.items():
        for number, moments in attempts.items():
            later = [min(other) for n, other in attempts.items() if n > number]
            late = sorted(moment for moment in moments if later and moment > min(later))
            if late:
                steps = (after - before for before, after in pairwise(late))
                ran = TICK + sum(step for step in steps if step < FROZEN)
                longest[job_id] = max(longest.get(job_id, 0.0), ran)
    return longest


def script(code: str) -> Job:
    """A bash job, for stories that submit without a command line."""
    return Job(kind="script", language="bash", code=code)


def submit(
    host: Host, count: int, work: str, *, tag: str = "bash", delay: float = 0.0
) -> list[str]:
    """As `Host.submit_many`, without Python's start, and for later if that is wanted."""
    code = f'echo "$WM_JOB_ID $WM_ATTEMPT" >> {host.starts}\n{work}\n'
    jobs = (script(code) for _ in range(count))
    return list(host.spool.submit_all(jobs, tag=tag, delay=delay))


def joined(spool: Spool, count: int) -> set[str]:
    """The workers, once there are so many."""
    eventually(lambda: len(spool.joined()) >= count)
    return spool.joined()


def came(what: Callable[[], object], patience: float) -> bool:
    """Whether it happened in time; for promises, whose breach is told and not raised."""
    try:
        return bool(eventually(what, patience))
    except AssertionError:
        return False


def finished(ground: Ground, host: Host, patience: float) -> bool:
    """Whether all jobs come to their end in time; tells how many are left now and then."""
    until = time.monotonic() + patience
    while left := host.unfinished():
        if time.monotonic() > until:
            return False
        if not came(lambda: not host.unfinished(), min(patience, 5.0)):
            ground.said(f"{left} jobs left")
    return True


def text(path: Path) -> str:
    """What a file says by now."""
    return path.read_text() if path.exists() else ""
