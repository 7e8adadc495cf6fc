"""A claim and a commit on a laboratory host that stop right before their rename.

    python -m tests.nfs.gated WORKER RIGS SPOOL SPOOL

Says `gate` when each stands there, with all names looked up; after a line of input both go on, and
it says what they believe. `rigs` are those of `tests.faults.rigged`. The spool is given as two
mounts have it: a kernel does one rename between folders at a time in each mount.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.faults.rigged import rig
from wmctl.spool import Disk, Entry, Job, Spool
from wmctl.testing.spool_contract import claim

R = TypeVar("R")


class Gate(Disk):
    """Waits before each rename while it is shut, when nothing but the rename is left to ask."""

    opened = threading.Event()
    shut = False

    def call(self, name: str, function: Callable[..., R], *args: object) -> R:
        if self.shut and name == "rename":
            for path in map(str, args):
                os.path.lexists(path)
            print("gate", flush=True)
            self.opened.wait()
        return super().call(name, function, *args)


def waiting(path: str, label: str) -> tuple[Spool, Entry]:
    """A spool, and a job of one's own in it."""
    spool = Spool.open(path, disk=Gate())
    spool.join(label, {})
    return spool, spool.find(spool.submit(Job(kind="noop"), tag=label))


def main(worker: str, rigs: str, claiming: str, committing: str) -> None:
    rig(rigs)
    spool, wanted = waiting(claiming, f"{worker}-claim")
    other, entry = waiting(committing, f"{worker}-commit")
    staged = other.stage(claim(other, f"{worker}-commit", entry), "success", {"result": worker})
    Gate.shut = True
    with ThreadPoolExecutor() as pool:
        claimed = pool.submit(claim, spool, f"{worker}-claim", wanted)
        published = pool.submit(other.commit, [staged])
        sys.stdin.readline()
        Gate.opened.set()
        print(json.dumps([claimed.result() is not None, *published.result()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
