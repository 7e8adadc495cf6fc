"""`worker ls|show|ping|drain|resume|restart|stop|rm|logs` on a real spool, with beats of a test."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from wmctl.cli.watchlist import WatchedList
from wmctl.cli.worker_columns import columns
from wmctl.cli.worker_ls import chosen, found
from wmctl.cli.worker_rm import Removal
from wmctl.cli.worker_state import STATES, workers_of
from wmctl.cli.worker_wait import next_beats
from wmctl.spool import Job, Settings, Spool, orders
from wmctl.testing.spool_contract import claim

BEAT, LEASE = 0.1, 0.6
NEW = {
    "groups": ["gpu", "default"], "tags": ["gpu", "bash"], "state": "busy", "host": "lab", "pid": 7,
    "ok": 41, "failed": 2, "occupancy": [1.0, 0.88, 0.61], "memory": 16 << 30,
    "memory_usage": 100 << 20, "vcpus": 4, "last_job": "01a20b66-deda-7a52-a378-ca2262050b19",
    "isolation": "none", "reason": None, "by": None, "version": "9", "jobs_executed": 43,
}  # fmt: skip
OLD = {"group": "default", "tags": ["bash"], "state": "idle", "jobs_executed": 3}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """The spool of `call`: one worker of each version, both alive."""
    spool = Spool.create(tmp_path / "spool", Settings(lease=LEASE * 100, beat=BEAT * 100))
    spool.join("wk-gpu-lab-aaaaa", NEW)
    spool.join("wk-default-lab-bbbbb", OLD)
    return spool


@pytest.fixture
def quick(tmp_path: Path) -> Spool:
    """A spool whose lease is over soon."""
    return Spool.create(tmp_path / "quick", Settings(lease=LEASE, beat=BEAT))


def late(spool: Spool, name: str, seconds: float) -> None:
    """Make a worker's last beat so old."""
    path = spool.path / "workers" / name
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))


def listed(call: Call, *words: str) -> list[dict[str, Any]]:
    code, out, err = call("worker", "ls", "-o", "json", *words)
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


@pytest.mark.parametrize(
    ("said", "beats", "state"),
    [
        *((said, 0.0, said) for said in STATES[:6]),
        ("busy", 2.9, "busy"),
        ("busy", 3.1, "stale"),
        ("busy", 5.9, "stale"),
        ("busy", 6.1, "dead"),
        ("on holiday", 0.0, "starting"),
        (None, 0.0, "starting"),
    ],
)
def test_states(spool: Spool, call: Call, said: str | None, beats: float, state: str) -> None:
    """What the worker says, unless its beat is late."""
    content = dict(OLD) if said is None else {**OLD, "state": said}
    spool.join("one", content if said else {})
    late(spool, "one", beats * BEAT * 100)
    assert [one["state"] for one in listed(call) if one["worker"] == "one"] == [state]


def test_a_folder_without_a_beat(spool: Spool, call: Call) -> None:
    """It is about to come, or all but its claims is gone."""
    spool.join("silent", {})
    (spool.path / "workers/silent").unlink()
    assert [one["state"] for one in listed(call, "-s", "starting")] == ["starting"]
    moment = time.time() - 2 * LEASE * 100
    os.utime(spool.path / "running/silent", (moment, moment))
    [found] = listed(call, "-s", "dead")
    assert (found["worker"], found["beat_age"]) == ("silent", None)


