"""Trivial bash jobs by an ordinary worker, durable, against a bare subprocess.run loop."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from wmctl.spool import Job, Spool

from .measure import print_rows, ratio

JOBS = 400
ROUNDS = 5


def main() -> None:
    """In turn: one worker drains a queue; a loop runs the same program as often."""
    folder = tempfile.mkdtemp(prefix="wmctl-bench-")
    env = {**os.environ, "WMCTL_SPOOL": f"{folder}/spool", "HOME": folder}
    spool = Spool.create(env["WMCTL_SPOOL"])
    pairs = []
    try:
        pairs += [(_drain(spool, env), _loop()) for _ in range(ROUNDS)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [("round", "wmctl, ms a job", "subprocess.run, ms", "ratio")]
    rows += [
        (str(index), f"{a * 1e3:.2f}", f"{b * 1e3:.2f}", f"{a / b:.2f}")
        for index, (a, b) in enumerate(pairs, 1)
    ]
    print_rows([*rows, ("median", "", "", f"{ratio(pairs):.2f} (target 1.5)")])


def _drain(spool: Spool, env: dict[str, str]) -> float:
    """Seconds per job, from the first record to the last: the worker's start is not a job."""
    job = Job(language="bash", code=":")
    ids = list(spool.submit_all((job for _ in range(JOBS + 1)), tag="bash"))
    subprocess.run(
        [sys.executable, "-m", "wmctl", "worker", "start", "--burst", "--tags", "bash"],
        env=env, check=True, capture_output=True,
    )  # fmt: skip
    stamps = sorted(spool.stamp(entry) or 0 for entry in map(spool.terminal, ids) if entry)
    assert len(stamps) == JOBS + 1
    return (stamps[-1] - stamps[0]) / 1e9 / JOBS


def _loop() -> float:
    started = time.perf_counter()
    for _ in range(JOBS):
        subprocess.run(["/bin/bash", "-c", ":"], check=True)
    return (time.perf_counter() - started) / JOBS


if __name__ == "__main__":
    main()
