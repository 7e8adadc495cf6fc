"""The power fails after each disk call: what was acknowledged before is there afterwards, whole.

The model of what survives stands in `wmctl.testing.powercut`.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.spool.scenes import BY_NAME, DAY, LONG, job, write_log
from wmctl.errors import SpoolNotFound, WmctlError
from wmctl.spool import Claim, Job, Settings, Spool, claims, fs, store
from wmctl.testing.faults import Call, CountingDisk, FakeClock
from wmctl.testing.powercut import PowerCutDisk
from wmctl.testing.spool_contract import audit, claim, drain


@dataclass
class Told:
    """What its users were told so far, and must find again."""

    made: bool = False
    submitted: dict[str, Job] = field(default_factory=dict)
    finished: dict[str, object] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    pruned: set[str] = field(default_factory=set)


class Story:
    """A spool on a disk whose power can fail; `told` grows as verbs return."""

    def __init__(self, memory: Path, forget: frozenset[str], durability: str = "durable") -> None:
        self.box = memory / "box"
        self.box.mkdir()
        self.clock = FakeClock()
        self.disk = PowerCutDisk(str(self.box), self.clock, forget=forget)
        self.told = Told()
        self.cuts = 0
        self.after = memory / "after"
        self.disk.watcher = lambda call: self.cut(str(call))
        # Two folders that do not exist yet lead to the spool.
        self.spool = Spool.create(
            self.box / "a" / "b" / "spool", Settings(durability=durability), disk=self.disk
        )
        self.told.made = True
        self.spool.join("w", {})

    def cut(self, call: str) -> None:
        """The power fails now: look at what is left, then go on as if it had not."""
        self.cuts += 1
        shutil.rmtree(self.after, ignore_errors=True)
        self.after.mkdir()
        self.disk.tree().write(str(self.after))
        try:
            check(self.after / "a" / "b" / "spool", self.told)
        except (AssertionError, WmctlError) as error:
            raise AssertionError(f"power cut after {call}: {error}") from error

    def submit(self, what: Job, **options: object) -> str:
        job_id = self.spool.submit(what, tag="t", **options)
        self.told.submitted[job_id] = what
        if what.key is not None:
            self.told.keys[what.key] = job_id
        return job_id

    def claim(self, job_id: str) -> Claim:
        taken = claim(self.spool, "w", self.spool.find(job_id))
        assert taken is not None
        return taken

    def run(self, *ids: str) -> None:
        taken = [self.claim(job_id) for job_id in ids]
        for one in taken[:-1]:
            write_log(self.spool, one)
        staged = [self.spool.stage(one, "success", {"result": one.id}) for one in taken]
        won = self.spool.commit(staged)
        for one in taken:
            assert won[taken.index(one)]
            self.told.finished[one.id] = taken.index(one) < len(taken) - 1


def check(root: Path, told: Told) -> None:
    """What survived is a sound spool that holds all that anybody was told."""
    try:
        spool = Spool.open(root)
    except SpoolNotFound:
        assert not told.made, "the spool itself is gone"
        return
    found = audit(root)
    found.must_hold(told.submitted.keys() - told.pruned)
    for job_id, what in told.submitted.items():
        assert found.state(job_id) != "key", "no worker would find it"
        if job_id not in told.pruned:
            same(spool, job_id, what)
    for job_id, logged in told.finished.items():
        entry = spool.find(job_id)
        assert entry.state == "success", f"a published result became {entry.state}"
        record = spool.record(entry)
        assert record is not None
        assert record["result"] == job_id
        if logged:
            log, errors = spool.log_paths(entry)
            assert log.read_bytes() == errors.read_bytes() == b"0 3\n", "the log is not whole"
    for state, ids in (("suspended", told.suspended), ("held", told.held)):
        assert all(spool.find(job_id).state == state for job_id in ids), state
    for key, job_id in told.keys.items():
        if not spool.find(job_id).terminal:
            assert spool.submit(job(key=key), tag="t") == job_id, "the key has a second holder"
    drain(spool)
    for job_id in told.canceled:
        assert spool.find(job_id).state == "canceled", "a cancel was forgotten"


def same(spool: Spool, job_id: str, what: Job) -> None:
    found = spool.job(spool.find(job_id))
    assert (found.argv, spool.code(found)) == (what.argv, what.code or ""), "the job is not whole"
    assert spool.args(found) == what.args, "the args are not whole"


def submits(story: Story) -> None:
    story.submit(job())
    story.submit(Job(language="bash", code=LONG, args={"a": LONG + "1"}))
    for job_id in story.spool.submit_all([job()] * 9, tag="many"):
        story.told.submitted[job_id] = job()
    story.submit(job(key="k"))


def keys(story: Story) -> None:
    first = story.submit(job(key="k"))
    story.run(first)
    second = story.submit(job(key="k"))
    story.spool.submit(job(key="k"), tag="t")
    del story.told.keys["k"]
    story.submit(job(key="k"), if_exists="replace")
    story.told.canceled.add(second)


def claims_stay(story: Story) -> None:
    """A claim is not synced, but somebody else may sync the folder that it left."""
    story.claim(story.submit(job()))
    story.submit(job())


def finishes(story: Story) -> None:
    story.run(story.submit(job()), story.submit(job()))
    story.run(*(story.submit(job()) for _ in range(5)))


def moves(story: Story) -> None:
    spool = story.spool
    taken = story.claim(story.submit(job()))
    spool.release(taken, lost=True)
    taken = story.claim(taken.id)
    spool.retry(taken)
    taken = story.claim(taken.id)
    spool.suspend(taken)
    story.told.suspended.add(taken.id)
    story.told.suspended.discard(taken.id)
    spool.wake(spool.find(taken.id))
    spool.reschedule(spool.find(taken.id), datetime(2026, 1, 1, tzinfo=UTC))
    spool.hold(spool.find(taken.id), "x")
    story.told.held.add(taken.id)
    story.spool.submit(job(), tag="t")
    story.told.held.discard(taken.id)
    spool.unhold(spool.find(taken.id))
    write_log(spool, story.claim(taken.id))
    spool.rescue("w")


def cancels(story: Story) -> None:
    spool = story.spool
    for state in ("queued", "running", "suspended", "held"):
        job_id = story.submit(job())
        if state in {"running", "suspended"}:
            taken = story.claim(job_id)
            if state == "suspended":
                spool.suspend(taken)
        elif state == "held":
            spool.hold(spool.find(job_id), "x")
        spool.cancel(job_id)
        story.told.canceled.add(job_id)
    spool.rescue("w")


def prunes(story: Story) -> None:
    spool = story.spool
    ids = [story.submit(job(args={"a": LONG})) for _ in range(5)]
    story.run(*ids)
    story.clock.forward(40 * DAY)
    story.told.pruned.update(ids)
    story.told.finished.clear()
    wanted = story.submit(job(args={"a": LONG}))
    for _ in range(3):
        spool.prune()
        story.clock.forward(2 * DAY)
    story.run(wanted)


STORIES: dict[str, Callable[[Story], None]] = {
    "submits": submits,
    "keys": keys,
    "claims": claims_stay,
    "finishes": finishes,
    "moves": moves,
    "cancels": cancels,
    "prunes": prunes,
}


@pytest.mark.parametrize("name", STORIES)
def test_the_power_fails_after_each_call(name: str, memory: Path) -> None:
    story = Story(memory, frozenset())
    STORIES[name](story)
    story.cut("the end")
    assert story.cuts > 40


def unsynced(story: Story, after: str, act: Callable[[Spool], object]) -> None:
    """A process that dies when this rename is done and not yet synced: the user is told nothing."""

    def watch(call: Call) -> None:
        if call.name == "rename" and after in call.paths[-1]:
            story.disk.forget = frozenset(["folders", "syncfs"])

    story.disk.watcher = watch
    act(Spool.open(story.spool.path, disk=story.disk))
    story.disk.forget = frozenset()
    story.disk.watcher = lambda call: story.cut(str(call))


def test_a_key_answered_with_anothers_job(memory: Path) -> None:
    """The winner died before its last sync; whoever gives its id out makes it durable."""
    story = Story(memory, frozenset())
    unsynced(story, "/queue/", lambda spool: spool.submit(job(key="k"), tag="t"))
    told = story.submit(job(key="k"))
    story.cut("the end")
    assert audit(story.after / "a" / "b" / "spool").state(told) == "success"  # drained


def test_a_key_that_is_free_because_its_job_is_finished(memory: Path) -> None:
    """The finisher died before its last sync: the key is given away only when that is durable."""
    story = Story(memory, frozenset())
    first = story.submit(job(key="k"))
    taken = story.claim(first)
    unsynced(story, "/completed/", lambda spool: spool.finish(taken, "success", {"result": 1}))
    second = story.submit(job(key="k"))
    assert second != first
    story.cut("the end")
    assert audit(story.after / "a" / "b" / "spool").state(first) == "success"  # as published


def test_a_leftover_is_removed_only_for_a_durable_record(memory: Path) -> None:
    """A rescuer that sees a record acts on it: it syncs the record's folders first."""
    world = BY_NAME["rescue-leftover"].build(memory / "spool")
    disk = CountingDisk(world.clock)
    Spool.open(world.root, disk=disk).rescue("w")
    moved = next(i for i, call in enumerate(disk.calls) if "/trash/" in call.paths[-1:][0])
    synced = [call.paths[0] for call in disk.calls[:moved] if call.name == "sync"]
    assert any("/completed/" in path for path in synced)


