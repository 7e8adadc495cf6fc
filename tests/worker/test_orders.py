"""Orders to one worker: drain stays, stop ends for good, restart ends to be started anew."""

import pytest

from tests.worker.bench import Bench, eventually, gate
from wmctl.errors import BadInput
from wmctl.spool import Settings, Spool, orders
from wmctl.worker.worker import RESTART, Worker


@pytest.fixture
def quick(bench: Bench) -> Bench:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    return bench


def test_an_order_is_given_taken_back_and_read(spool: Spool) -> None:
    store = spool.store
    assert orders.order_for(store, "wk-1") is None
    orders.give(store, "wk-1", "drain", by="ada", reason="x")
    found = orders.order_for(store, "wk-1")
    assert found
    assert (found["order"], found["by"], found["reason"]) == ("drain", "ada", "x")
    orders.give(store, "wk-1", "stop", by="bob")
    assert (orders.order_for(store, "wk-1") or {})["order"] == "stop", "the last word counts"
    assert orders.withdraw(store, "wk-1")
    assert not orders.withdraw(store, "wk-1")
    for text in ("", "not JSON", '{"order": "dance"}', '{"by": "ada"}'):
        (spool.path / "control/drain/wk-1").write_text(text)
        (spool.path / "control/drain/wk-1").chmod(0o600)
        assert (orders.order_for(store, "wk-1") or {})["order"] == "stop", "as it always meant"
    with pytest.raises(BadInput):
        orders.give(store, "wk-1", "dance", by="ada")
    with pytest.raises(BadInput):
        orders.give(store, "../x", "stop", by="ada")


def busy(bench: Bench) -> tuple[Worker, str]:
    """A worker that runs a job until the file `go` is there."""
    code, started = gate(bench)
    job_id = bench.submit(code + f"until [ -e {bench.folder}/go ]; do sleep 0.02; done")
    worker = bench.worker(burst=False)
    bench.started = started  # type: ignore[attr-defined]
    return worker, job_id


def test_drained_it_finishes_its_job_stays_and_goes_on_when_resumed(quick: Bench) -> None:
    worker, first = busy(quick)
    with quick.running(worker):
        quick.started()  # type: ignore[attr-defined]
        orders.give(quick.spool.store, worker.name, "drain", by="ada", reason="new driver")
        eventually(lambda: quick.beat().get("state") == "draining")
        assert (quick.beat()["reason"], quick.beat()["by"]) == ("new driver", "ada")
        second = quick.submit()
        (quick.folder / "go").touch()
        eventually(lambda: quick.beat().get("state") == "paused")
        eventually(lambda: quick.state(first) == "success")
        assert quick.state(second) == "queued"
        orders.withdraw(quick.spool.store, worker.name)
        eventually(lambda: quick.state(second) == "success")
        assert eventually(lambda: quick.beat()["state"] == "idle" and quick.beat()["ok"] == 2)
        worker.drain()


@pytest.mark.parametrize(("order", "code"), [("stop", 0), ("restart", RESTART)])
def test_it_ends_after_its_job(quick: Bench, order: str, code: int) -> None:
    worker, first = busy(quick)
    codes: list[int] = []
    run = worker.run
    worker.run = lambda: codes.append(run()) or 0  # type: ignore[method-assign, func-returns-value]
    with quick.running(worker) as thread:
        quick.started()  # type: ignore[attr-defined]
        orders.give(quick.spool.store, worker.name, order, by="ada")
        eventually(lambda: quick.beat().get("state") == "draining")
        second = quick.submit()
        (quick.folder / "go").touch()
        thread.join()
    assert codes == [code]
    assert (quick.state(first), quick.state(second)) == ("success", "queued")
    assert not list((quick.spool.path / "control/drain").iterdir())


def test_a_stop_that_is_taken_back_in_time_ends_nothing(quick: Bench) -> None:
    worker, first = busy(quick)
    with quick.running(worker) as thread:
        quick.started()  # type: ignore[attr-defined]
        orders.give(quick.spool.store, worker.name, "stop", by="ada")
        eventually(lambda: quick.beat().get("state") == "draining")
        orders.withdraw(quick.spool.store, worker.name)
        eventually(lambda: quick.beat().get("state") == "busy")
        (quick.folder / "go").touch()
        second = quick.submit()
        eventually(lambda: quick.state(second) == "success")
        assert thread.is_alive()
        assert quick.state(first) == "success"
        worker.drain()
