"""A spool that hangs for one host, as a dead file server does, and comes back (G6)."""

import time

from tests.faults.hosts import (
    SLACK,
    came,
    elsewhere,
    joined,
    overlaps,
    submit,
    text,
    ticking,
    ticks,
)
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import eventually

LEASE, BEAT = 3.0, 0.5
#: Seconds after the begin of its worker's last beat at which the job is gone.
STOPPED = LEASE * 2 / 3 + 2.0
#: Seconds after healing in which the worker claims again.
AGAIN = 10.0


def hung(ground: Ground, seconds: int) -> Tally:
    """Every call of one host to the spool's disk waits for so long."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    flag = host.folder / "hung"
    rigs = ",".join(filter(None, [f"hang={flag}", ground.without]))
    elsewhere(host, "--tags", "bash,here", rigs=rigs)
    (worker,) = joined(spool, 1)
    endless = ticking(host, f'[ "$WM_ATTEMPT" != 1 -o -e {host.folder}/enough ]')
    jobs = submit(host, 1, endless)
    eventually(lambda: ticks(host)[jobs[0]][1])
    elsewhere(host, "--tags", "bash")
    joined(spool, 2)
    flag.touch()
    beaten = (spool.path / "workers" / worker).stat().st_mtime
    until = time.monotonic() + seconds
    done = came(lambda: spool.terminal(jobs[0]), seconds - 0.5)
    while (left := until - time.monotonic()) > 0:
        ground.said(f"hangs for {left:.0f} s more")
        time.sleep(min(left, 10.0))
    stopped = max(ticks(host)[jobs[0]][1]) - beaten
    jobs += submit(host, 1, ":", tag="here")
    flag.unlink()
    healed = time.monotonic()
    again = came(lambda: jobs[1] in text(host.starts), AGAIN + SLACK)
    again_after = time.monotonic() - healed
    (host.folder / "enough").touch()
    came(lambda: not host.unfinished(), AGAIN)
    host.drain()
    tally = judge_host(host, jobs, faults=1)
    all_finished(host, tally)
    tally.expect(done, "the job was not done elsewhere while the spool hung here")
    tally.expect(stopped < STOPPED, f"the job ran on for {stopped:.1f} s after the last beat")
    tally.expect(again, "the worker did not claim again after healing")
    side = overlaps(ticks(host)).get(jobs[0], 0.0)
    tally.expect(side < LEASE / 3 + SLACK, f"two attempts ran side by side for {side:.1f} s")
    tally.note = (
        f"hung for {seconds} s, job stopped {stopped:.1f} s after the last beat,"
        f" claimed again {again_after:.1f} s after healing"
    )
    return tally


SCENARIOS = [
    Scenario(
        "G6", "hung", "the spool hangs for one host and heals", hung,
        short=6, long=60, control="no-self-stop", control_size=6,
    ),
]  # fmt: skip
