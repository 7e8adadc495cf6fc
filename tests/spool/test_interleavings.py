"""Two actors, one disk call at a time, in every order that matters. Deterministic, no sleeps."""

import contextlib
import copy
import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.spool import scenes
from tests.spool.scenes import DAY, LONG, Scene, World, job
from wmctl.errors import WorkerGone
from wmctl.spool import Spool, cancel, claims, fs
from wmctl.spool import submit as submitting
from wmctl.spool.prune import Pruner
from wmctl.testing.faults import FakeClock
from wmctl.testing.schedule import Actor, Run, ScheduledDisk, explore
from wmctl.testing.spool_contract import Audit, anything, audit

Fresh = Callable[[], Path]
Act = Callable[[Spool, World], object]
Prepare = Callable[[Spool, World], None]


def every_order(
    fresh: Fresh,
    prepare: Prepare,
    acts: dict[str, Act],
    disk: Callable[[str, FakeClock], ScheduledDisk] = ScheduledDisk,
    *,
    warm: bool = False,
) -> Iterable[tuple[Run, Audit, World]]:
    """Carry out every order of the acts; whatever comes of it must leave a sound spool.

    `warm`: the actors have used the spool's folders before, and do not make them again.
    """
    prepared = Scene("", prepare, scenes.nothing).build(fresh())
    before = Snapshot(prepared.root)
    worlds: list[World] = []

    numbers: dict[str, int] = {}

    def new_id() -> str:
        """The same ids in every run: an order is carried out again to be changed at its end."""
        name = threading.current_thread().name
        numbers[name] = numbers.get(name, 0) + 1
        digits = hashlib.sha256(f"{name} {numbers[name]}".encode()).hexdigest()
        return f"01a31800-0000-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"

    def scenario() -> list[Actor]:
        before.restore()
        numbers.clear()
        world = copy.copy(prepared)
        world.clock = FakeClock(prepared.clock.now)
        worlds[:] = [world]
        actors = []
        for name, act in acts.items():
            watched = disk(str(world.root), world.clock)
            spool = Spool.open(world.root, disk=watched)
            if warm:
                spool.store.remember(before.folders)
            actors.append(Actor(name, watched, lambda a=act, s=spool: a(s, world)))
        return actors

    count = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submitting, "new_id", new_id)
        for run in explore(scenario):
            count += 1
            world = worlds[0]
            for name, error in run.errors.items():
                raise AssertionError(f"{name}: {error!r} in {run.order}") from error
            found = audit(world.root)
            with explained(run):
                found.must_hold(world.acknowledged)
                yield run, found, world
    assert count > 1, "the actors never met"


