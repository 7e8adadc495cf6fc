"""Why a job does not run: each reason on a real spool, and that ps and why say the same."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Wmctl
from wmctl.cli.ids import find_view
from wmctl.cli.ps import jobs
from wmctl.cli.reason import WORDS, Reason
from wmctl.cli.reasons import Reasons
from wmctl.cli.selector import Selector
from wmctl.cli.why import of_job, of_tag
from wmctl.spool import Claim, Job, Settings, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool.create(tmp_path / "spool", Settings(durability="none"))


def job(**more: object) -> Job:
    """A command that is never run."""
    return Job(kind="command", argv=("true",), **{"created_by": "ann", **more})  # type: ignore[arg-type]


def worker(spool: Spool, *tags: str, name: str = "wk-a", dead: bool = False, **more: object) -> str:
    """One that has joined; nobody is behind it."""
    spool.join(name, {"tags": list(tags), "state": "idle", "host": "hosta", **more})
    if dead:
        long_ago = time.time() - 3 * spool.settings.lease
        os.utime(spool.path / "workers" / name, (long_ago, long_ago))
    return name


def claim(spool: Spool, job_id: str, name: str) -> Claim:
    """Take a job that waits."""
    entry = spool.find(job_id)
    found = spool.claim(name, entry.name, entry.path, lambda _name, _job: None)
    assert found is not None
    return found


def why(spool: Spool, job_id: str) -> list[Reason]:
    """All reasons, as `wmctl why` finds them."""
    return list(Reasons(spool, exact=True).all(find_view(spool, job_id)))


def words(spool: Spool, job_id: str) -> list[str]:
    """Their words."""
    return [one.word for one in why(spool, job_id)]


def test_no_worker(spool: Spool) -> None:
    """Nobody serves the tag; the live ones serve others, drain, or are for one other job."""
    job_id = spool.submit(job(), tag="my gpu")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("NoWorker", "wmctl worker start --tags 'my gpu'")
    assert "none is alive" in reason.text
    worker(spool, "bash")
    assert "serve bash" in why(spool, job_id)[0].text
    worker(spool, "my gpu", name="wk-b", state="draining")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.workers) == ("NoWorker", ("wk-b",))
    worker(spool, "my gpu", name="wk-c", only="another")
    assert words(spool, job_id) == ["NoWorker"]


def test_workers_down(spool: Spool) -> None:
    """A dead worker's beat has the tag: say which and since when."""
    job_id = spool.submit(job(), tag="gpu")
    worker(spool, "gpu", dead=True)
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.workers) == ("WorkersDown", ("wk-a",))
    assert "wk-a on hosta" in reason.text
    assert "3m0" in reason.text
    worker(spool, "gpu", name="wk-b")
    assert words(spool, job_id) == ["Busy"]


def test_begin_time(spool: Spool) -> None:
    """Due later; that nobody would run it then is told as well."""
    job_id = spool.submit(job(), tag="t", delay=3600)
    assert words(spool, job_id) == ["BeginTime", "NoWorker"]
    reason = why(spool, job_id)[0]
    assert reason.at is not None
    assert reason.at in reason.text
    assert "59m5" in reason.text or "1h00m" in reason.text


def test_backoff(spool: Spool) -> None:
    """It failed and is tried again later."""
    job_id = spool.submit(job(retries=3), tag="t")
    spool.retry(claim(spool, job_id, worker(spool, "t")), 600)
    (reason,) = why(spool, job_id)
    assert reason.word == "Backoff"
    assert "failed 1 of 4 times" in reason.text


def test_dependency(spool: Spool) -> None:
    """Each job that is awaited, where it is, and why it does not run either."""
    first = spool.submit(job(), tag="t")
    second = spool.submit(job(hold=True), tag="t")
    worker(spool, "t")
    waits = spool.submit(
        job(after=({"id": first, "on": "ok"}, {"id": second, "on": "any"})), tag="t"
    )
    reasons = why(spool, waits)
    assert [one.word for one in reasons] == ["Dependency", "Dependency"]
    assert [one.jobs for one in reasons] == [(first,), (second,)]
    assert "to end well, which is queued: Busy" in reasons[0].text
    assert "to end, which is held: Held" in reasons[1].text
    assert reasons[1].fix == f"wmctl why {second}"
    spool.finish(claim(spool, first, "wk-a"), "success", {"outcome": "success"})
    assert [one.jobs for one in why(spool, waits)] == [(second,)]


