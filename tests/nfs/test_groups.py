"""What one host says of a group, the workers of others do: its tags, orders, rules, limits.

Both protocols at once, since most of it is waiting.
"""

import time

from .site import eventually

#: Within so many seconds a change is in force on every host.
IN_FORCE = 10.0
#: More than that is a host that is slow to start a command.
SLOW = 10.0
_HAND = """
import json, os, sys
path, tag, name = sys.argv[1:]
os.makedirs(f"{path}/queue/{tag}", exist_ok=True)
with open(f"{path}/tmp/{name}", "w") as file:
    json.dump({"language": "bash", "code": f"touch {path}/tmp/ran", "workspace": "sales"}, file)
os.rename(f"{path}/tmp/{name}", f"{path}/queue/{tag}/{name}")
"""
_BEATS = """
import json, os, sys
found = []
for name in os.listdir(f"{sys.argv[1]}/workers"):
    try:
        with open(f"{sys.argv[1]}/workers/{name}") as beat:
            found.append({"worker": name, **json.loads(beat.read())})
    except (OSError, ValueError):
        pass
print(json.dumps(found))
"""
_BY_HAND = "20200101T000000.000000Z_000_0193a5c0-7b1e-7abc-8def-0123456789ab_0.0.0.v1.json"


def _beats(spool):
    return spool.on("srv", _BEATS, spool.served)


def _states(spool):
    return sorted(beat["state"] for beat in _beats(spool))


def test_a_group_is_edited_here_and_its_workers_there_obey(lab, sites) -> None:
    """Tags, an init script that starts them anew, a rule of tags, and a drain."""
    workers = []
    for spool in sites:
        spool.wmctl("c1", "group", "create", "g", "worker_tags=one").ok()
        workers += [spool.bg(host, "worker", "start", "-g", "g") for host in ("c2", "c3")]
    for spool in sites:
        eventually(lambda spool=spool: _states(spool) == ["idle", "idle"])
        spool.wmctl("c1", "group", "set", "g", "worker_tags=two").ok()
        asked = time.monotonic()
        eventually(lambda spool=spool: all(beat["tags"] == ["two"] for beat in _beats(spool)))
        # A change is seen by its poll, and told with the next beat.
        assert time.monotonic() - asked < IN_FORCE + SLOW
        spool.wmctl("c1", "tag", "add", "two(research)").ok()
    time.sleep(IN_FORCE)  # nobody tells of rules: what is promised is when they are in force
    for spool in sites:
        spool.on("c1", _HAND, spool.path, "two", _BY_HAND)
        eventually(lambda spool=spool: spool.count("quarantine"))
        assert not spool.on(
            "srv", f"import os; print(int(os.path.exists({spool.served!r}+'/tmp/ran')))"
        )
        before = {beat["worker"] for beat in _beats(spool)}
        spool.wmctl("c1", "group", "set", "g", "init_bash=echo ready").ok()
        eventually(
            lambda spool=spool, before=before: (
                _states(spool) == ["idle", "idle"]
                and not before & {beat["worker"] for beat in _beats(spool)}
            )
        )
        spool.wmctl("c1", "worker", "drain", "-g", "g", "--wait", "-y").ok()
        eventually(lambda spool=spool: _states(spool) == ["paused", "paused"])
        fields = {"language": "bash", "code": "exit 0", "workspace": "research"}
        (job,) = spool.submit("c1", tag="two", **fields)
        assert spool.audit().one(job).state == "queued"
        spool.wmctl("c3", "worker", "resume", "-g", "g", "-y").ok()
        spool.ended([job])
        scripts = [path for path in spool.files("completed") if "@init_script" in path]
        assert len(scripts) == 2
    for worker in workers:
        worker.close()


def test_a_rate_holds_on_three_hosts(lab, sites) -> None:
    """Two starts in each window of the server's seconds, whoever makes them."""
    window, jobs = 3.0, 6
    wanted, workers = {}, []
    for spool in sites:
        wanted[spool] = spool.submit(
            "c1", jobs, tag="bash", language="bash", code="exit 0",
            concurrency_key="rate", concurrent_limit=2, concurrency_time_window_s=int(window),
        )  # fmt: skip
        workers += [spool.worker(host) for host in lab.clients]
    for spool, ids in wanted.items():
        seen = spool.ended(ids)
        assert {seen.one(job).outcome for job in ids} == {"success"}
        starts = sorted(seen.one(job).started for job in ids)
        for first, third in zip(starts, starts[2:], strict=False):
            assert third - first >= window, starts
    for worker in workers:
        worker.close()
