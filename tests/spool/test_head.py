"""The head of the queues: order, fairness, bounds, and how seldom it lists."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.spool.scenes import job
from wmctl.errors import SpoolError
from wmctl.spool import Spool
from wmctl.spool.head import Head, Pick
from wmctl.spool.name import Name, format_due
from wmctl.testing.faults import CountingDisk, FailingDisk, FakeClock

TICK = 1_000_000_000


class Stopwatch:
    """A monotonic clock that goes on when it is told to, or a little at every look."""

    def __init__(self, step: float = 0.0) -> None:
        self.time = 0.0
        self.step = step

    def __call__(self) -> float:
        self.time += self.step
        return self.time


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def disk(clock: FakeClock) -> CountingDisk:
    return CountingDisk(clock)


@pytest.fixture
def counted(spool: Spool, disk: CountingDisk) -> Spool:
    return Spool.open(spool.path, disk=disk)


def waiting(
    spool: Spool, count: int, *, tag: str = "t", priority: int = 0, seconds: float = 0.0,
    first: int = 0,
) -> list[str]:  # fmt: skip
    """Empty files with the names of jobs: the head reads no file. Due one microsecond apart."""
    folder = Path(spool.store.queue(tag))
    folder.mkdir(exist_ok=True)
    names = []
    for number in range(first, first + count):
        moment = spool.store.now() // 1000 / 1e6 + seconds - 1
        due = format_due(datetime.fromtimestamp(moment, UTC))
        due = f"{due[:16]}{number:06d}Z"
        name = Name(due, priority, f"0193a5c0-7b1e-7abc-8def-{number:06x}{priority:06x}", tag)
        (folder / name.queued).touch()
        names.append(name.queued)
    return names


def picks(head: Head, spool: Spool, most: int = 10**6) -> list[Pick]:
    found: list[Pick] = []
    while len(found) < most and (pick := head.pick(spool.now())) is not None:
        found.append(pick)
    return found


def drained(head: Head, spool: Spool, most: int = 10**6) -> list[str]:
    """As `picks`, where each one is claimed."""
    found = []
    while len(found) < most and (pick := head.pick(spool.now())) is not None:
        Path(pick.path).unlink()
        found.append(pick.file)
    return found


def order(found: Iterable[Pick]) -> list[tuple[str, int, str]]:
    names = [pick.name for pick in found]
    return [(name.tag, name.priority, name.due) for name in names if name is not None]


class TestOrder:
    def test_due_then_id(self, spool: Spool, watch: Stopwatch) -> None:
        names = waiting(spool, 12)
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert [pick.file for pick in picks(head, spool)] == names

    def test_priority_before_due(self, spool: Spool, watch: Stopwatch) -> None:
        low, high = waiting(spool, 5), waiting(spool, 5, priority=9, first=5)
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert [pick.file for pick in picks(head, spool)] == high + low

    def test_the_tags_rank_before_priority(self, spool: Spool, watch: Stopwatch) -> None:
        waiting(spool, 3, tag="a", priority=100)
        waiting(spool, 3, tag="b")
        head = Head(spool.store, {"a": 1, "b": 2}, clock=watch)
        assert [pick.tag for pick in picks(head, spool)] == ["b"] * 3 + ["a"] * 3

    def test_only_the_tags_served(self, spool: Spool, watch: Stopwatch) -> None:
        waiting(spool, 3, tag="a")
        head = Head(spool.store, {"b": 0}, clock=watch)
        assert picks(head, spool) == []

    def test_what_is_not_due_waits(self, spool: Spool, watch: Stopwatch, clock: FakeClock) -> None:
        (later,) = waiting(spool, 1, seconds=31)
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert picks(head, spool) == []
        assert head.next_due_ns() == clock.now + 30 * TICK
        clock.forward(29.9)
        assert picks(head, spool) == []
        clock.forward(0.1)
        assert [pick.file for pick in picks(head, spool)] == [later]
        assert head.next_due_ns() is None

    def test_a_job_submitted_this_instant_is_due(self, spool: Spool, watch: Stopwatch) -> None:
        """Its time stamp may be a clock's tick ahead of the probe."""
        spool.submit(job(), tag="t", delay=0.004)
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert len(picks(head, spool)) == 1


