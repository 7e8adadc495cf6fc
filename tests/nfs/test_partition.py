"""One host is cut off and comes back, another loses power; a third does their jobs, once.

One story with all its variants at the same time, since most of it is waiting for leases:
`cut`, `ended` and `dead` jobs on ordinary workers over both protocols, and the controls.
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from .acts import Act
from .channel import Running
from .lab import MOUNTS, Lab
from .site import LEASE, Site, eventually

#: The holder stops itself two thirds of the lease after its last beat; and 2 s for doing it.
SELF_STOP = LEASE * 2 / 3 + 2.0
#: A job of a host that lost its power runs elsewhere by then.
RESCUE = LEASE + 15.0


@dataclass
class Story:
    lab: Lab
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
        site = self.sites[name] = Site(self.lab, f"partition-{name}", protocol)
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
            eventually(lambda act=self.acts[f"cut {protocol}"]: not act.still_runs())
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
            worker.until(" up; ", times=4 if name in MOUNTS else 2)
        for rescuer in self.rescuers:
            rescuer.signal(signal.SIGTERM)
        for rescuer in self.rescuers:
            rescuer.wait().ok()
        for name in MOUNTS:
            self.afterwards[name] = self.sites[name].bash("srv", "echo afterwards")
        for name in MOUNTS:
            self.sites[name].finished()
            assert not before[name] & set(self.sites[name].files("workers"))


@pytest.fixture(scope="module")
def story(laboratory: Lab) -> Iterator[Story]:
    told = Story(laboratory)
    try:
        told.begin()
        told.break_off()
        told.come_back()
        yield told
    finally:
        laboratory.recover()


@pytest.mark.parametrize("protocol", MOUNTS)
def test_a_job_cut_off_from_its_spool_is_stopped_in_time(story, protocol) -> None:
    """By its own supervisor, while the worker hangs in a call to the spool."""
    assert story.stopped_after[protocol] < SELF_STOP + 1.0
    assert not story.overlapped[f"cut {protocol}"]


def test_without_the_self_stop_two_attempts_overlap(story) -> None:
    """The control."""
    assert story.overlapped["cut unguarded"]


@pytest.mark.parametrize("protocol", MOUNTS)
def test_what_was_cut_off_is_done_elsewhere_and_published_once(story, protocol) -> None:
    site = story.sites[protocol]
    labels = ("cut", "ended", "dead")
    jobs = [story.acts[f"{label} {protocol}"].job for label in labels]
    seen = site.audit()
    seen.must_be_done([*jobs, story.afterwards[protocol]])
    assert [(seen.one(job).claims, seen.one(job).lost) for job in jobs] == [(2, 1)] * len(jobs)
    for label in labels:
        assert "2" in story.acts[f"{label} {protocol}"].result()


def test_without_the_fence_it_is_published_twice(story) -> None:
    """The control."""
    seen = story.sites["unfenced"].audit()
    job = story.acts["ended unfenced"].job
    assert len(seen.places[job]) > 1
    assert seen.problems


@pytest.mark.parametrize("protocol", MOUNTS)
def test_the_jobs_of_a_host_without_power_run_elsewhere_in_time(story, protocol) -> None:
    assert story.rescued_after[f"dead {protocol}"] < RESCUE
