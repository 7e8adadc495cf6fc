"""Thousands of files that are no jobs among good ones: put aside, or left alone (G12)."""

import json
import os
from itertools import chain, islice
from pathlib import Path

from tests.faults.pranks import KINDS, Prank, by_hand, mutations, queued_name
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

#: Megabytes that a worker may grow.
GROWTH = 20.0
#: One good job for so many bad ones.
SHARE = 6
_OLD = 1_500_000_000


def _plant(queue: Path, pranks: list[Prank]) -> tuple[list[bytes], list[bytes]]:
    """What must leave the queue, and what must stay; all look older than a minute."""
    bad, left = [], []
    for prank in pranks:
        name = prank.name or queued_name().encode()
        path = os.path.join(os.fsencode(queue), name)
        if os.path.lexists(path):
            continue
        prank.make(Path(os.fsdecode(path)))
        os.utime(path, (_OLD, _OLD), follow_symlinks=False)
        (left if prank.left_alone else bad).append(path)
    return bad, left


def _elsewhere(root: Path) -> None:
    """In the other folders a prank may do no harm; nobody looks for jobs there."""
    raw = os.fsencode(root)
    for place in (b"queue/\xff", b"queue/%zz", b"running/\xff", b"running/wk-x", b"workers/\xff"):
        os.mkdir(raw + b"/" + place)
    for place in (b"queue/file", b"running/file", b"control/cancel/\xff", b"completed/file",
                  b"keys/x.1", b"blobs/x", b"held/x", b"suspended/x", b"trash/x"):  # fmt: skip
        (root / os.fsdecode(place)).write_bytes(b"x")
    for top in ("running/wk-x", "held", "suspended", "completed"):
        for make in (os.mkfifo, KINDS["link to itself"], KINDS["world may write"]):
            make(root / top / queued_name().replace(".v1", "@bash.v1"))


def _memory(pid: int, what: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(what))


def hostile(ground: Ground, count: int) -> Tally:
    """So many bad ones; one worker goes through all."""
    host = ground.host(memory=True)
    root = host.make_spool(lease=60.0, beat=1.0).path
    (root / "queue/bash").mkdir()
    good = host.submit_many(max(count // SHARE, 10), ":")
    _elsewhere(root)
    pranks = list(islice(chain(by_hand(), mutations(ground.rng)), count))
    bad, left = _plant(root / "queue/bash", pranks)
    host.start("-n", "1", "-q", rigs=ground.without)
    pid = eventually(host.worker_pids)[0]
    eventually(host.spool.workers)
    before = _memory(pid, "VmRSS")
    more = host.submit_many(10, ":")
    try:
        eventually(lambda: not any(map(os.path.lexists, bad)), 30.0 + count / 50)
        eventually(lambda: all(host.spool.find(job).terminal for job in (*good, *more)))
    except AssertionError:
        ground.said("not all were looked at")
    tally = Tally(faults=len(bad) + len(left), jobs=len(good) + len(more))
    grown = _memory(pid, "VmHWM") - before
    tally.note = f"{len(bad)} put aside, {len(left)} left alone, worker +{grown:.0f} MB"
    tally.expect(grown < GROWTH, f"the worker grew by {grown:.0f} MB")
    tally.expect(host.worker_pids() == [pid], "the worker died of it")
    host.drain()
    tally.expect(host.supervisors[0].returncode == 0, "the worker did not end well")
    _judge(host, [*good, *more], bad, left, tally)
    return tally


def _judge(host: Host, good: list[str], bad: list[bytes], left: list[bytes], tally: Tally) -> None:
    """Good ones are done, bad ones aside with a reason, and what is for others is where it was."""
    ends = [host.spool.find(job).state for job in good]
    tally.lost = sum(state != "success" for state in ends)
    stayed = [path for path in bad if os.path.lexists(path)]
    tally.expect(not stayed, f"{len(stayed)} bad ones are still queued: {stayed[:3]}")
    gone = [path for path in left if not os.path.lexists(path)]
    tally.expect(not gone, f"not left alone: {gone[:3]}")
    aside = os.listdir(os.fsencode(host.spool.path / "quarantine"))
    reasons = {name for name in aside if name.endswith(b".reason")}
    files = set(aside) - reasons
    tally.expect(len(files) >= len(bad), f"{len(files)} put aside of {len(bad)}")
    mute = [name for name in files if name + b".reason" not in reasons]
    tally.expect(not mute, f"without a reason: {mute[:3]}")
    for name in reasons:
        told = json.loads((host.spool.path / "quarantine" / os.fsdecode(name)).read_bytes())
        tally.expect(bool(told["reason"] and told["message"]), f"{name!r} says {told}")


SCENARIOS = [
    Scenario(
        "G12", "hostile", "files that are no jobs among good ones", hostile,
        short=300, long=10_000, control="no-check", control_size=90, needs=("root",),
    ),
]  # fmt: skip
