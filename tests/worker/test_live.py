"""A group's file as workers follow it: what changes at once, what asks for a new start, faults."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.worker.bench import Bench, Clock, eventually, gate
from tests.worker.supervised import settings_of
from wmctl.errors import ConfigError
from wmctl.runner.outcome import Completed
from wmctl.spool import Settings, Spool, orders
from wmctl.testing.faults import Call, CountingDisk, WatchedDisk
from wmctl.worker.clock import Every
from wmctl.worker.live import Live, Sources, told
from wmctl.worker.worker import RESTART


@pytest.fixture
def prompt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A spool with a quick beat, whose workers look for changes at every turn."""
    monkeypatch.setattr(Every, "SOON", 0.0)
    monkeypatch.setattr("wmctl.worker.worker.IDLE_POLL", 0.1)
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.1))
    return bench


def live(bench: Bench, clock: Clock, groups: str = "gpu", **sources: Any) -> Live:
    made = Sources(settings=settings_of(groups), **{"runner_tags": ("bash",), **sources})
    return Live(bench.spool.store, made, clock)


def test_a_change_is_seen_after_two_seconds_and_costs_nothing_before(bench: Bench) -> None:
    bench.group("gpu", "worker_tags: [a]\npriority_tags: {a: 3}\n")
    disk, clock = CountingDisk(), Clock()
    bench.spool = Spool.open(bench.spool.path, disk=disk)
    config = live(bench, clock)
    assert config.served.tags == {"a": 3}
    assert told(config.served) == (
        f"tags: a (priority 3) [group gpu ({bench.spool.path}/groups/gpu.yaml:1)]"
    )
    bench.group("gpu", "worker_tags: [a, b]\n")
    before = disk.made
    clock.now += 1.9
    assert not config.look()
    assert disk.made == before
    clock.now += 0.2
    assert config.look()
    assert config.served.tags == {"a": 0, "b": 0}
    before, clock.now = disk.made, clock.now + 10
    assert not config.look()
    assert disk.count("read") + disk.made - before < 20, "its stamp, not its content"


def test_what_cannot_be_believed_leaves_the_last_good_configuration(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.group("gpu", "worker_tags: [a]\n")
    clock = Clock()
    config = live(bench, clock)
    for _ in range(3):
        bench.group("gpu", "worker_tags: [a]\nworker_tag: [b]\n")
        clock.now += 3
        config.look()
    assert config.served.tags == {"a": 0}
    assert config.trouble
    assert "gpu.yaml:2" in config.trouble
    assert caplog.text.count("the configuration stays as it was") == 1
    bench.group("gpu", "worker_tags: [b]\n")
    clock.now += 3
    assert config.look()
    assert (config.served.tags, config.trouble) == ({"b": 0}, None)
    with pytest.raises(ConfigError, match=r"gpu\.yaml:1"):
        bench.group("gpu", "nonsense: 1\n")
        live(bench, clock)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("init_bash: echo 2", "init_bash"),
        ("init_bash: echo 1\nperiodic_script_bash: x\nperiodic_script_interval_seconds: 60",
         "periodic_script_bash"),
        ("init_bash: echo 1\ncache_clear: 1", "cache_clear"),
        ("init_bash: echo 1\nworker_tags: [x]", None),
        ("init_bash: echo 1\nenv_vars_static: {A: b}\nadditional_python_paths: [/x]", None),
    ],
)  # fmt: skip
def test_what_asks_for_a_new_start(bench: Bench, text: str, why: str | None) -> None:
    bench.group("gpu", "init_bash: echo 1\n")
    clock = Clock()
    config = live(bench, clock)
    bench.group("gpu", text + "\n")
    clock.now += 3
    config.look()
    assert (config.restart or "").startswith(why or "")
    assert (config.restart is None) == (why is None)


def test_tags_that_cannot_be_served_here_are_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.group("gpu", "worker_tags: [go, init_script, a]\n")
    unable = {"go": "go was not found"}
    config = live(bench, Clock(), unable=unable)
    assert list(config.served.tags) == ["a"]
    assert "'go' is not served: go was not found" in caplog.text
    bench.group("gpu", "worker_tags: [go]\n")
    with pytest.raises(ConfigError, match="no tag"):
        live(bench, Clock(), unable=unable)
    alone = live(bench, Clock(), runner_tags=("bash", "go"), unable=unable, embedded=True)
    assert list(alone.served.tags) == ["bash"], "for one job of ours, whatever the group serves"


def test_of_several_groups_those_that_are_not_paused_are_served(bench: Bench) -> None:
    bench.group("gpu", "worker_tags: [a, b]\n")
    bench.group("big", "worker_tags: [b, c]\n")
    config = live(bench, Clock(), "gpu,big")
    assert set(config.without(())) == {"a", "b", "c"}
    assert set(config.without({"gpu"})) == {"b", "c"}
    assert config.without({"gpu", "big"}) == {}


