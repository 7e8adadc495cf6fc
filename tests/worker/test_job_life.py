"""A worker answers from the cache, starts no more than a window allows, and says both in logs."""

import os
import time
from pathlib import Path

from tests.worker.bench import Bench, eventually
from wmctl.spool import OUTCOMES


def executed(bench: Bench) -> int:
    return sum(word == "job_start" for word, _ in bench.witness.seen)


def log_of(bench: Bench, job_id: str) -> str:
    return "".join(path.read_text() for _, path in bench.spool.logs(bench.entry(job_id)))


def test_a_fresh_success_answers_the_same_job(bench: Bench, tmp_path: Path) -> None:
    code = f'echo x >> {tmp_path}/ran; echo \'{{"n": 1, "wm_labels": ["a"]}}\' > result.json'
    first = bench.submit(code, cache_ttl=3600)
    worker = bench.run()
    second = bench.submit(code, cache_ttl=3600, name="another name")
    bench.run(max_jobs=1)
    entry = bench.entry(second)
    record = bench.spool.record(entry)
    assert record is not None
    assert (entry.state, record["cached_from"]) == ("success", first)
    assert record["result"] == {"n": 1, "wm_labels": ["a"]}
    assert record["labels"] == ["a"]
    assert record["worker"] != worker.name
    assert f"wmctl: not run: job {first} ended in success" in log_of(bench, second)
    assert (tmp_path / "ran").read_text() == "x\n"
    assert executed(bench) == 1
    # An answer is no new success: its age is that of the first.
    third = bench.submit(code, cache_ttl=3600)
    bench.run()
    assert (bench.spool.record(bench.entry(third)) or {})["cached_from"] == first


def test_jobs_that_are_answered_by_nobody(bench: Bench, tmp_path: Path) -> None:
    """A failed one, another's, one with other args, one without a wish, a pruned one."""
    code = f"echo x >> {tmp_path}/ran"

    def runs(**fields: object) -> bool:
        before = executed(bench)
        bench.submit(str(fields.pop("code", code)), **fields)
        bench.run()
        return executed(bench) > before

    assert runs(code=f"{code}; exit 3", cache_ttl=60)
    assert runs(code=f"{code}; exit 3", cache_ttl=60)
    assert runs()
    assert runs(cache_ttl=60), "the one before was not to be remembered"
    assert not runs(cache_ttl=60)
    assert runs(cache_ttl=60, workspace="other")
    assert runs(cache_ttl=60, args={"a": 1})
    assert runs(cache_ttl=60, args={"a": [{"b": 1, "c": 2}]})
    assert not runs(cache_ttl=60, args={"a": [{"c": 2, "b": 1}]})
    assert runs(cache_ttl=60, path="f/x")
    assert runs(), "it did not ask for an answer"
    bench.spool.prune(0)
    assert runs(cache_ttl=60)


def test_an_answer_takes_no_slot(bench: Bench) -> None:
    limit = {"concurrency_key": "k", "concurrent_limit": 1, "concurrency_time_window_s": 3600}
    bench.submit("true", cache_ttl=60)
    bench.run()
    ids = [bench.submit("true", cache_ttl=60, **limit) for _ in range(3)]
    bench.run()
    assert [bench.state(job_id) for job_id in ids] == ["success"] * 3
    assert executed(bench) == 1


def test_no_more_start_than_the_window_allows(bench: Bench, tmp_path: Path) -> None:
    """Two workers, two starts in a second; the logs say who was put off until when."""
    code = f"date +%s%N >> {tmp_path}/starts"
    limit = {"concurrency_key": "k", "concurrent_limit": 2, "concurrency_time_window_s": 1}
    ids = [bench.submit(code, **limit) for _ in range(6)]
    one, two = (bench.worker(burst=False) for _ in range(2))
    with bench.running(one), bench.running(two):
        eventually(lambda: all(bench.state(job_id) == "success" for job_id in ids))
    starts = sorted(int(line) / 1e9 for line in (tmp_path / "starts").read_text().split())
    assert all(later - early > 0.95 for early, later in zip(starts, starts[2:], strict=False))
    assert starts[-1] - starts[0] < 20
    logs = [log_of(bench, job_id) for job_id in ids]
    assert [("wmctl: rescheduled to" in log) for log in logs] == [False] * 2 + [True] * 4
    assert "no more than 2 of the key 'k' may start in 1 s" in logs[-1]


def test_a_worker_deletes_in_passing(bench: Bench) -> None:
    job_id = bench.submit("echo secret", delete_after_secs=0)
    bench.run()
    assert bench.state(job_id) == "success", "who waits for it can still read the result"
    record = Path(bench.entry(job_id).path)
    old = time.time() - 70
    os.utime(record, (old, old))
    stamp = bench.spool.path / "control/deleted"
    if stamp.exists():
        os.utime(stamp, (old, old))
    bench.run()
    eventually(lambda: bench.spool.locate(job_id) is None)
    assert not list(bench.spool.entries(OUTCOMES))
