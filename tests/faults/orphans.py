"""Jobs that leave processes behind, and workers that die and leave jobs behind (G19, G20)."""

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.faults.hosts import SLACK, came, finished, submit
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

LEASE, BEAT = 6.0, 0.5
#: Seconds after the end of a job, or of its worker, in which all its processes are gone.
GONE = 1.0
#: Forks twice into a session of its own, hears no TERM, and holds the job's output.
_ORPHAN = "(setsid bash -c 'trap \"\" TERM HUP; (sleep MARK & sleep MARK); wait' &)"
#: Seconds that nobody else sleeps, at least: by these the processes of a job are known.
_MARK = 1_000_000


def marked(mark: str) -> list[int]:
    """The living processes with this text among their words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


class Rounds:
    """Jobs, each with a mark by which its processes are known, and what became of them."""

    def __init__(self, ground: Ground, host: Host) -> None:
        self.ground = ground
        self.host = host
        self.jobs: list[str] = []
        self.slowest = 0.0
        self.problems: list[str] = []

    def begin(self, work: str, processes: int) -> tuple[str, str]:
        """A job that only its first attempt does; its id and its mark."""
        mark = str(self.ground.rng.randrange(_MARK, 10 * _MARK))
        work = work.replace("MARK", mark).replace("END", f"{self.host.folder}/end{mark}")
        self.jobs += submit(self.host, 1, f'[ "$WM_ATTEMPT" != 1 ] || {{ {work}; }}')
        eventually(lambda: len(marked(mark)) >= processes)
        return self.jobs[-1], mark

    def gone(self, mark: str, how: str) -> None:
        """All processes with the mark are gone in time."""
        since = time.monotonic()
        gone = came(lambda: not marked(mark), GONE + SLACK)
        self.slowest = max(self.slowest, time.monotonic() - since)
        if not gone:
            self.problems.append(f"processes of a job that {how} live on")

    def verdict(self, faults: int) -> Tally:
        """No process is left, and no job."""
        finished(self.ground, self.host, 10.0)
        self.host.drain()
        tally = judge_host(self.host, self.jobs, faults=faults)
        all_finished(self.host, tally)
        tally.problems += self.problems
        tally.note = f"the last process gone after {self.slowest:.2f} s"
        return tally


def orphans(ground: Ground, count: int) -> Tally:
    """Each round one job ends, one is canceled, and one's worker is killed."""
    host = ground.host(memory=True)
    host.environ["WMCTL_KILL_GRACE"] = "0.2"
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    # Each is killed so seldom that its supervisor sees no reason to wait before the next one.
    host.start("-n", "6", rigs=ground.without)
    rounds = Rounds(ground, host)
    for number in range(count):
        job_id, mark = rounds.begin(f"{_ORPHAN}; until [ -e END ]; do sleep 0.02; done", 3)
        (host.folder / f"end{mark}").touch()
        eventually(lambda job_id=job_id: spool.terminal(job_id))
        rounds.gone(mark, "ended")
        job_id, mark = rounds.begin(f"{_ORPHAN}; sleep MARK", 4)
        spool.cancel(job_id)
        eventually(lambda job_id=job_id: spool.terminal(job_id))
        rounds.gone(mark, "was canceled")
        job_id, mark = rounds.begin(f"{_ORPHAN}; sleep MARK", 4)
        os.kill(_worker_of(host, job_id), signal.SIGKILL)
        rounds.gone(mark, "lost its worker")
        if number % 10 == 9:
            ground.said(f"{number + 1} of {count} rounds")
    return rounds.verdict(3 * count)


def dead_workers(ground: Ground, count: int) -> Tally:
    """Workers are killed, and every third time their supervisor."""
    host = ground.host(memory=True)
    host.make_spool(lease=LEASE, beat=BEAT)
    host.start("-n", "2", rigs=ground.without)
    rounds = Rounds(ground, host)
    for number in range(count):
        job_id, mark = rounds.begin("sleep MARK", 1)
        if number % 3 == 2:
            host.supervisors[-1].kill()
            host.supervisors[-1].wait()
            rounds.gone(mark, "lost its supervisor")
            host.start("-n", "2", rigs=ground.without)
        else:
            os.kill(_worker_of(host, job_id), signal.SIGKILL)
            rounds.gone(mark, "lost its worker")
        if number % 10 == 9:
            ground.said(f"{number + 1} of {count} kills")
    return rounds.verdict(count)


def _worker_of(host: Host, job_id: str) -> int:
    """The process of the worker that runs a job."""
    (entry,) = (entry for entry in host.spool.entries(["running"]) if entry.id == job_id)
    (beat,) = (beat for beat in host.spool.workers() if beat.worker == entry.worker)
    return int(beat.content["pid"])


SCENARIOS = [
    Scenario(
        "G19", "orphans", "jobs that leave orphans: ended, canceled, worker killed", orphans,
        short=1, long=100, control="only-group", control_size=1,
    ),
    Scenario(
        "G20", "dead-worker", "workers and supervisors are killed, jobs go with them", dead_workers,
        short=5, long=100, control="no-sweep", control_size=1,
    ),
]  # fmt: skip
