"""20,000 claims among 1,000,000 waiting jobs against 20,000 among 1,000 (topped up)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from wmctl.spool import Job, Name, Spool, new_id
from wmctl.spool.head import Head
from wmctl.spool.name import due_after

from .measure import print_rows, rss_mib, seconds

CLAIMS = 20_000
CHUNK = 500


def fill(spool: Spool, count: int, first: int) -> None:
    """Waiting jobs as bare links of one job file would be refused: each is a file of its own."""
    queue = spool.path / "queue" / "bash"
    queue.mkdir(exist_ok=True)
    content = Job(language="bash", code=":").to_json()
    now = spool.now() - 10**12
    for number in range(first, first + count):
        name = Name(due_after(0.0, now + number * 1000), 0, new_id(), "bash")
        fd = os.open(f"{queue}/{name.queued}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, content)
        os.close(fd)


def one_side(folder: str, waiting: int) -> None:
    """In a process of its own, so that its memory is its own. Claims as many as each line of
    standard input says and answers with the seconds that they took."""
    spool = Spool.create(f"{folder}/spool-{waiting}")
    fill(spool, waiting, 0)
    spool.join("bench", {})
    head = Head(spool.store, {"bash": 0}, clock=time.monotonic)
    print(json.dumps({"listing": seconds(head.relist)}), flush=True)
    done = waiting
    for line in sys.stdin:
        count = int(line)
        spent = sum(_claim(spool, head) for _ in range(count))
        if waiting < CLAIMS:
            fill(spool, count, done)
            done += count
            head.relist()
        print(json.dumps({"spent": spent, "rss": rss_mib()}), flush=True)


def _claim(spool: Spool, head: Head) -> float:
    started = time.perf_counter()
    pick = head.pick(spool.now())
    assert pick is not None
    assert pick.name is not None
    claim = spool.claim("bench", pick.name, pick.path, lambda _name, _job: None)
    spent = time.perf_counter() - started
    assert claim is not None
    spool.store.remove(claim.path)
    return spent


class Side:
    """A process with its spool."""

    def __init__(self, folder: str, waiting: int) -> None:
        code = f"from tests.benchmarks.claims import one_side; one_side({folder!r}, {waiting})"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.listing = self._answer()["listing"]
        self.rss = 0.0

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def claim(self, count: int) -> float:
        """Seconds for that many claims."""
        assert self.process.stdin is not None
        print(count, file=self.process.stdin, flush=True)
        answer = self._answer()
        self.rss = answer["rss"]
        return answer["spent"]


def main() -> None:
    """Both sides on the same disk, in turn."""
    folder = tempfile.mkdtemp(prefix="wmctl-bench-")
    try:
        sides = {}
        for waiting in (1000, 1_000_000):
            print(f"writing {waiting:,} waiting jobs …", file=sys.stderr)
            sides[waiting] = Side(folder, waiting)
        small, large = sides.values()
        pairs = [(large.claim(CHUNK), small.claim(CHUNK)) for _ in range(CLAIMS // CHUNK)]
    finally:
        for side in sides.values():
            side.process.stdin.close()
            side.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    means = (sum(pair[1] for pair in pairs) / CLAIMS, sum(pair[0] for pair in pairs) / CLAIMS)
    rows = zip(sides.items(), means, strict=True)
    print_rows([
        ("waiting", "mean claim", "first listing", "memory"),
        *((f"{waiting:,}", f"{mean * 1e6:.0f} us", f"{side.listing * 1e3:.0f} ms",
           f"{side.rss:.0f} MiB") for (waiting, side), mean in rows),
        ("ratio", f"{means[1] / means[0]:.2f} (target 1.2)", "", "(target 60 MiB)"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
