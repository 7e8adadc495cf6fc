"""Hosts whose clocks are an hour apart; the file server's is the only one that counts (G8)."""

import json
import re
import shutil
import subprocess

from tests.faults.hosts import elsewhere, finished, joined, submit
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host

LEASE, BEAT = 6.0, 0.5
HOUR = 3600
#: Seconds that a job may start before it is due.
EARLY = 1.0
#: Every n-th job is for later: seconds.
NTH = 10
DELAYS = (1.0, 2.0, 3.0)
_LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1"


def clock(offset: int) -> list[str]:
    """What to put before a command so that its clock is wrong.

    Without the three words the library would also shift the times that it sets and reads of files,
    and the clocks that measure durations: then all is consistent, and nothing is shown.
    """
    return [
        "env", f"LD_PRELOAD={_LIBRARY}", f"FAKETIME={offset:+d}",
        "FAKE_UTIME=1", "NO_FAKE_STAT=1", "DONT_FAKE_MONOTONIC=1",
    ]  # fmt: skip


def skewed(ground: Ground, count: int) -> Tally:
    """One host's clock is an hour ahead, one's an hour behind, one's right."""
    assert shutil.which("faketime"), "Debian's faketime is missing: .ci/packages installs it"
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    marks = host.folder / "marks"
    marks.mkdir()
    offsets = (HOUR, 0, -HOUR)
    for offset in offsets:
        elsewhere(host, rigs=ground.without, prefix=clock(offset) if offset else ())
    joined(spool, len(offsets))
    work = f": > {marks}/$WM_JOB_ID"
    later = max(len(DELAYS), count // NTH)
    jobs = [
        job
        for delay in DELAYS
        for job in submit(host, later // len(DELAYS), work, delay=delay)
    ]  # fmt: skip
    jobs += submit(host, count - len(jobs), work)
    told = _skews(host)
    finished(ground, host, 60.0 + count / 5)
    host.drain()
    tally = judge_host(host, jobs, faults=len(offsets) - 1)
    all_finished(host, tally)
    early = 0.0
    for entry in spool.entries(["success"]):
        start = (marks / entry.id).stat().st_mtime
        early = max(early, entry.name.scheduled_for.timestamp() - start)
        tally.expect(entry.name.lost == 0, f"{entry.id} was taken from a living worker")
    tally.expect(early <= EARLY, f"a job started {early:.1f} s before it was due")
    tally.expect("no sign of life" not in host.log.read_text(), "a living worker was given up")
    tally.expect(told == [-HOUR, HOUR], f"the doctor saw offsets of {told} s")
    tally.note = f"earliest start {early:.2f} s before its time"
    return tally


def _skews(host: Host) -> list[int]:
    """What `wmctl doctor` says of each host: how far the file server's clock is from its own."""
    return [_skew(host, offset) for offset in (HOUR, -HOUR)]


def _skew(host: Host, offset: int) -> int:
    words = [*clock(offset), *host.command("doctor", "-o", "json")]
    done = subprocess.run(words, env=host.environ, capture_output=True, text=True, check=False)
    for finding in json.loads(done.stdout):
        if finding["check"] == "clock":
            seconds = re.search(r"[-+][0-9.]+", finding["detail"])
            return round(float(seconds[0])) if seconds else 0
    return 0


SCENARIOS = [
    Scenario(
        "G8", "skew", "hosts whose clocks are an hour apart", skewed,
        short=60, long=1000, control="own-clock", control_size=12, needs=("faketime",),
    ),
]  # fmt: skip
