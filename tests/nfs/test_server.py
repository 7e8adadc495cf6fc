"""The file server loses its power: with replies under way, and under load."""

import json
import sys

import pytest

from .channel import Running
from .guest import EXPORT
from .lab import DEFAULT_EXPORT, MOUNTS, Lab
from .site import Site, eventually

#: Without and with the check whose loss the control shows.
RIGS = {"plain": "", "believing": "no-enoent-check"}


def gated(lab: Lab, site: Site, label: str) -> Running:
    """A claim and a commit on c1 that stand before their renames, each in a mount of its own."""
    mounts = [f"/mnt/{site.protocol}-{label}-{verb}" for verb in ("claim", "commit")]
    for mount in mounts:
        lab.mount("c1", site.protocol, mount, ",nosharecache")
    paths = [f"{mount}/{site.name}" for mount in mounts]
    return lab.bg(
        "c1", [sys.executable, "-m", "tests.nfs.gated", f"wk-{label}", RIGS[label], *paths]
    )


@pytest.fixture(scope="module")
def believed(laboratory):
    """What claimers and committers believe whose renames were done and whose replies were lost.

    By protocol and rig: [claimed, published]. After its power loss the server has forgotten what
    it answered, so that the resent renames find nothing at their source.
    """
    lab = laboratory
    sites = {protocol: Site(lab, f"lost-reply-{protocol}", protocol) for protocol in MOUNTS}
    try:
        waiting = {
            (protocol, label): gated(lab, site, label)
            for protocol, site in sites.items()
            for label in RIGS
        }
        for command in waiting.values():
            command.until("gate", times=2)
        lab.cut("c1", "rx")
        for command in waiting.values():
            command.say("go")
        for site in sites.values():
            eventually(lambda site=site: not site.count("queue"))
            eventually(lambda site=site: site.count("completed") == len(RIGS))
        lab.exec("srv", ["sync"]).ok()
        lab.kill("srv")
        lab.heal("c1")
        lab.start("srv")
        ends = {key: command.wait().ok().out for key, command in waiting.items()}
        yield {key: json.loads(out.splitlines()[-1]) for key, out in ends.items()}
    finally:
        lab.recover()


@pytest.mark.parametrize("protocol", MOUNTS)
def test_a_claim_and_a_commit_whose_replies_are_lost_are_known_to_be_done(
    believed, protocol
) -> None:
    assert believed[protocol, "plain"] == [True, True]


@pytest.mark.parametrize("protocol", MOUNTS)
def test_who_believes_the_error_is_wrong(believed, protocol) -> None:
    """The control: without the look after ENOENT."""
    assert believed[protocol, "believing"] == [False, False]


_SUBMIT = """
import sys, time
from wmctl.spool import Job, Spool
spool, until = Spool.open(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    print(spool.submit(Job(kind="noop"), tag="noop"), flush=True)
"""


def test_nothing_acknowledged_is_lost_with_the_servers_power(lab, sites) -> None:
    """Jobs are submitted and done while the server loses its power; the export is `sync`."""
    stories = []
    for spool, submitter, worker in zip(sites, ("c1", "c2"), ("c2", "c3"), strict=True):
        argv = [sys.executable, "-c", _SUBMIT, spool.path, "9"]
        stories.append((spool, lab.bg(submitter, argv), spool.noop_worker(worker)))
    for spool, _, _ in stories:
        eventually(lambda spool=spool: spool.count("completed") > 20)
    lab.kill("srv")
    lab.start("srv")
    for spool, submitter, worker in stories:
        ids = submitter.wait().ok().out.split()
        spool.finished()
        worker.close()
        spool.audit().must_be_done(ids)
        assert len(ids) > 40


def test_an_export_that_is_async_loses_what_was_acknowledged(lab, site) -> None:
    """The control: such a server answers before anything is on its disk."""
    spool = site("v4.2")
    script = 'exportfs -o "$1" "*:$2"'
    options = DEFAULT_EXPORT.replace("sync", "async")
    lab.exec("srv", ["sh", "-c", script, "sh", options, EXPORT]).ok()
    submitter = lab.bg("c1", [sys.executable, "-c", _SUBMIT, spool.path, "60"])
    submitter.until("\n", times=50)
    lab.kill("srv")
    acknowledged = set(submitter.out.split())
    submitter.close()
    lab.start("srv")
    assert acknowledged - spool.audit().places.keys()
