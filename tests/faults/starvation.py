"""Many jobs, many workers: nobody waits for ever, nobody runs after jobs that are gone (G29)."""

import time

from tests.faults.hosts import finished, script, submit
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

LEASE, BEAT = 12.0, 1.0
#: Seconds in which a job of low priority is done, whatever comes meanwhile.
DONE = 30.0
#: Jobs of high priority that wait at any time, and how many of the later ones may go first.
LOAD, OVERTAKE = 40, 200
WORKERS = 16
#: Claims that may come too late, for each job; and for each worker, until they have spread out.
TOO_LATE, AT_FIRST = 2.0, 100


def low_priority(ground: Ground, count: int) -> Tally:
    """So many in turn, each behind a constant load of more important ones."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    host.start(rigs=ground.without)
    tally = Tally()
    jobs: list[str] = []
    slowest, most = 0.0, 0
    for number in range(count):
        jobs += _load(host, LOAD)
        low = submit(host, 1, ":")[0]
        jobs.append(low)
        since, later = time.monotonic(), 0
        while not spool.terminal(low) and later < LOAD + OVERTAKE:
            if len(list(spool.entries(["queued"]))) < LOAD:
                jobs += (new := _load(host, LOAD))
                later += len(new)
            time.sleep(0.02)
        took = time.monotonic() - since
        slowest, most = max(slowest, took), max(most, later - LOAD)
        tally.expect(took < DONE, f"a job of low priority waited for {took:.0f} s")
        tally.expect(later < LOAD + OVERTAKE, f"{later} later jobs did not let it pass")
        ground.said(f"{number + 1} of {count} jobs of low priority, the last in {took:.1f} s")
    finished(ground, host, 60.0)
    host.drain()
    tally.add(judge_host(host, jobs, faults=len(jobs) - count))
    all_finished(host, tally)
    tally.note = f"the slowest waited for {slowest:.1f} s"
    return tally


def _load(host: Host, count: int) -> list[str]:
    jobs = (script("sleep 0.01") for _ in range(count))
    return list(host.spool.submit_all(jobs, tag="bash", priority=50))


def herd(ground: Ground, count: int) -> Tally:
    """All workers on one queue; a claim that comes too late costs a rename and tells nothing."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    counted = host.folder / "counted"
    counted.touch()
    rigs = ",".join(filter(None, [f"count-lost={counted}", ground.without]))
    host.start("-n", str(WORKERS), rigs=rigs)
    eventually(lambda: len(spool.joined()) == WORKERS)
    jobs = submit(host, count, ":")
    finished(ground, host, 60.0 + count / 5)
    host.drain()
    late = counted.stat().st_size
    tally = judge_host(host, jobs, faults=late)
    all_finished(host, tally)
    most = TOO_LATE * count + AT_FIRST * WORKERS
    tally.expect(late <= most, f"{late} claims of {count} jobs came too late")
    tally.note = f"{late / count:.2f} claims too late for each job"
    return tally


SCENARIOS = [
    Scenario(
        "G29", "starvation", "low priority under a constant load of high", low_priority,
        short=1, long=10, control="strict-order", control_size=1,
    ),
    Scenario(
        "G29", "herd", "16 workers on one queue", herd,
        short=1000, long=5000, control="no-spread", control_size=1000,
    ),
]  # fmt: skip
