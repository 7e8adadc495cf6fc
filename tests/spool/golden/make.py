"""Makes the golden spool of this format: `python -m tests.spool.golden.make`. Run once per format.

Every later version must read what lies in `v1/`; `v1.json` says what it must find there.
"""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from wmctl.spool import Claim, Job, Settings, Spool, hold
from wmctl.spool import submit as submitting
from wmctl.spool.name import MAJOR
from wmctl.testing.faults import FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import anything, claim

HERE = Path(__file__).parent
LOG = b"hello\noops\n"


def make(root: Path) -> dict[str, dict[str, object]]:
    """A spool with a job in every state; what is expected of each, by its id."""
    clock = FakeClock(1_800_000_000_123_456_000)
    spool = Spool.create(root, Settings(), disk=FakeClockDisk(clock))
    numbers = iter(range(100))
    submitting.new_id = lambda: f"0193a5c0-7b1e-7abc-8def-{next(numbers):012x}"
    expected: dict[str, dict[str, object]] = {}

    def submit(state: str, job: Job, tag: str = "bash", **when: object) -> str:
        job_id = spool.submit(job, tag=tag, **when)
        expected[job_id] = {"state": state, "tag": tag}
        return job_id

    def take(job_id: str) -> Claim:
        taken = claim(spool, "wk-default-host-00000", spool.find(job_id))
        assert taken is not None
        return taken

    spool.join("wk-default-host-00000", {"host": "host", "pid": 1, "tags": ["bash"]})
    command = Job(kind="command", argv=("make", "-j4", "test"), cwd="/srv", umask=0o22,
                  env={"LANG": "C.UTF-8"}, created_by="ann")  # fmt: skip
    submit("queued", command, priority=50)
    submit("queued", Job(language="python3", code="def main(x: int): return x", args={"x": 1},
                         path="f/team/double", workspace="team", timeout=9.5, retries=2,
                         labels=("a", "é")), "dedicated:f/team/double",
           due=datetime(2030, 1, 2, 3, 4, 5, 6, UTC))  # fmt: skip
    submit("queued", Job(language="go", code="// é\n" * 8000, args={"long": "y" * 40_000}), "go")
    submit("queued", Job(language="bash", code="true", key="nightly"))
    retried = take(submit("queued", Job(language="bash", code="exit 1", retries=3)))
    spool.retry(retried, delay=60)
    lost = take(submit("queued", Job(language="bash", code="sleep 9")))
    spool.release(lost, lost=True)
    running = take(submit("running", Job(language="deno", code="export const main = 1"), "deno"))
    write_logs(spool, running)
    spool.suspend(take(submit("suspended", Job(kind="flow", args={"n": None}), "flow")))
    held = spool.find(submit("held", command))
    hold.hold(spool.store, held, reason="person", message="wait for ann", by="ann")
    torn = spool.find(submit("quarantined", command))
    Path(torn.path).write_bytes(b'{"kind":"comma')
    assert spool.claim("wk-default-host-00000", torn.name, torn.path, anything) is None
    for outcome in ("success", "failure", "skipped"):
        taken = take(submit(outcome, Job(language="bash", code="echo hello", args={"o": outcome})))
        write_logs(spool, taken)
        clock.forward(1.5)
        record = {"exit_code": {"failure": 3}.get(outcome, 0), "worker": taken.worker,
                  "host": "host", "labels": [], "log_dropped": 0,
                  "result": {"b": outcome, "a": [1, 2.5, None, "é"]}}  # fmt: skip
        assert spool.finish(taken, outcome, record)
        expected[taken.id]["record"] = {"outcome": outcome, **record}
    canceled = submit("canceled", Job(language="bash", code="true"))
    spool.cancel(canceled, by="ann", reason="enough")
    complete(spool, expected)
    newer = spool.find(submit("", command))
    os.rename(newer.path, newer.path.replace(".v1.", ".v2."))
    del expected[newer.id]
    return expected


def write_logs(spool: Spool, taken: Claim) -> None:
    for start, content in ((spool.open_log, LOG), (spool.open_log_errors, b"6 11\n")):
        fd = start(taken)
        os.write(fd, content)
        os.close(fd)


def complete(spool: Spool, expected: dict[str, dict[str, object]]) -> None:
    """What this version itself reads there."""
    for job_id, what in expected.items():
        entry = spool.find(job_id)
        name = entry.name
        assert entry.state == what["state"]
        what |= {"due": name.due, "priority": name.priority, "claims": name.claims,
                 "attempt": name.attempt}  # fmt: skip
        if entry.state != "quarantined":
            job = spool.job(entry)
            what["job"] = json.loads(job.to_json())
            what["args"] = spool.args(job)
            what["code"] = spool.code(job)
        reason = spool.reason(entry)
        if reason is not None:
            what["reason"] = {key: reason[key] for key in reason if key != "at"}


if __name__ == "__main__":
    target = HERE / f"v{MAJOR}"
    if target.exists():
        shutil.rmtree(target)
    found = make(target)
    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
    (HERE / f"v{MAJOR}.json").write_text(text + "\n")
