"""Jobs that eat all memory or all processes: they end, the worker lives, the next job runs (G23).

The worker's tree is in a control group (v1) with little room. Where there is none, the limit is
each process's own (prlimit), which stops the job but leaves the kernel no choice of whom to kill;
the scores that decide it are compared all the same.
"""

import contextlib
from pathlib import Path

from tests.faults.cgroups import limited
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import eventually

#: Bytes for the worker's tree, and processes.
MEMORY, PIDS = 160 << 20, 60
#: Many small ones, none as large as the worker: by size alone the kernel would take the worker. The
#: job has failed once one of them is gone.
HOG = """
for n in $(seq 40); do
  { head -c 8000000 /dev/zero; sleep 60; } | tail -c 8000000 > /dev/null &
done
wait -n
exit 9
"""
BOMB = "f() { f | f & }; f; sleep 60"
#: What a job starts in its first moments may not have its score yet.
SCORE = "sleep 0.3; cat /proc/self/oom_score_adj"


def _round(ground: Ground, code: str, prefix: list[str], *, timeout: str) -> Tally:
    """One bad job, and a good one behind it."""
    host = ground.host()
    if ground.without:
        host.environ["WMCTL_JOB_OOM_SCORE_ADJ"] = "0"
    spool = host.make_spool(lease=60.0, beat=0.5)
    host.environ["WMCTL_KILL_GRACE"] = "0.2s"
    host.start("-n", "1", "-q", prefix=prefix)
    eventually(lambda: host.worker_pids() and spool.workers())
    pid = host.worker_pids()[0]
    bad = host.submit(code, "--timeout", timeout)
    good = host.submit(SCORE)
    with contextlib.suppress(AssertionError):  # then the verdict says what is left
        eventually(
            lambda: all(spool.find(job).state not in _UNDONE for job in (bad, good)),
            6.0 if ground.without else 60.0,
        )
    same = host.worker_pids() == [pid]
    own = int(Path(f"/proc/{pid}/oom_score_adj").read_text()) if same else 0
    if not ground.without:
        host.drain()
    tally = judge_host(host, [bad, good], faults=1)
    all_finished(host, tally)
    entry = spool.find(bad)
    tally.expect(entry.state == "failure", f"the bad job is {entry.state}")
    tally.expect(entry.name.lost == 0, f"the bad job took its worker along {entry.name.lost} times")
    record = spool.record(spool.find(good)) or {}
    score = int(record.get("result") or 0)
    tally.expect(score > own, f"the kernel would take the worker ({own}) before a job ({score})")
    tally.expect(same, "the worker was killed")
    return tally


_UNDONE = {"queued", "running"}


def greedy(ground: Ground, rounds: int) -> Tally:
    """So many of each."""
    tally, ways = Tally(), set()
    for _ in range(rounds):
        memory = limited(ground, "memory", "memory.limit_in_bytes", MEMORY)
        pids = limited(ground, "pids", "pids.max", PIDS)
        ways.add("control groups" if memory and pids else "prlimit")
        hog = HOG if memory else "x=$(head -c 900M /dev/zero | tr '\\0' x)"
        for code, prefix in (
            (hog, memory or ["prlimit", f"--data={3 * MEMORY}"]),
            # No limit of a process's own counts root's children: without a group no bomb.
            *([(BOMB, pids)] if pids else []),
        ):
            tally.add(_round(ground, code, prefix, timeout="2s" if code == BOMB else "60s"))
    tally.note = f"limited by {' and '.join(ways)}"
    return tally


SCENARIOS = [
    Scenario(
        "G23", "greedy", "jobs that take all memory, or fork without end", greedy,
        short=1, long=10, control="no-oom-score", control_size=1, needs=("root",),
    ),
]  # fmt: skip
