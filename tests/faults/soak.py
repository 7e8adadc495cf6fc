"""Hours of ordinary work, read off minutes: memory, open files, folders (G17)."""

import json
import os
import statistics
import threading
import time
from dataclasses import dataclass, field

from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

#: Jobs submitted each second, as long as the workers keep up with them.
RATE = 100
#: From so many seconds on the slope of a process's memory says something; megabytes an hour then.
LONG, SLOPE = 300, 0.5
#: Megabytes that a process may grow in the second half of a short form.
COARSE = 4.0
#: Open files more at the end than in the middle.
FILES = 3


@dataclass
class Process:
    """What was seen of one process."""

    pid: int
    at: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Take one sample."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        self.at.append(time.monotonic())
        self.rss.append(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20))
        self.files.append(len(os.listdir(f"/proc/{self.pid}/fd")))

    def judge(self, tally: Tally, seconds: float) -> float:
        """The slope of the second half in MB an hour, by least squares."""
        half = len(self.at) // 2
        slope = 3600 * statistics.linear_regression(self.at[half:], self.rss[half:]).slope
        grown = self.rss[-1] - self.rss[half]
        well = slope < SLOPE if seconds >= LONG else grown < COARSE
        tally.expect(well, f"process {self.pid} grew by {grown:.2f} MB ({slope:.1f} MB/h)")
        some = max(1, half // 4)
        middle, last = min(self.files[half : half + some]), min(self.files[-some:])
        tally.expect(last <= middle + FILES, f"process {self.pid}: {middle} open files, {last} now")
        return slope


def _submit(host: Host, count: int) -> list[str]:
    lines = "".join(json.dumps({"n": str(number)}) + "\n" for number in range(count))
    done = host.wmctl("submit", "-c", 'n="$1"\n', "-l", "bash", "--each", "-", stdin=lines)
    return done.stdout.split()


def _watch(processes: list[Process], over: threading.Event, every: float) -> None:
    while not over.wait(every):
        for process in processes:
            process.look()


def soak(ground: Ground, seconds: int) -> Tally:
    """Submit, work, prune, and look each second."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=6.0, beat=0.5)
    supervisor = host.start("-n", "2", "-q", rigs=ground.without)
    eventually(lambda: len(host.worker_pids()) == len(spool.joined()) == 2)
    processes = [Process(pid) for pid in (supervisor.pid, *host.worker_pids())]
    jobs: list[str] = []
    pruned, most = 0, 0
    begun = time.monotonic()
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(processes, over, max(0.1, seconds / 600)))
    watcher.start()
    ground.later(watcher.join)
    ground.later(over.set)
    while (now := time.monotonic() - begun) < seconds:
        if host.unfinished() < RATE:
            jobs += _submit(host, RATE)
        most = max(most, sum(1 for _ in spool.entries(["success"])))
        pruned += spool.prune(1.0).jobs
        if processes[-1].rss:
            ground.said(f"{now:.0f} s, {len(jobs)} jobs, {processes[-1].rss[-1]:.1f} MB")
        time.sleep(max(0.0, begun + now + 1.0 - time.monotonic()))
    over.set()
    watcher.join()
    tally = Tally(faults=len(processes[0].at))
    slopes = [process.judge(tally, seconds) for process in processes]
    eventually(lambda: not host.unfinished())
    host.drain()
    pruned += spool.prune(0.0).jobs
    # A worker's own log is kept for people who ask what became of it.
    files = sum(len(found) for top in ("completed", "results", "logs", "queue")
                for folder, _, found in os.walk(spool.path / top)
                if not folder.endswith("/logs/workers"))  # fmt: skip
    tally.jobs = len(jobs)
    tally.lost = len(jobs) - pruned
    tally.expect(files == 0, f"{files} files are left of {len(jobs)} jobs after the prune")
    tally.expect(most < len(jobs), "nothing was pruned on the way")
    tally.note = f"{len(jobs) / seconds:.0f} jobs/s, {max(slopes):+.1f} MB/h"
    return tally


SCENARIOS = [
    Scenario(
        "G17", "soak", "ordinary work for a long time: memory, files, folders", soak,
        short=6, long=600, control="leak-files", control_size=4,
    ),
]  # fmt: skip
