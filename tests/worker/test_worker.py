"""A worker's life in this process: what it claims, in which order, and how each claim ends."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, order
from wmctl.errors import MalformedJob
from wmctl.runner.outcome import Canceled, Completed, Retry, Skipped, Suspended, failed
from wmctl.spool import Job
from wmctl.spool.name import Name
from wmctl.testing.spool_contract import audit
from wmctl.worker import identity


def test_a_burst_runs_what_is_there_and_leaves_nothing(bench: Bench) -> None:
    jobs = [bench.submit(f"echo {number}") for number in range(5)]
    worker = bench.run()
    assert [bench.result(job_id) for job_id in jobs] == ["0", "1", "2", "3", "4"]
    assert bench.spool.joined() == set()
    assert list((bench.work / "locks").iterdir()) == []
    assert not (bench.work / worker.name).exists()
    audit(bench.spool.path).must_hold(jobs)


def test_a_burst_also_runs_what_a_dead_worker_of_this_host_held(bench: Bench) -> None:
    """The one that replaces a killed worker must not find nothing to do, and end."""
    taken = bench.claimed("wk-a")
    lock = identity.LifeLock(bench.work, "wk-a")
    beat = {
        "boot_id": identity.boot_id(),
        "pid_namespace": identity.pid_namespace(),
        "lock": str(lock.path),
    }
    bench.spool.beat("wk-a", beat)
    lock.release(keep=True)
    bench.run()
    assert bench.state(taken.id) == "success"


def test_a_record_says_all(bench: Bench) -> None:
    job_id = bench.submit("echo 7 > result.json; exit 4")
    before = datetime.now(UTC) - timedelta(seconds=1)
    worker = bench.run()
    record = bench.record(job_id)
    assert record["outcome"] == "failure"
    assert record["exit_code"] == 4
    assert record["worker"] == worker.name
    assert record["host"] == os.uname().nodename
    started, ended = (datetime.fromisoformat(record[key]) for key in ("started_at", "completed_at"))
    assert before <= started <= ended <= datetime.now(UTC) + timedelta(seconds=1)
    assert list(record)[-1] == "result"


def test_observers_hear_of_an_end_only_once_it_is_published(bench: Bench) -> None:
    job_id = bench.submit()
    states = []
    bench.witness.on_end = lambda job, _outcome: states.append(bench.state(job.id))
    worker = bench.run()
    assert states == ["success"]
    assert bench.witness.seen == [
        ("worker_start", worker.name), ("job_start", job_id), ("job_end", job_id),
        ("worker_stop", worker.name),
    ]  # fmt: skip


def test_a_burst_leaves_what_is_not_due(bench: Bench) -> None:
    later, now = bench.submit(delay=3600.0), bench.submit()
    bench.run()
    assert bench.state(now) == "success"
    assert bench.state(later) == "queued"


def test_a_job_runs_when_it_becomes_due(bench: Bench) -> None:
    job_id = bench.submit(delay=0.3)
    worker = bench.worker(burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"
    record = bench.record(job_id)
    due = bench.entry(job_id).name.scheduled_for
    assert datetime.fromisoformat(record["started_at"]) >= due - timedelta(milliseconds=20)
    assert datetime.fromisoformat(record["started_at"]) <= due + timedelta(seconds=1)


def test_higher_priorities_first_then_due_time(bench: Bench) -> None:
    first, second = bench.submit(), bench.submit()
    high, low = bench.submit(priority=50), bench.submit(priority=1)
    bench.run()
    assert order(bench) == [high, low, first, second]


def test_a_tag_of_a_higher_rank_comes_first(bench: Bench) -> None:
    plain, special = bench.submit(priority=90), bench.submit(tag="special")
    bench.run(tags={"bash": 0, "special": 1})
    assert order(bench) == [special, plain]


def test_nothing_starves(bench: Bench) -> None:
    old = bench.submit()
    for _ in range(40):
        bench.submit(priority=100)
    bench.run()
    assert order(bench).index(old) < 17


def test_other_tags_are_left_alone(bench: Bench) -> None:
    job_id = bench.submit(tag="gpu")
    bench.run()
    assert bench.state(job_id) == "queued"


def test_it_ends_after_so_many_jobs(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(5)]
    bench.run(max_jobs=3, burst=False)
    assert [bench.state(job_id) for job_id in jobs].count("success") == 3


def test_it_ends_when_it_was_idle_for_long(bench: Bench) -> None:
    job_id = bench.submit()
    bench.run(max_idle=0.05, burst=False)
    assert bench.state(job_id) == "success"


def test_only_means_only(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(3)]
    bench.run(only=jobs[1])
    assert [bench.state(job_id) for job_id in jobs] == ["queued", "success", "queued"]


def test_retries_count_as_tries_and_then_it_fails(bench: Bench, memory: Path) -> None:
    """Due later each time; here we do not wait but take the future job's name back to now."""
    job_id = bench.submit(f"echo $WM_ATTEMPT >> {memory}/attempts; exit 3", retries=2)
    for tries in (1, 2):
        bench.run()
        entry = bench.entry(job_id)
        assert (entry.state, entry.name.tries, entry.name.lost) == ("queued", tries, 0)
        wait = entry.name.scheduled_for.timestamp() - time.time()
        assert 8.0 * tries < wait < 10.5 * tries
        bench.spool.reschedule(entry, datetime.now(UTC))
    bench.run()
    assert bench.record(job_id)["exit_code"] == 3
    assert (memory / "attempts").read_text().split() == ["1", "2", "3"]


def test_the_thousandth_try_is_as_good_as_any(bench: Bench) -> None:
    job_id = bench.submit("exit 3", retries=10_000)
    entry = bench.entry(job_id)
    Path(entry.path).rename(Path(entry.path).with_name(entry.name.but(tries=5000).queued))
    bench.run()
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.tries) == ("queued", 5001)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Completed(1), "success"),
        (failed("E", "m"), "failure"),
        (Skipped("why"), "skipped"),
        (Canceled(), "canceled"),
        (Suspended(), "suspended"),
        (Retry(3600.0), "queued"),
        (Retry(1e300), "queued"),
        (Retry(float("nan")), "failure"),
        (None, "failure"),
        (Completed({1}), "failure"),
        (Completed(1, labels=(b"",)), "failure"),
    ],
    ids=repr,
)
def test_each_outcome_has_its_end(bench: Bench, outcome: Any, state: str) -> None:
    """And none that a plugin can think of stops the worker."""
    bench.direct("given", lambda _: outcome)
    job_id, next_job = bench.submit(kind="given"), bench.submit()
    bench.run()
    assert bench.state(job_id) == state
    assert bench.state(next_job) == "success"
    assert bench.spool.joined() == set()
    audit(bench.spool.path).must_hold([job_id])


def test_a_job_that_must_not_run_here_is_quarantined(bench: Bench) -> None:
    def check(name: Name, job: Job) -> None:
        if job.workspace != "ours":
            raise MalformedJob(f"tag {name.tag} is not for workspace {job.workspace}", reason="tag")

    ours, theirs = bench.submit(workspace="ours"), bench.submit(workspace="theirs")
    bench.run(check=check)
    assert bench.state(ours) == "success"
    assert bench.state(theirs) == "quarantined"
    reason = bench.spool.reason(bench.entry(theirs))
    assert reason is not None
    assert "theirs" in reason["message"]