class Snapshot:
    """A small tree of files, to be put back as it was before each run."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.files: dict[str, tuple[bytes, int, int]] = {}
        self.folders: dict[str, int] = {}
        for folder, _, files in os.walk(self.root):
            self.folders[folder] = os.stat(folder).st_mtime_ns
            for file in files:
                path = f"{folder}/{file}"
                found = os.stat(path)
                self.files[path] = (Path(path).read_bytes(), found.st_mode, found.st_mtime_ns)

    def restore(self) -> None:
        for folder, _, files in os.walk(self.root, topdown=False):
            for file in files:
                os.unlink(f"{folder}/{file}")
            if folder not in self.folders:
                os.rmdir(folder)
        for folder in self.folders:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        for path, (content, mode, stamp) in self.files.items():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, mode & 0o777)
            os.write(fd, content)
            os.utime(fd, ns=(stamp, stamp))
            os.close(fd)
        for folder, stamp in self.folders.items():
            os.utime(folder, ns=(stamp, stamp))


@contextlib.contextmanager
def explained(run: Run) -> Iterable[None]:
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{error} in {run.order}") from error


def claiming(worker: str) -> Act:
    def act(spool: Spool, world: World) -> object:
        name = world.waiting.name
        try:
            return spool.claim(worker, name, spool.store.queued(name), anything)
        except WorkerGone:
            return None

    return act


def waiting(spool: Spool, world: World) -> None:
    scenes.queued(spool, world)
    world.waiting = spool.find(world.acknowledged[0])


def finishing(outcome: str = "success") -> Act:
    return lambda spool, world: spool.finish(world.claims[0], outcome, {"result": 1})


def rescuing(spool: Spool, world: World) -> object:
    return spool.rescue("w")


def canceling(spool: Spool, world: World) -> object:
    return spool.cancel(world.acknowledged[0])


def test_claim_x_claim(fresh: Fresh) -> None:
    for run, found, world in every_order(
        fresh, claimable, {"one": claiming("one"), "two": claiming("two")}
    ):
        assert sum(result is not None for result in run.results.values()) == 1
        assert found.state(world.acknowledged[0]) == "running"


def claimable(spool: Spool, world: World) -> None:
    waiting(spool, world)
    spool.join("one", {})
    spool.join("two", {})


def test_finish_x_rescue(fresh: Fresh) -> None:
    outcomes = set()
    for run, found, world in every_order(
        fresh, scenes.running, {"finish": finishing(), "rescue": rescuing}
    ):
        state = found.state(world.acknowledged[0])
        assert state == ("success" if run.results["finish"] else "queued")
        outcomes.add(state)
    assert outcomes == {"success", "queued"}


def test_beat_x_rescue(fresh: Fresh) -> None:
    def beat(spool: Spool, world: World) -> str:
        try:
            spool.beat("w", {"n": 2})
        except WorkerGone:
            return "gone"
        return "alive"

    for _, found, world in every_order(fresh, scenes.running, {"beat": beat, "rescue": rescuing}):
        assert found.state(world.acknowledged[0]) == "queued"
        assert world.open().joined() == set()


def test_claim_x_rescue(fresh: Fresh) -> None:
    """A worker that was declared dead claims once more."""

    def prepare(spool: Spool, world: World) -> None:
        waiting(spool, world)
        spool.join("w", {})

    for run, found, world in every_order(
        fresh, prepare, {"claim": claiming("w"), "rescue": rescuing}
    ):
        state = found.state(world.acknowledged[0])
        assert state in {"queued", "running"}
        if state == "running":
            assert run.results["claim"] is not None
            assert world.open().joined() == {"w"}, "nobody would ever rescue it"


def test_claim_x_cancel(fresh: Fresh) -> None:
    seen = set()
    for run, found, world in every_order(
        fresh, claimable, {"claim": claiming("one"), "cancel": canceling}
    ):
        state = found.state(world.acknowledged[0])
        taken = run.results["claim"] is not None
        assert state == ("running" if taken else "canceled")
        assert run.results["cancel"] in ({"running"} if taken else {"running", "canceled"})
        if taken:
            assert world.open().cancel_wanted(world.acknowledged[0], job())
        seen.add((state, run.results["cancel"]))
    assert len(seen) == 3


def test_finish_x_cancel(fresh: Fresh) -> None:
    for run, found, world in every_order(
        fresh, scenes.running, {"finish": finishing("failure"), "cancel": canceling}
    ):
        assert run.results["finish"] is True
        assert found.state(world.acknowledged[0]) == "failure"
        assert run.results["cancel"] in {"running", "failure"}


def gives_back(name: str) -> Act:
    return {
        "release": lambda spool, world: spool.release(world.claims[0]),
        "retry": lambda spool, world: spool.retry(world.claims[0]),
        "suspend": lambda spool, world: spool.suspend(world.claims[0]),
        "rescue": rescuing,
    }[name]


@pytest.mark.parametrize("verb", ["release", "retry", "suspend", "rescue"])
def test_giving_back_x_cancel(verb: str, fresh: Fresh) -> None:
    """Nothing that is to be canceled may wait again: nobody might ever look at it."""
    for run, found, world in every_order(
        fresh, scenes.running, {verb: gives_back(verb), "cancel": canceling}
    ):
        assert found.state(world.acknowledged[0]) == "canceled"
        assert run.results["cancel"] in {"running", "canceled"}


@pytest.mark.parametrize("verb", ["release", "retry", "suspend", "rescue"])
def test_giving_back_x_rescue(verb: str, fresh: Fresh) -> None:
    for _, found, world in every_order(
        fresh, scenes.running, {verb: gives_back(verb), "rescuer": rescuing}
    ):
        place = found.places[world.acknowledged[0]][0]
        assert place.state in ({"suspended", "queued"} if verb == "suspend" else {"queued"})
        assert place.name.claims == 1


@pytest.mark.parametrize(
    ("part", "depth"),
    [
        ("_jobs", "hour"), ("_jobs", "bucket"), ("_orphans", "hour"), ("_orphans", "bucket"),
        ("_empty_folders", "hour"),  # with a bucket in it an hour is not empty
    ],
)  # fmt: skip
def test_prune_x_finish(part: str, depth: str, fresh: Fresh) -> None:
    """Also where prune finds the job's buckets empty and old just before they are needed."""

    def prepare(spool: Spool, world: World) -> None:
        scenes.running(spool, world, started=False)
        store = spool.store
        target = store.completed(world.claims[0].name.but(outcome="success"))
        for path in (target, store.result(world.claims[0].id, 1)):
            bucket = os.path.dirname(path)
            store.ensure(bucket if depth == "bucket" else os.path.dirname(bucket))
        world.clock.forward(DAY / 4)
        world.pruned, world.acknowledged = world.acknowledged, []

    def prune(spool: Spool, world: World) -> None:
        getattr(Pruner(spool.store, 0.0), part)()

    for run, found, world in every_order(fresh, prepare, {"finish": finishing(), "prune": prune}):
        assert run.results["finish"] is True
        state = found.state(world.pruned[0])
        assert state == "success" or (state is None and part == "_jobs")


