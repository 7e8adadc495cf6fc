"""kill -9 of workers at random, in memory (many) and on a disk with every sync (G1, G2)."""

import contextlib
import os
import signal
import time

from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

#: Jobs for each kill, so that there is always something to kill.
JOBS = 6
#: So long that a kill usually meets one.
WORK = "sleep 0.05"
#: Seconds: what a spool of these stories agrees on.
LEASE, BEAT = 6.0, 0.5


def kills(ground: Ground, host: Host, count: int) -> int:
    """Kill a random worker every now and then until all is done; how many died."""
    killed = victim = 0
    while killed < count and host.is_busy():
        time.sleep(ground.rng.uniform(0.0, 0.12))
        pids = host.worker_pids()
        if pids:
            victim = ground.rng.choice(pids)
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(victim, signal.SIGKILL)
                killed += 1
            if killed % 50 == 0:
                ground.said(f"{killed} kills, {host.unfinished()} jobs left")
    eventually(lambda: victim not in host.worker_pids())
    return killed


def _storm(ground: Ground, count: int, *, memory: bool) -> Tally:
    host = ground.host(memory=memory)
    host.make_spool(lease=LEASE, beat=BEAT)
    jobs = host.submit_many(count * JOBS, WORK)
    for _ in range(2):
        # A supervisor whose workers die one after another takes longer and longer to start them.
        host.start("-n", "2", rigs=f"eager,{ground.without}")
    killed = kills(ground, host, count)
    patience = 60.0 + count / 4
    if ground.without:
        eventually(lambda: not any(host.spool.entries(["queued"])), patience)
    else:
        eventually(lambda: not host.is_busy(), patience)
        # The last one killed is rescued too, though it held nothing.
        eventually(lambda: _all_live(host), patience)
    host.drain()
    tally = judge_host(host, jobs, faults=killed)
    all_finished(host, tally)
    tally.expect(host.spool.joined() == set() or bool(ground.without), "a worker was left behind")
    lost = sum(host.spool.find(job).name.lost for job in jobs)
    tally.note = f"{lost} jobs ran again"
    return tally


def _all_live(host: Host) -> bool:
    """Whether who has joined the spool is who lives."""
    beats = host.spool.workers()
    pids = {beat.content["pid"] for beat in beats}
    return len(host.spool.joined()) == len(beats) and pids == set(host.worker_pids()) != set()


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
