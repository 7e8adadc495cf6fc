"""Jobs that wait for other jobs, as real workers run them."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.spool.scenes import after
from tests.worker.bench import Bench, eventually
from wmctl.spool import suspended
from wmctl.worker.worker import Worker


def test_a_burst_ends_after_those_that_its_own_ends_wake(bench: Bench) -> None:
    ids = [bench.submit()]
    for _ in range(5):
        ids.append(bench.submit(after=(after(ids[-1]),)))
    worker = bench.run()
    assert [bench.state(job_id) for job_id in ids] == ["success"] * 6
    assert bench.spool.settings.lease > 5, "and no sweep was needed"
    del worker


def test_ends_of_every_kind_are_told(bench: Bench) -> None:
    bad = bench.submit("exit 3", retries=2, backoff=(0.01, 0.02))
    waiting = {on: bench.submit(after=(after(bad, on),)) for on in ("ok", "fail", "any")}
    bench.run(burst=False, max_jobs=5)
    states = {on: bench.state(job_id) for on, job_id in waiting.items()}
    assert states == {"ok": "canceled", "fail": "success", "any": "success"}
    assert bench.entry(bad).name.tries == 2


def test_backoff_doubles_up_to_its_limit(bench: Bench) -> None:
    job_id = bench.submit("exit 3", retries=4, backoff=(60.0, 150.0))
    for expected in (60.0, 120.0, 150.0, 150.0):
        entry = bench.entry(job_id)
        before = bench.spool.now()
        bench.spool.reschedule(entry, bench.entry(bench.submit()).name.scheduled_for)
        bench.run()
        delay = bench.entry(job_id).name.scheduled_for.timestamp() - before / 1e9
        assert expected <= delay < expected + 30


def test_workers_together_keep_the_limit(bench: Bench, tmp_path: Path) -> None:
    """Three workers, limit 2: the jobs themselves count who is there."""
    code = f"""
    mkdir {tmp_path}/$WM_JOB_ID; ls {tmp_path} | wc -l >> {tmp_path}.seen
    sleep 0.05; rmdir {tmp_path}/$WM_JOB_ID
    """
    for path in tmp_path.iterdir():  # the fixtures' own
        assert path.name != "seen"
    here = len(list(tmp_path.iterdir()))
    ids = [bench.submit(code, concurrency_key="k", concurrent_limit=2) for _ in range(12)]
    with ExitStack() as stack:
        workers: list[Worker] = [bench.worker(burst=False) for _ in range(3)]
        for worker in workers:
            stack.enter_context(bench.running(worker))
        eventually(lambda: all(bench.state(job_id) == "success" for job_id in ids))
    seen = [int(line) - here for line in Path(f"{tmp_path}.seen").read_text().split()]
    assert len(seen) == 12
    assert max(seen) == 2


def test_a_waker_that_died_is_made_up_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.submit()
    second = bench.submit(after=(after(first),))
    with monkeypatch.context() as patch:
        patch.setattr(suspended, "ended", lambda *_: None)
        bench.run()
    assert bench.state(second) == "suspended"
    bench.run()
    assert bench.state(second) == "success"


def test_jobs_of_a_paused_tag_wait(bench: Bench) -> None:
    bench.spool.pause("bash", "for a test")
    job_id = bench.submit()
    bench.run()
    assert bench.state(job_id) == "queued"
    with bench.running(bench.worker(burst=False)):
        bench.spool.resume("bash")
        eventually(lambda: bench.state(job_id) == "success")
