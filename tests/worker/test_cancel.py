"""Canceling: before the start, while it runs, and in a race with the end."""

import time
from pathlib import Path

from tests.worker.bench import PATIENCE, Bench, gate
from wmctl.testing.spool_contract import audit


def test_a_marked_job_does_not_start(bench: Bench) -> None:
    taken = bench.claimed(code=f"touch {bench.folder}/ran")
    assert bench.spool.cancel(taken.id, by="ann", reason="enough") == "running"
    Path(taken.path).rename(bench.spool.path / "queue" / "bash" / taken.name.queued)
    bench.run()
    assert bench.state(taken.id) == "canceled"
    assert not (bench.folder / "ran").exists()


def test_a_running_job_is_canceled_at_once(bench: Bench) -> None:
    """The marker is an event; no beat is waited for."""
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    with bench.running(bench.worker()) as thread:
        started()
        asked = time.monotonic()
        assert bench.spool.cancel(job_id, by="ann", reason="too slow") == "running"
        thread.join(PATIENCE)
        assert time.monotonic() - asked < bench.spool.settings.beat / 2
    record = bench.record(job_id)
    assert record["outcome"] == "canceled"
    assert record["exit_code"] == 143
    assert record["result"]["error"]["message"] == "Job canceled: too slow by ann"


def test_canceling_the_root_cancels_the_child(bench: Bench) -> None:
    code, started = gate(bench)
    root = bench.submit(tag="none")
    child = bench.submit(code + "sleep 600", parent=root, root=root)
    with bench.running(bench.worker()) as thread:
        started()
        bench.spool.cancel(root, by="ann", reason="all of it")
        thread.join(PATIENCE)
    assert bench.state(child) == "canceled"


def test_cancel_and_finish_at_once_end_in_one_state(bench: Bench) -> None:
    """Whoever is first; never both, never none."""
    jobs = [bench.submit() for _ in range(60)]
    with bench.running(bench.worker()) as thread:
        seen = [bench.spool.cancel(job_id) for job_id in jobs]
        thread.join(PATIENCE)
    assert set(seen) <= {"canceled", "running", "success"}
    found = audit(bench.spool.path)
    found.must_hold(jobs)
    assert {found.state(job_id) for job_id in jobs} <= {"success", "canceled"}
    for job_id, state in zip(jobs, seen, strict=True):
        if state == "canceled":
            assert found.state(job_id) == "canceled"