def test_the_list(spool: Spool, call: Call) -> None:
    """The living first, then by group; what an older worker does not say stays empty."""
    spool.join("a-dead-one", OLD)
    late(spool, "a-dead-one", 7 * BEAT * 100)
    code, out, _ = call("worker", "ls")
    titles, *rows = out.splitlines()
    assert code == 0
    assert titles.split() == [
        "WORKER", "GROUP", "STATE", "TAGS", "JOB", "OK/FAIL", "OCC(15s/5m/30m)", "PING", "UP",
    ]  # fmt: skip
    assert [row.split()[0] for row in rows] == [
        "wk-default-lab-bbbbb", "wk-gpu-lab-aaaaa", "a-dead-one",
    ]  # fmt: skip
    assert rows[1].split()[1:6] == ["gpu,default", "busy", "gpu,bash", "41/2", "100/88/61%"]
    wide = call("worker", "ls", "-o", "wide")[1].splitlines()
    assert wide[0].split()[9:] == [
        "HOST", "PID", "VERSION", "MEM", "VCPU", "LAST-JOB", "ISOLATION", "REASON", "BY",
    ]  # fmt: skip
    assert "100M/16.0G" in wide[2]
    assert "62050b19" in wide[2]
    old, new, _ = listed(call)
    assert old["ok"] is old["occupancy"] is None
    assert (new["group"], new["groups"]) == ("gpu,default", ["gpu", "default"])
    assert list(old) == list(new)


def test_filters(spool: Spool, call: Call) -> None:
    """Of one filter any value, of several each."""
    late(spool, "wk-default-lab-bbbbb", 7 * BEAT * 100)

    def names(*words: str) -> list[str]:
        return [one["worker"][-5:] for one in listed(call, *words)]

    assert names("-g", "gpu") == names("-t", "gpu") == names("-s", "busy") == ["aaaaa"]
    assert names("-g", "default") == ["aaaaa", "bbbbb"]
    assert names("-g", "default", "-s", "dead") == ["bbbbb"]
    assert names("-s", "dead", "-s", "busy") == ["aaaaa", "bbbbb"]
    assert call("worker", "ls", "-s", "bored")[0] == 2
    assert call("worker", "ls", "-o", "id")[1].split() == [
        "wk-gpu-lab-aaaaa", "wk-default-lab-bbbbb",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        ("aaaaa", 0, "wk-gpu-lab-aaaaa  drains"),
        ("wk-gpu", 0, "wk-gpu-lab-aaaaa  drains"),
        ("wk-gpu-lab-aaaaa", 0, "wk-gpu-lab-aaaaa  drains"),
        ("wk-", 65, "fits several workers"),
        ("aaaba", 66, "did you mean wk-gpu-lab-aaaaa?"),
        ("nobody", 66, "wmctl worker ls"),
        ("x*", 66, "no worker's name fits"),
    ],
)
def test_names(call: Call, word: str, code: int, text: str) -> None:
    """A unique beginning or ending is enough; else the one that was meant."""
    found, out, err = call("worker", "drain", word)
    assert (found, text in out + err) == (code, True), out + err


def test_orders(spool: Spool, call: Call) -> None:
    """Each reaches the worker with who and why; resume takes it back."""
    name = "wk-gpu-lab-aaaaa"
    for order in orders.ORDERS:
        assert call("worker", order, name, "--reason", "driver upgrade")[0] == 0
        found = orders.order_for(spool.store, name)
        assert found is not None
        assert (found["order"], found["reason"]) == (order, "driver upgrade")
        assert found["by"]
    assert call("worker", "resume", "aaaaa")[1] == f"{name}  resumes\n"
    assert orders.order_for(spool.store, name) is None
    assert call("worker", "resume", "aaaaa")[1] == f"{name}  had no order\n"
    assert call("worker", "stop")[0] == 2
    late(spool, name, 7 * BEAT * 100)
    code, out, err = call("worker", "drain", "aaaaa")
    assert (code, out, "is dead; it reads no orders" in err) == (1, "", True)


