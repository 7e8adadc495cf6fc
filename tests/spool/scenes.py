"""One scene per verb: how a spool stands before it, and the verb itself. For crashes and faults."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wmctl.spool import Claim, Entry, Job, Settings, Spool, When
from wmctl.spool import submit as submitting
from wmctl.testing.faults import FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import anything, claim

DAY = 86400.0
LONG = "x" * 40_000


@dataclass
class World:
    """A spool, what was acknowledged to its users so far, and what the scene prepared."""

    root: Path
    clock: FakeClock
    acknowledged: list[str] = field(default_factory=list)
    #: Canceled with an answer: must not end otherwise.
    canceled: list[str] = field(default_factory=list)
    #: Pruned on purpose: may be gone.
    pruned: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    #: The job as it waited, for acts that remember it.
    waiting: Entry | None = None
    #: The scene begins with something wrong, which the next worker must put right.
    ill: bool = False

    def open(self) -> Spool:
        """The spool on a healthy disk."""
        return Spool.open(self.root, disk=FakeClockDisk(self.clock))


@dataclass(frozen=True)
class Scene:
    """`act` gets a spool on any disk; what it prepared is in the world."""

    name: str
    prepare: Callable[[Spool, World], None]
    act: Callable[[Spool, World], None]

    def build(self, root: Path) -> World:
        """A new spool at this place, prepared."""
        world = World(root, FakeClock())
        spool = Spool.create(root, Settings(), disk=FakeClockDisk(world.clock))
        self.prepare(spool, world)
        return world


def job(**fields: object) -> Job:
    return Job(kind="command", argv=("true",)).but(**fields)


def nothing(spool: Spool, world: World) -> None:
    del spool, world


def queued(spool: Spool, world: World, count: int = 1, **fields: object) -> None:
    for _ in range(count):
        world.acknowledged.append(spool.submit(job(**fields), tag="bash"))


def running(spool: Spool, world: World, count: int = 1, *, started: bool = True) -> None:
    queued(spool, world, count)
    spool.join("w", {"n": 1})
    for entry in list(spool.entries(["queued"])):
        taken = claim(spool, "w", entry)
        assert taken is not None
        world.claims.append(taken)
        if started:
            write_log(spool, taken)


def write_log(spool: Spool, taken: Claim) -> None:
    for start in (spool.open_log, spool.open_log_errors):
        fd = start(taken)
        try:
            os.write(fd, b"0 3\n")
        finally:
            os.close(fd)


def finished(spool: Spool, world: World, count: int = 1, outcome: str = "success") -> None:
    running(spool, world, count)
    for taken in world.claims:
        assert spool.finish(taken, outcome, {"result": 1})
    assert spool.leave("w")


def suspended(spool: Spool, world: World) -> None:
    running(spool, world)
    assert spool.suspend(world.claims[0])


def held(spool: Spool, world: World) -> None:
    queued(spool, world)
    assert spool.hold(spool.find(world.acknowledged[0]), "by the test")


def lost_often(spool: Spool, world: World) -> None:
    running(spool, world)
    for _ in range(3):
        assert spool.release(world.claims.pop(), lost=True)
        taken = claim(spool, "w", spool.find(world.acknowledged[0]))
        assert taken is not None
        write_log(spool, taken)
        world.claims.append(taken)


def leftover(spool: Spool, world: World) -> None:
    """What a power cut can leave: the record is there, and so is the claim."""
    running(spool, world)
    taken = world.claims[0]
    content = Path(taken.path).read_bytes()
    assert spool.finish(taken, "success", {"result": 1})
    Path(taken.path).write_bytes(content)
    Path(taken.path).chmod(0o600)
    world.ill = True


def torn(spool: Spool, world: World) -> None:
    queued(spool, world)
    path = Path(spool.find(world.acknowledged[0]).path)
    path.write_bytes(path.read_bytes()[:-9])
    world.ill = True


def old(spool: Spool, world: World) -> None:
    """Finished, a blob that nobody wants, old generations of a key, leftovers: all to be pruned."""
    finished(spool, world, 2)
    spool.cancel(spool.submit(job(argv=(LONG,)), tag="bash"))
    for _ in range(2):
        spool.cancel(spool.submit(job(key="k"), tag="bash"))
    finish_one(spool, job(args={"long": LONG}))
    world.clock.forward(40 * DAY)
    world.pruned, world.acknowledged = world.acknowledged, []
    queued(spool, world, key="k")
    world.acknowledged.append(spool.submit(job(args={"long": LONG + "wanted"}), tag="bash"))


def finish_one(spool: Spool, what: Job) -> str:
    job_id = spool.submit(what, tag="once")
    spool.join("once", {})
    taken = claim(spool, "once", spool.find(job_id))
    assert taken is not None
    assert spool.finish(taken, "success", {"result": 1})
    assert spool.leave("once")
    return job_id


# What the verbs do.


def submit(spool: Spool, world: World) -> None:
    world.acknowledged.append(spool.submit(job(), tag="new"))


def submit_blob(spool: Spool, world: World) -> None:
    world.acknowledged.append(
        spool.submit(Job(language="bash", code=LONG, args={"a": LONG + "1"}), tag="new")
    )


def submit_batch(spool: Spool, world: World) -> None:
    world.acknowledged += spool.submit_all([job() for _ in range(9)], tag="new")


def submit_tags(spool: Spool, world: World) -> None:
    """Jobs of one batch with tags of their own."""
    jobs = [job(name=name) for name in ("new", "newer", "new")]
    world.acknowledged += submitting.submit(spool.store, jobs, lambda one: When(one.name))


def submit_keyed(spool: Spool, world: World) -> None:
    world.acknowledged.append(spool.submit(job(key="k"), tag="new"))


def submit_replacing(spool: Spool, world: World) -> None:
    world.acknowledged.append(spool.submit(job(key="k"), tag="new", if_exists="replace"))


def claim_it(spool: Spool, world: World) -> None:
    entry = next(iter(spool.entries(["queued"])))
    spool.claim("w", entry.name, entry.path, anything)


def retry(spool: Spool, world: World) -> None:
    spool.retry(world.claims[0], delay=0.5)


def release(spool: Spool, world: World) -> None:
    spool.release(world.claims[0], lost=True)


def suspend(spool: Spool, world: World) -> None:
    spool.suspend(world.claims[0])


def finish(spool: Spool, world: World) -> None:
    assert spool.finish(world.claims[0], "failure", {"result": {"error": {}}})


def finish_batch(spool: Spool, world: World) -> None:
    staged = [spool.stage(taken, "skipped", {"result": 1}) for taken in world.claims]
    assert all(spool.commit(staged))


def cancel(spool: Spool, world: World) -> None:
    spool.cancel(world.acknowledged[0], by="me", reason="enough")
    world.canceled.append(world.acknowledged[0])


def finish_canceled(spool: Spool, world: World) -> None:
    """A claimer finds the marker."""
    entry = next(iter(spool.entries(["queued"])))
    spool.claim("w", entry.name, entry.path, anything)


def canceled_while_running(spool: Spool, world: World) -> None:
    running(spool, world)
    assert spool.cancel(world.acknowledged[0]) == "running"


def marked(spool: Spool, world: World) -> None:
    """Queued, with a marker: its canceler died before the rename."""
    canceled_while_running(spool, world)
    taken = world.claims[0]
    waiting = spool.path / "queue" / "bash" / taken.name.queued
    Path(taken.path).rename(waiting)
    world.canceled = world.acknowledged


def hold(spool: Spool, world: World) -> None:
    spool.hold(spool.find(world.acknowledged[0]), "wait a little")


def unhold(spool: Spool, world: World) -> None:
    spool.unhold(spool.find(world.acknowledged[0]))


def wake(spool: Spool, world: World) -> None:
    spool.wake(spool.find(world.acknowledged[0]))


def reschedule(spool: Spool, world: World) -> None:
    spool.reschedule(spool.find(world.acknowledged[0]), datetime(2026, 1, 1, tzinfo=UTC))


def move(spool: Spool, world: World) -> None:
    spool.move(spool.find(world.acknowledged[0]), "gpu")


def cancel_seen(spool: Spool, world: World) -> None:
    """As `queue purge` does it, which has just listed the job."""
    job_id = world.acknowledged[0]
    spool.cancel(job_id, by="me", seen=spool.find(job_id))
    world.canceled.append(job_id)


def with_worker(spool: Spool, world: World) -> None:
    queued(spool, world)
    spool.join("w", {})


def torn_with_worker(spool: Spool, world: World) -> None:
    torn(spool, world)
    spool.join("w", {})


def keyed(spool: Spool, world: World) -> None:
    queued(spool, world, key="k")


# Jobs that wait for other jobs, or for a person.


def after(job_id: str, on: str = "ok") -> dict[str, str]:
    return {"id": job_id, "on": on}


def submit_after(spool: Spool, world: World) -> None:
    what = job(after=(after(world.acknowledged[0]), after(world.acknowledged[-1], "any")))
    world.acknowledged.append(spool.submit(what, tag="new"))


def submit_after_keyed(spool: Spool, world: World) -> None:
    what = job(after=(after(world.acknowledged[0]),), key="k")
    world.acknowledged.append(spool.submit(what, tag="new"))


def submit_held(spool: Spool, world: World) -> None:
    world.acknowledged.append(spool.submit(job(hold=True), tag="new"))


def limited(limit: int = 1) -> Job:
    return job(concurrency_key="c", concurrent_limit=limit)


def submit_limited(spool: Spool, world: World) -> None:
    world.acknowledged += spool.submit_all([limited() for _ in range(3)], tag="new")


def awaited(spool: Spool, world: World) -> None:
    """One runs; of three that wait for it, and of one that waits for those."""
    running(spool, world)
    for on in ("ok", "fail", "any"):
        what = job(after=(after(world.acknowledged[0], on),))
        world.acknowledged.append(spool.submit(what, tag="new"))
    world.acknowledged.append(spool.submit(job(after=(after(world.acknowledged[1]),)), tag="new"))


def awaited_and_held(spool: Spool, world: World) -> None:
    queued(spool, world)
    world.acknowledged.append(
        spool.submit(job(hold=True, after=(after(world.acknowledged[0]),)), tag="new")
    )
    spool.cancel(world.acknowledged[0])


def unhold_last(spool: Spool, world: World) -> None:
    spool.unhold(spool.find(world.acknowledged[-1]))


def one_of_three_runs(spool: Spool, world: World) -> None:
    """Limit 1: one runs, two wait for its slot."""
    submit_limited(spool, world)
    spool.join("w", {})
    taken = claim(spool, "w", next(iter(spool.entries(["queued"]))))
    assert taken is not None
    world.claims.append(taken)
    write_log(spool, taken)


#: Seconds.
WINDOW = 3


def windowed(limit: int = 1) -> Job:
    return limited(limit).but(concurrency_time_window_s=WINDOW)


def one_in_a_window_has_ended(spool: Spool, world: World, others: int = 1) -> None:
    """Limit 1 in a window: one has ended, one is promised its slot."""
    spool.join("w", {})
    world.acknowledged += spool.submit_all([windowed() for _ in range(1 + others)], tag="new")
    taken = claim(spool, "w", next(iter(spool.entries(["queued"]))))
    assert taken is not None
    assert spool.finish(taken, "success", {"result": 1})


def one_in_a_window_runs(spool: Spool, world: World) -> None:
    one_in_a_window_has_ended(spool, world, 2)
    world.clock.forward(2 * WINDOW)
    taken = claim(spool, "w", next(iter(spool.entries(["queued"]))))
    assert taken is not None
    world.claims.append(taken)
    write_log(spool, taken)


def one_too_many(spool: Spool, world: World) -> None:
    """A second one of limit 1 has come into its queue, as by a needless wake."""
    one_of_three_runs(spool, world)
    spool.wake(next(iter(spool.entries(["suspended"]))))


SCENES = [
    Scene("submit", nothing, submit),
    Scene("submit-blob", nothing, submit_blob),
    Scene("submit-batch", nothing, submit_batch),
    Scene("submit-tags", nothing, submit_tags),
    Scene("submit-keyed", nothing, submit_keyed),
    Scene("submit-keyed-again", keyed, submit_keyed),
    Scene("submit-replacing", keyed, submit_replacing),
    Scene("claim", with_worker, claim_it),
    Scene("claim-torn", torn_with_worker, claim_it),
    Scene("claim-canceled", marked, finish_canceled),
    Scene("log", lambda s, w: running(s, w, started=False), lambda s, w: write_log(s, w.claims[0])),
    Scene("beat", running, lambda s, w: s.beat("w", {"n": 2})),
    Scene("finish", running, finish),
    Scene("finish-batch", lambda s, w: running(s, w, 5), finish_batch),
    Scene("retry", running, retry),
    Scene("release", running, release),
    Scene("suspend", running, suspend),
    Scene("suspend-canceled", canceled_while_running, suspend),
    Scene("wake", suspended, wake),
    Scene("cancel-queued", queued, cancel),
    Scene("cancel-running", running, cancel),
    Scene("cancel-suspended", suspended, cancel),
    Scene("cancel-held", held, cancel),
    Scene("hold", queued, hold),
    Scene("hold-suspended", suspended, hold),
    Scene("unhold", held, unhold),
    Scene("reschedule", queued, reschedule),
    Scene("move", queued, move),
    Scene("move-canceled", marked, move),
    Scene("cancel-seen", queued, cancel_seen),
    Scene("rescue", lambda s, w: running(s, w, 2), lambda s, w: (s.rescue("w"), None)[1]),
    Scene("rescue-to-held", lost_often, lambda s, w: (s.rescue("w"), None)[1]),
    Scene("rescue-leftover", leftover, lambda s, w: (s.rescue("w"), None)[1]),
    Scene("rescue-canceled", canceled_while_running, lambda s, w: (s.rescue("w"), None)[1]),
    Scene("submit-after", lambda s, w: queued(s, w, 2), submit_after),
    Scene("submit-after-ended", finished, submit_after),
    Scene("submit-after-keyed", queued, submit_after_keyed),
    Scene("submit-held", nothing, submit_held),
    Scene("submit-limited", nothing, submit_limited),
    Scene("finish-awaited", awaited, finish),
    Scene("cancel-awaited", awaited, lambda s, w: (s.cancel(w.acknowledged[1]), None)[1]),
    Scene("unhold-awaiting", awaited_and_held, unhold_last),
    Scene("claim-no-slot", one_too_many, claim_it),
    Scene("finish-limited", one_of_three_runs, finish),
    Scene("retry-limited", one_of_three_runs, retry),
    Scene("prune", old, lambda s, w: (s.prune(), None)[1]),
    Scene("join", queued, lambda s, w: s.join("new", {"n": 1})),
    Scene("leave", lambda s, w: s.join("w", {}), lambda s, w: (s.leave("w"), None)[1]),
    Scene("settle", finished, lambda s, w: s.settle([s.find(w.acknowledged[0])])),
    Scene("find", finished, lambda s, w: (s.find(w.acknowledged[0][-8:]), None)[1]),
    Scene("list", suspended, lambda s, w: (list(s.entries()), None)[1]),
    Scene("workers", running, lambda s, w: (s.workers(), None)[1]),
]  # fmt: skip

BY_NAME = {scene.name: scene for scene in SCENES}

__all__ = ["BY_NAME", "DAY", "LONG", "SCENES", "Scene", "When", "World", "finish_one", "job"]
