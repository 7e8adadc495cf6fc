"""`queue ls|show|move|purge` on a real spool."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from wmctl.spool import Job, Spool
from wmctl.testing.spool_contract import claim


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A live worker for bash, a dead one for gpu."""
    spool = Spool.create(tmp_path / "spool")
    spool.join("alive", {"tags": ["bash"], "state": "idle", "groups": ["default"]})
    spool.join("dead", {"tags": ["gpu"], "state": "idle", "groups": ["gpu"]})
    moment = time.time() - 3600
    os.utime(spool.path / "workers/dead", (moment, moment))
    return spool


def submit(spool: Spool, tag: str, count: int = 1, **more: Any) -> list[str]:
    """The ids of so many jobs."""
    job = Job(kind="command", argv=("true",), workspace=more.pop("workspace", "default"))
    return [spool.submit(job, tag=tag, **more) for _ in range(count)]


def run(spool: Spool, job_id: str) -> Any:
    taken = claim(spool, "alive", spool.find(job_id))
    assert taken is not None
    return taken


def listed(call: Call) -> Mapping[str, dict[str, Any]]:
    code, out, err = call("queue", "ls", "-o", "json")
    assert code == 0, err
    return {one["tag"]: one for one in json.loads(out)}


def test_ls(spool: Spool, call: Call) -> None:
    """Jobs by state, the oldest wait, workers and rates, tag by tag."""
    first, second, third, fourth, *_ = submit(spool, "bash", 6)
    submit(spool, "bash", delay=3600)
    submit(spool, "gpu", 2)
    assert spool.finish(run(spool, first), "failure", {"result": 1})
    assert spool.suspend(run(spool, second))
    run(spool, third)
    assert spool.hold(spool.find(fourth), "by the test")
    assert spool.pause("later", "upgrade")
    found = listed(call)
    assert list(found) == ["bash", "gpu", "later"]
    bash, gpu = found["bash"], found["gpu"]
    counts = ("running", "waiting", "later", "suspended", "workers")
    assert [bash[key] for key in counts] == [1, 2, 1, 1, 1]
    assert [gpu[key] for key in counts] == [0, 2, 0, 0, 0]
    assert bash["ended"] == {"30s": 1, "5m": 1, "30m": 1, "24h": 1}
    assert bash["rates"]["30s"] == pytest.approx(1 / 30, abs=1e-6)
    assert 0 < gpu["oldest_wait"] < 60
    assert gpu["reason"] == "WorkersDown"
    assert found["later"]["paused"]["reason"] == "upgrade"
    titles, *rows = call("queue", "ls")[1].splitlines()
    assert titles.split() == [
        "TAG", "RUNNING", "WAITING", "LATER", "SUSPENDED", "OLDEST", "WORKERS",
        "RATE(30s/5m/30m/24h)", "REASON",
    ]  # fmt: skip
    assert rows[0].split()[:5] == ["bash", "1", "2", "1", "1"]
    assert rows[0].split()[-1] == "0.03/<0.01/<0.01/<0.01"
    assert call("queue", "ls", "-o", "id")[1].split() == ["bash", "gpu", "later"]


def test_a_tag_that_nobody_would_miss_is_not_listed(spool: Spool, call: Call) -> None:
    """Its empty folder is still there."""
    [job_id] = submit(spool, "gpu")
    spool.cancel(job_id)
    assert list(listed(call)) == ["bash", "gpu"]
    moment = time.time() - 2 * 86400
    os.utime(spool.find(job_id).path, (moment, moment))
    assert list(listed(call)) == ["bash"]
    code, _, err = call("queue", "show", "gpu")
    assert (code, "no job has the tag 'gpu'" in err) == (66, True)


