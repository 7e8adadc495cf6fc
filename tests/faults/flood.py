"""Too much of everything: a flood of output, an enormous result, enormous args (G21, G22)."""

import os
import time
from pathlib import Path

from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually
from wmctl.spool import Spool

MEGABYTE = 1 << 20
CAP = 2 * MEGABYTE
#: Seconds between two beats, promised in beats; a busy machine may add some seconds.
BEAT, BEATS, SLACK = 0.5, 2, 2.0
#: Megabytes that a worker may grow while it drains a flood.
GROWTH = 40.0
#: Megabytes a second, promised on a calm machine, and what is asked of any.
CALM, LEAST = 200, 20


def _rss(pid: int, what: str = "VmRSS") -> float:
    """Megabytes; 0 for a process that is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(what))


def _alone(ground: Ground) -> tuple[Host, Spool, int]:
    """A host with one idle worker: its process."""
    host = ground.host()
    host.environ["WMCTL_MAX_LOG_SIZE"] = str(CAP)
    spool = host.make_spool(lease=60.0, beat=BEAT)
    host.start("-n", "1", "-q", rigs=ground.without)
    eventually(lambda: host.worker_pids() and spool.workers())
    return host, spool, host.worker_pids()[0]


def flood(ground: Ground, megabytes: int) -> Tally:
    """One job writes so much as fast as it can."""
    host, spool, pid = _alone(ground)
    warm = host.submit(":")
    eventually(lambda: spool.find(warm).terminal)
    before = _rss(pid)
    code = f"yes {'flood' * 200} | head -c {megabytes * MEGABYTE} || true"
    job_id = host.submit(code)
    beat = spool.path / "workers" / spool.workers()[0].worker
    started = seen = time.monotonic()
    content, gap = beat.read_bytes(), 0.0
    while not spool.find(job_id).terminal:
        now = time.monotonic()
        if beat.read_bytes() != content:
            gap, seen, content = max(gap, now - seen), now, beat.read_bytes()
        assert now < started + 600, "the flood did not end"
        time.sleep(0.02)
    took = time.monotonic() - started
    tally = judge_host(host, [warm, job_id], faults=megabytes)
    size = spool.log_paths(spool.find(job_id))[0].stat().st_size
    grown, rate = _rss(pid, "VmHWM") - before, megabytes / took
    tally.expect(size <= CAP + 1024, f"the log has {size} bytes")
    tally.expect(grown < GROWTH, f"the worker grew by {grown:.0f} MB")
    tally.expect(rate >= LEAST, f"{rate:.0f} MB/s are too few")
    tally.expect(gap <= BEATS * BEAT + SLACK, f"no beat for {gap:.1f} s")
    tally.expect(spool.find(job_id).state == "success", "the job did not succeed")
    tally.note = f"{rate:.0f} MB/s, longest gap {gap:.1f} s, worker +{grown:.0f} MB"
    host.drain()
    all_finished(host, tally)
    return tally


def enormous(ground: Ground, megabytes: int) -> Tally:
    """A result of so much, and args of two megabytes; each time the next job runs."""
    host, spool, pid = _alone(ground)
    fat = f"head -c {megabytes * MEGABYTE} /dev/zero | tr '\\0' 1 > result.json"
    args = host.folder / "args.json"
    args.write_text('{"x": "' + "y" * 2 * MEGABYTE + '"}')
    expected = {
        host.submit(fat): "ResultTooLarge",
        host.submit('x="$1"\n', "-d", f"@{args}"): "BadArgs",
        host.submit('x="$1"\n', "-a", "x=1"): None,
    }
    eventually(lambda: all(spool.find(job_id).terminal for job_id in expected))
    tally = judge_host(host, expected, faults=2)
    for job_id, name in expected.items():
        record = spool.record(spool.find(job_id)) or {}
        error = (record.get("result") or {}).get("error", {}) if name else {}
        tally.expect(error.get("name") == name, f"{job_id} ended with {str(record)[:300]}")
        tally.expect((record.get("exit_code") != 0) == bool(name), f"{job_id}: its exit code")
    tally.expect(host.worker_pids() == [pid], "the worker died of it")
    over = host.folder / "over.json"
    with over.open("w") as file:
        file.write('{"x": "')
        for _ in range(65):
            file.write("y" * MEGABYTE)
        file.write('"}')
    done = host.wmctl("submit", "-c", 'x="$1"\n', "-l", "bash", "-d", f"@{over}")
    tally.expect(done.returncode == os.EX_DATAERR, f"65 MiB of args: exit {done.returncode}")
    host.drain()
    all_finished(host, tally)
    return tally


SCENARIOS = [
    Scenario(
        "G21", "flood", "a job writes without end; megabytes as faults", flood,
        short=80, long=1024, control="no-log-cap", control_size=20,
    ),
    Scenario(
        "G22", "enormous", "an enormous result, enormous args", enormous,
        short=20, long=100, control="no-result-cap", control_size=20,
    ),
]  # fmt: skip