class TestFairness:
    def test_one_pick_in_sixteen_takes_the_oldest(self, spool: Spool, watch: Stopwatch) -> None:
        waiting(spool, 3)
        waiting(spool, 60, priority=50, first=3)
        head = Head(spool.store, {"t": 0}, clock=watch)
        priorities = [priority for _, priority, _ in order(picks(head, spool, 48))]
        assert [number for number, priority in enumerate(priorities, 1) if not priority] == [
            16, 32, 48,
        ]  # fmt: skip

    def test_it_crosses_the_tags_ranks_too(self, spool: Spool, watch: Stopwatch) -> None:
        waiting(spool, 1, tag="low")
        waiting(spool, 30, tag="high", first=1)
        head = Head(spool.store, {"low": 0, "high": 5}, clock=watch)
        assert [pick.tag for pick in picks(head, spool, 16)][15] == "low"

    def test_a_flood_does_not_push_low_priorities_out_of_the_head(
        self, spool: Spool, watch: Stopwatch
    ) -> None:
        waiting(spool, 5)
        waiting(spool, 400, priority=50, first=5)
        head = Head(spool.store, {"t": 0}, clock=watch, size=100)
        assert 0 in [priority for _, priority, _ in order(picks(head, spool, 16))]

    def test_lost_races_spread_the_picks_and_wins_gather_them(
        self, spool: Spool, watch: Stopwatch
    ) -> None:
        names = waiting(spool, 200)
        head = Head(spool.store, {"t": 0}, clock=watch, rng=random.Random(1))
        for _ in range(4):
            head.lost()
        scattered = [pick.file for pick in picks(head, spool, 10)]
        assert scattered != names[:10]
        assert all(file in names[:40] for file in scattered)
        for _ in range(20):
            head.won()
        assert [pick.file for pick in picks(head, spool, 4)] == names[:4]

    def test_after_a_lost_race_what_others_took_meanwhile_is_forgotten(
        self, spool: Spool, watch: Stopwatch
    ) -> None:
        names = waiting(spool, 40)
        head = Head(spool.store, {"t": 0}, clock=watch)
        picks(head, spool, 1)
        for name in names[1:30]:
            (spool.path / "queue" / "t" / name).unlink()
        watch.time += 60.0
        head.lost()
        assert {pick.file for pick in picks(head, spool, 11)} == {names[0], *names[30:]}


