"""Jobs that wait for other jobs: ends, slots, holds; two actors in every order, and a model."""

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.points import deaths
from tests.spool.scenes import BY_NAME, World, after, job, limited
from tests.spool.test_interleavings import Act, every_order, finishing
from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import Claim, Entry, Job, Spool, slots, store, submit, suspended
from wmctl.spool.job import from_json
from wmctl.testing.faults import Crash, CrashingDisk, FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import anything, audit, claim, drain

Fresh = Callable[[], Path]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    opened = Spool.create(tmp_path / "spool")
    opened.join("w", {})
    return opened


def add(spool: Spool, **fields: object) -> str:
    return spool.submit(job(**fields), tag="t")


def end(spool: Spool, job_id: str, outcome: str = "success") -> None:
    if outcome == "canceled":
        spool.cancel(job_id)
        return
    taken = claim(spool, "w", spool.find(job_id))
    assert taken is not None
    assert spool.finish(taken, outcome, {"result": 1})


def state(spool: Spool, job_id: str) -> str:
    return spool.find(job_id).state


# After another job.


@pytest.mark.parametrize(
    ("on", "outcome", "then"),
    [
        ("ok", "success", "queued"),
        ("ok", "skipped", "queued"),
        ("ok", "failure", "canceled"),
        ("ok", "canceled", "canceled"),
        ("fail", "success", "canceled"),
        ("fail", "skipped", "canceled"),
        ("fail", "failure", "queued"),
        ("fail", "canceled", "queued"),
        ("any", "success", "queued"),
        ("any", "failure", "queued"),
        ("any", "canceled", "queued"),
    ],
)
@pytest.mark.parametrize("early", [True, False])
def test_it_waits_for_the_end_that_was_asked_for(
    spool: Spool, on: str, outcome: str, then: str, early: bool
) -> None:
    first = add(spool)
    if early:
        end(spool, first, outcome)
    second = add(spool, after=(after(first, on),))
    if not early:
        assert state(spool, second) == "suspended"
        assert [entry and entry.id for _, entry in spool.unmet(spool.job(spool.find(second)))] == [
            first
        ]
        end(spool, first, outcome)
    assert state(spool, second) == then
    if then == "canceled":
        why = spool.reason(spool.find(second))
        assert why
        assert f"{first}:{on}, which ended in {outcome}" in why["reason"]


def test_it_waits_for_all_of_several(spool: Spool) -> None:
    first, second = add(spool), add(spool)
    third = add(spool, after=(after(first), after(second, "any")))
    end(spool, second, "failure")
    assert state(spool, third) == "suspended"
    end(spool, first)
    assert state(spool, third) == "queued"


def test_a_long_chain_falls_at_once(spool: Spool) -> None:
    """Each waits for the one before; nobody's stack is as deep as that."""
    ids = [add(spool)]
    for _ in range(1200):
        ids.append(add(spool, after=(after(ids[-1]),)))
    end(spool, ids[0], "failure")
    assert {state(spool, job_id) for job_id in (ids[1], ids[600], ids[-1])} == {"canceled"}
    assert not list(spool.entries(["suspended"]))
    assert not os.listdir(spool.path / "control/waiters")


def test_its_due_time_counts_too(spool: Spool) -> None:
    first = add(spool)
    second = spool.submit(job(after=(after(first),)), tag="t", delay=3600)
    due = spool.find(second).name.due
    end(spool, first)
    assert (state(spool, second), spool.find(second).name.due) == ("queued", due)


def test_a_retried_job_has_not_ended(spool: Spool) -> None:
    first = add(spool, retries=1)
    second = add(spool, after=(after(first, "fail"),))
    taken = claim(spool, "w", spool.find(first))
    assert taken
    spool.retry(taken)
    assert state(spool, second) == "suspended"
    end(spool, first, "failure")
    assert state(spool, second) == "queued"


def test_held_at_submit(spool: Spool) -> None:
    job_id = add(spool, hold=True)
    assert state(spool, job_id) == "held"
    assert spool.unhold(spool.find(job_id))
    assert state(spool, job_id) == "queued"


def test_unheld_it_still_waits(spool: Spool) -> None:
    first = add(spool)
    second = add(spool, hold=True, after=(after(first),))
    spool.unhold(spool.find(second))
    assert state(spool, second) == "suspended"
    spool.hold(spool.find(second), "later")
    end(spool, first)
    assert state(spool, second) == "held"
    spool.unhold(spool.find(second))
    assert state(spool, second) == "queued"


