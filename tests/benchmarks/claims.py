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

from .measure import print_rows, rss_mib

CLAIMS = 20_000


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
    """In a process of its own, so that its memory is its own: print JSON."""
    spool = Spool.create(f"{folder}/spool-{waiting}")
    fill(spool, waiting, 0)
    spool.join("bench", {})
    head = Head(spool.store, {"bash": 0}, clock=time.monotonic)
    started = time.perf_counter()
    head.relist()
    listing = time.perf_counter() - started
    spent = 0.0
    done = 0
    while done < CLAIMS:
        if waiting < CLAIMS and done and done % waiting == 0:
            fill(spool, waiting, done)
            head.relist()
        started = time.perf_counter()
        pick = head.pick(spool.now())
        assert pick is not None
        assert pick.name is not None
        claim = spool.claim("bench", pick.name, pick.path, lambda _name, _job: None)
        spent += time.perf_counter() - started
        assert claim is not None
        spool.store.remove(claim.path)
        done += 1
    print(json.dumps({"claim": spent / CLAIMS, "listing": listing, "rss": rss_mib()}))


def main() -> None:
    """Both sides on the same disk, small, large, small."""
    folder = tempfile.mkdtemp(prefix="wmctl-bench-")
    try:
        sides = {}
        for waiting in (1000, 1_000_000):
            print(f"{waiting:,} waiting jobs …", file=sys.stderr)
            code = f"from tests.benchmarks.claims import one_side; one_side({folder!r}, {waiting})"
            out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
            sides[waiting] = json.loads(out.stdout)
            shutil.rmtree(f"{folder}/spool-{waiting}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    small, large = sides[1000], sides[1_000_000]
    print_rows([
        ("waiting", "claim", "first listing", "memory"),
        *((f"{waiting:,}", f"{side['claim'] * 1e6:.0f} us", f"{side['listing'] * 1e3:.0f} ms",
           f"{side['rss']:.0f} MiB") for waiting, side in sides.items()),
        ("ratio", f"{large['claim'] / small['claim']:.2f} (target 1.2)", "", "(target 60 MiB)"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
