"""One spool of the laboratory, as the hosts use it; what tests say and ask about it.

`Site.audit` looks at the server's own disk: what is there, and not what a client's cache says.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .channel import Result, Running
from .lab import MOUNTS, SERVED, Lab

LEASE, BEAT = 12.0, 2.0
#: Seconds that anything may take on a busy machine before a test gives up.
PATIENCE = 60.0

_CREATE = """
import os, sys
from wmctl.spool import Settings, Spool
os.umask(0)
path, lease, beat = sys.argv[1:]
Spool.create(path, Settings(lease=float(lease), beat=float(beat)))
"""
_SUBMIT = """
import json, sys
from wmctl.spool import Job, Spool
path, count, tag, delay, fields = sys.argv[1], *map(json.loads, sys.argv[2:])
fields = {key: tuple(one) if isinstance(one, list) else one for key, one in fields.items()}
made = (Job(**fields) for _ in range(count))
print(json.dumps(list(Spool.open(path).submit_all(made, tag=tag, delay=delay))))
"""
_FILES = """
import json, os, sys
found = ((folder, file) for folder, _, files in os.walk(sys.argv[1]) for file in files)
print(json.dumps([f"{folder}/{file}"[len(sys.argv[1]) + 1:] for folder, file in found]))
"""
_AUDIT = """
import json, os, sys
from datetime import datetime
from wmctl.spool import bucket
from wmctl.testing.spool_contract import audit
root = sys.argv[1]
seen = audit(root)
def started(name):
    path = f"{root}/results/{bucket(name.id)}/{name.id}.{name.claims}.json"
    if not os.path.exists(path):
        return 0.0
    with open(path) as file:
        text = json.load(file).get("started_at")
    return datetime.fromisoformat(text).timestamp() if text else 0.0
places = {job: [[p.state, p.name.outcome, p.name.claims, p.name.lost, p.path[len(root) + 1:],
                 p.name.scheduled_for.timestamp(), started(p.name)] for p in found]
          for job, found in seen.places.items()}
print(json.dumps([places, list(seen.problems), seen.tmp]))
"""


@dataclass(frozen=True)
class Spot:
    """Where a job lies, and what its name says."""

    state: str
    outcome: str | None
    claims: int
    lost: int
    path: str
    #: Due and, once it has a result, claimed: by the server's clock, seconds since 1970.
    due: float
    started: float

    @property
    def worker(self) -> str:
        """Who has claimed it, if it is running."""
        return self.path.split("/")[1] if self.state == "running" else ""


@dataclass(frozen=True)
class Audit:
    """Every job file on the server."""

    places: dict[str, list[Spot]]
    problems: list[str]
    tmp: list[str]

    def must_be_done(self, ids: Iterable[str]) -> None:
        """AssertionError unless exactly these jobs are there, each once, with a whole success."""
        ids = set(ids)
        assert not ids - self.places.keys(), "acknowledged and lost"
        assert self.places.keys() == ids
        assert not self.problems, self.problems
        assert not self.tmp, self.tmp
        states = Counter(spot.outcome for spots in self.places.values() for spot in spots)
        assert states == {"success": len(ids)}, states

    def one(self, job_id: str) -> Spot:
        """The place of a job that is in one."""
        (spot,) = self.places[job_id]
        return spot


class Site:
    """A spool that all hosts mount by one protocol."""

    def __init__(
        self, lab: Lab, name: str, protocol: str, *, lease: float = LEASE, beat: float = BEAT
    ) -> None:
        self.lab = lab
        #: Seconds that anything may take here: nothing takes longer than a lease and a moment.
        self.patience = lease + PATIENCE
        self.name = name
        self.protocol = protocol
        self.path = f"{MOUNTS[protocol]}/{name}"
        self.served = f"{SERVED}/{name}"
        self.env = {"WMCTL_SPOOL": self.path, "HOME": "/tmp/home", "TMPDIR": "/tmp"}
        self.on("srv", _CREATE, self.served, lease, beat)

    def on(self, host: str, code: str, *args: object) -> Any:
        """Run Python on a host."""
        return self.lab.py(host, code, *args)

    def submit(
        self, host: str, count: int = 1, *, tag: str = "noop", delay: float = 0.0, **fields: Any
    ) -> list[str]:
        """Jobs from a host; on `srv` at the server's own speed."""
        job = fields or {"kind": "noop"}
        path = self.served if host == "srv" else self.path
        return self.on(host, _SUBMIT, path, count, *map(json.dumps, (tag, delay, job)))

    def bash(self, host: str, code: str, delay: float = 0.0) -> str:
        """One bash job."""
        return self.submit(host, tag="bash", delay=delay, language="bash", code=code)[0]

    def noop_worker(self, host: str, *, burst: bool = False, rigs: str = "") -> Running:
        """A supervisor with one worker for jobs that cost nothing."""
        wanted = {"spool": self.path, "burst": burst, "rigs": rigs}
        argv = [sys.executable, "-m", "tests.nfs.worker", json.dumps(wanted)]
        return self.lab.bg(host, argv, env=self.env)

    def worker(self, host: str, count: int = 1, *, rigs: str = "") -> Running:
        """wmctl's own supervisor with workers for bash jobs."""
        words = ["worker", "start", "--tags", "bash", "-n", str(count)]
        return self.bg(host, *words, rigs=rigs)

    def bg(self, host: str, *words: str, rigs: str = "") -> Running:
        """A command of wmctl's, in the background."""
        module = ["tests.faults.rigged", rigs] if rigs else ["wmctl"]
        return self.lab.bg(host, [sys.executable, "-m", *module, *words], env=self.env)

    def wmctl(self, host: str, *words: str) -> Result:
        """A command of wmctl's, to its end."""
        running = self.bg(host, *words)
        try:
            return running.wait(PATIENCE)
        finally:
            running.close()

    def files(self, folder: str) -> list[str]:
        """The files below a folder of the spool, as the server has them."""
        return self.on("srv", _FILES, f"{self.served}/{folder}")

    def count(self, *folders: str) -> int:
        return sum(len(self.files(folder)) for folder in folders)

    def finished(self, patience: float = 0.0) -> None:
        """Wait until no job is left that waits or runs.

        A job that goes back into its queue is in neither of two folders that are read in turn.
        """
        eventually(
            lambda: not self.count("queue", "running", "queue"), max(patience, self.patience)
        )

    def ended(self, ids: Iterable[str]) -> Audit:
        """What is there once these jobs have ended; an end is not undone, wherever they went."""
        wanted = list(ids)

        def over() -> bool:
            records = "\n".join(self.files("completed"))
            return all(job in records for job in wanted)

        eventually(over, self.patience)
        return self.audit()

    def audit(self) -> Audit:
        """Every job file, from the server's disk."""
        places, problems, tmp = self.on("srv", _AUDIT, self.served)
        seen = {job: [Spot(*spot) for spot in spots] for job, spots in places.items()}
        return Audit(seen, problems, tmp)


def eventually(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value; for what happens on the hosts and says nothing."""
    until = time.monotonic() + patience
    while not (value := what()):
        assert time.monotonic() < until, f"did not happen within {patience:g} s"
        time.sleep(0.1)
    return value
