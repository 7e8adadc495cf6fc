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
from wmctl.config.assignable import UNREADABLE
from wmctl.spool import Claim, Job, Settings, Spool, orders, pause
from wmctl.worker.rules import Rules


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
    """Nobody serves the tag; the live ones serve others, or are for one other job."""
    job_id = spool.submit(job(), tag="my gpu")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("NoWorker", "wmctl worker start --tags 'my gpu'")
    assert "none is alive" in reason.text
    worker(spool, "bash")
    assert "serve bash" in why(spool, job_id)[0].text
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


def group(spool: Spool, name: str, text: str) -> None:
    """A worker group's file."""
    file = spool.path / "groups" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)


def tags_yaml(spool: Spool, text: str) -> None:
    """The rules about tags."""
    (spool.path / "tags.yaml").write_text(text)
    (spool.path / "tags.yaml").chmod(0o600)


def test_what_was_meant_may_be_a_tag_of_a_group(spool: Spool) -> None:
    """Though none of its workers is there."""
    group(spool, "big", "worker_tags: [gpu-large]\n")
    (reason,) = why(spool, spool.submit(job(), tag="gpu-lagre"))
    assert reason.word == "NoWorker"
    assert "did you mean 'gpu-large'?" in reason.text


def test_workers_of_a_group_down(spool: Spool) -> None:
    """A group has the tag and nobody is alive: since when at least, and what starts one."""
    group(spool, "big one", "")
    group(spool, "gpu", "worker_tags: [gpu, tpu]\n")
    job_id = spool.submit(job(), tag="gpu")
    worker(spool, "bash")
    hour_ago = time.time() - 3700
    os.utime(spool.path / "workers", (hour_ago, hour_ago))
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("WorkersDown", "WORKER_GROUP=gpu wmctl worker start")
    assert "the group 'gpu' has the tag 'gpu'" in reason.text
    assert "for 1h01m at least" in reason.text
    assert reason.at is not None
    worker(spool, "gpu", name="wk-b", dead=True, groups=["gpu"])
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.workers) == ("WorkersDown", ("wk-b",))
    assert reason.fix == "WORKER_GROUP=gpu wmctl worker start"
    worker(spool, "gpu", name="wk-c", groups=["gpu"])
    assert words(spool, job_id) == ["Busy"]


def test_scaled_to_zero(spool: Spool) -> None:
    """All groups that have the tag may be without a worker, and are."""
    zero = "worker_tags: [gpu]\nautoscaling: {enabled: true, min_workers: 0, max_workers: 4}\n"
    group(spool, "gpu", zero)
    job_id = spool.submit(job(), tag="gpu")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("ScaledToZero", "WORKER_GROUP=gpu wmctl worker start")
    assert "gpu.yaml:2" in reason.text
    group(spool, "other", "worker_tags: [gpu]\n")
    assert words(spool, job_id) == ["WorkersDown"]
    group(spool, "other", zero.replace("true", "false"))
    assert words(spool, job_id) == ["WorkersDown"]


def test_group_paused(spool: Spool) -> None:
    """Its workers do not take the tag, whatever they say; another group's would."""
    group(spool, "gpu", "worker_tags: [gpu]\n")
    group(spool, "cpu", "worker_tags: [bash]\n")
    job_id, other = (spool.submit(job(), tag=tag) for tag in ("gpu", "bash"))
    pause.pause(spool.store, "gpu", by="ann", reason="new driver", what=pause.GROUPS)
    reasons = why(spool, job_id)
    assert [one.word for one in reasons] == ["GroupPaused", "WorkersDown"]
    worker(spool, "gpu", "bash", groups=["gpu", "cpu"])
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("GroupPaused", "wmctl group resume gpu")
    assert "by ann" in reason.text
    assert "new driver" in reason.text
    assert words(spool, other) == ["Busy"]
    worker(spool, "gpu", name="wk-b", groups=["free"])
    assert words(spool, job_id) == ["Busy"]


def test_group_draining(spool: Spool) -> None:
    """All who serve the tag claim no more: who was told to may go on, who ends is replaced."""
    group(spool, "gpu", "worker_tags: [gpu]\n")
    job_id = spool.submit(job(), tag="gpu")
    worker(spool, "gpu", state="draining")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.workers) == ("GroupDraining", ("wk-a",))
    assert reason.fix == "WORKER_GROUP=gpu wmctl worker start"
    worker(spool, "gpu", name="wk-b", state="paused", by="ann", reason="new driver")
    orders.give(spool.store, "wk-b", "drain", by="ann", reason="new driver")
    (reason,) = why(spool, job_id)
    assert "wk-b is paused (by ann: new driver)" in reason.text
    assert reason.fix == "wmctl worker resume wk-b"
    worker(spool, "gpu", name="wk-c", state="busy")
    assert words(spool, job_id) == ["Busy"]