@pytest.mark.parametrize("fields", [{"hold": True}, {"after": "first"}])
def test_a_key_holds_though_its_job_waits(spool: Spool, fields: dict[str, object]) -> None:
    first = add(spool)
    fields = {
        name: (after(first),) if value == "first" else value for name, value in fields.items()
    }
    one = add(spool, key="k", **fields)
    assert state(spool, one) in {"held", "suspended"}
    assert add(spool, key="k") == one
    replacing = spool.submit(job(key="k"), tag="t", if_exists="replace")
    assert (state(spool, one), state(spool, replacing)) == ("canceled", "queued")


def test_a_key_whose_submitter_died_waits_where_it_should(spool: Spool) -> None:
    """Whoever comes next moves the job on: to `suspended/`, not into its queue."""
    first = add(spool)
    for number in range(200):
        what = job(key=f"k{number}", after=(after(first),))
        try:
            Spool.open(spool.path, disk=CrashingDisk(number)).submit(what, tag="t")
        except Crash:
            assert state(spool, spool.submit(what, tag="t")) == "suspended"
        else:
            assert number > 20
            return
    raise AssertionError("it never came through")


def test_what_was_pruned_is_not_waited_for_for_ever(spool: Spool) -> None:
    first = add(spool)
    second = add(spool, after=(after(first),))
    Path(spool.find(first).path).unlink()
    spool.ripen(spool.find(second))
    assert state(spool, second) == "suspended"
    spool.sweeper()()
    assert state(spool, second) == "canceled"
    assert "is gone" in (spool.reason(spool.find(second)) or {})["reason"]