def test_many_are_asked_about(spool: Spool, call: Call) -> None:
    """As with jobs: a pattern or a group of several needs -y where nobody can be asked."""
    for words in (["wk-*"], ["-g", "default"]):
        code, _, err = call("worker", "drain", *words)
        assert (code, "these are 2 workers: not drained" in err) == (2, True)
        code, out, _ = call("worker", "drain", *words, "-n")
        assert (code, len(out.splitlines())) == (0, 3)
        assert not any((spool.path / "control/drain").iterdir())
    assert call("worker", "drain", "-g", "default", "-y", "-q")[:2] == (0, "")
    assert len(list((spool.path / "control/drain").iterdir())) == 2
    assert "no worker of the group 'nix'" in call("worker", "drain", "-g", "nix")[2]


def test_drain_and_wait(spool: Spool, call: Call) -> None:
    """Until it says that it holds nothing and claims nothing; 75 when that takes too long."""
    name = "wk-gpu-lab-aaaaa"
    words = ("worker", "drain", name, "--wait", "--wait-timeout", "10ms")
    code, _, err = call(*words)
    assert (code, "not done yet; the order stays" in err) == (75, True)
    job_id = spool.submit(Job(kind="command", argv=("true",)), tag="gpu")
    taken = claim(spool, name, spool.find(job_id))
    assert taken is not None
    spool.beat(name, {**NEW, "state": "paused"})
    assert call(*words)[0] == 75
    assert spool.finish(taken, "success", {"result": 1})
    assert call(*words)[0] == 0
    assert spool.leave(name)
    assert call("worker", "drain", "bbbbb", "--wait", "--wait-timeout", "10ms")[0] == 75


