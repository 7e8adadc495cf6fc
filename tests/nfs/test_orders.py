"""What one host wants of a job or a worker of another: wait, logs -f, cancel, drain.

Each story is told over both protocols at once, since most of it is waiting.
"""

import time

import pytest

from .site import BEAT, eventually

#: A few beats, and what it takes to start a command on a busy host.
SOON = 3 * BEAT + 8.0
_TOUCH = "import sys; open(sys.argv[1], 'w').close()"
_DRAINS = """
import json, sys
with open(f"{sys.argv[1]}/workers/{sys.argv[2]}") as beat:
    print(json.dumps(json.load(beat)["state"] == "draining"))
"""
_GATED = "until [ -e /tmp/end-{name} ]; do sleep 0.2; done"


@pytest.fixture
def busy(sites):
    """Spools with a worker each, on c1."""
    workers = {spool: spool.worker("c1") for spool in sites}
    for worker in workers.values():
        worker.until(" up; ")
    return workers


def test_wait_and_logs_on_other_hosts(busy) -> None:
    """They look before the job begins: their hosts' caches then say that it has left nothing."""
    code = "for n in 0 1 2 3 4 5; do echo line $n; sleep 0.3; done; exit 4"
    lines = [f"line {number}" for number in range(6)]
    jobs = [(spool, spool.bash("srv", code, delay=5.0)) for spool in busy]
    watchers = [
        (spool.bg("c2", "wait", job), spool.bg("c3", "logs", "-f", job)) for spool, job in jobs
    ]
    for waiting, following in watchers:
        following.until(lines[0])
        began = time.monotonic()
        assert waiting.wait().code == 4
        assert following.wait().ok().out.splitlines() == lines
        assert time.monotonic() - began < SOON


def test_cancel_and_drain_cross_hosts(busy) -> None:
    """A running job is stopped; its worker finishes the next one, claims no more, and ends."""
    canceled = [(spool, spool.bash("srv", "sleep 600")) for spool in busy]
    waiting = [spool.bg("c3", "wait", job) for spool, job in canceled]
    for spool in busy:
        eventually(lambda spool=spool: spool.count("running"))
    asked = time.monotonic()
    for command in [spool.bg("c2", "cancel", job) for spool, job in canceled]:
        command.wait().ok()
    assert [command.wait().code for command in waiting] == [143, 143]
    assert time.monotonic() - asked < SOON
    last = [(spool, spool.bash("srv", _GATED.format(name=spool.name))) for spool in busy]
    later = {}
    for spool in busy:
        (path,) = eventually(lambda spool=spool: spool.files("running"))
        worker = path.split("/")[0]
        spool.on("c2", _TOUCH, f"{spool.path}/control/drain/{worker}")
        eventually(
            lambda spool=spool, worker=worker: spool.on("srv", _DRAINS, spool.served, worker)
        )
        later[spool] = spool.bash("srv", "echo later")
        spool.on("c1", _TOUCH, f"/tmp/end-{spool.name}")
    asked = time.monotonic()
    for (spool, stopped), (_, done) in zip(canceled, last, strict=True):
        assert busy[spool].wait().code == 0
        seen = spool.audit()
        assert (seen.one(stopped).outcome, seen.one(done).outcome) == ("canceled", "success")
        assert seen.one(later[spool]).state == "queued"
        assert not spool.files("workers")
    assert time.monotonic() - asked < SOON
