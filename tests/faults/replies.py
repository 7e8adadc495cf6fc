"""A file server whose replies get lost: it did what was asked, and says that it failed (G9)."""

import json

from tests.faults.hosts import elsewhere, finished
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally

LEASE, BEAT = 6.0, 0.5
#: Each so many-th mkdir, rename, rmdir and unlink.
EVERY = 3


def replies(ground: Ground, count: int) -> Tally:
    """Submitter and workers alike; nobody is told the truth by each third call."""
    host = ground.host(memory=True)
    host.make_spool(lease=LEASE, beat=BEAT)
    counted = host.folder / "counted"
    counted.touch()
    rigs = ",".join(filter(None, [f"lost-replies={EVERY}@{counted}", ground.without]))
    code = f'n="$1"\necho "$WM_JOB_ID $WM_ATTEMPT" >> {host.starts}\necho "$n"'
    done = host.wmctl(
        "submit", "-c", code, "-l", "bash", "--each", "-", rigs=rigs,
        stdin="".join(json.dumps({"n": number}) + "\n" for number in range(count)),
    )  # fmt: skip
    jobs = done.stdout.split()
    for _ in range(2):
        elsewhere(host, "-n", "2", rigs=rigs)
    finished(ground, host, 2 * BEAT if ground.without else 60.0 + count / 10)
    host.drain()
    tally = judge_host(host, jobs, faults=counted.stat().st_size)
    all_finished(host, tally)
    tally.expect(done.returncode == 0, f"the submit failed: {done.stderr.strip()}")
    tally.expect(len(jobs) == count or done.returncode != 0, "not all were acknowledged")
    again = sum(host.spool.find(job).name.claims > 1 for job in jobs)
    tally.note = f"{again} claimed twice"
    return tally


SCENARIOS = [
    Scenario(
        "G9", "replies", "each third reply of the file server is lost", replies,
        short=60, long=2000, control="no-enoent-check", control_size=12,
    ),
]  # fmt: skip