def test_ping(spool: Spool, quick: Spool, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next beat and how long it took; 69 if there is none within three."""
    end = _beating(spool, "wk-gpu-lab-aaaaa")
    try:
        code, out, _ = call("worker", "ping", "aaaaa")
        assert (code, out.split()[0]) == (0, "wk-gpu-lab-aaaaa")
        found = dict(next_beats(spool, ["wk-gpu-lab-aaaaa", "wk-default-lab-bbbbb"], 1.0))
    finally:
        end()
    assert found["wk-gpu-lab-aaaaa"] is not None
    assert found["wk-default-lab-bbbbb"] is None
    monkeypatch.setenv("WMCTL_SPOOL", str(quick.path))
    quick.join("hangs", {"n": 0})
    code, out, err = call("worker", "ping", "hangs")
    assert (code, out, "did not beat for 0.3s" in err) == (69, "", True)


def _beating(spool: Spool, name: str) -> Callable[[], None]:
    over = threading.Event()

    def run() -> None:
        number = 0
        while not over.wait(BEAT / 2):
            number += 1
            spool.beat(name, {"n": number})

    thread = threading.Thread(target=run)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


def holding(spool: Spool, name: str, content: Mapping[str, Any] = OLD) -> str:
    """A worker with one started job, which runs on another host."""
    spool.join(name, {**content, "host": "far"})
    job_id = spool.submit(Job(kind="command", argv=("true",)), tag="bash")
    taken = claim(spool, name, spool.find(job_id))
    assert taken is not None
    os.close(spool.open_log(taken))
    return job_id


def test_rm_refuses_who_may_live(spool: Spool, call: Call) -> None:
    """A live and a stale one stay, with the reason."""
    late(spool, "wk-default-lab-bbbbb", 4 * BEAT * 100)
    code, _, err = call("worker", "rm", "aaaaa", "bbbbb")
    assert code == 1
    assert "worker wk-gpu-lab-aaaaa is busy: not removed" in err
    assert "worker wk-default-lab-bbbbb is stale, not dead" in err
    assert len(spool.joined()) == 2


def test_rm_of_a_dead_one_rescues_its_jobs(
    quick: Spool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watched for a lease on our own clock first, however old its beat is."""
    monkeypatch.setenv("WMCTL_SPOOL", str(quick.path))
    job_id = holding(quick, "gone")
    late(quick, "gone", 3600)
    began = time.monotonic()
    code, out, err = call("worker", "rm", "gone")
    assert (code, out) == (0, "gone  removed; 1 job taken back\n"), err
    assert time.monotonic() - began >= LEASE
    entry = quick.find(job_id)
    assert (entry.state, entry.name.lost) == ("queued", 1)
    assert quick.joined() == set()


def test_rm_of_one_that_lives_after_all(quick: Spool, capsys: pytest.CaptureFixture[str]) -> None:
    """It beats again while it is watched: it keeps its job."""
    job_id = holding(quick, "slow")
    late(quick, "slow", 3600)
    looks = 0

    def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            quick.beat("slow", {"n": looks})
        time.sleep(seconds if looks < 3 else 0)

    assert not Removal(quick, sleep=sleep).remove(workers_of(quick))
    assert "worker slow lives after all: not removed" in capsys.readouterr().err
    assert quick.find(job_id).state == "running"


def test_rm_of_one_that_another_rescued(quick: Spool, call: Call) -> None:
    """Nothing is left to do."""
    holding(quick, "gone")
    late(quick, "gone", 3600)
    workers = workers_of(quick)
    quick.rescue("gone")
    assert Removal(quick).remove(workers)


def test_show(spool: Spool, call: Call) -> None:
    """What the list shows, its orders and jobs, and where its log is."""
    job_id = spool.submit(Job(kind="command", argv=("true",), name="train\x1b[2J"), tag="gpu")
    taken = claim(spool, "wk-gpu-lab-aaaaa", spool.find(job_id))
    assert taken is not None
    call("worker", "drain", "aaaaa", "--reason", "hot\x07")
    code, out, _ = call("worker", "show", "aaaaa")
    assert code == 0
    for text in (
        "worker wk-gpu-lab-aaaaa\nbusy\n", f"job        {job_id} train\\x1b[2J", "drain, by ",
        "because: hot\\x07", "100/88/61% of 15s/5m/30m", "41/2",
    ):  # fmt: skip
        assert text in out
    facts = json.loads(call("worker", "show", "aaaaa", "-o", "json")[1])
    assert facts["schema"] == "wmctl.worker-details/1"
    assert facts["claims"][0]["id"] == job_id
    assert facts["order"]["order"] == "drain"
    assert facts["log"] is None


def test_logs(spool: Spool, call: Call) -> None:
    """A worker's own log; where it keeps none, where to look. A log outlives its worker."""
    code, _, err = call("worker", "logs", "aaaaa")
    assert (code, "look on lab" in err) == (66, True)
    folder = spool.path / "logs/workers"
    folder.mkdir(exist_ok=True)
    (folder / "wk-gpu-lab-aaaaa.log").write_text("up\ntags: gpu\n")
    assert call("worker", "logs", "aaaaa")[1] == "up\ntags: gpu\n"
    assert call("worker", "logs", "-n", "1", "aaaaa")[1] == "tags: gpu\n"
    assert call("worker", "logs", "../x")[0] == 66
    assert spool.leave("wk-gpu-lab-aaaaa")
    assert call("worker", "logs", "-f", "aaaaa")[:2] == (0, "up\ntags: gpu\n")


def test_watch(spool: Spool, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it goes to a pipe: all workers once, then a line for each that has changed."""
    assert call("worker", "ls", "-w", "-o", "json")[0] == 2
    look = partial(found, spool, chosen(None, None, None))
    watched = WatchedList(
        look, "workers", "worker", ("state", "job"), partial(columns, wide=False), lambda _: ""
    )
    known, pause = watched._changes("jsonl", None)
    assert pause >= 1.0
    assert len(capsys.readouterr().out.splitlines()) == 2
    spool.beat("wk-default-lab-bbbbb", {**OLD, "jobs_executed": 4})
    known, _ = watched._changes("jsonl", known)
    assert capsys.readouterr().out == ""
    spool.beat("wk-default-lab-bbbbb", {**OLD, "state": "busy"})
    watched._changes("jsonl", known)
    assert json.loads(capsys.readouterr().out)["worker"] == "wk-default-lab-bbbbb"