def test_prune_x_prune(fresh: Fresh) -> None:
    def prepare(spool: Spool, world: World) -> None:
        scenes.finished(spool, world)
        world.clock.forward(DAY)
        world.pruned, world.acknowledged = world.acknowledged, []

    def prune(spool: Spool, world: World) -> int:
        pruner = Pruner(spool.store, 3600.0)
        pruner._jobs()
        return pruner.done.jobs

    for run, found, _ in every_order(fresh, prepare, {"one": prune, "two": prune}):
        assert found.places == {}
        assert sum(int(str(count)) for count in run.results.values()) == 1


def test_submit_x_prune_of_blobs(fresh: Fresh) -> None:
    def prepare(spool: Spool, world: World) -> None:
        spool.cancel(spool.submit(job(args={"long": LONG}), tag="bash"))
        spool.store.remove(next(spool.entries(["canceled"])).path)
        world.clock.forward(2 * DAY)

    def submit(spool: Spool, world: World) -> str:
        return spool.submit(job(args={"long": LONG}), tag="bash")

    for run, _, world in every_order(
        fresh, prepare, {"submit": submit, "prune": lambda spool, world: spool.prune()}
    ):
        spool = world.open()
        entry = spool.find(str(run.results["submit"]))
        assert spool.args(spool.job(entry)) == {"long": LONG}
        for _ in range(3):
            world.clock.forward(2 * DAY)
            spool.prune()
        assert spool.args(spool.job(entry)) == {"long": LONG}


def submit_key(mode: str) -> Act:
    return lambda spool, world: spool.submit(job(key="k"), tag="bash", if_exists=mode)


def had_key(spool: Spool, world: World) -> None:
    spool.cancel(spool.submit(job(key="k"), tag="bash"))


def keyed_warm(spool: Spool, world: World) -> None:
    scenes.keyed(spool, world)
    entry = spool.find(world.acknowledged[0])
    spool.store.ensure(os.path.dirname(spool.store.completed(entry.name.but(outcome="canceled"))))


