"""An idle worker: from submit's acknowledgement to process start, and the CPU it uses waiting."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wmctl.spool import Job, Spool

from .measure import print_rows

JOBS = 40
IDLE = 30.0


def main() -> None:
    """One worker; jobs that write the moment at which they started."""
    folder = Path(tempfile.mkdtemp(prefix="wmctl-bench-"))
    env = {**os.environ, "WMCTL_SPOOL": f"{folder}/spool", "HOME": str(folder)}
    spool = Spool.create(folder / "spool")
    worker = subprocess.Popen(
        [sys.executable, "-m", "wmctl", "worker", "start", "--tags", "bash"],
        env=env, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not any(beat.content.get("state") == "idle" for beat in spool.workers()):
            time.sleep(0.05)
        latencies = [_latency(spool, folder / f"started-{number}") for number in range(JOBS)]
        before = _cpu(worker.pid)
        time.sleep(IDLE)
        share = (_cpu(worker.pid) - before) / IDLE
    finally:
        worker.terminate()
        worker.wait()
        shutil.rmtree(folder, ignore_errors=True)
    middle = statistics.median(latencies)
    print_rows([
        ("what", "figure", "target"),
        ("acknowledged to process start, median", f"{middle * 1e3:.1f} ms", "5 ms"),
        ("the same, slowest", f"{max(latencies) * 1e3:.1f} ms", ""),
        ("idle worker and supervisor", f"{share:.2%} of a core", "0.50 %"),
    ])  # fmt: skip


def _latency(spool: Spool, mark: Path) -> float:
    """EPOCHREALTIME is bash's own clock call: no further process is started."""
    spool.submit(Job(language="bash", code=f'echo "$EPOCHREALTIME" > {mark}'), tag="bash")
    acknowledged = time.time()
    while not (mark.exists() and mark.read_text().endswith("\n")):
        time.sleep(0.001)
    time.sleep(0.2)
    return float(mark.read_text()) - acknowledged


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process and its children that live."""
    ticks = 0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for one in [str(pid), *children]:
        fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
