"""Workers that are told to end while they work (G24)."""

import time

from tests.faults.hosts import SLACK, came, finished, submit
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

LEASE, BEAT = 6.0, 0.5
#: Seconds after the last job's end in which all are gone.
GONE = 1.0
#: Seconds that a job takes.
LONG = 0.15


def drains(ground: Ground, count: int) -> Tally:
    """TERM at any moment from the first claim on; the next round goes on with the rest."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    ends = host.folder / "ends"
    jobs: list[str] = []
    problems: list[str] = []
    slowest = 0.0
    for number in range(count):
        if host.unfinished() < 10:
            jobs += submit(host, 20, f"sleep {LONG}; echo $EPOCHREALTIME >> {ends}")
        supervisor = host.start("-n", "2", rigs=ground.without)
        eventually(lambda: any(True for _ in spool.entries(["running"])))
        time.sleep(ground.rng.uniform(0.0, 2 * LONG))
        supervisor.terminate()
        asked = time.time()
        if not came(lambda s=supervisor: s.poll() is not None, LONG + GONE + SLACK):
            problems.append("a supervisor that was told to end did not")
            break
        last = max(asked, _last(host))
        slowest = max(slowest, time.time() - last)
        if slowest > GONE + SLACK or supervisor.returncode:
            problems.append(f"ended with {supervisor.returncode} after {slowest:.1f} s")
        if number % 10 == 9:
            ground.said(f"{number + 1} of {count} drains")
    tally = Tally(problems=problems)
    tally.expect(spool.joined() == set(), "a worker was left behind")
    if problems:
        host.close()
    else:
        host.start("-n", "2")
        finished(ground, host, 60.0)
        host.drain()
    found = judge_host(host, jobs, faults=count)
    all_finished(host, found)
    tally.add(found)
    lost = sum(host.spool.find(job).name.lost for job in jobs)
    tally.expect(lost == 0, f"{lost} jobs were counted as lost")
    tally.note = f"gone {slowest:.2f} s after the last job's end at most"
    return tally


def _last(host: Host) -> float:
    """When the last job ended."""
    path = host.folder / "ends"
    return float(path.read_text().split()[-1]) if path.exists() else 0.0


SCENARIOS = [
    Scenario(
        "G24", "drain", "workers under load are told to end", drains,
        short=3, long=100, control="no-drain", control_size=1,
    ),
]  # fmt: skip
