"""kill -9 of workers at random, in memory (many) and on a disk with every sync (G1, G2)."""

import os
import signal
import time

from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

#: Jobs for each kill, so that there is always something to kill.
JOBS = 6
#: Seconds: what a spool of these stories agrees on.
LEASE, BEAT = 6.0, 0.5


def kills(ground: Ground, host: Host, count: int) -> int:
    """Kill a random worker every now and then until all is done; how many died."""
    killed = 0
    while killed < count and host.unfinished():
        time.sleep(ground.rng.uniform(0.0, 0.12))
        pids = host.worker_pids()
        if pids:
            os.kill(ground.rng.choice(pids), signal.SIGKILL)
            killed += 1
        if killed % 50 == 49:
            ground.said(f"{killed + 1} kills, {host.unfinished()} jobs left")
    return killed


def _storm(ground: Ground, count: int, *, memory: bool) -> Tally:
    host = ground.host(memory=memory)
    host.make_spool(lease=LEASE, beat=BEAT)
    jobs = host.submit_many(count * JOBS, ":")
    for _ in range(2):
        host.start("-n", "2", rigs=ground.without)
    killed = kills(ground, host, count)
    patience = 2 * LEASE if ground.without else 60.0 + count / 4
    try:
        eventually(lambda: not host.unfinished(), patience)
        # The last one killed is rescued too, though it held nothing.
        eventually(lambda: len(host.spool.joined()) == len(host.worker_pids()) > 0, patience)
    except AssertionError:
        ground.said("not all jobs came to their end")
    host.drain()
    tally = judge_host(host, jobs, faults=killed)
    all_finished(host, tally)
    tally.expect(host.spool.joined() == set() or bool(ground.without), "a worker was left behind")
    lost = sum(host.spool.find(job).name.lost for job in jobs)
    tally.note = f"{lost} jobs ran again"
    return tally


SCENARIOS = [
    Scenario(
        "G1", "kill", "kill -9 of random workers, spool in memory",
        lambda ground, count: _storm(ground, count, memory=True),
        short=25, long=1000, control="no-rescue", control_size=4,
    ),
    Scenario(
        "G2", "kill-disk", "kill -9 of random workers, spool on a disk, every sync",
        lambda ground, count: _storm(ground, count, memory=False),
        short=10, long=300, control="no-rescue", control_size=4,
    ),
]  # fmt: skip