@pytest.mark.parametrize("prepare", [scenes.nothing, had_key])
def test_two_keyed_submits(prepare: Prepare, fresh: Fresh) -> None:
    for run, found, _ in every_order(
        fresh, prepare, {"one": submit_key("return"), "two": submit_key("return")}
    ):
        assert run.results["one"] == run.results["two"]
        waiting = [job_id for job_id in found.places if found.state(job_id) == "queued"]
        assert waiting == [run.results["one"]]


def test_two_replacing_submits(fresh: Fresh) -> None:
    for run, found, _ in every_order(
        fresh, keyed_warm, {"one": submit_key("replace"), "two": submit_key("replace")}, warm=True
    ):
        assert run.results["one"] != run.results["two"]
        waiting = [job_id for job_id in found.places if found.state(job_id) == "queued"]
        assert len(waiting) == 1
        assert waiting[0] in run.results.values()


def held_by(spool: Spool, world: World) -> None:
    scenes.held(spool, world)
    world.waiting = spool.find(world.acknowledged[0])


def test_unhold_x_unhold(fresh: Fresh) -> None:
    for _, found, world in every_order(fresh, held_by, {"one": unheld, "two": unheld}):
        assert found.state(world.acknowledged[0]) == "queued"


def unheld(spool: Spool, world: World) -> bool:
    try:
        return spool.unhold(world.waiting)
    except FileNotFoundError:  # the other was quicker than our look at the job
        return False


def suspended_by(spool: Spool, world: World) -> None:
    scenes.suspended(spool, world)
    world.waiting = spool.find(world.acknowledged[0])
    target = spool.store.completed(world.waiting.name.but(outcome="canceled"))
    spool.store.ensure(os.path.dirname(target))
    spool.store.ensure(spool.store.queue("bash"))


def woken(spool: Spool, world: World) -> bool:
    try:
        return spool.wake(world.waiting)
    except FileNotFoundError:
        return False


def test_wake_x_cancel(fresh: Fresh) -> None:
    for run, found, world in every_order(
        fresh, suspended_by, {"wake": woken, "cancel": canceling}, warm=True
    ):
        assert run.results["cancel"] == "canceled"
        assert found.state(world.acknowledged[0]) == "canceled"


def test_wake_x_wake(fresh: Fresh) -> None:
    for _, found, world in every_order(fresh, suspended_by, {"one": woken, "two": woken}):
        place = found.places[world.acknowledged[0]][0]
        assert (place.state, place.name.claims) == ("queued", 2)


def test_hold_x_claim(fresh: Fresh) -> None:
    def hold(spool: Spool, world: World) -> bool:
        return spool.hold(world.waiting, "by the test")

    for run, found, world in every_order(
        fresh, claimable, {"hold": hold, "claim": claiming("one")}
    ):
        state = found.state(world.acknowledged[0])
        assert state == ("running" if run.results["claim"] else "held")
        assert run.results["hold"] is (state == "held")


def test_hold_x_cancel(fresh: Fresh) -> None:
    def hold(spool: Spool, world: World) -> bool:
        return spool.hold(world.waiting, "by the test")

    for run, found, world in every_order(fresh, claimable, {"hold": hold, "cancel": canceling}):
        assert run.results["cancel"] == "canceled"
        assert found.state(world.acknowledged[0]) == "canceled"


def test_reschedule_x_claim(fresh: Fresh) -> None:
    def later(spool: Spool, world: World) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return spool.reschedule(world.waiting, datetime(2040, 1, 1, tzinfo=UTC))
        return False

    for run, found, world in every_order(
        fresh, claimable, {"reschedule": later, "claim": claiming("one")}
    ):
        place = found.places[world.acknowledged[0]][0]
        assert place.state == ("running" if run.results["claim"] else "queued")
        assert place.name.claims == 1