class TestBounds:
    def test_it_keeps_the_first_and_lists_again_when_they_are_used_up(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        names = waiting(counted, 1000)
        head = Head(counted.store, {"t": 0}, clock=watch, size=100)
        assert drained(head, counted, 100) == names[:100]
        assert disk.count("scan") == 1
        assert drained(head, counted) == names[100:]
        assert disk.count("scan") <= 11

    def test_listing_holds_no_more_than_it_keeps(
        self, spool: Spool, watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Many priorities at once must not multiply the bound."""
        for priority in range(40):
            waiting(spool, 100, priority=priority, first=priority * 100)
        head = Head(spool.store, {"t": 0}, clock=watch, size=50)
        most = 0
        real = head._shorten

        def shorten(keep: dict[tuple[int, int], list[tuple[str, str, str]]]) -> int:
            nonlocal most
            most = max(most, sum(map(len, keep.values())))
            return real(keep)

        monkeypatch.setattr(head, "_shorten", shorten)
        head.relist()
        assert most <= 2 * 40 * 64 + 50
        assert len(head) <= 40 * 64

    def test_a_million_later_jobs_are_not_listed_at_every_look(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        """More than fit, none of them due: nothing is gained by listing again."""
        waiting(counted, 300, seconds=3600)
        head = Head(counted.store, {"t": 0}, clock=watch, size=100)
        for _ in range(50):
            assert head.pick(counted.now()) is None
            watch.time += 0.1
        assert disk.count("scan") == 1

    def test_events_do_not_let_it_grow(self, spool: Spool, watch: Stopwatch) -> None:
        head = Head(spool.store, {"t": 0}, clock=watch, size=50)
        assert picks(head, spool) == []
        names = waiting(spool, 200)
        for name in reversed(names):
            head.note("t", f"{spool.store.queue('t')}/{name}")
        assert len(head) <= 50
        assert drained(head, spool) == names


class TestListing:
    def test_no_listing_per_claim(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        list(counted.submit_all([job()] * 200, tag="t"))
        counted.join("w", {})
        head = Head(counted.store, {"t": 0}, clock=watch)
        before = disk.count("scan")
        for pick in picks(head, counted):
            assert pick.name is not None
            assert counted.claim("w", pick.name, pick.path, lambda *_: None) is not None
        assert disk.count("scan") - before == 1

    def test_listing_takes_a_twentieth_of_the_time_at_most(
        self, counted: Spool, disk: CountingDisk
    ) -> None:
        waiting(counted, 1)
        watch = Stopwatch(step=0.5)  # a listing takes two looks at the clock
        head = Head(counted.store, {"t": 0}, clock=watch)
        head.pick(counted.now())
        watch.step = 0.0
        scans, began = disk.count("scan"), watch.time
        for _ in range(1000):
            head.changed()
            watch.time += 0.1
            listed = disk.count("scan")
            head.pick(counted.now())
            if disk.count("scan") > listed:
                watch.time += 0.5
                head._cost = 0.5
        spent = (disk.count("scan") - scans) * 0.5
        assert 0 < spent <= (watch.time - began) / 20 * 1.05

    def test_a_changed_folder_is_listed_again(
        self, spool: Spool, watch: Stopwatch, clock: FakeClock
    ) -> None:
        head = Head(spool.store, {"t": 0, "new": 0}, clock=watch)
        assert picks(head, spool) == []
        clock.forward(1)
        first = spool.submit(job(), tag="t")
        assert picks(head, spool) == []
        head.poll()
        assert [pick.file[28:64] for pick in picks(head, spool)] == [first]
        clock.forward(1)
        second = spool.submit(job(), tag="new")
        head.poll()
        assert second in [pick.file[28:64] for pick in picks(head, spool)]

    def test_a_change_within_one_tick_of_the_clock_is_not_missed(
        self, spool: Spool, watch: Stopwatch, clock: FakeClock
    ) -> None:
        """A folder's time stamp has the clock's grain: after it, the folder may change unseen."""
        spool.submit(job(), tag="t")
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert len(picks(head, spool)) == 1
        second = spool.submit(job(), tag="t")  # the same tick: the same time stamp
        clock.forward(1)
        head.poll()
        assert second in [pick.file[28:64] for pick in picks(head, spool)]

    def test_a_folder_that_stands_still_is_not_listed_again(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch, clock: FakeClock
    ) -> None:
        waiting(counted, 3, seconds=100)
        clock.forward(5)
        head = Head(counted.store, {"t": 0}, clock=watch)
        for _ in range(20):
            head.poll()
            assert head.pick(counted.now()) is None
            clock.forward(1)
        assert disk.count("scan") == 1

    def test_a_listing_that_failed_is_done_again(
        self, spool: Spool, watch: Stopwatch, clock: FakeClock
    ) -> None:
        names = waiting(spool, 3)
        clock.forward(5)
        broken = Spool.open(spool.path, disk=FailingDisk(0, only=["scan"], clock=clock))
        head = Head(broken.store, {"t": 0}, clock=watch)
        with pytest.raises(SpoolError):
            head.pick(spool.now())
        assert [pick.file for pick in picks(head, spool)] == names

    def test_sub_folders_are_listed(self, spool: Spool, watch: Stopwatch) -> None:
        (name,) = waiting(spool, 1)
        folder = Path(spool.store.queue("t"))
        (folder / "later" / "still").mkdir(parents=True)
        (folder / name).rename(folder / "later" / "still" / name)
        head = Head(spool.store, {"t": 0}, clock=watch)
        assert [pick.path for pick in picks(head, spool)] == [f"{folder}/later/still/{name}"]


class TestHidden:
    """NFS 3: what came within a tick of another change shows only after a further one."""

    def test_the_folders_are_touched_now_and_then(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        counted.store.__dict__["hides_changes"] = True
        waiting(counted, 1)
        head = Head(counted.store, {"t": 0}, clock=watch)
        picks(head, counted)
        queue = counted.store.queue("t")
        for seconds, touched in ((9.0, False), (10.0, True)):
            watch.time = seconds
            disk.calls.clear()
            head.poll()
            assert (("touch", (queue,)) in {(c.name, c.paths) for c in disk.calls}) is touched

    def test_not_where_they_hide_nothing(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        head = Head(counted.store, {"t": 0}, clock=watch)
        picks(head, counted)
        watch.time = 100.0
        disk.calls.clear()
        head.poll()
        assert not disk.count("touch")


class TestEvents:
    def test_a_noted_name_is_picked_without_listing(
        self, counted: Spool, disk: CountingDisk, watch: Stopwatch
    ) -> None:
        head = Head(counted.store, {"t": 0}, clock=watch)
        head.pick(counted.now())
        scans = disk.count("scan")
        (name,) = waiting(counted, 1)
        path = f"{counted.store.queue('t')}/{name}"
        for _ in range(3):
            head.note("t", path)
        head.note("other", path)
        assert [pick.path for pick in picks(head, counted)] == [path]
        assert disk.count("scan") == scans

    def test_a_noted_stray_causes_a_listing(self, spool: Spool, watch: Stopwatch) -> None:
        head = Head(spool.store, {"t": 0}, clock=watch)
        head.pick(spool.now())
        Path(spool.store.queue("t")).mkdir()
        stray = Path(spool.store.queue("t")) / "hello"
        stray.touch()
        head.note("t", str(stray))
        assert head.pick(spool.now()) is None
        assert head.strays == {str(stray): "t"}


def test_newer_names_are_left_alone_and_strays_are_reported(spool: Spool, watch: Stopwatch) -> None:
    (name,) = waiting(spool, 1)
    folder = Path(spool.store.queue("t"))
    (folder / name.replace(".v1.", ".v2.")).touch()
    (folder / ".nfs000001").touch()
    (folder / "hello.json").touch()
    (folder / "loop").symlink_to(folder)
    odd = folder / f"{name[:24]}abc{name[27:]}"
    odd.touch()
    head = Head(spool.store, {"t": 0}, clock=watch)
    found = picks(head, spool)
    assert [pick.file for pick in found if pick.name is not None] == [name]
    assert [pick.path for pick in found if pick.name is None] == [str(odd)]
    assert set(head.strays) == {str(folder / "hello.json"), str(folder / "loop")}


def test_two_workers_need_few_vain_claims(spool: Spool, watch: Stopwatch) -> None:
    """What another took stays in the head until it is picked in vain."""
    list(spool.submit_all([job()] * 60, tag="t"))
    heads = {}
    for worker in ("a", "b"):
        spool.join(worker, {})
        heads[worker] = Head(spool.store, {"t": 0}, clock=watch, rng=random.Random(worker))
    taken, vain = 0, 0
    while taken < 60:
        for worker, head in heads.items():
            pick = head.pick(spool.now())
            if pick is None:
                continue
            assert pick.name is not None
            if spool.claim(worker, pick.name, pick.path, lambda *_: None) is None:
                vain += 1
                head.lost()
            else:
                taken += 1
                head.won()
    assert vain <= 60
