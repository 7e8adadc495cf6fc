"""Slots, caches and figures of a worker: shared on one host, and told in the beat."""

import os
import shutil
from pathlib import Path

import pytest

from tests.worker.bench import Bench, Clock, eventually
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed
from wmctl.spool import Job, Settings, Spool
from wmctl.worker import machine
from wmctl.worker.caches import Cache
from wmctl.worker.clock import Every
from wmctl.worker.occupancy import Occupancy
from wmctl.worker.places import Places
from wmctl_python3.runner import Python3Runner

SLOTS = ({"GPU": "0"}, {"GPU": "1"})
FILE = "worker_tags: [bash]\nenv_vars_static: {GPU: none, A: a}\nslots: [{GPU: '0'}, {GPU: '1'}]\n"


def test_a_slot_has_one_worker_at_a_time(bench: Bench) -> None:
    first, second, third, other = (
        Places(bench.work, "/spool", group) for group in ("gpu", "gpu", "gpu", "b")
    )
    assert [place.settle(SLOTS) for place in (first, second, other)] == [None] * 3
    assert (first.number, second.number, other.number) == (0, 1, 0)
    assert third.settle(SLOTS) == "all 2 slots of group gpu are taken on this host"
    assert third.variables(SLOTS) == {}
    first.release()
    assert third.settle(SLOTS) is None
    assert third.variables(SLOTS) == {"GPU": "0"}
    assert second.settle(SLOTS[:1]) == "the only slot of group gpu is taken on this host"
    assert second.settle(()) is None
    assert second.number is None


def test_jobs_get_their_slots_variables_and_who_has_none_waits(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    bench.group("gpu", FILE)
    taken = [Places(bench.work, str(bench.spool.path), "gpu") for _ in SLOTS]
    assert [place.settle(SLOTS) for place in taken] == [None, None]
    job_id = bench.submit("""printf '["%s", "%s"]' "$GPU" "$A" > result.json""")
    own = bench.submit("""printf '["%s"]' "$GPU" > result.json""", env={"GPU": "own"})
    worker = bench.worker(burst=False, **bench.live("gpu"))
    with bench.running(worker):
        eventually(lambda: "taken on this host" in (bench.beat().get("reason") or ""))
        assert (bench.beat()["state"], bench.beat()["slot"]) == ("init", None)
        assert bench.state(job_id) == "queued"
        taken[1].release()
        eventually(lambda: bench.state(own) == "success")
        assert (bench.result(job_id), bench.result(own)) == (["1", "a"], ["own"])
        eventually(lambda: bench.beat()["slot"] == 1)
        worker.drain()
    assert taken[1].settle(SLOTS) is None, "given back"
    taken[0].release()
    taken[1].release()


def test_slots_may_change_while_a_worker_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Every, "SOON", 0.0)
    monkeypatch.setattr("wmctl.worker.worker.IDLE_POLL", 0.1)
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    bench.group("gpu", "worker_tags: [bash]\n")
    worker = bench.worker(burst=False, **bench.live("gpu"))
    with bench.running(worker):
        eventually(lambda: bench.beat().get("state") == "idle")
        bench.group("gpu", FILE)
        eventually(lambda: bench.beat()["slot"] == 0)
        bench.group("gpu", "worker_tags: [bash]\nslots: [{GPU: x}]\n")
        job_id = bench.submit("""printf '["%s"]' "$GPU" > result.json""", delay=1.0)
        eventually(lambda: bench.state(job_id) == "success")
        assert bench.result(job_id) == ["x"]
        worker.drain()


def test_another_number_means_an_empty_cache_and_the_old_one_goes_when_nobody_uses_it(
    tmp_path: Path,
) -> None:
    root = tmp_path / "cache"
    shared = Cache(root, "/spool", "gpu", 0)
    assert shared.folder == root
    first, beside = (Cache(root, "/spool", "gpu", 1) for _ in range(2))
    (first.folder / "x").touch()
    assert beside.folder == first.folder
    other = Cache(root, "/spool", "b", 7)
    first.close()
    second = Cache(root, "/spool", "gpu", 2)
    assert not list(second.folder.iterdir())
    assert (beside.folder / "x").exists(), "a worker's jobs still use it"
    beside.close()
    third = Cache(root, "/spool", "gpu", 2)
    assert not beside.folder.exists()
    assert other.folder.exists()
    eventually(lambda: not [name for name in os.listdir(root / ".groups") if "gone" in name])
    back = Cache(root, "/spool", "gpu", 1)
    assert not list(back.folder.iterdir())
    for cache in (second, third, other, back):
        cache.close()
    shutil.rmtree(root)