def test_the_sweep_needs_no_markers(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    first = add(spool)
    second = add(spool, after=(after(first),))
    with monkeypatch.context() as patch:
        patch.setattr(suspended, "ended", lambda *_: None)
        end(spool, first)
    assert state(spool, second) == "suspended"
    spool.sweeper()()
    assert state(spool, second) == "queued"


@pytest.mark.parametrize(
    "field",
    [
        '"after":[{"id":"x","on":"ok"}]',
        '"after":[{"id":"01a20ab1-cbfe-7644-8d59-749c3dfc3b9e","on":"OK"}]',
        '"after":[{"id":"01a20ab1-cbfe-7644-8d59-749c3dfc3b9e"}]',
        '"after":{"id":"x"}',
        '"after":["x"]',
        '"hold":1',
        '"backoff":[5]',
        '"backoff":[5,1]',
        '"backoff":[0,1]',
        '"backoff":"5s"',
        '"concurrency_key":"k"',
        '"concurrent_limit":1',
        '"concurrency_key":"k","concurrent_limit":0',
        '"concurrency_key":"k","concurrent_limit":true',
        '"concurrency_key":1,"concurrent_limit":1',
    ],
)
def test_bad_fields_are_refused(field: str) -> None:
    with pytest.raises(MalformedJob):
        from_json(f'{{"language":"bash","code":"","kind":"script",{field}}}'.encode())


def test_fields_come_back_as_they_were() -> None:
    one = Job(
        language="bash", code="", hold=True, backoff=(1, 2.5), concurrency_key="k",
        concurrent_limit=3, after=(after("01a20ab1-cbfe-7644-8d59-749c3dfc3b9e", "any"),),
    )  # fmt: skip
    assert from_json(one.to_json()) == one
    with pytest.raises(BadInput):
        one.but(backoff=(float("nan"), 1))


# Slots.


def running(spool: Spool) -> list[Entry]:
    return list(spool.entries(["running"]))


def test_no_more_than_the_limit_run_in_the_order_of_their_submission(spool: Spool) -> None:
    ids = list(spool.submit_all([limited(3) for _ in range(20)], tag="t"))
    started: list[str] = []
    held: list[Claim] = []
    draw = random.Random(1)
    while waiting := sorted(spool.entries(["queued"]), key=lambda entry: entry.id):
        for entry in waiting:
            taken = claim(spool, "w", entry)
            assert taken
            started.append(taken.id)
            held.append(taken)
        assert len(running(spool)) == len(held) <= 3
        assert spool.finish(held.pop(draw.randrange(len(held))), "success", {})
    assert started == ids
    assert not os.listdir(next((spool.path / "control/waiters").iterdir()))


def test_a_key_is_the_same_in_all_workspaces_that_of_a_path_is_not(spool: Spool) -> None:
    for workspace in ("a", "b"):
        spool.submit(limited().but(workspace=workspace), tag="t")
        spool.submit(job(concurrent_limit=1, path="f/x", workspace=workspace), tag="p")
    assert sorted(entry.name.tag for entry in spool.entries(["queued"])) == ["p", "p", "t"]


def test_whatever_ends_a_claim_frees_its_slot(spool: Spool) -> None:
    ids = list(spool.submit_all([limited() for _ in range(5)], tag="t"))
    for job_id, ending in zip(ids, ("finish", "retry", "release", "rescue", "cancel"), strict=True):
        entry = next(entry for entry in spool.entries(["queued"]))
        spool.join(f"w-{ending}", {})
        taken = claim(spool, f"w-{ending}", entry)
        assert taken, (job_id, ending)
        match ending:
            case "finish":
                spool.finish(taken, "success", {})
            case "retry":
                spool.retry(taken)
                spool.cancel(taken.id)
            case "release":
                spool.release(taken)
                spool.cancel(taken.id)
            case "rescue":
                spool.rescue(f"w-{ending}")
                spool.cancel(taken.id)
            case "cancel":
                spool.cancel(taken.id)
                spool.finish(taken, "canceled", {})
        spool.sweeper()()
    assert {state(spool, job_id) for job_id in ids} <= {"success", "canceled"}


def taking(index: int) -> Act:
    def act(spool: Spool, world: World) -> object:
        taken = world.claims[index]
        return slots.take(spool.store, limited(), taken.worker, taken.name)

    return act


def test_two_claimers_of_one_slot(fresh: Fresh) -> None:
    seen = set()
    for run, _, _ in every_order(
        fresh, lambda s, w: scenes.running(s, w, 2), {"one": taking(0), "two": taking(1)}
    ):
        assert sorted(map(str, run.results.values())) == ["False", "True"], run.order
        seen.add(run.results["one"])
    assert seen == {True, False}


def test_two_claimers_of_a_slot_whose_holder_has_ended(fresh: Fresh) -> None:
    def prepare(spool: Spool, world: World) -> None:
        scenes.one_of_three_runs(spool, world)
        assert spool.finish(world.claims.pop(), "success", {})
        assert spool.leave("w")
        for entry in spool.entries(["queued", "suspended"]):
            spool.cancel(entry.id)
        scenes.running(spool, world, 2)

    for run, _, _ in every_order(fresh, prepare, {"one": taking(0), "two": taking(1)}):
        assert sorted(map(str, run.results.values())) == ["False", "True"], run.order


def one_runs(spool: Spool, world: World) -> None:
    scenes.one_too_many(spool, world)
    spool.join("two", {})
    world.waiting = next(iter(spool.entries(["queued"])))


def claiming_waiting(spool: Spool, world: World) -> object:
    assert world.waiting is not None
    return spool.claim("two", world.waiting.name, world.waiting.path, anything)


def test_a_claimer_and_the_holder_s_end(fresh: Fresh) -> None:
    """Without any sweep: when the holder has ended, one of the two others is awake or runs."""
    for run, found, world in every_order(
        fresh, one_runs, {"finish": finishing(), "claim": claiming_waiting}
    ):
        states = sorted(str(found.state(job_id)) for job_id in world.acknowledged)
        assert states.count("running") <= 1, (states, run.order)
        assert {"running", "queued"} & set(states), (states, run.order)


def test_a_slot_that_was_taken_long_ago_is_not_taken_again(spool: Spool) -> None:
    """A taker stands still between its listing and its rename, while others go on."""
    ids = list(spool.submit_all([limited() for _ in range(6)], tag="t"))
    for entry in list(spool.entries(["suspended"])):
        spool.wake(entry)

    class Slow(FakeClockDisk):
        def rename(self, source: str, target: str) -> None:
            if "/slots/" in target and not stood:
                stood.append(target)
                for job_id in ids[:3]:
                    end(spool, job_id)
                taken = claim(spool, "w", spool.find(ids[3]))
                assert taken, "the slot is free for others"
            super().rename(source, target)

    stood: list[str] = []
    slow = Spool.open(spool.path, disk=Slow(FakeClock(spool.now())))
    slow.join("slow", {})
    assert claim(slow, "slow", spool.find(ids[5])) is None
    assert stood
    assert [entry.id for entry in running(spool)] == [ids[3]]


def test_what_nobody_waits_for_is_pruned(tmp_path: Path) -> None:
    clock = FakeClock()
    spool = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    spool.join("w", {})
    first = add(spool)
    waits, gone = (add(spool, after=(after(first),)) for _ in range(2))
    Path(spool.find(gone).path).unlink()
    keyed = [spool.submit(limited().but(concurrency_key=key), tag="t") for key in "ab"]
    for job_id in keyed:
        assert claim(spool, "w", spool.find(job_id))
    end_of = spool.find(keyed[0])
    spool.finish(Claim("w", end_of.name, end_of.path, spool.job(end_of), 0), "success", {})
    clock.forward(2 * scenes.DAY)
    spool.prune()
    left = {path.name for path in (spool.path / "control/waiters").rglob("*") if path.is_file()}
    assert left == {waits}
    assert len(os.listdir(spool.path / "control/slots")) == 1
    assert len(spool.slot_holders(spool.job(spool.find(keyed[1])))) == 1


# Two actors in every order, and no sweep afterwards.


def test_submit_after_x_finish(fresh: Fresh) -> None:
    def submitting(spool: Spool, world: World) -> object:
        return spool.submit(job(after=(after(world.claims[0].id),)), tag="t")

    for run, found, _ in every_order(
        fresh, scenes.running, {"finish": finishing(), "submit": submitting}
    ):
        assert found.state(str(run.results["submit"])) == "queued", run.order


def two_wanted(spool: Spool, world: World) -> None:
    scenes.queued(spool, world, 2)
    both = tuple(after(job_id, "any") for job_id in world.acknowledged)
    world.acknowledged.append(spool.submit(job(after=both), tag="t"))


def test_two_ends_that_one_waits_for(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Store, "settle", lambda *_: None)  # which changes nothing
    monkeypatch.setattr(suspended, "_forget", lambda *_, **__: None)  # markers only

    def ending(index: int) -> Act:
        def act(spool: Spool, world: World) -> object:
            entry = spool.locate(world.acknowledged[index])
            assert entry is not None
            target = spool.store.completed(entry.name.but(outcome="canceled"))
            spool.store.ensure(os.path.dirname(target))
            spool.store.disk.rename(entry.path, target)
            return suspended.ended(spool.store, [(entry.id, None)])

        return act

    for run, found, world in every_order(
        fresh, two_wanted, {"first": ending(0), "second": ending(1)}, warm=True
    ):
        assert found.state(world.acknowledged[-1]) == "queued", run.order


def test_control_without_the_second_look_a_job_waits_for_ever(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspended, "entered", lambda *_: None)
    with pytest.raises(AssertionError):
        test_submit_after_x_finish(fresh)


def test_control_without_the_announcement_a_job_waits_for_ever(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_announce", lambda *_: None)
    with pytest.raises(AssertionError):
        test_submit_after_x_finish(fresh)


def test_control_a_slot_that_two_can_take_is_found(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look, then write: two may look before either has written."""

    def both(store: store.Store, digest: str, slot: slots.Slot) -> bool:
        folder = slots._folder(store, digest)
        store.ensure(folder)
        with contextlib.suppress(FileExistsError):
            store.mkdir(f"{folder}/{slot.number}.{slot.generation}")
        target = f"{folder}/{slot.number}.{slot.generation}/{slot.holder}"
        slots.fs.write_new(store.disk, target, b"", 0o600, sync=False)
        return True

    monkeypatch.setattr(slots, "_take", both)
    with pytest.raises(AssertionError):
        test_two_claimers_of_one_slot(fresh)


def test_control_without_the_sweep_a_crash_leaves_a_job_waiting(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspended.Sweep, "run", lambda _: None)
    with pytest.raises(AssertionError, match="waits for what has ended"):
        deaths(BY_NAME["finish-awaited"], fresh)


# Anything at all, against what must hold.


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_limit_holds_and_all_end(tmp_path: Path, seed: int) -> None:
    """Random verbs by three workers, dying anywhere; then one sweep and one healthy worker."""
    draw = random.Random(seed)
    clock = FakeClock()
    spool = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    ids: list[str] = []
    held: list[Claim] = []
    for worker in ("a", "b", "c"):
        spool.join(worker, {})

    def verb(on: Spool) -> None:
        match draw.randrange(8):
            case 0 | 1:
                waits = tuple(after(one, draw.choice(["ok", "fail", "any"])) for one in
                              draw.sample(ids, min(len(ids), draw.randrange(3))))  # fmt: skip
                ids.append(on.submit(limited(2).but(after=waits), tag="t"))
            case 2 | 3 | 4:
                waiting = list(on.entries(["queued"]))
                if waiting:
                    taken = claim(on, draw.choice("abc"), draw.choice(waiting))
                    if taken is not None:
                        held.append(taken)
            case 5 if held:
                taken = held.pop(draw.randrange(len(held)))
                on.finish(taken, draw.choice(["success", "failure"]), {})
            case 6 if held:
                taken = held.pop(draw.randrange(len(held)))
                draw.choice([on.release, on.retry])(taken)
            case 7 if ids:
                on.cancel(draw.choice(ids))

    for _ in range(150):
        clock.forward(0.2)
        dying = draw.random() < 0.15
        disk = CrashingDisk(draw.randrange(5, 60), clock=clock) if dying else FakeClockDisk(clock)
        with contextlib.suppress(Crash):
            verb(Spool.open(spool.path, disk=disk))
        assert sum(spool.holds(taken) for taken in held) <= 2
    drain(spool)
    found = audit(spool.path)
    found.must_hold(ids)
    assert {found.state(job_id) for job_id in ids} <= {"success", "failure", "canceled"}