def test_max_running(spool: Spool) -> None:
    """As many of its kind run as may."""
    first, second = spool.submit_all(
        (job(concurrency_key="k", concurrent_limit=1) for _ in range(2)), tag="t"
    )
    claim(spool, first, worker(spool, "t"))
    (reason,) = why(spool, second)
    assert (reason.word, reason.jobs) == ("MaxRunning", (first,))
    assert "1 of its kind run, and 1 may" in reason.text


def test_held(spool: Spool) -> None:
    """By whom and why, also of one that was submitted so."""
    worker(spool, "t")
    first, second = (spool.submit(one, tag="t") for one in (job(), job(hold=True)))
    spool.hold(spool.find(first), "look at it first")
    for job_id, text in ((first, "look at it first"), (second, "held by ann")):
        (reason,) = why(spool, job_id)
        assert (reason.word, reason.fix) == ("Held", f"wmctl unhold {job_id}")
        assert text in reason.text


def test_lost(spool: Spool) -> None:
    """Held since its workers were lost again and again."""
    job_id = spool.submit(job(), tag="t")
    for number in range(4):
        name = worker(spool, "t", name=f"wk-{number}")
        os.close(spool.open_log(claim(spool, job_id, name)))
        spool.rescue(name)
    reason = why(spool, job_id)[0]
    assert (reason.word, reason.fix) == ("Lost", f"wmctl unhold {job_id}")
    assert "lost 4 times" in reason.text


def test_quarantined(spool: Spool) -> None:
    """What is wrong with it, and nothing else: nobody could run it."""
    job_id = spool.submit(job(), tag="t")
    Path(spool.find(job_id).path).write_text("{")
    entry = spool.find(job_id)
    assert spool.claim(worker(spool, "t"), entry.name, entry.path, lambda _n, _j: None) is None
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("Quarantined", f"wmctl quarantine show {job_id}")
    assert "JSON" in reason.text


def test_paused(spool: Spool) -> None:
    """Who paused the tag and why; a job that is held besides says that first."""
    worker(spool, "t")
    job_id = spool.submit(job(), tag="t")
    spool.pause("t", "the disk is being changed")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("Paused", "wmctl queue resume t")
    assert "the disk is being changed" in reason.text
    spool.hold(spool.find(job_id), "no")
    assert words(spool, job_id) == ["Held", "Paused"]


def test_priority_and_busy(spool: Spool) -> None:
    """How many come before it, and of the next one what the workers do."""
    worker(spool, "t", state="busy", job="0" * 36)
    low = spool.submit(job(), tag="t")
    high = spool.submit(job(), tag="t", priority=5)
    later = spool.submit(job(), tag="t", delay=3600, priority=9)
    last = spool.submit(job(), tag="t")
    (busy,) = why(spool, high)
    assert (busy.word, busy.workers) == ("Busy", ("wk-a",))
    assert "none is free" in busy.text
    assert [why(spool, one)[0].word for one in (low, last, later)] == [
        "Priority", "Priority", "BeginTime",
    ]  # fmt: skip
    assert "1 job of its tag" in why(spool, low)[0].text
    assert "2 jobs of its tag" in why(spool, last)[0].text


def test_a_worker_for_this_job_alone_serves_it(spool: Spool) -> None:
    """As `wmctl run` brings one."""
    job_id, other = (spool.submit(job(), tag="t") for _ in range(2))
    worker(spool, "t", only=job_id)
    assert words(spool, job_id) == ["Busy"]
    assert words(spool, other) == ["NoWorker"]


