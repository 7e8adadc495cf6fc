"""Signals to running jobs: delivered once, to the program that they were meant for."""

import os
import time
from pathlib import Path

import pytest

from tests.worker.bench import Bench, MoodyDisk, eventually, gate
from wmctl.runner.stop import Stop
from wmctl.spool import Spool
from wmctl.testing.spool_contract import claim
from wmctl.worker.guard import Guard
from wmctl.worker.heart import Heart
from wmctl.worker.held import Held

WORKER = "wk-default-test-00000"


def markers(bench: Bench) -> list[str]:
    return sorted(path.name for path in (bench.spool.path / "control/signal").iterdir())


def log_of(bench: Bench, job_id: str) -> str:
    return bench.spool.log_paths(bench.entry(job_id))[0].read_text()


def test_a_running_job_gets_each_signal_once_and_in_order(bench: Bench) -> None:
    heard = bench.folder / "heard"
    code, started = gate(bench)
    job_id = bench.submit(
        f"trap 'echo usr1 >> {heard}' USR1; trap 'echo usr2 >> {heard}; exit 3' USR2;"
        + code
        + "while :; do sleep 0.02 || :; done"
    )
    with bench.running(bench.worker()) as thread:
        started()
        asked = time.monotonic()
        for count in (1, 2):
            assert bench.spool.signal(bench.entry(job_id), "USR1", by="ann")
            eventually(lambda n=count: heard.exists() and len(heard.read_text().split()) == n)
        # The marker is an event; no beat is waited for.
        assert time.monotonic() - asked < bench.spool.settings.beat
        assert bench.spool.signal(bench.entry(job_id), "USR2", by="ann")
        thread.join(30)
    assert heard.read_text().split() == ["usr1", "usr1", "usr2"]
    assert bench.record(job_id)["exit_code"] == 3
    assert log_of(bench, job_id).count("wmctl: signal USR1 from ann") == 2
    assert markers(bench) == []


def test_the_whole_tree_stops_and_goes_on(bench: Bench) -> None:
    """Also what left the job's process group."""
    code, started = gate(bench)
    inner = bench.folder / "inner"
    job_id = bench.submit(f"setsid sh -c 'echo $$ > {inner}; exec sleep 600' & " + code + "wait")
    with bench.running(bench.worker()) as thread:
        pids = [int(started()), int(eventually(lambda: inner.exists() and inner.read_text()))]

        def states() -> set[str]:
            texts = (Path(f"/proc/{pid}/stat").read_text() for pid in pids)
            return {text.rpartition(")")[2].split()[0] for text in texts}

        bench.spool.signal(bench.entry(job_id), "STOP", by="ann")
        eventually(lambda: states() == {"T"})
        bench.spool.signal(bench.entry(job_id), "CONT", by="ann")
        eventually(lambda: "T" not in states())
        bench.spool.signal(bench.entry(job_id), "STOP", by="ann")
        eventually(lambda: states() == {"T"})
        bench.spool.cancel(job_id)  # ends what is stopped, too
        thread.join(30)
    assert bench.state(job_id) == "canceled"


def test_a_signal_is_delivered_once_though_its_marker_resists(bench: Bench) -> None:
    disk = MoodyDisk()
    spool = Spool.open(bench.spool.path, disk=disk)
    taken = bench.claimed()
    told: list[tuple[str, str]] = []
    stop = Stop()
    stop.attach(lambda _why: told.extend(stop.signals()))
    heart = Heart(spool, WORKER, Held(), Guard(60.0), dict)
    heart.watch(taken, stop)
    assert bench.spool.signal(bench.entry(taken.id), "USR1", by="ann")
    disk.bad = lambda call: call.name == "unlink"
    for _ in range(3):
        heart._deliver_signals()
    assert len(markers(bench)) == 1
    disk.bad = lambda _call: False
    heart._deliver_signals()
    heart._deliver_signals()
    assert told == [("USR1", "ann")]
    assert markers(bench) == []


def test_a_signal_waits_for_the_program_that_is_about_to_start() -> None:
    stop, told = Stop(), []
    stop.signal("USR1", "ann")
    stop.signal("USR2", "")
    stop.attach(lambda _why: told.extend(stop.signals()))
    assert told == [("USR1", "ann"), ("USR2", "")]


def test_the_next_claim_does_not_get_what_was_meant_for_the_one_before(bench: Bench) -> None:
    """Whoever claims it then, the same worker or one on another host that stood still."""
    first = bench.claimed()
    assert bench.spool.signal(bench.entry(first.id), "KILL", by="ann")
    bench.spool.release(first)
    for worker in (WORKER, "wk-default-other-00001"):
        if worker not in bench.spool.joined():
            bench.spool.join(worker, {})
        again = claim(bench.spool, worker, bench.entry(first.id))
        assert again is not None
        assert bench.spool.signals_for(worker, again) == []
        bench.spool.release(again)
    assert len(bench.spool.signals_for(WORKER, first)) == 1
    assert bench.spool.signals_for("wk-default-other-00001", first) == []


def test_a_job_that_ends_meanwhile_is_not_said_to_have_been_signaled(bench: Bench) -> None:
    taken = bench.claimed()
    seen = bench.entry(taken.id)
    assert bench.spool.finish(taken, "success", {"exit_code": 0, "result": None})
    assert not bench.spool.signal(seen, "TERM", by="ann")
    assert markers(bench) == []


@pytest.mark.parametrize("text", ["NOSUCH", "0", "999", ""])
def test_a_signal_that_is_none_is_told_and_ends_nothing(bench: Bench, text: str) -> None:
    code, started = gate(bench)
    go = bench.folder / "go"
    job_id = bench.submit(code + f"until test -e {go}; do sleep 0.02; done")
    with bench.running(bench.worker()) as thread:
        started()
        assert bench.spool.signal(bench.entry(job_id), text, by="ann")
        eventually(lambda: "could not be sent" in log_of(bench, job_id))
        go.touch()
        thread.join(30)
    assert bench.state(job_id) == "success"


def test_a_hostile_marker_is_no_signal(bench: Bench) -> None:
    taken = bench.claimed()
    folder = bench.spool.path / "control/signal"
    prefix = f"{taken.id}.{taken.name.claims}"
    (folder / f"{prefix}.1.a").write_text("not json")
    (folder / f"{prefix}.2.b").symlink_to("/etc/passwd")
    os.mkfifo(folder / f"{prefix}.3.c")
    (folder / f"{prefix}.4.d").mkdir()
    (folder / f"{prefix}.5.e").write_text('{"signal":"KILL","worker":"another"}')
    assert bench.spool.signals_for(WORKER, taken) == []


def test_prune_takes_the_markers_of_a_job_with_it(bench: Bench) -> None:
    taken = bench.claimed()
    assert bench.spool.signal(bench.entry(taken.id), "USR1", by="ann")
    assert bench.spool.finish(taken, "success", {"exit_code": 0, "result": None})
    assert len(markers(bench)) == 1
    assert bench.spool.prune(older_than=0.0).jobs == 1
    assert markers(bench) == []
