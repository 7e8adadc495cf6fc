"""One host is cut off and comes back, another loses power; a third does their jobs, once.

One story with all its variants at the same time, since most of it is waiting for leases:
`cut`, `ended` and `dead` jobs on ordinary workers over both protocols, and the controls.
"""

import signal
import time
from dataclasses import dataclass, field

from .acts import Act
from .channel import Running
from .lab import MOUNTS, Lab
from .site import BEAT, LEASE, Site, eventually


@dataclass
class Story:
    lab: Lab
    #: Seconds, of all its spools.
    lease: float = LEASE
    beat: float = BEAT
    sites: dict[str, Site] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    workers: dict[str, Running] = field(default_factory=dict)
    rescuers: list[Running] = field(default_factory=list)
    #: What was seen, by act.
    stopped_after: dict[str, float] = field(default_factory=dict)
    overlapped: dict[str, bool] = field(default_factory=dict)
    rescued_after: dict[str, float] = field(default_factory=dict)
    afterwards: dict[str, str] = field(default_factory=dict)

    def open(self, name: str, protocol: str, *labels: str, rigs: str = "") -> None:
        """A spool, its jobs, and the workers on c1 that hold them."""
        site = self.sites[name] = Site(
            self.lab, f"partition-{name}", protocol, lease=self.lease, beat=self.beat
        )
        for label in labels:
            self.acts[f"{label} {name}"] = Act(site, label, "c1")
        self.workers[name] = site.worker("c1", len(labels), rigs=rigs)

    def begin(self) -> None:
        for protocol in MOUNTS:
            self.open(protocol, protocol, "cut", "ended")
        self.open("unfenced", "v4.2", "ended", rigs="no-fence")
        self.open("unguarded", "v3", "cut", rigs="no-self-stop")
        for act in list(self.acts.values()):
            act.await_start("c1", 1)
        for protocol in MOUNTS:
            act = self.acts[f"dead {protocol}"] = Act(self.sites[protocol], "dead", "c3")
            act.site.worker("c3")
        for act in self.acts.values():
            act.await_start(act.host, 1)
        self.rescuers = [site.worker("c2") for site in self.sites.values()]
        for rescuer in self.rescuers:
            rescuer.until(" up; ")

    def break_off(self) -> None:
        """c1 is cut off, and some jobs end there; c3 loses its power; c2 goes on."""
        self.lab.cut("c1")
        self.lab.kill("c3")
        began = time.monotonic()
        for name, act in self.acts.items():
            if name.startswith("ended"):
                act.let_go()
        for protocol in MOUNTS:
            act = self.acts[f"cut {protocol}"]
            eventually(lambda act=act: not act.still_runs(), act.site.patience)
            self.stopped_after[protocol] = time.monotonic() - began
        for name, act in self.acts.items():
            self.rescued_after[name] = act.await_start("c2", 2) - began
            if name.startswith("cut"):
                self.overlapped[name] = act.still_runs()
        for site in self.sites.values():
            site.finished()

    def come_back(self) -> None:
        """c1 is back, and soon alone: its workers join anew, and do what is new."""
        before = {name: set(self.sites[name].files("workers")) for name in MOUNTS}
        self.lab.heal("c1")
        for name, worker in self.workers.items():
            patience = self.sites[name].patience
            worker.until(" up; ", patience, times=4 if name in MOUNTS else 2)
        for rescuer in self.rescuers:
            rescuer.signal(signal.SIGTERM)
        for rescuer in self.rescuers:
            rescuer.wait().ok()
        for name in MOUNTS:
            self.afterwards[name] = self.sites[name].bash("srv", "echo afterwards")
        for name in MOUNTS:
            self.sites[name].finished()
            assert not before[name] & set(self.sites[name].files("workers"))

    def told(self) -> None:
        """The whole story."""
        self.begin()
        self.break_off()
        self.come_back()

    def jobs(self, protocol: str) -> list[str]:
        """The jobs on ordinary workers that were cut off, had ended meanwhile, or lost power."""
        return [self.acts[f"{label} {protocol}"].job for label in LABELS]

    @property
    def self_stop(self) -> float:
        """The holder stops itself two thirds of the lease after its last beat; 2 s for doing it."""
        return self.lease * 2 / 3 + 2.0

    @property
    def rescue(self) -> float:
        """A job of a host that lost its power runs elsewhere by then."""
        return self.lease + 15.0


#: What becomes of a job on the host that goes: its program is cut off in the middle, ends while
#: nobody can be told, or is gone with the host's power.
LABELS = ("cut", "ended", "dead")
