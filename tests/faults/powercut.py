"""The power fails while submitters and workers are busy: ext4 in a file, shut down (G3).

What a user saw, an id or the end of a `wmctl wait`, was written down outside of the image; it must
be so after the cut, and a new worker must do the rest.
"""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.image import ALL_LOST, JOURNAL_KEPT, Image
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually
from wmctl.runner import tree
from wmctl.spool import OUTCOMES, Settings, Spool
from wmctl.spool.audit import Audit, audit
from wmctl.spool.fs import boottime
from wmctl.spool.history import DOUBLED, LOST, examine, read_journal
from wmctl.spool.journal import Event

#: The second argument is long now and then, so that it lies in a blob.
CODE = 'n="$1"\npad="${2:-}"\necho "$n ${#pad}"\n'
BLOB = 40_000
#: Acknowledged jobs before the power may fail under load, and most jobs of one submit.
LEAST, BATCH = 130, 60


@dataclass
class Users:
    """People at their terminals: they submit, some wait, and remember what they were told."""

    ground: Ground
    host: Host
    rigs: str
    notes: Path
    over: threading.Event = field(default_factory=threading.Event)
    finished: set[str] = field(default_factory=set)
    processes: set["subprocess.Popen[str]"] = field(default_factory=set)
    #: When the power failed, on the journal's clock.
    cut_at: float = 0.0

    def submit_on(self, number: int, most: int, *, wait: bool) -> None:
        """One after the other until it is over."""
        said = self.notes / f"acknowledged-{number}"
        serial = 0
        while not self.over.is_set():
            size = self.ground.rng.randint(1, most)
            lines = [self._args(serial + index) for index in range(size)]
            serial += size
            before = said.stat().st_size if said.exists() else 0
            # Its output goes straight into a file on another disk: what is said is said.
            with said.open("ab") as out:
                words = ("submit", "-c", CODE, "-l", "bash", "--each", "-")
                self._run(words, out.fileno(), "".join(lines))
            told = said.read_text()[before:].split("\n")[:-1]
            if wait and told and not self.over.is_set():
                chosen = told[:3]
                if self._run(("wait", "-q", "--wait-timeout", "5s", *chosen), None, "") == 0:
                    self.finished |= set(chosen)

    def _args(self, number: int) -> str:
        pad = f"{number}." * (BLOB // 5) if self.ground.rng.random() < 0.02 else ""
        return json.dumps({"n": str(number), "pad": pad}) + "\n"

    def _run(self, words: tuple[str, ...], out: int | None, text: str) -> int:
        process = subprocess.Popen(
            self.host.command(*words, rigs=self.rigs), env=self.host.environ,
            cwd=self.host.folder, stdin=subprocess.PIPE, text=True,
            stdout=subprocess.DEVNULL if out is None else out, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.processes.add(process)
        process.communicate(text)
        self.processes.discard(process)
        return process.returncode

    def told(self) -> set[str]:
        """Every id that was printed whole."""
        lines: set[str] = set()
        for path in self.notes.glob("acknowledged-*"):
            lines |= set(path.read_text().split("\n")[:-1])
        return lines

    def stop(self) -> None:
        """They leave; what they run dies."""
        self.over.set()
        for process in list(self.processes):
            process.kill()


def _one_cut(ground: Ground, number: int) -> Tally:
    """Up, busy, cut, up again: nearly idle every fourth time, when nobody else syncs for you."""
    quiet, how = number % 4 == 0, JOURNAL_KEPT if number % 3 == 2 else ALL_LOST
    image = Image(ground)
    host = ground.host()
    host.environ["WMCTL_SPOOL"] = str(image.folder / "spool")
    Spool.create(image.folder / "spool", Settings(lease=60.0, beat=0.5))
    users = Users(ground, host, ground.without, ground.folder())
    # Made before the cut and known to be durable, as on any machine that ran for a while.
    subprocess.run(["sync", "-f", str(image.folder)], check=True)
    most = 6 if quiet else BATCH
    if not quiet:
        host.start("-n", "2", "-q", rigs=ground.without)
    threads = [
        threading.Thread(target=users.submit_on, args=(index, most), kwargs={"wait": index == 1})
        for index in range(1 if quiet else 3)
    ]
    for thread in threads:
        thread.start()
    try:
        least = ground.rng.randint(2, 12) if quiet else LEAST
        eventually(lambda: len(users.told()) >= least)
        if not quiet:
            time.sleep(ground.rng.uniform(0.0, 0.3))
        users.cut_at = boottime()
        image.cut(how)
    finally:
        users.stop()
        for process in host.supervisors:
            tree.kill_tree(process.pid, keep_root=False)
            process.wait()
        for thread in threads:
            thread.join()
    return _after(host, image, users)


def _after(host: Host, image: Image, users: Users) -> Tally:
    """The machine is up again."""
    root = image.restart() / "spool"
    host.environ["WMCTL_SPOOL"] = str(root)
    up_at = boottime()
    tally = Tally(faults=1, jobs=len(users.told()))
    if not (root / "spool.json").exists():
        tally.lost = tally.jobs
        return tally
    found = audit(root)
    undone = {job for job in users.finished if found.state(job) not in OUTCOMES}
    # Whoever has lost its beat is found dead only after a lease.
    Path(root, "spool.json").write_text('{"format":1,"lease":2.0,"beat":0.5}\n')
    host.start("-n", "1", "-q")
    resting = {*OUTCOMES, "held", "quarantined"}
    try:
        eventually(lambda: all(state in resting for state in _states(audit(root))), 30.0)
    except AssertionError:
        tally.problems.append("a new worker did not come to an end")
    host.drain()
    events = [
        each
        for each in read_journal(host.environ["WMCTL_JOURNAL"])
        # syncfs says that all is well on a file system that is shut down; a machine without power
        # would not have said anything.
        if not users.cut_at <= each.at < up_at
    ]
    _judge(audit(root), users, undone, events, tally)
    return tally


def _states(found: Audit) -> list[str | None]:
    return [found.state(job) for job in found.places]


def _judge(found: Audit, users: Users, undone: set[str], events: list[Event], tally: Tally) -> None:
    """A job whose file is torn is as lost as one that is nowhere."""
    wrong = [each for each in examine(events, found) if not each.after_power_cut]
    told = users.told()
    gone = {job for job in told if found.state(job) not in {"success", "held"}}
    tally.lost = len(gone | undone | {each.job for each in wrong if each.kind == LOST} & told)
    tally.doubled = len({each.job for each in wrong if each.kind == DOUBLED})
    tally.problems += found.problems + [str(each) for each in wrong]
    tally.problems += [f"{job}: its end was told, and undone" for job in undone]
    torn = [job for job in found.places if found.state(job) == "quarantined"]
    tally.problems += [f"{job} is torn" for job in torn]


def cuts(ground: Ground, count: int) -> Tally:
    """Each on a machine of its own."""
    tally = Tally()
    for number in range(count):
        with Ground(ground.seed + number, without=ground.without, said=ground.said) as own:
            once = _one_cut(own, number)
        tally.add(once)
        ground.said(f"cut {number + 1}: {tally.jobs} acknowledged, {tally.lost} lost")
    return tally


SCENARIOS = [
    Scenario(
        "G3", "powercut", "power cuts of ext4 under submitters and workers", cuts,
        short=3, long=100, control="no-sync=all", control_size=1, needs=("root",),
    ),
]  # fmt: skip