@pytest.fixture
def edited(prompt: Bench) -> Iterator[Bench]:
    prompt.group("gpu", 'worker_tags: [a]\nenv_vars_static: {A: "1"}\nenv_vars_allowlist: [NO]\n')
    worker = prompt.worker(burst=False, **prompt.live("gpu"))
    with prompt.running(worker):
        eventually(lambda: prompt.beat().get("state") == "idle")
        yield prompt
        worker.drain()


def test_tags_and_variables_change_while_a_worker_runs(edited: Bench) -> None:
    code = """printf '["%s", "%s"]' "$A" "${NO-unset}" > result.json"""
    first = edited.submit(code, tag="a")
    eventually(lambda: edited.state(first) == "success")
    assert edited.result(first) == ["1", ""], "an unknown one of the host's is empty"
    later = edited.submit(code, tag="b")
    edited.group("gpu", 'worker_tags: [b]\nenv_vars_static: {A: "2", NO: own}\n')
    eventually(lambda: edited.state(later) == "success")
    assert edited.result(later) == ["2", "own"]
    eventually(lambda: edited.beat().get("tags") == ["b"])
    unserved = edited.submit(tag="a")
    edited.group("gpu", "worker_tags: [b]\nworker_tags: [a]\n")
    eventually(lambda: "gpu.yaml" in (edited.beat().get("reason") or ""))
    assert edited.state(unserved) == "queued"


def test_a_paused_group_claims_nothing_and_says_why(edited: Bench) -> None:
    store = edited.spool.store
    assert orders.pause_group(store, "gpu", by="ada", reason="new drivers")
    assert not orders.pause_group(store, "gpu", by="ada")
    assert orders.paused_groups(store)["gpu"]["reason"] == "new drivers"
    eventually(lambda: edited.beat().get("state") == "paused")
    assert (edited.beat()["reason"], edited.beat()["by"]) == ("new drivers", "ada")
    waiting = edited.submit(tag="a")
    assert orders.resume_group(store, "gpu")
    assert not orders.resume_group(store, "gpu")
    eventually(lambda: edited.state(waiting) == "success")
    eventually(lambda: edited.beat().get("state") == "idle")
    assert edited.beat()["reason"] is None


def test_a_changed_init_script_ends_a_worker_after_its_job(prompt: Bench) -> None:
    prompt.group("gpu", "worker_tags: [bash]\n")
    code, started = gate(prompt)
    job_id = prompt.submit(code + "until [ -e go ]; do sleep 0.05; done".replace("go", str(
        prompt.folder / "go")))  # fmt: skip
    worker = prompt.worker(burst=False, **prompt.live("gpu"))
    codes: list[int] = []
    worker_run = worker.run
    worker.run = lambda: codes.append(worker_run()) or 0  # type: ignore[method-assign, func-returns-value]
    with prompt.running(worker) as thread:
        started()
        other = prompt.submit()
        prompt.group("gpu", "worker_tags: [bash]\ninit_bash: ':'\n")
        eventually(lambda: prompt.beat().get("state") == "draining")
        assert "init_bash" in prompt.beat()["reason"]
        (prompt.folder / "go").touch()
        thread.join()
    assert codes == [RESTART]
    assert (prompt.state(job_id), prompt.state(other)) == ("success", "queued")


def test_a_claim_costs_no_more_where_groups_have_files(bench: Bench) -> None:
    """Beside what is looked at by time, which does not rise with the jobs."""
    bench.direct("nothing", lambda _ctx: Completed())
    bench.group("gpu", "worker_tags: [bash]\nenv_vars_static: {A: a}\n")

    def calls(jobs: int, **options: Any) -> int:
        counted: list[str] = []

        class Counting(WatchedDisk):
            def around(self, call: Call, go: Callable[[], Any]) -> Any:
                # Who makes a bucket's folders is a race with the committer.
                mine = threading.current_thread() is threading.main_thread()
                if mine and call.name != "mkdir":
                    counted.append(call.name)
                return go()

        for _ in range(jobs):
            bench.submit(kind="nothing")
        spool = Spool.open(bench.spool.path, disk=Counting())
        bench.run(spool=spool, **options)
        return len(counted)

    few, many = 20, 120
    os.utime(bench.spool.path / "control/cancel", (1, 1))  # one just made is listed for each job
    calls(few)  # which makes folders
    plain = calls(many) - calls(few)
    grouped = calls(many, **bench.live("gpu")) - calls(few, **bench.live("gpu"))
    assert abs(grouped - plain) <= 0.3 * (many - few), "less than a third of a call a job"