# Negative controls: each sync is needed.


@pytest.mark.parametrize(
    ("name", "forget", "what"),
    [
        ("submits", "files", "not JSON|not whole|JSON"),
        ("submits", "folders", "lost|gone"),
        ("submits", "syncfs", "not JSON|lost"),
        ("finishes", "folders", "lost|gone|became"),
        ("finishes", "syncfs", "lost|became|no whole result|not JSON"),
    ],
)
def test_control_a_disk_that_does_not_sync(name: str, forget: str, what: str, memory: Path) -> None:
    with pytest.raises(AssertionError, match=what):
        story = Story(memory, frozenset([forget]))
        STORIES[name](story)
        story.cut("the end")


def test_control_a_spool_without_durability(memory: Path) -> None:
    with pytest.raises(AssertionError, match="power cut"):
        submits(Story(memory, frozenset(), "none"))


def test_control_no_sync_before_the_commit(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record survives and its result does not."""
    monkeypatch.setattr(claims, "_sync_contents", lambda *_: None)
    with pytest.raises(AssertionError, match=r"no whole result|not whole"):
        finishes(Story(memory, frozenset()))


def test_control_no_sync_after_the_commit(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result was told that the power cut takes back."""
    real = store.Store.sync

    def forgetful(self: store.Store, folders: set[str], made: object = ()) -> None:
        real(self, [folder for folder in folders if "/completed" not in folder])

    monkeypatch.setattr(store.Store, "sync", forgetful)
    with pytest.raises(AssertionError, match="became"):
        finishes(Story(memory, frozenset()))


def test_control_the_parent_of_a_new_folder(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job in a queue whose own name does not survive is lost."""
    real = fs.sync_folders
    monkeypatch.setattr(
        fs, "sync_folders",
        lambda disk, folders: real(disk, {f for f in folders if os.path.basename(f) != "queue"}),
    )  # fmt: skip
    with pytest.raises(AssertionError, match="lost"):
        submits(Story(memory, frozenset()))


def test_control_a_prune_that_does_not_wait(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result goes for good and the record comes back."""
    from wmctl.spool.prune import Pruner

    def hasty(self: Pruner, folder: str, old: list[object]) -> None:
        for entry in old:
            self.store.remove(entry.path)
            self._belongings(entry.id)
            self.store.sync({folder.replace("/completed/", "/results/")})

    monkeypatch.setattr(Pruner, "remove", hasty)
    with pytest.raises(AssertionError, match="no whole result"):
        prunes(Story(memory, frozenset()))