def test_jobs_get_the_paths_and_the_cache_of_the_group(bench: Bench) -> None:
    seen: list[RunContext] = []

    def run(ctx: RunContext) -> Completed:
        seen.append(ctx)
        return Completed()

    bench.direct("look", run)
    bench.group(
        "gpu",
        "worker_tags: [bash]\ncache_clear: 3\nadditional_python_paths: [/opt/a, /opt/b]\n"
        "pip_local_dependencies: [mine.*]\n",
    )
    bench.submit(kind="look")
    bench.run(**bench.live("gpu"))
    ((ctx,),) = (seen,)
    assert (ctx.python_paths, ctx.pip_local) == (("/opt/a", "/opt/b"), ("mine.*",))
    assert ctx.cache.parent.name.endswith(".gpu.3")
    assert ctx.cache.name == "look"
    assert ctx.env["WM_WORKER_GROUP"] == "gpu"


def test_occupancy_is_the_share_of_the_time_that_jobs_took() -> None:
    clock = Clock(500.3)
    busy = Occupancy(clock)
    assert busy.shares() == [0.0, 0.0, 0.0]
    clock.now += 10
    busy.begin()
    clock.now += 10
    assert abs(busy.shares()[0] - 10 / 15) < 0.03
    assert busy.shares()[1:] == [0.5, 0.5], "of what it lived"
    clock.now += 280
    assert busy.shares()[0] == 1.0, "a job that goes on counts"
    busy.end()
    clock.now += 60
    quarter, middle, longest = busy.shares()
    assert quarter == 0.0
    assert abs(middle - 240 / 300) < 0.04
    assert abs(longest - 290 / 360) < 0.04
    clock.now += 100_000
    assert busy.shares() == [0.0, 0.0, 0.0]


def test_many_short_jobs_count_as_well() -> None:
    clock = Clock(0.0)
    busy = Occupancy(clock)
    for _ in range(20_000):
        busy.begin()
        clock.now += 0.01
        busy.end()
        clock.now += 0.03
    assert all(abs(share - 0.25) < 0.01 for share in busy.shares())


def test_the_machine_is_described(tmp_path: Path) -> None:
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < (machine.memory() or 0) <= whole
    assert 0 < machine.vcpus() <= (os.cpu_count() or 1)
    assert 1 << 20 < (machine.memory_usage() or 0) < whole
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._quota(tmp_path) == 1.5
    assert machine._limit(tmp_path) is None


def test_the_beat_says_all_that_others_show(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    good, bad = bench.submit(workspace="prod"), bench.submit("exit 1")
    worker = bench.worker(burst=False)
    with bench.running(worker):
        eventually(lambda: (bench.beat().get("ok"), bench.beat().get("failed")) == (1, 1))
        eventually(lambda: bench.beat()["state"] == "idle")
        beat = bench.beat()
        assert beat["last_job"] in {good, bad}
        assert beat["last_job_workspace"] in {"prod", "default"}
        assert (beat["groups"], beat["group"], beat["jobs_executed"]) == (["default"], "default", 2)
        assert len(beat["occupancy"]) == 3
        assert all(0 <= share <= 1 for share in beat["occupancy"])
        assert (beat["isolation"], beat["restarts"], beat["slot"]) == ("none", 0, None)
        assert (beat["reason"], beat["by"]) == (None, None)
        worker.drain()


def test_python_jobs_find_the_modules_of_their_group(bench: Bench) -> None:
    (bench.folder / "lib").mkdir()
    (bench.folder / "lib/ours.py").write_text("ANSWER = 42")
    bench.group("gpu", f"worker_tags: [python3]\nadditional_python_paths: ['{bench.folder}/lib']\n")
    bench.runners["python3"] = Python3Runner()
    job = Job(language="python3", code="import ours\ndef main():\n    return ours.ANSWER")
    job_id = bench.spool.submit(job, tag="python3")
    bench.run(**bench.live("gpu"))
    assert bench.result(job_id) == 42