def test_show(spool: Spool, call: Call) -> None:
    """Who serves it, what is next, and what keeps its jobs."""
    ids = submit(spool, "gpu", 2)
    spool.pause("gpu", "hot\x07")
    code, out, _ = call("queue", "show", "gpu", "bash")
    assert code == 0
    for text in ("tag gpu", "waiting    2, the oldest for ", f"next       {ids[0]}", "Paused: ",
                 "because: hot\\x07", "WorkersDown: ", "workers    none alive", "tag bash",
                 "workers    alive"):  # fmt: skip
        assert text in out
    facts = json.loads(call("queue", "show", "gpu", "-o", "json")[1])
    assert [one["reason"] for one in facts["reasons"]] == ["Paused", "WorkersDown"]


def test_move(spool: Spool, call: Call) -> None:
    """All that wait, also for later; what runs, is suspended or held stays."""
    first, second, third, *rest = submit(spool, "gpu", 5)
    rest += submit(spool, "gpu", delay=3600)
    run(spool, first)
    assert spool.suspend(run(spool, second))
    assert spool.hold(spool.find(third), "by the test")
    code, _, err = call("queue", "move", "gpu", "bash")
    assert (code, "these are 3 jobs: not moved" in err) == (2, True)
    assert call("queue", "move", "gpu", "bash", "-n")[1] == "3 jobs would be moved to bash\n"
    assert {spool.find(one).name.tag for one in rest} == {"gpu"}
    assert call("queue", "move", "gpu", "bash", "-y")[:2] == (0, "3 jobs moved to bash\n")
    names = [spool.find(one).name for one in rest]
    assert {(name.tag, name.claims) for name in names} == {("bash", 1)}
    assert {spool.find(one).name.tag for one in (first, second, third)} == {"gpu"}
    code, _, err = call("queue", "move", "gpu", "bash", "-y")
    assert (code, "no job waits under the tag 'gpu'" in err) == (0, True)
    assert "no worker serves the tag 'nix'" in call("queue", "move", "bash", "nix", "-y")[2]
    assert call("queue", "move", "bash", "bash")[0] == 2
    assert call("queue", "move", "bash", "")[0] == 65


def test_move_asks_the_rules_for_each_job(
    spool: Spool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose workspace may not have the new tag stays, and so does one nobody can read."""
    monkeypatch.setenv("CUSTOM_TAGS", "big(research)")
    [good] = submit(spool, "bash", workspace="research")
    [bad] = submit(spool, "bash", workspace="sales")
    [torn] = submit(spool, "bash")
    Path(spool.find(torn).path).write_text("no job")
    code, out, err = call("queue", "move", "bash", "big", "-y")
    assert (code, out) == (1, "1 job moved to big\n")
    assert f"job {bad} stays: " in err
    assert f"job {torn} stays: " in err
    assert [spool.find(one).name.tag for one in (good, bad, torn)] == ["big", "bash", "bash"]


def test_purge(spool: Spool, call: Call) -> None:
    """Cancels what waits, with the reason; what runs goes on."""
    first, *rest = submit(spool, "gpu", 3)
    rest += submit(spool, "gpu", delay=3600)
    run(spool, first)
    assert call("queue", "purge", "gpu")[0] == 2
    assert call("queue", "purge", "gpu", "-n")[1] == "3 jobs would be canceled\n"
    assert call("queue", "purge", "gpu", "-y", "--reason", "obsolete")[:2] == (
        0, "3 jobs canceled\n",
    )  # fmt: skip
    assert {spool.find(one).state for one in rest} == {"canceled"}
    assert spool.cancel_reason(rest[0])["reason"] == "obsolete"
    assert spool.find(first).state == "running"


def test_cancel_of_one_that_was_seen_waiting(spool: Spool) -> None:
    """It was claimed or moved meanwhile: as without the hint."""
    claimed, moved, gone = submit(spool, "bash", 3)
    seen = {one: spool.find(one) for one in (claimed, moved, gone)}
    taken = run(spool, claimed)
    assert spool.move(seen[moved], "gpu")
    assert spool.finish(run(spool, gone), "success", {"result": 1})
    states = [spool.cancel(one, seen=seen[one]) for one in seen]
    assert states == ["running", "canceled", "success"]
    assert spool.cancel_wanted(claimed, taken.job)