def test_init_script(spool: Spool) -> None:
    """Its workers are there and may not claim yet."""
    job_id = spool.submit(job(), tag="gpu")
    init = "01920000-0000-7000-8000-000000000000"
    worker(spool, "gpu", state="init", reason="init script failed (exit 3)", last_job=init)
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("InitScript", f"wmctl logs {init}")
    assert "exit 3" in reason.text


def test_bad_rules(spool: Spool) -> None:
    """Its worker cannot read the rules about tags, and says so."""
    job_id = spool.submit(job(), tag="gpu")
    worker(spool, "gpu", state="idle", reason=f"{UNREADABLE}: must be a list")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("BadRules", "wmctl tag ls")
    assert "must be a list" in reason.text


def test_a_worker_whose_tags_are_all_paused_is_not_draining(spool: Spool) -> None:
    """That the tag is paused says all there is to say."""
    spool.pause("gpu", "new driver")
    job_id = spool.submit(job(), tag="gpu")
    worker(spool, "gpu", state="paused", by="ann", reason="new driver")
    assert words(spool, job_id) == ["Paused"]


def test_tag_not_allowed(spool: Spool) -> None:
    """Before a worker finds it, and after; with what would allow it, where something would."""
    tags_yaml(spool, "custom_tags: ['gpu(research)', normal-$workspace]\nonly_known_tags: on\n")
    worker(spool, "gpu", "other", "normal-prod")
    fixes = {"gpu": "wmctl tag add 'gpu(sales)'", "other": "wmctl tag add other"}
    for tag in ("gpu", "other", "normal-prod"):
        job_id = spool.submit(job(workspace="sales"), tag=tag)
        (reason,) = why(spool, job_id)
        assert reason.word == "TagNotAllowed"
        assert reason.fix == fixes.get(tag, f"wmctl cancel {job_id}")
    assert "(tags.yaml:1)" in why(spool, spool.submit(job(workspace="sales"), tag="gpu"))[0].text
    assert words(spool, spool.submit(job(workspace="research"), tag="gpu", priority=9)) == ["Busy"]


def test_tag_not_allowed_in_quarantine(spool: Spool) -> None:
    """What the worker wrote down; once it is allowed it only needs to be let out."""
    tags_yaml(spool, "custom_tags: ['gpu(research)']\n")
    job_id = spool.submit(job(workspace="sales"), tag="gpu")
    entry = spool.find(job_id)
    rules = Rules(spool.store, {}, ())
    assert rules.hindrance() is None
    spool.claim(worker(spool, "gpu"), entry.name, entry.path, rules.check)
    (reason,) = why(spool, job_id)
    release = f"wmctl quarantine release {job_id}"
    assert (reason.word, reason.fix) == (
        "TagNotAllowed", f"wmctl tag add 'gpu(sales)' && {release}",
    )  # fmt: skip
    assert "'gpu' is of the workspace research alone" in reason.text
    tags_yaml(spool, "custom_tags: ['gpu(research+sales)']\n")
    assert why(spool, job_id)[0].fix == release


def test_a_tag_that_groups_prefer_goes_first(spool: Spool) -> None:
    """It is the next of its own tag, and yet others come before it."""
    group(spool, "g", "worker_tags: [slow, fast]\npriority_tags: {fast: 5}\n")
    job_id = spool.submit(job(), tag="slow", priority=9)
    worker(spool, "slow", "fast", state="busy", groups=["g"])
    assert words(spool, job_id) == ["Busy"]
    spool.submit(job(), tag="fast")
    (reason,) = why(spool, job_id)
    assert (reason.word, reason.fix) == ("Priority", "wmctl ps -t fast")
    worker(spool, "slow", name="wk-b", state="busy", groups=["other"])
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
    tags_yaml(spool, "custom_tags: [gpu(research)]\n")
    yield spool.submit(job(), tag="gpu")
    group(spool, "zero", "worker_tags: [zero]\nautoscaling: {min_workers: 0}\n")
    yield spool.submit(job(), tag="zero")
    group(spool, "still", "worker_tags: [still]\n")
    pause.pause(spool.store, "still", by="ann", reason=None, what=pause.GROUPS)
    yield spool.submit(job(), tag="still")
    worker(spool, "ending", name="wk-ending", state="draining")
    yield spool.submit(job(), tag="ending")
    worker(spool, "rules", name="wk-rules", state="idle", reason=UNREADABLE)
    yield spool.submit(job(), tag="rules")
    worker(spool, "init", name="wk-init", state="init")
    yield spool.submit(job(), tag="init")
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
