"""Editors of one worker group on three hosts at the same moment: no change gets lost."""

import sys

EDITS = 12
_EDIT = """
import random, sys, time
from wmctl.config import shared
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store
store = Store.open(sys.argv[1], Disk())
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    time.sleep(random.uniform(0.0, 0.1))  # each waits for its turn, and nobody for long
    shared.edit(store, "groups/gpu.yaml", lambda now: b"%d" % (int(now or b"0") + 1))
"""
_READ = """
import sys
from wmctl.config import shared
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store
found = shared.read(Store.open(sys.argv[1], Disk()), "groups/gpu.yaml")
print(found.text.decode() if found else "0")
"""


def test_editors_on_three_hosts_lose_nothing(lab, sites) -> None:
    for site in sites:
        editors = [
            lab.bg(host, [sys.executable, "-c", _EDIT, site.path, str(EDITS)])
            for host in lab.clients
        ]
        for editor in editors:
            editor.until("ready")
        for editor in editors:
            editor.say("go")
        for editor in editors:
            editor.wait().ok()
        counts = {host: lab.py(host, _READ, site.path) for host in lab.clients}
        assert set(counts.values()) == {EDITS * len(lab.clients)}, (site.path, counts)