@pytest.mark.parametrize("rival", ["claim", "move"])
def test_move_x_another(fresh: Fresh, rival: str) -> None:
    """One job in one place: under the new tag, or where the other one took it."""

    def moving(tag: str) -> Act:
        def move(spool: Spool, world: World) -> bool:
            with contextlib.suppress(FileNotFoundError):
                return spool.move(world.waiting, tag)
            return False

        return move

    rivals = {"claim": claiming("one"), "move": moving("cpu")}
    acts = {"moved": moving("gpu"), rival: rivals[rival]}
    for run, found, world in every_order(fresh, claimable, acts):
        [place] = found.places[world.acknowledged[0]]
        if rival == "claim":
            assert place.state == ("running" if run.results["claim"] else "queued")
        else:
            assert place.state == "queued"
            assert place.name.tag in {"gpu", "cpu"}
        assert place.name.claims == 1


# Negative controls: the explorer must find what is known to be wrong.


def finds(
    fresh: Fresh, what: str, prepare: Prepare, acts: dict[str, Act], **kwargs: object
) -> None:
    with pytest.raises(AssertionError, match=what):
        for run, found, world in every_order(fresh, prepare, acts, **kwargs):
            if "rescue" in acts:
                state = found.state(world.acknowledged[0])
                assert state == ("success" if run.results["finish"] else "queued"), "wrong answer"
            else:
                winners = sum(result is not None for result in run.results.values())
                assert winners == 1, f"{winners} winners"


