"""Submitters of one key on three hosts at the same moment: one job."""

import sys

ROUNDS = 30
#: Both begin each round at the same moment of their clocks, which agree.
_SUBMIT = """
import json, sys, time
from wmctl.spool import Job, Spool
spool, rounds = Spool.open(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
start = float(sys.stdin.readline())
ids = []
for number in range(rounds):
    time.sleep(max(0.0, start + number * 0.12 - time.time()))
    ids.append(spool.submit(Job(kind="noop", key=f"key-{number}"), tag="noop"))
print(json.dumps(ids))
"""


def test_one_key_has_one_job(lab, sites) -> None:
    submitters = {
        spool: [
            lab.bg(host, [sys.executable, "-c", _SUBMIT, spool.path, str(ROUNDS)])
            for host in lab.clients
        ]
        for spool in sites
    }
    everyone = [one for some in submitters.values() for one in some]
    for submitter in everyone:
        submitter.until("ready")
    begin = lab.py("c1", "import time; print(time.time() + 0.5)")
    for submitter in everyone:
        submitter.say(str(begin))
    for spool, some in submitters.items():
        told = {submitter.wait().ok().out.splitlines()[-1] for submitter in some}
        assert len(told) == 1, "two hosts were told different ids for one key"
        seen = spool.audit()
        assert len(seen.places) == ROUNDS
        assert not seen.problems