def test_of_what_runs_or_has_ended_there_is_none(spool: Spool) -> None:
    """It says so instead."""
    job_id = spool.submit(job(), tag="t")
    taken = claim(spool, job_id, worker(spool, "t"))
    facts = of_job(spool, Reasons(spool, exact=True), find_view(spool, job_id))
    assert (facts["state"], facts["reason"], facts["reasons"]) == ("running", None, [])
    assert facts["worker"] == "wk-a"
    spool.finish(taken, "success", {"outcome": "success", "exit_code": 0})
    facts = of_job(spool, Reasons(spool, exact=True), find_view(spool, job_id))
    assert (facts["state"], facts["reasons"]) == ("success", [])


def all_kinds(spool: Spool) -> Iterator[str]:
    """Jobs with every reason there is."""
    worker(spool, "t", "p", state="busy")
    worker(spool, "down", name="wk-down", dead=True)
    spool.pause("p")
    yield spool.submit(job(), tag="nobody")
    yield spool.submit(job(), tag="down")
    yield spool.submit(job(), tag="p")
    first = spool.submit(job(), tag="t")
    yield first
    yield spool.submit(job(), tag="t")
    yield spool.submit(job(), tag="t", delay=3600)
    yield spool.submit(job(hold=True), tag="t")
    yield spool.submit(job(after=({"id": first, "on": "ok"},)), tag="nobody")
    for key, tag in (("k", "t"), ("l", "nobody")):
        running, waits = spool.submit_all(
            (job(concurrency_key=key, concurrent_limit=1) for _ in range(2)), tag=tag
        )
        claim(spool, running, "wk-a")
        yield waits
    again = spool.submit(job(retries=2), tag="t", priority=1)
    spool.retry(claim(spool, again, "wk-a"), 600)
    yield again
    lost = spool.submit(job(), tag="t")
    for number in range(4):
        name = worker(spool, name=f"wk-{number}")
        os.close(spool.open_log(claim(spool, lost, name)))
        spool.rescue(name)
    yield lost
    bad = spool.submit(job(), tag="t")
    Path(spool.find(bad).path).write_text("{")
    entry = spool.find(bad)
    spool.claim("wk-a", entry.name, entry.path, lambda _n, _j: None)
    yield bad


def test_ps_says_the_first_word_of_why(spool: Spool) -> None:
    """Of every kind, and every kind there is."""
    ids = list(all_kinds(spool))
    shown = {one["id"]: one["reason"] for one in jobs(spool, Selector()) if one["id"] in ids}
    assert shown == {job_id: words(spool, job_id)[0] for job_id in ids}
    assert set(shown.values()) == set(WORDS)


def test_a_tag(spool: Spool) -> None:
    """Who serves it, what waits, how long, and what keeps all from running."""
    worker(spool, "t", state="busy")
    ids = [spool.submit(job(), tag="t") for _ in range(3)]
    spool.submit(job(), tag="t", delay=600)
    claim(spool, ids[0], "wk-a")
    facts = of_tag(spool, Reasons(spool, exact=True), "t")
    assert [facts[key] for key in ("waiting", "later", "running", "next", "reason")] == [
        2, 1, 1, ids[1], None,
    ]  # fmt: skip
    assert [one["worker"] for one in facts["workers"]] == ["wk-a"]
    assert 0 <= facts["oldest_wait"] < 60
    spool.pause("t")
    assert of_tag(spool, Reasons(spool), "t")["reason"] == "Paused"


def test_the_command(wmctl: Wmctl) -> None:
    """People see the word, the sentence and the command; machines the same as JSON."""
    job_id = wmctl("submit", "-q", "-c", ":", "-l", "bash", "-t", "gpu", "--hold")
    assert job_id.returncode == 0
    told = wmctl("why", "@1").stdout
    assert "is held for" in told
    assert "  Held      held by " in told
    assert "\n            wmctl unhold " in told
    assert "\n  NoWorker  " in told
    facts = json.loads(wmctl("why", "@1", "-o", "json").stdout)
    assert (facts["schema"], facts["kind"], facts["reason"]) == ("wmctl.why/1", "job", "Held")
    assert [one["reason"] for one in facts["reasons"]] == ["Held", "NoWorker"]
    wrong = wmctl("why", "gqu")
    assert (wrong.returncode, wrong.stdout) == (66, "")
    assert "neither a job nor a tag" in wrong.stderr
