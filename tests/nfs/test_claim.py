"""Who wins a job: hosts that compete for one queue, and caches that make a rename look done."""

import json
import signal
import time
from collections import Counter

import pytest

from .lab import MOUNTS
from .site import LEASE, Site

JOBS = 2000
#: Further jobs of each host that are due so many seconds later.
DELAYED, DELAY = 20, LEASE + 4.0
HOUR = 3600.0


def drain(workers) -> None:
    """Let them end in order."""
    for worker in workers:
        worker.signal(signal.SIGTERM)
    for worker in workers:
        worker.wait().ok()


def must_be_claimed_once(spool: Site, ids, workers) -> None:
    """Each job: one claim, one run, one record."""
    drain(workers)
    seen = spool.audit()
    seen.must_be_done(ids)
    assert {(seen.one(job).claims, seen.one(job).lost) for job in ids} == {(1, 0)}
    lines = [[line for line in worker.out.splitlines() if "ran" in line] for worker in workers]
    assert all(lines), "a host had nothing to do"
    assert Counter(line.split()[1] for some in lines for line in some) == dict.fromkeys(ids, 1)
    told = [line for worker in workers for line in worker.err.splitlines()]
    assert not [line for line in told if "sign of life" in line]


def test_two_hosts_drain_a_queue(site) -> None:
    spool = site("v3")
    ids = spool.submit("srv", JOBS)
    workers = [spool.noop_worker(host) for host in ("c1", "c2")]
    spool.finished(180)
    must_be_claimed_once(spool, ids, workers)


def test_three_hosts_with_clocks_an_hour_apart_drain_a_queue(lab, site) -> None:
    """Nobody is taken for dead meanwhile, and what is due later does not start earlier."""
    spool = site("v4.2")
    lab.clock("c1", HOUR)
    lab.clock("c3", -HOUR)
    late = [
        job for host in lab.clients for job in spool.submit(host, DELAYED, delay=DELAY, kind="noop")
    ]
    submitted = time.monotonic()
    ids = [*spool.submit("srv", JOBS), *late]
    workers = [spool.noop_worker(host) for host in lab.clients]
    spool.finished(180)
    assert time.monotonic() - submitted > LEASE, "too short a time to be taken for dead in"
    must_be_claimed_once(spool, ids, workers)
    seen = spool.audit()
    early = [seen.one(job).due - seen.one(job).started for job in ids]
    assert max(early) < 1.0, "started before it was due"
    assert min(seen.one(job).due for job in late) > min(seen.one(job).started for job in ids)


# A client that holds two names of one file in its cache takes a rename from one to the other for
# done, and sends nothing. So no two claimers may ever aim at one name.

STALE = 20
_CLAIM = """
import json, os, sys
from wmctl.spool import Spool
from wmctl.spool.lookup import Entry
from wmctl.spool import name as names
from wmctl.testing.spool_contract import claim
spool, worker, files = Spool.open(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
queue = spool.store.queue("noop")
if worker not in spool.joined():
    spool.join(worker, {})
entries = [Entry(names.parse(file, "noop"), "queued", f"{queue}/{file}") for file in files]
print(json.dumps([claim(spool, worker, entry) is not None for entry in entries]))
"""
_SHARED_CLAIM = """
import json, os, sys
root, _, files = sys.argv[1:]
os.makedirs(f"{root}/running/shared", exist_ok=True)
def won(file):
    try:
        os.rename(f"{root}/queue/noop/{file}", f"{root}/running/shared/{file}")
    except OSError:
        return False
    return True
print(json.dumps([won(file) for file in json.loads(files)]))
"""
_LOOK = """
import os, sys
for folder, _, files in os.walk(f"{sys.argv[1]}/{sys.argv[2]}"):
    for file in files:
        os.stat(f"{folder}/{file}")
"""


def claimed_twice(spool: Site, code: str) -> int:
    """How many jobs two hosts both believe to have claimed.

    The second has seen the jobs in the queue and, when the first has claimed them, their new
    names; its cache still holds the old ones.
    """
    spool.submit("srv", STALE)
    files = json.dumps(spool.files("queue/noop"))
    spool.on("c2", _LOOK, spool.path, "queue")
    first = spool.on("c1", code, spool.path, "wk-first", files)
    assert all(first)
    spool.on("c2", _LOOK, spool.path, "running")
    second = spool.on("c2", code, spool.path, "wk-second", files)
    return sum(second)


@pytest.mark.parametrize("protocol", MOUNTS)
def test_a_stale_cache_cannot_claim_twice(site, protocol) -> None:
    assert claimed_twice(site(protocol), _CLAIM) == 0


@pytest.mark.parametrize("protocol", MOUNTS)
def test_claims_by_one_name_are_won_twice(site, protocol) -> None:
    """The control: claims that aim at a name that all share."""
    assert claimed_twice(site(protocol, "-shared"), _SHARED_CLAIM) == STALE
