"""Concurrency limits with a window: a slot is held for so long after the end of its job."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.points import deaths, failures
from tests.spool.scenes import WINDOW, Scene, World, after, job, windowed
from tests.spool.test_interleavings import Act, every_order, finishing
from wmctl.errors import MalformedJob
from wmctl.spool import Claim, Entry, Job, Spool, lookup, slots, suspended
from wmctl.spool.job import from_json
from wmctl.spool.name import due_after
from wmctl.testing.faults import Crash, CrashingDisk, FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import anything, audit, claim, drain

Fresh = Callable[[], Path]
#: Seconds between two looks of the workers below.
STEP = 0.25


class Ledger:
    """Every start and end, as an onlooker sees them between any two steps."""

    def __init__(self, spool: Spool, clock: FakeClock, limit: int) -> None:
        self.spool, self.clock, self.limit = spool, clock, limit
        self.started: dict[str, int] = {}
        self.ended: dict[str, int] = {}

    def look(self) -> None:
        running = {f"{one.id}.{one.name.claims}" for one in self.spool.entries(["running"])}
        for one in self.started:
            if one not in running:
                self.ended.setdefault(one, self.clock.now)

    def start(self, taken: Claim) -> None:
        """No more than the limit run or have ended within the window."""
        self.look()
        since = self.clock.now - WINDOW * 10**9
        others = [one for one in self.started if self.ended.get(one, self.clock.now) > since]
        assert len(others) < self.limit, (taken.id, others)
        self.started[f"{taken.id}.{taken.name.claims}"] = self.clock.now

    def most_starts(self) -> int:
        """In any window, wherever it begins."""
        times = sorted(self.started.values())
        return max(sum(at <= one <= at + WINDOW * 10**9 for one in times) for at in times)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool(tmp_path: Path, clock: FakeClock) -> Spool:
    opened = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    opened.join("w", {})
    return opened


def due(spool: Spool) -> list[Entry]:
    """What a worker would claim now, in its order."""
    now = due_after(0.01, spool.now())
    found = [entry for entry in spool.entries(["queued"]) if entry.name.due <= now]
    return sorted(found, key=lambda entry: (entry.name.due, entry.id))


def taken_of(spool: Spool, job_id: str) -> Claim:
    found = claim(spool, "w", spool.find(job_id))
    assert found is not None
    return found


@pytest.mark.parametrize("length", [0.0, 2.0])
def test_so_many_start_in_any_window_in_their_order_and_none_is_moved_twice(
    spool: Spool, clock: FakeClock, length: float
) -> None:
    ledger = Ledger(spool, clock, 3)
    ids = list(spool.submit_all([windowed(3) for _ in range(12)], tag="t"))
    runs: list[tuple[int, Claim]] = []
    began = clock.now
    while len(ledger.started) < len(ids) or runs:
        for entry in due(spool):
            taken = taken_of(spool, entry.id)
            ledger.start(taken)
            runs.append((clock.now + round(length * 1e9), taken))
        for until, taken in list(runs):
            if until <= clock.now:
                assert spool.finish(taken, "success", {})
                runs.remove((until, taken))
                ledger.look()
        clock.forward(STEP)
        assert clock.now - began < 60e9, "it stands still"
    assert ledger.most_starts() == 3
    assert [one.partition(".")[0] for one in ledger.started] == ids
    # Out of `suspended/`, and into `running/`.
    assert Counter(spool.find(one).name.claims for one in ids) == {2: 12}
    rounds = len(ids) // 3
    assert clock.now - began <= (rounds * (WINDOW + length + 3 * STEP)) * 1e9


def test_who_waits_is_told_when_its_slot_is_free(spool: Spool, clock: FakeClock) -> None:
    one, two, three = spool.submit_all([windowed() for _ in range(3)], tag="t")
    taken = taken_of(spool, one)
    assert [spool.find(job_id).state for job_id in (two, three)] == ["suspended"] * 2
    clock.forward(1)
    spool.finish(taken, "success", {})
    found = spool.find(two)
    free = datetime.fromtimestamp(clock.now / 1e9, UTC) + timedelta(seconds=WINDOW)
    assert abs(found.name.scheduled_for - free) <= timedelta(seconds=2 * suspended.GRACE)
    assert "rescheduled to 2027-01-15T08:00:0" in (spool.notice(found) or "")
    assert spool.find(three).state == "suspended", "no slot is left that it could be promised"
    assert [held.until for held in spool.slot_holders(windowed())] == [clock.now + WINDOW * 10**9]


def test_whatever_ended_a_claim_counts(spool: Spool, clock: FakeClock) -> None:
    for ending in ("retry", "release", "rescue", "cancel"):
        job_id = spool.submit(windowed(), tag="t")
        spool.join(f"w-{ending}", {})
        taken = claim(spool, f"w-{ending}", spool.find(job_id))
        assert taken, ending
        match ending:
            case "retry":
                spool.retry(taken)
            case "release":
                spool.release(taken)
            case "rescue":
                spool.rescue(f"w-{ending}")
            case "cancel":
                spool.finish(taken, "canceled", {})
        assert len(slots.held(spool.store, windowed())) == 1, ending
        clock.forward(WINDOW / 2)
        other = spool.submit(windowed(), tag="u")
        assert not any(entry.id == other for entry in due(spool)), ending
        for one in (job_id, other):
            spool.cancel(one)
        clock.forward(WINDOW)
        spool.sweeper()()


def test_a_window_outlives_its_job(spool: Spool, clock: FakeClock) -> None:
    """Pruned or deleted, it ran all the same."""
    spool.finish(taken_of(spool, spool.submit(windowed(), tag="t")), "success", {})
    spool.prune(0)
    second = spool.submit(windowed(), tag="t")
    assert second not in [entry.id for entry in due(spool)]
    clock.forward(WINDOW + 1)
    assert second in [entry.id for entry in due(spool)]


def test_a_slot_is_pruned_only_when_its_window_is_over(spool: Spool, clock: FakeClock) -> None:
    long = windowed().but(concurrency_time_window_s=round(3 * scenes.DAY))
    spool.finish(taken_of(spool, spool.submit(long, tag="t")), "success", {})
    clock.forward(2 * scenes.DAY)
    spool.prune()
    assert len(spool.slot_holders(long)) == 1
    clock.forward(2 * scenes.DAY)
    spool.prune()
    assert spool.slot_holders(long) == []
    assert not list((spool.path / "control/slots").iterdir())


def test_a_job_for_later_takes_no_slot_from_one_for_now(spool: Spool, clock: FakeClock) -> None:
    later = spool.submit(windowed(), tag="t", delay=3600)
    now = spool.submit(windowed(), tag="t")
    assert spool.find(later).state == "queued"
    assert [entry.id for entry in due(spool)] == [now]
    spool.finish(taken_of(spool, now), "success", {})
    clock.forward(3600)
    assert [entry.id for entry in due(spool)] == [later]


def test_a_job_for_later_that_waits_for_another_one_too(spool: Spool, clock: FakeClock) -> None:
    first = spool.submit(job(), tag="t")
    later = spool.submit(windowed().but(after=(after(first),)), tag="t", delay=3600)
    spool.finish(taken_of(spool, first), "success", {})
    assert spool.find(later).state == "queued"
    now = spool.submit(windowed(), tag="t")
    assert [entry.id for entry in due(spool)] == [now]


def test_a_worker_that_ignores_limits(spool: Spool) -> None:
    ids = list(spool.submit_all([windowed() for _ in range(3)], tag="t"))
    spool.store.limits = False
    spool.sweeper()()
    assert [entry.id for entry in due(spool)] == ids
    assert all(claim(spool, "w", entry) for entry in due(spool))


@pytest.mark.parametrize(
    "field",
    [
        '"concurrency_time_window_s":10',
        '"concurrency_key":"k","concurrent_limit":1,"concurrency_time_window_s":1.5',
        '"concurrency_key":"k","concurrent_limit":1,"concurrency_time_window_s":-1',
        '"cache_ttl":true',
        '"delete_after_secs":"1h"',
    ],
)
def test_bad_fields_are_refused(field: str) -> None:
    with pytest.raises(MalformedJob):
        from_json(f'{{"language":"bash","code":"",{field}}}'.encode())


def test_fields_come_back_as_they_were() -> None:
    one = Job(
        language="bash", code="", path="f/a", concurrent_limit=2, concurrency_time_window_s=10,
        cache_ttl=60, delete_after_secs=0,
    )  # fmt: skip
    assert from_json(one.to_json()) == one
    assert one.slots_key == "default/f/a"


# Two actors in every order, and no sweep afterwards.


def claiming(spool: Spool, world: World) -> object:
    assert world.waiting is not None
    return spool.claim("two", world.waiting.name, world.waiting.path, anything)


def test_a_claimer_and_the_holder_s_end(fresh: Fresh) -> None:
    """Never both; and whoever did not get the slot has a time, or its claim."""

    def prepare(spool: Spool, world: World) -> None:
        scenes.one_in_a_window_runs(spool, world)
        spool.join("two", {})
        last = next(iter(spool.entries(["suspended"])))
        spool.wake(last)
        world.waiting = spool.find(last.id)
        world.acknowledged[:] = [world.claims[0].id, last.id]
        spool.store.ensure(spool.store.queue("new"))

    for run, found, world in every_order(
        fresh, prepare, {"finish": finishing(), "claim": claiming}, warm=True
    ):
        assert run.results["claim"] is None, run.order
        assert found.state(world.acknowledged[-1]) == "queued", run.order


def test_two_claimers_of_a_slot_whose_window_is_over(fresh: Fresh) -> None:
    def prepare(spool: Spool, world: World) -> None:
        scenes.one_in_a_window_has_ended(spool, world, 0)
        scenes.queued(spool, world, 2)
        for entry in list(spool.entries(["queued"])):
            taken = claim(spool, "w", entry)
            assert taken
            world.claims.append(taken)
        world.clock.forward(WINDOW + 1)

    def taking(index: int) -> Act:
        def act(spool: Spool, world: World) -> object:
            taken = world.claims[index]
            return slots.take(spool.store, windowed(), "w", taken.name)

        return act

    for run, _, _ in every_order(fresh, prepare, {"one": taking(0), "two": taking(1)}):
        assert list(run.results.values()).count(True) == 1, run.order


def test_control_a_claim_that_is_only_looked_for_in_running_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots._Look, "_ended", lambda *_: 0)
    with pytest.raises(AssertionError):
        test_whatever_happens_the_window_holds_and_all_end(tmp_path, 0)


def test_control_without_times_a_job_is_moved_again_and_again(
    spool: Spool, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(store: object, job: Job) -> list[int]:
        return [0] * (job.concurrent_limit or 0)

    monkeypatch.setattr(slots, "vacancies", at_once)
    with pytest.raises(AssertionError):
        test_so_many_start_in_any_window_in_their_order_and_none_is_moved_twice(spool, clock, 0.0)


# Anything at all, against what must hold.


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_window_holds_and_all_end(tmp_path: Path, seed: int) -> None:
    """Random verbs by three workers, dying anywhere, frozen, declared dead; then a healthy one."""
    draw, clock, limit = random.Random(seed), FakeClock(), 2
    spool = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    ledger = Ledger(spool, clock, limit)
    ids: list[str] = []
    held: list[Claim] = []
    for worker in ("a", "b", "c"):
        spool.join(worker, {})

    def verb(on: Spool) -> None:
        match draw.randrange(10):
            case 0 | 1:
                ids.append(on.submit(windowed(limit), tag="t", delay=draw.choice([0, 0, 4])))
            case 2 | 3 | 4:
                waiting = due(on)
                if waiting:
                    taken = claim(on, draw.choice("abc"), draw.choice(waiting))
                    if taken is not None:
                        ledger.start(taken)
                        held.append(taken)
            case 5 | 6 if held:
                taken = held.pop(draw.randrange(len(held)))
                on.finish(taken, draw.choice(["success", "failure"]), {})
            case 7 if held:
                taken = held.pop(draw.randrange(len(held)))
                draw.choice([on.release, on.retry])(taken)
            case 8 if ids:
                on.cancel(draw.choice(ids))
            case 9:
                # A worker that stood still: what it held is taken back, and it finishes in vain.
                entry = next(iter(on.entries(["running"])), None)
                if entry is not None:
                    on.rescue_claim(entry)

    for _ in range(150):
        clock.forward(draw.choice([0.0, STEP, 2.0]))
        dying = draw.random() < 0.15
        disk = CrashingDisk(draw.randrange(5, 70), clock=clock) if dying else FakeClockDisk(clock)
        with contextlib.suppress(Crash):
            verb(Spool.open(spool.path, disk=disk))
        ledger.look()
        if draw.random() < 0.1:
            spool.sweeper()()
    assert len(ledger.started) > 10
    assert ledger.most_starts() <= limit
    drain(spool, idle=lambda: clock.forward(1))
    found = audit(spool.path)
    found.must_hold(ids)
    assert {found.state(job_id) for job_id in ids} <= {"success", "failure", "canceled"}
    assert lookup.awake(spool.store) == {}


# Dying, and a disk that refuses: a claim that comes too early, and an end without a record.

TOO_EARLY = Scene("claim-windowed", scenes.one_in_a_window_has_ended, scenes.claim_it)
RETRY = Scene("retry-windowed", scenes.one_in_a_window_runs, scenes.retry)


@pytest.mark.parametrize("scene", [TOO_EARLY, RETRY], ids=lambda scene: scene.name)
def test_dies_at_each_call(scene: Scene, fresh: Fresh) -> None:
    assert deaths(scene, fresh) > 10


def test_each_call_fails(fresh: Fresh) -> None:
    assert failures(TOO_EARLY, "eio", fresh) > 10
