"""Many that wait, markers and slots beside a prune, cancels on the way: nothing waits in vain."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.scenes import after, job, limited
from tests.spool.test_suspended import add, end, running, state
from wmctl.spool import Disk, Entry, Spool, cancel, lookup, slots, store, submit
from wmctl.testing.faults import CountingDisk, FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import claim


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    opened = Spool.create(tmp_path / "spool")
    opened.join("w", {})
    return opened


# What many wait for is looked at once; what cannot be looked at stops no other.


def counted(spool: Spool) -> tuple[Spool, CountingDisk]:
    disk = CountingDisk()
    return Spool.open(spool.path, disk=disk), disk


@pytest.mark.parametrize("early", [True, False])
def test_the_slots_of_many_are_looked_at_once(spool: Spool, early: bool) -> None:
    """Not once for each that waits for the same job as well: 10,000 would take minutes."""
    first = add(spool)
    counting, disk = counted(spool)
    if early:
        end(spool, first)
    many = [limited(2).but(after=(after(first),)) for _ in range(100)]
    ids = list(counting.submit_all(many, tag="t"))
    if not early:
        end(counting, first)
    looks = [call for call in disk.calls if call.name == "scan" and "/slots/" in call.paths[0]]
    assert len(looks) <= 3
    assert [job_id for job_id in ids if state(spool, job_id) == "queued"] == ids[:2]


def test_one_that_comes_just_now_keeps_its_place_in_the_line(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder ends between a submitter's marker and its rename; the line must not forget it."""
    one = spool.submit(limited(), tag="t")
    taken = claim(spool, "w", spool.find(one))
    assert taken
    announced = submit._announce

    def slow(store: store.Store, drafts: list[submit.Draft]) -> None:
        announced(store, drafts)
        assert spool.finish(taken, "success", {})

    with monkeypatch.context() as patch:
        patch.setattr(submit, "_announce", slow)
        two = spool.submit(limited(), tag="t")
    assert state(spool, two) == "queued"


def test_those_that_are_awake_are_looked_for_once(spool: Spool) -> None:
    ids = list(spool.submit_all([limited(50) for _ in range(60)], tag="t"))
    counting, disk = counted(spool)
    end(counting, ids[0])
    looks = [call for call in disk.calls if call.name == "scan" and "/queue/" in call.paths[0]]
    assert len(looks) <= 3
    assert sum(state(spool, job_id) == "queued" for job_id in ids) == 50


def marked(spool: Spool, job_id: str) -> None:
    """Its canceler died before the rename."""
    cancel.mark(spool.store, job_id, by="me", reason=None)


@pytest.mark.parametrize("how", ["claim", "release", "suspend", "rescue", "replace"])
def test_whatever_cancels_a_job_tells_those_that_wait(spool: Spool, how: str) -> None:
    first = add(spool, key="k")
    second = add(spool, after=(after(first, "fail"),))
    taken = None if how in {"claim", "replace"} else claim(spool, "w", spool.find(first))
    if how != "replace":
        marked(spool, first)
    match how:
        case "claim":
            assert claim(spool, "w", spool.find(first)) is None
        case "release" if taken:
            spool.release(taken)
        case "suspend" if taken:
            spool.suspend(taken)
        case "rescue":
            spool.rescue("w")
        case "replace":
            spool.submit(job(key="k"), tag="t", if_exists="replace")
    assert (state(spool, first), state(spool, second)) == ("canceled", "queued")


def test_no_marker_outlives_the_waiting(spool: Spool) -> None:
    first, second = add(spool), add(spool)
    add(spool, after=(after(first), after(second)))
    end(spool, first)
    end(spool, second)
    add(spool, after=(after(first), after(second)))
    assert not os.listdir(spool.path / "control/waiters")


def test_a_waiter_that_cannot_be_read_stops_no_other(spool: Spool) -> None:
    first = add(spool)
    ids = [add(spool, after=(after(first),)) for _ in range(3)]

    class Unreadable(Disk):
        def open_in(self, folder: int, name: str) -> int:
            if ids[0] in name and name.endswith(".json"):
                raise OSError(errno.EIO, "unreadable")
            return super().open_in(folder, name)

    Path(spool.find(first).path).unlink()
    Spool.open(spool.path, disk=Unreadable()).sweeper()()
    assert [state(spool, job_id) for job_id in ids] == ["suspended", "canceled", "canceled"]


# Pruning beside those that wait.


@pytest.mark.parametrize(
    "fields", [{"concurrency_key": "c", "concurrent_limit": 1}, {"hold": True}]
)
def test_what_somebody_waits_for_is_not_pruned(spool: Spool, fields: dict[str, object]) -> None:
    """A batch may wait for its slots, or for a person, for longer than records are kept."""
    first = add(spool)
    other = spool.submit(limited(), tag="t")
    second = add(spool, after=(after(first),), **fields)
    assert claim(spool, "w", spool.find(other))
    end(spool, first)
    assert spool.prune(0).jobs == 0
    spool.sweeper()()
    assert state(spool, second) in {"suspended", "held"}
    spool.cancel(second)
    assert spool.prune(0).jobs == 2


def test_a_slot_that_is_taken_while_prune_looks_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    spool = Spool.create(tmp_path / "spool", disk=FakeClockDisk(clock))
    spool.join("w", {})
    end(spool, spool.submit(limited(), tag="t"))
    clock.forward(2 * scenes.DAY)
    two = spool.submit(limited(), tag="t")
    listed = lookup.running

    def slow(store: store.Store) -> list[Entry]:
        """Prune has listed what runs; then the slot is taken."""
        held = list(listed(store))
        monkeypatch.setattr(lookup, "running", listed)
        assert claim(spool, "w", spool.find(two))
        return held

    prune_slots = slots.free

    def freeing(*args: object, **kwargs: bool) -> list[str]:
        monkeypatch.setattr(lookup, "running", slow)
        return prune_slots(*args, **kwargs)

    monkeypatch.setattr(slots, "free", freeing)
    spool.prune()
    assert state(spool, two) == "running"
    assert [one.id for one in spool.slot_holders(limited())] == [two]


def test_a_slot_whose_numbers_began_anew_is_taken_once(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A taker stands still; prune removes what it saw, and somebody takes generation 1."""
    for _ in range(3):
        end(spool, spool.submit(limited(), tag="t"))
    ids = list(spool.submit_all([limited() for _ in range(2)], tag="t"))
    for entry in list(spool.entries(["suspended"])):
        spool.wake(entry)
    place = slots._place

    def slow(*args: str) -> bool:
        monkeypatch.setattr(slots, "_place", place)
        folder = next((spool.path / "control/slots").iterdir())
        shutil.rmtree(folder)
        assert claim(spool, "w", spool.find(ids[0]))
        return place(*args)

    monkeypatch.setattr(slots, "_place", slow)
    assert claim(spool, "w", spool.find(ids[1])) is None
    assert [entry.id for entry in running(spool)] == [ids[0]]
