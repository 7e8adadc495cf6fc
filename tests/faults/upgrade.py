"""Workers and submitters of this version and of the next on one spool (G26).

The next version is this one with other names: it reads `.v1.json` and writes `.v2.json`.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually
from tests.spool.test_golden import restored
from wmctl.spool import Spool
from wmctl.spool.ids import bucket

NEXT = "next-version"
BAD_CONFIG = 78
_NAME = re.compile(r"_(?P<id>[0-9a-f-]{36})_.*\.v(?P<major>\d)\.json(?:\.(?P<outcome>\w+))?")
_OLD = 1_500_000_000


def _submit(host: Host, count: int, rigs: str) -> list[str]:
    code = f'n="$1"\necho "$WM_JOB_ID $WM_ATTEMPT" >> {host.starts}\n'
    lines = "".join(json.dumps({"n": str(number)}) + "\n" for number in range(count))
    done = host.wmctl(
        "submit", "-c", code, "-l", "bash", "--each", "-", stdin=lines, rigs=rigs
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def _files(root: Path, top: str) -> list[re.Match[str]]:
    """The jobs in a folder, of whatever version."""
    names = (name for _, _, files in os.walk(root / top) for name in files)
    return [found for found in map(_NAME.search, names) if found]


def _old_alone(host: Host, tally: Tally, newer: list[str], rigs: str) -> None:
    """What is of the next version is left alone, and is no reason to stumble."""
    root = host.spool.path
    before = set(os.listdir(root / "queue/bash"))
    host.start("-n", "2", "-q", rigs=rigs)
    older = _submit(host, len(newer), "")
    eventually(lambda: {found["id"] for found in _files(root, "completed")} >= set(older))
    tally.jobs += len(older)
    host.spool.prune()
    now = set(os.listdir(root / "queue/bash"))
    tally.expect(now == before, f"{len(before - now)} jobs of the next version were touched")
    aside = _files(root, "quarantine")
    tally.expect(not aside, f"{len(aside)} jobs were put aside")
    for words in (("ps", "-a"), ("spool", "info"), ("spool", "check"), ("doctor",)):
        done = host.wmctl(*words, rigs=rigs)
        tally.expect("Traceback" not in done.stderr, f"{words}: {done.stderr[-300:]}")
        tally.expect(done.returncode == 0, f"{words} exited with {done.returncode}: {done.stderr}")


def _together(host: Host, known: list[str], count: int) -> list[str]:
    """Both submit, both work, until nothing waits."""
    host.start("-n", "2", "-q", rigs=NEXT)
    jobs = list(known)
    for _ in range(-(-count // 50)):
        for rigs in ("", NEXT):
            jobs += _submit(host, min(count, 50), rigs)
    root = host.spool.path
    eventually(lambda: not _files(root, "queue") and not _files(root, "running"))
    host.drain()
    return jobs


def _judge(host: Host, jobs: list[str], tally: Tally) -> None:
    """One end for each job, written by the one version or the other; one start."""
    ends = Counter(found["id"] for found in _files(host.spool.path, "completed"))
    tally.lost = sum(job not in ends for job in jobs)
    starts = Counter(host.starts.read_text().splitlines())
    again = [line for line, times in starts.items() if times > 1 or not line.endswith(" 1")]
    tally.doubled = sum(times > 1 for times in ends.values()) + len(again)
    tally.expect(not again, f"started again: {again[:3]}")
    bad = [found["id"] for found in _files(host.spool.path, "completed")
           if found["outcome"] != "success"]  # fmt: skip
    tally.expect(not bad, f"did not succeed: {bad[:3]}")


def _prune(host: Host, tally: Tally) -> None:
    """When all is old, this version prunes its own and nothing that belongs to the next."""
    root = host.spool.path
    for top in ("completed", "results", "logs", "blobs"):
        for folder, _, names in os.walk(root / top):
            for name in names:
                os.utime(os.path.join(folder, name), (_OLD, _OLD))
    newer = [found["id"] for found in _files(root, "completed") if found["major"] == "2"]
    host.spool.prune()
    left = Counter(found["major"] for found in _files(root, "completed"))
    tally.expect(left == {"2": len(newer)}, f"left after a prune: {dict(left)}")
    for job in newer:
        for path in (f"results/{bucket(job)}/{job}.1.json", f"logs/{bucket(job)}/{job}.1.log"):
            tally.expect((root / path).exists(), f"{path} was pruned, its job was not")


def _refused(ground: Ground, tally: Tally) -> None:
    """A whole spool of the next format is none for us."""
    host = ground.host(memory=True, journal=False)
    root = host.make_spool().path
    text = (root / "spool.json").read_text().replace('"format":1', '"format":2')
    (root / "spool.json").write_text(text)
    before = sorted(os.walk(root))
    for words in (("submit", "-c", ":", "-l", "bash"), ("ps",), ("worker", "start", "--burst")):
        done = host.wmctl(*words)
        tally.expect(done.returncode == BAD_CONFIG, f"{words}: {done.returncode} {done.stderr}")
    tally.expect(sorted(os.walk(root)) == before, "something was written to a newer spool")


def _golden(ground: Ground, tally: Tally) -> None:
    """The oldest spool that there is, in the hands of the next version."""
    host = ground.host(memory=True, journal=False)
    spool: Spool = restored("v1", host.folder)
    host.environ["WMCTL_SPOOL"] = str(spool.path)
    done = host.wmctl("ps", "-a", rigs=NEXT)
    for entry in spool.entries():
        tally.expect(entry.id[-8:] in done.stdout, f"{entry.id} ({entry.state}) is not listed")


def both(ground: Ground, count: int) -> Tally:
    """So many jobs in all, about."""
    host = ground.host(memory=True, journal=False)
    host.make_spool(lease=20.0, beat=0.5)
    tally = Tally()
    first = _submit(host, count // 4, NEXT)
    tally.faults = len(first)
    _old_alone(host, tally, first, ground.without)
    known = [*first, *(found["id"] for found in _files(host.spool.path, "completed"))]
    ground.said("the old version alone is done")
    jobs = _together(host, known, count // 4)
    tally.jobs = len(set(jobs))
    majors = Counter(found["major"] for found in _files(host.spool.path, "completed"))
    tally.note = f"{majors['1']} ended by this version, {majors['2']} by the next"
    _judge(host, jobs, tally)
    _prune(host, tally)
    _refused(ground, tally)
    _golden(ground, tally)
    return tally


SCENARIOS = [
    Scenario(
        "G26", "upgrade", "this version and the next on one spool", both,
        short=60, long=1000, control="any-major", control_size=20,
    ),
]  # fmt: skip
