"""A busy host is cut off over real NFS and comes back, another loses power, with the real lease.

The tests of `tests/nfs` tell the same story with a lease of 12 s, and its controls.
"""

from tests.faults.scenario import Ground, Scenario, Tally
from tests.nfs.lab import MOUNTS, Lab, missing
from tests.nfs.partition import Story

#: What a spool on a network file system gets.
LEASE, BEAT = 120.0, 10.0


def _partition(ground: Ground, rounds: int) -> Tally:
    lack = missing()
    if lack:
        raise SystemExit(f"no NFS laboratory: {lack}; as root, run: .ci/packages")
    tally, slowest = Tally(), 0.0
    with Lab.up(clients=3) as lab:
        for number in range(rounds):
            story = Story(lab, LEASE, BEAT)
            story.told()
            lab.recover()
            slowest = max(slowest, *(story.rescued_after[f"dead {name}"] for name in MOUNTS))
            for protocol in MOUNTS:
                _judge(tally, story, protocol)
            ground.said(f"{number + 1} of {rounds}, slowest rescue {slowest:.0f} s")
    tally.note = f"lease {LEASE:.0f} s, slowest rescue after {slowest:.0f} s"
    return tally


def _judge(tally: Tally, story: Story, protocol: str) -> None:
    seen = story.sites[protocol].audit()
    jobs = {*story.jobs(protocol), story.afterwards[protocol]}
    tally.faults += len(story.jobs(protocol))
    tally.jobs += len(jobs)
    tally.lost += len(jobs - seen.places.keys())
    tally.doubled += sum(len(spots) > 1 for spots in seen.places.values())
    tally.problems += seen.problems
    tally.expect(story.stopped_after[protocol] < story.self_stop + 1.0, "not stopped in time")
    tally.expect(not story.overlapped[f"cut {protocol}"], "two attempts at once")
    tally.expect(story.rescued_after[f"dead {protocol}"] < story.rescue, "not rescued in time")


SCENARIOS = [
    Scenario(
        "G6", "partition", "over NFS: a busy host is cut off and comes back, another loses power",
        _partition, short=0, long=1, control="", control_size=0,
    ),
]  # fmt: skip