def test_control_publishing_in_two_steps(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy, then unlink: a rescue in between takes the job back that is finished already."""

    def two_steps(store: claims.Store, path: str, target: str, bucket: str) -> bool:
        try:
            content = fs.read_checked(store.disk, path, 1 << 20, store.trust)
            aside, _ = store.write(content)
            store.disk.rename(aside, target)
            store.disk.unlink(path)
        except FileNotFoundError:
            return False
        return True

    monkeypatch.setattr(claims, "_publish", two_steps)
    finds(
        fresh, "several places|wrong answer", scenes.running,
        {"finish": finishing(), "rescue": rescuing},
    )  # fmt: skip


def test_control_a_finish_that_only_checks_its_claim(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease with "do I still hold it?" before publishing is no fence."""

    def checked(store: claims.Store, path: str, target: str, bucket: str) -> bool:
        if not fs.present(store.disk, path):
            return False
        aside, _ = store.write(Path(path).read_bytes() if Path(path).exists() else b"{}\n")
        store.disk.rename(aside, target)
        with contextlib.suppress(FileNotFoundError):
            store.disk.unlink(path)
        return True

    monkeypatch.setattr(claims, "_publish", checked)
    finds(
        fresh, "several places|wrong answer|not JSON", scenes.running,
        {"finish": finishing(), "rescue": rescuing},
    )  # fmt: skip


class SameInodeDisk(ScheduledDisk):
    """NFS: a rename between two cached names of one inode succeeds without asking the server."""

    def rename(self, source: str, target: str) -> None:
        try:
            super().rename(source, target)
        except FileNotFoundError:
            if not os.path.lexists(target):
                raise


def shared(spool: Spool, world: World) -> object:
    """A claim into a folder that all workers share."""
    name = world.waiting.name
    target = spool.store.running("one", name.claimed())
    return fs.move(spool.store.disk, spool.store.queued(name), target, mine=True) or None


def test_control_a_claim_to_a_shared_target(fresh: Fresh) -> None:
    finds(fresh, "2 winners", claimable, {"one": shared, "two": shared}, disk=SameInodeDisk)


def test_a_claim_to_the_claimers_own_folder_is_safe_there(fresh: Fresh) -> None:
    """The positive side of the control above, on the same lying disk."""
    for run, _, _ in every_order(
        fresh, claimable, {"one": claiming("one"), "two": claiming("two")}, disk=SameInodeDisk
    ):
        assert sum(result is not None for result in run.results.values()) == 1


def test_control_a_claimer_that_does_not_look_for_the_marker(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel, "wanted", lambda *_: False)
    with pytest.raises(AssertionError, match="queued"):
        for _, found, world in every_order(
            fresh, scenes.running, {"release": gives_back("release"), "cancel": canceling}
        ):
            assert found.state(world.acknowledged[0]) == "canceled"


def test_control_keys_without_the_folder_rename(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look, then submit: two see that there is no holder."""

    def naive(spool: Spool, world: World) -> str:
        for entry in spool.entries(["queued"]):
            return entry.id
        return spool.submit(job(), tag="bash")

    with pytest.raises(AssertionError, match="differ"):
        for run, _, _ in every_order(fresh, scenes.nothing, {"one": naive, "two": naive}):
            assert run.results["one"] == run.results["two"], "they differ"


def test_the_explorer_tries_every_order_of_conflicting_calls(fresh: Fresh) -> None:
    """Two actors that each touch one file twice: six orders; two files: one order is enough."""
    for names, orders in ((("a", "a"), 6), (("a", "b"), 1)):
        root = fresh()
        root.mkdir()

        def scenario(names: tuple[str, str] = names, root: Path = root) -> list[Actor]:
            actors = []
            for number, name in enumerate(names):
                (root / name).write_text("")
                disk = ScheduledDisk(str(root))

                def touch(disk: ScheduledDisk = disk, name: str = name) -> None:
                    disk.touch(f"{root}/{name}")
                    disk.touch(f"{root}/{name}")

                actors.append(Actor(str(number), disk, touch))
            return actors

        assert len(list(explore(scenario))) == orders


@pytest.mark.parametrize(
    ("there", "one", "two", "answers", "orders"),
    [
        # Who finds it there has only looked.
        (True, "mkdir", "mkdir", {"refused refused"}, 1),
        (False, "mkdir", "mkdir", {"done refused", "refused done"}, 2),
        (True, "mkdir", "rmdir", {"refused done", "done done"}, 2),
        (False, "mkdir", "rmdir", {"done refused", "done done"}, 2),
        (False, "rmdir", "rmdir", {"refused refused"}, 1),
    ],
)
def test_a_change_that_is_refused_is_a_look(
    fresh: Fresh, there: bool, one: str, two: str, answers: set[str], orders: int
) -> None:
    root = fresh()
    root.mkdir()
    folder = f"{root}/folder"

    def scenario() -> list[Actor]:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(folder)
        if there:
            os.mkdir(folder)
        actors = []
        for number, verb in enumerate((one, two)):
            disk = ScheduledDisk(str(root))

            def act(disk: ScheduledDisk = disk, verb: str = verb) -> str:
                try:
                    disk.mkdir(folder, 0o700) if verb == "mkdir" else disk.rmdir(folder)
                except OSError:
                    return "refused"
                return "done"

            actors.append(Actor(str(number), disk, act))
        return actors

    seen = [" ".join(str(run.results[name]) for name in "01") for run in explore(scenario)]
    assert (set(seen), len(seen)) == (answers, orders)


def test_the_explorer_refuses_a_scenario_that_chance_changes(fresh: Fresh) -> None:
    root = fresh()
    root.mkdir()
    (root / "a").touch()
    runs = 0

    def scenario() -> list[Actor]:
        nonlocal runs
        runs += 1

        def act(disk: ScheduledDisk) -> None:
            for _ in range(1 + runs % 2):
                disk.touch(f"{root}/a")

        disks = [ScheduledDisk(str(root)) for _ in range(2)]
        return [Actor(str(n), disk, lambda d=disk: act(d)) for n, disk in enumerate(disks)]

    with pytest.raises(AssertionError, match="not the same"):
        list(explore(scenario))


def test_the_explorer_reports_what_an_actor_raised(fresh: Fresh) -> None:
    root = fresh()
    root.mkdir()

    def scenario() -> list[Actor]:
        disk = ScheduledDisk(str(root))
        return [Actor("one", disk, lambda: disk.unlink(f"{root}/none"))]

    assert [type(run.errors["one"]) for run in explore(scenario)] == [FileNotFoundError]
