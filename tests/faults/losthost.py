"""A whole host goes at once, with its workers, their supervisor and all that they run (G7)."""

import time

from tests.faults.hosts import came, elsewhere, joined, submit, ticking, ticks
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import eventually

WORKERS = 8
#: Seconds beyond the lease after which all its jobs wait again.
RESCUED = 5.0
#: A PID namespace: all in it die with its first process, and nobody outside knows its numbers.
_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def lost(ground: Ground, lease: int) -> Tally:
    """The last look at its beats may be a moment before the next one would have come."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=lease, beat=lease / 12)
    gone = elsewhere(host, "-n", str(WORKERS), prefix=_NAMESPACE)
    theirs = joined(spool, WORKERS)
    jobs = submit(host, WORKERS, ticking(host, '[ "$WM_ATTEMPT" != 1 ]'))
    eventually(lambda: len(ticks(host)) == WORKERS)
    elsewhere(host, "-n", "2", rigs=ground.without)
    joined(spool, WORKERS + 2)
    gone.kill()
    gone.wait()
    killed = time.monotonic()
    rescued = came(lambda: not theirs & spool.joined(), lease + RESCUED)
    after = time.monotonic() - killed
    came(lambda: not host.unfinished(), 10.0 if rescued else 0.0)
    host.drain()
    tally = judge_host(host, jobs, faults=WORKERS)
    all_finished(host, tally)
    tally.expect(rescued, f"not all jobs were rescued {after:.1f} s after the host was lost")
    attempts = {spool.find(job).name.attempt for job in jobs}
    tally.expect(attempts == {2} or not rescued, f"attempts: {sorted(attempts)}")
    tally.note = f"lease {lease} s, all rescued after {after:.1f} s"
    return tally


SCENARIOS = [
    Scenario(
        "G7", "lost-host", "a host is lost with 8 running jobs", lost,
        short=2, long=60, control="no-rescue", control_size=1, needs=("root",),
    ),
]  # fmt: skip
