"""A spool that takes nothing for a while: full, read-only, over quota, too large (G10, G11).

Nothing acknowledged is lost, submit says so in a line and exits 75, workers go on when there is
room again, and no half-written file stays behind.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.image import Image, tmpfs
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually
from wmctl.spool import Job, Settings, Spool

#: Seconds within which workers go on once there is room again, and what a busy machine may add.
PROMISED, SLACK = 2.0, 6.0
TRY_AGAIN, INPUT_OUTPUT = 75, 74
#: Jobs of a story. Each takes a moment, so that some are left when the trouble begins.
JOBS, WORK = 60, "sleep 0.05"


@dataclass
class Trouble:
    """A way to make a spool refuse, and to end that."""

    where: Path
    begin: Callable[[], object]
    end: Callable[[], object]
    #: What the commands are rigged with.
    rigs: str = ""
    #: Seconds until most of the jobs are due: for a trouble that cannot begin while one runs.
    delay: float = 0.0


def _fill(folder: Path, name: str) -> None:
    """Take every block that is left."""
    with (folder / name).open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"\0" * 65536)
    with (folder / name).open("ab") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"\0")


def disk_full(ground: Ground) -> Trouble:
    """12 MB, and somebody else needs them all."""
    where = tmpfs(ground, "size=12m")
    return Trouble(where, lambda: _fill(where, "fat"), (where / "fat").unlink)


def inodes_full(ground: Ground) -> Trouble:
    """No more files, though there is room for bytes."""
    where = tmpfs(ground, "size=64m,nr_inodes=1200")
    many = where / "many"

    def begin() -> None:
        many.mkdir()
        with contextlib.suppress(OSError):
            for number in range(2000):
                (many / str(number)).touch()

    return Trouble(where, begin, lambda: [path.unlink() for path in many.iterdir()])


def read_only(ground: Ground) -> Trouble:
    """As after an error of the disk, or by hand. Nobody may be writing at that moment."""
    image = Image(ground)
    return Trouble(
        image.folder,
        lambda: eventually(lambda: image.remount("ro")),
        lambda: eventually(lambda: image.remount("rw")),
        delay=1.5,
    )


def quota(ground: Ground) -> Trouble:
    """Every command's disk says EDQUOT as long as a file is there: few machines have quotas."""
    flag = ground.folder() / "over-quota"
    rigs = f"over-quota={flag}"
    return Trouble(ground.folder(memory=True), flag.touch, flag.unlink, rigs)


def _refused(ground: Ground, trouble: Trouble, seconds: float) -> Tally:
    """Work, trouble for so long, and work again."""
    host = ground.host()
    host.environ["WMCTL_SPOOL"] = str(trouble.where / "spool")
    Spool.create(trouble.where / "spool", Settings(lease=60.0, beat=0.5))
    rigs = ",".join(filter(None, (trouble.rigs, ground.without)))
    first = 5 if trouble.delay else JOBS
    jobs = host.submit_many(first, WORK)
    host.start("-n", "2", "-q", rigs=rigs)
    eventually(lambda: host.unfinished() <= first - 5)
    if trouble.delay:
        later = [Job(language="bash", code=WORK)] * (JOBS - first)
        jobs += host.spool.submit_all(later, tag="bash", delay=trouble.delay)
    trouble.begin()
    tally = Tally()
    until = time.monotonic() + seconds + trouble.delay
    while time.monotonic() < until or tally.faults < 2:
        jobs += _submit(host, rigs, tally)
        ground.said(f"{tally.faults} submits refused, {len(jobs)} jobs acknowledged")
    left = host.unfinished()
    trouble.end()
    freed = time.monotonic()
    tally.expect(left > 0, "nothing was left to go on with")
    with contextlib.suppress(AssertionError):
        eventually(lambda: host.unfinished() < left, PROMISED + SLACK)
    took = time.monotonic() - freed
    tally.expect(took < PROMISED + SLACK, f"the workers went on only after {took:.1f} s")
    tally.note = f"work goes on after {took:.1f} s"
    with contextlib.suppress(AssertionError):
        eventually(lambda: not host.unfinished())
    host.drain()
    host.spool.prune()
    verdict = judge_host(host, jobs, faults=tally.faults)
    verdict.problems += tally.problems
    verdict.note = tally.note
    all_finished(host, verdict)
    return verdict


def _submit(host: Host, rigs: str, tally: Tally) -> list[str]:
    """One that is refused says so in one line (and perhaps what to do), with the code for later."""
    done = host.wmctl("submit", "-c", f"echo {'x' * 5000}", "-l", "bash", rigs=rigs)
    said = done.stderr.splitlines()
    if done.returncode:
        tally.faults += 1
        plain = len(said) <= 2 and said[:1] and said[0].startswith("wmctl: cannot")
        tally.expect(bool(plain), f"submit said {done.stderr[:300]!r}")
        tally.expect(done.returncode == TRY_AGAIN, f"submit exited with {done.returncode}")
        tally.expect(not done.stdout, f"submit was refused, and printed {done.stdout!r}")
    return done.stdout.split()


def _file_too_large(ground: Ground) -> Tally:
    """The caller's own limit (ulimit -f): nothing to wait for, so not the code for later."""
    host = ground.host(memory=True)
    host.make_spool()
    tally = Tally()
    words = host.command("submit", "-c", f"echo {'x' * 9000}", "-l", "bash", rigs=ground.without)
    done = subprocess.run(
        ["prlimit", "--fsize=4096", *words], env=host.environ, cwd=host.folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    tally.faults += 1
    tally.expect(done.returncode == INPUT_OUTPUT, f"submit exited with {done.returncode}")
    tally.expect(len(done.stderr.splitlines()) <= 2, f"submit said {done.stderr[:300]!r}")
    tally.add(judge_host(host, done.stdout.split()))
    all_finished(host, tally)
    return tally


def full(ground: Ground, seconds: int) -> Tally:
    """The disk is full for so long."""
    return _refused(ground, disk_full(ground), seconds)


def refused(ground: Ground, seconds: int) -> Tally:
    """Four other ways to be refused, each for so long."""
    tally, notes = _file_too_large(ground), []
    for way in (inodes_full,) if ground.without else (inodes_full, read_only, quota):
        once = _refused(ground, way(ground), seconds)
        once.problems = [f"{way.__name__}: {problem}" for problem in once.problems]
        tally.add(once)
        notes.append(once.note)
    tally.note = "; ".join(notes)
    return tally


SCENARIOS = [
    Scenario(
        "G10", "full", "the disk is full for a while", full,
        short=2, long=30, control="litter", control_size=1, needs=("root",),
    ),
    Scenario(
        "G11", "refused", "inodes full, EFBIG, EROFS, EDQUOT", refused,
        short=1, long=10, control="litter", control_size=1, needs=("root",),
    ),
]  # fmt: skip
