"""What a review of the protocol found: each test failed before its repair."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from tests.spool.scenes import DAY, LONG, finish_one, job, write_log
from wmctl.errors import BadInput, MalformedJob, SpoolBusy, SpoolError
from wmctl.spool import Claim, Settings, Spool, bucket, is_id, new_id, reasons
from wmctl.spool import cancel as canceling
from wmctl.spool import name as names
from wmctl.spool import submit as submitting
from wmctl.spool.head import Head
from wmctl.spool.ids import created
from wmctl.testing.faults import Call, CountingDisk, FakeClock, WatchedDisk
from wmctl.testing.spool_contract import audit, claim

R = TypeVar("R")

LAST = "e677d21f-dbff-7abc-8def-0123456789ab"
TOO_LATE = "e677d21f-dc00-7abc-8def-0123456789ab"
DUE = "20200101T000000.000000Z"


def refuse(error: int, call: Call) -> NoReturn:
    raise OSError(error, os.strerror(error), *call.paths[:1])


class RefusingDisk(WatchedDisk):
    """Refuses the calls of one kind whose path holds a text; `first` runs before each of them."""

    def __init__(
        self, clock: FakeClock, name: str, text: str, error: int, *, most: int = 10**9
    ) -> None:
        super().__init__(clock)
        self.kind, self.text, self.error, self.left = name, text, error, most

    def around(self, call: Call, go: Callable[[], R]) -> R:
        if call.name == self.kind and self.text in " ".join(call.paths) and self.left:
            self.left -= 1
            refuse(self.error, call)
        return go()


class ThievingDisk(WatchedDisk):
    """Files in `tmp/` disappear just before they are renamed to where `text` says."""

    def __init__(self, clock: FakeClock, text: str, most: int = 10**9) -> None:
        super().__init__(clock)
        self.text, self.left = text, most

    def around(self, call: Call, go: Callable[[], R]) -> R:
        if call.name == "rename" and self.text in call.paths[1] and self.left:
            self.left -= 1
            os.unlink(call.paths[0])
        return go()


def queue_file(spool: Spool, job_id: str, tag: str = "bash", counters: str = "0.0.0") -> Path:
    path = Path(spool.store.queue(tag)) / f"{DUE}_000_{job_id}_{counters}.v1.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(job().to_json())
    path.chmod(0o600)
    return path


def take(spool: Spool, job_id: str, worker: str = "w") -> Claim:
    if worker not in spool.joined():
        spool.join(worker, {})
    taken = claim(spool, worker, spool.find(job_id))
    assert taken is not None
    return taken


class TestNames:
    def test_an_id_beyond_the_calendar_is_none(self) -> None:
        assert is_id(LAST)
        assert bucket(LAST) == "9999123123/ab"
        assert created(LAST).year == 9999
        assert not is_id(TOO_LATE)
        assert names.parse(f"{DUE}_000_{LAST}_0.0.0.v1.json", "t") is not None
        assert names.parse(f"{DUE}_000_{TOO_LATE}_0.0.0.v1.json", "t") is None

    @pytest.mark.parametrize("field", ["root", "parent", "retry_of"])
    def test_nor_may_a_job_refer_to_one(self, field: str) -> None:
        assert job(**{field: LAST})
        with pytest.raises(BadInput, match=field):
            job(**{field: TOO_LATE})

    @pytest.mark.parametrize(
        ("counters", "fits"),
        [
            ("900000000.90000.90000", True), ("900000001.0.0", False), ("0.90001.0", False),
            ("0.0.90001", False), ("999999999.0.0", False), ("0.99999.0", False),
        ],
    )  # fmt: skip
    def test_a_counter_that_waits_has_room_to_rise(self, counters: str, fits: bool) -> None:
        found = names.parse(f"{DUE}_000_{LAST}_{counters}.v1.json", "t")
        assert (found is not None) is fits
        if found is not None:
            taken = found.claimed().but(lost=found.lost + 1, tries=found.tries + 1)
            assert names.parse(taken.file) == taken
            ended = taken.claimed().but(outcome="canceled")
            assert names.parse(ended.file) == ended

    def test_a_bad_date_ends_no_worker(self, spool: Spool) -> None:
        good = spool.submit(job(), tag="t", delay=10**9)
        path = queue_file(spool, new_id(), "t")
        bad = path.rename(path.with_name(path.name.replace(DUE, "20270230T000000.000000Z")))
        head = Head(spool.store, {"t": 0}, clock=lambda: 0.0)
        assert head.pick(spool.now()) is None
        due = spool.find(good).name.scheduled_for
        assert head.next_due_ns() == round(due.timestamp()) * 10**9
        assert head.strays == {str(bad): "t"}

    def test_other_digits_end_nobody(self, spool: Spool) -> None:
        path = queue_file(spool, new_id(), "t")
        path.rename(path.with_name(path.name.replace("_000_", "_²²²_")))
        head = Head(spool.store, {"t": 0}, clock=lambda: 0.0)
        pick = head.pick(spool.now())
        assert pick is not None
        assert pick.name is None
        digest = hashlib.sha256(b"default\0k").hexdigest()
        (spool.path / "keys" / f"{digest}.²").mkdir()
        assert spool.submit(job(key="k"), tag="t")
        assert spool.prune().failed == 0


class TestClaimsThatCannotBeRead:
    @pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
    def test_one_does_not_stop_the_rescue_of_the_others(
        self, error: int, spool: Spool, clock: FakeClock
    ) -> None:
        ids = [spool.submit(job(), tag="t") for _ in range(6)]
        for job_id in ids:
            take(spool, job_id)
        first = next(spool.claims_of("w")).id
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, "open", first, error))
        assert sorted(broken.rescue("w")) == sorted((job_id, "queued") for job_id in ids)
        assert spool.joined() == set()

    def test_one_that_cannot_be_moved_stops_only_itself(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        ids = [spool.submit(job(), tag="t") for _ in range(6)]
        for job_id in ids:
            take(spool, job_id)
        first = next(spool.claims_of("w")).id
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, "rename", first, errno.EROFS))
        assert {found for found, _ in broken.rescue("w")} == set(ids) - {first}
        with pytest.raises(SpoolError):
            broken.rescue("w")
        assert spool.rescue("w") == [(first, "queued")]

    def test_a_file_that_may_not_be_read_is_put_aside(self, spool: Spool, clock: FakeClock) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        spool.join("w", {})
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, "open", entry.id, errno.EACCES))
        assert claim(broken, "w", entry) is None
        found = spool.find(entry.id)
        assert found.state == "quarantined"
        reason = spool.reason(found)
        assert reason is not None
        assert reason["reason"] == "unreadable"

    def test_one_that_cannot_be_read_now_comes_later(self, spool: Spool, clock: FakeClock) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        spool.join("w", {})
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, "open", entry.id, errno.EIO))
        assert claim(broken, "w", entry) is None
        found = spool.find(entry.id)
        assert (found.state, found.name.claims) == ("queued", 1)
        assert found.name.due == names.due_after(30, clock.now)


@pytest.fixture
def strangers(spool: Spool) -> Iterator[Spool]:
    """A private spool that is another user's."""
    spool.submit(job(), tag="held")
    if os.geteuid() != 0:
        spool.store.owner = os.geteuid() + 1
        yield spool
        return
    os.chown(spool.path, 65534, 65534)
    yield Spool.open(spool.path)


def test_nobody_writes_into_a_private_spool_of_somebody_else(strangers: Spool) -> None:
    for act in (
        lambda: strangers.submit(job(), tag="t"),
        lambda: strangers.submit(job(key="k"), tag="t"),
        lambda: strangers.join("w", {}),
        lambda: strangers.hold(next(strangers.entries()), "its owner could not read why"),
    ):
        with pytest.raises(SpoolError, match="private spool of uid") as caught:
            act()
        assert caught.value.hint
    assert [entry.state for entry in strangers.entries()] == ["queued"]
    assert audit(strangers.path).tmp == []


class TestSubmit:
    @pytest.mark.parametrize("key", [None, "k"])
    def test_what_disappears_is_not_acknowledged(
        self, key: str | None, spool: Spool, clock: FakeClock
    ) -> None:
        stolen = Spool.open(spool.path, disk=ThievingDisk(clock, "/queue/"))
        with pytest.raises(SpoolBusy, match="disappeared"):
            stolen.submit(job(key=key), tag="t")

    def test_what_arrived_unseen_is(self, spool: Spool, clock: FakeClock) -> None:
        """Negative control: the reply was lost, and the job has moved on."""

        class Lost(WatchedDisk):
            def around(self, call: Call, go: Callable[[], R]) -> R:
                result = go()
                if call.name == "rename" and "/queue/" in call.paths[1]:
                    take(spool, next(spool.entries(["queued"])).id)
                    refuse(errno.EIO, call)
                return result

        job_id = Spool.open(spool.path, disk=Lost(clock)).submit(job(), tag="t")
        assert spool.find(job_id).state == "running"

    @pytest.mark.parametrize("key", [None, "k"])
    def test_a_file_that_became_old_is_not_published(
        self, key: str | None, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The host slept between writing and renaming."""
        real, calls = submitting.fs.boottime, iter([0.0])
        monkeypatch.setattr(submitting.fs, "boottime", lambda: real() + next(calls, 3601.0))
        with pytest.raises(SpoolBusy, match="hour"):
            spool.submit(job(key=key), tag="t")
        assert audit(spool.path).places == {}
        assert audit(spool.path).tmp == []

    def test_a_batch_that_fails_midway_says_what_is_queued(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        class Full(WatchedDisk):
            renames = 0

            def around(self, call: Call, go: Callable[[], R]) -> R:
                if call.name == "rename" and "/queue/" in call.paths[1]:
                    self.renames += 1
                    if self.renames == 4:
                        refuse(errno.ENOSPC, call)
                return go()

        given: list[str] = []
        jobs = Spool.open(spool.path, disk=Full(clock)).submit_all([job()] * 6, tag="t")
        with pytest.raises(SpoolBusy, match="3 jobs were queued"):
            given.extend(jobs)
        assert len(given) == 3
        assert set(given) == set(audit(spool.path).places)
        assert audit(spool.path).tmp == []

    def test_its_ids_come_before_the_error(self, spool: Spool, clock: FakeClock) -> None:
        stolen = Spool.open(spool.path, disk=ThievingDisk(clock, "/queue/", most=1))
        given: list[str] = []
        with pytest.raises(SpoolBusy, match="disappeared"):
            given.extend(stolen.submit_all([job()] * 3, tag="t"))
        assert set(given) == set(audit(spool.path).places)
        assert len(given) == 2

    @pytest.mark.parametrize("place", ["/control/cancel/", "/held/", "/blobs/"])
    def test_small_files_are_written_until_they_are_there(
        self, place: str, spool: Spool, clock: FakeClock
    ) -> None:
        job_id = spool.submit(job(), tag="t")
        stolen = Spool.open(spool.path, disk=ThievingDisk(clock, place, most=1))
        if place == "/blobs/":
            long = stolen.submit(job(args={"a": LONG}), tag="t")
            assert spool.args(spool.job(spool.find(long))) == {"a": LONG}
        elif place == "/held/":
            file = spool.find(job_id).name.file
            reasons.write(stolen.store, "held", file, "person", "x", None)
            assert (spool.path / "held" / f"{file}.reason").exists()
        else:
            canceling.mark(stolen.store, job_id, by="me", reason=None)
            assert spool.cancel_reason(job_id)["by"] == "me"


class TestPrune:
    def test_it_keeps_to_real_ids(self, spool: Spool, clock: FakeClock) -> None:
        folder = spool.path / "results" / "2027011508" / "ab"
        folder.mkdir(parents=True)
        for name in ("README", f"{TOO_LATE}.1.json"):
            (folder / name).touch()
        clock.forward(3 * DAY)
        for path in folder.iterdir():
            os.utime(path, (1, 1))
        assert spool.prune().orphans == 0
        assert len(list(folder.iterdir())) == 2

    def test_what_resists_does_not_stop_it(self, spool: Spool, clock: FakeClock) -> None:
        ids = [finish_one(spool, job()) for _ in range(2)]
        (spool.path / "control" / "cancel" / ids[0]).mkdir()
        (spool.path / "tmp" / "x").touch()
        clock.forward(40 * DAY)
        os.utime(spool.path / "tmp" / "x", (1, 1))
        done = spool.prune()
        assert (done.jobs, done.leftovers, done.failed) == (2, 1, 2)
        assert list(audit(spool.path).places) == []

    def test_a_blob_stays_while_a_job_cannot_be_asked(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(args={"a": LONG}), tag="t")
        clock.forward(2 * DAY)
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, "open", job_id, errno.EIO))
        assert broken.prune().failed == 1
        assert len(list((spool.path / "blobs").iterdir())) == 1

    def test_empty_buckets_are_passed_once(self, spool: Spool, clock: FakeClock) -> None:
        for number in range(50):
            (spool.path / "completed" / "2027011500" / f"{number:02x}").mkdir(parents=True)
        disk = CountingDisk(clock)
        Spool.open(spool.path, disk=disk).prune()
        scans = [call for call in disk.calls if call.name == "scan" and "/2027011500" in str(call)]
        assert len(scans) == 51

    def test_each_job_file_is_read_once(self, spool: Spool, clock: FakeClock) -> None:
        ids = [spool.submit(job(args={"a": LONG}), tag="t") for _ in range(5)]
        clock.forward(2 * DAY)
        disk = CountingDisk(clock)
        Spool.open(spool.path, disk=disk).prune()
        for job_id in ids:
            assert sum(call.name == "open" and job_id in str(call) for call in disk.calls) == 1

    def test_workers_leave_it_to_whoever_was_first(self, spool: Spool, clock: FakeClock) -> None:
        assert spool.prune_if_due(1800) is not None
        assert spool.prune_if_due(1800) is None
        assert spool.prune() is not None  # a person's prune always runs
        clock.forward(1799)
        assert spool.prune_if_due(1800) is None
        clock.forward(1)
        assert spool.prune_if_due(1800) is not None
        clock.forward(-DAY)  # the server's clock was wrong
        assert spool.prune_if_due(1800) is not None

    def test_it_leaves_alone_what_belongs_to_a_newer_format(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        done, waiting = new_id(), new_id()
        store = spool.store
        files = [
            f"{spool.path}/completed/{bucket(done)}/{DUE}_000_{done}_1.0.0@t.v2.json.success",
            f"{spool.path}/queue/t/{DUE}_000_{waiting}_1.0.0.v2.json",
            store.blob("a" * 64),
        ]
        for job_id in (done, waiting):
            files += [store.result(job_id, 1), store.log(job_id, 1), store.cancel_marker(job_id)]
        orphan = store.log(new_id(), 1)
        for file in (*files, orphan):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text("{}")
        clock.forward(40 * DAY)
        for file in (*files, orphan):
            os.utime(file, (1, 1))
        assert spool.prune().orphans == 1
        assert [os.path.exists(file) for file in files] == [True] * len(files)


class TestLostTooOften:
    def lose(self, spool: Spool, times: int) -> str:
        job_id = spool.submit(job(), tag="t")
        for _ in range(times):
            taken = take(spool, job_id)
            write_log(spool, taken)
            assert spool.release(taken, lost=True)
        return job_id

    def test_release_counts_as_a_rescue_does(self, spool: Spool) -> None:
        found = spool.find(self.lose(spool, 4))
        assert found.state == "held"
        reason = spool.reason(found)
        assert reason is not None
        assert reason["reason"] == "lost"

    @pytest.mark.parametrize("by", ["rescue", "release"])
    def test_a_cancel_meanwhile_is_carried_out(self, by: str, spool: Spool) -> None:
        job_id = self.lose(spool, 3)
        taken = take(spool, job_id)
        write_log(spool, taken)
        assert spool.cancel(job_id) == "running"
        if by == "rescue":
            assert spool.rescue("w") == [(job_id, "canceled")]
        else:
            spool.release(taken, lost=True)
        assert spool.find(job_id).state == "canceled"


def test_a_beat_that_is_not_trusted_is_not_an_unchanged_one(spool: Spool, memory: Path) -> None:
    spool.join("w", {})
    (spool.path / "workers" / "w").chmod(0o666)
    with pytest.raises(MalformedJob):
        spool.read_beat("w")
    assert spool.workers() == []


class TestAClaimSeenTwice:
    """A power cut undid a claim; its files are still there."""

    def undone(self, spool: Spool) -> str:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id)
        write_log(spool, taken)
        spool.stage(taken, "failure", {"result": "old"})
        os.rename(taken.path, f"{spool.store.queue('t')}/{taken.name.but(claims=0).queued}")
        return job_id

    def test_its_result_is_not_the_next_ones(self, spool: Spool) -> None:
        job_id = self.undone(spool)
        assert spool.cancel(job_id) == "canceled"
        entry = spool.find(job_id)
        assert spool.record(entry) is None

    def test_its_log_goes_with_what_was_standard_error(self, spool: Spool) -> None:
        taken = take(spool, self.undone(spool))
        log, errors = spool.log_paths(spool.find(taken.id))
        os.close(spool.open_log(taken))
        assert log.read_bytes() == b""
        assert not errors.exists()

    @pytest.mark.parametrize("call", ["create", "write"])
    def test_a_result_that_cannot_be_written_is_not_found_there(
        self, call: str, spool: Spool, clock: FakeClock
    ) -> None:
        taken = take(spool, self.undone(spool))
        broken = Spool.open(spool.path, disk=RefusingDisk(clock, call, "/results/", errno.EIO))
        with pytest.raises(SpoolBusy):
            broken.finish(taken, "success", {"result": "new"})
        once = RefusingDisk(clock, call, "/results/", errno.EIO, most=1)
        with pytest.raises(SpoolBusy):
            Spool.open(spool.path, disk=once).finish(taken, "success", {"result": "new"})
        assert Spool.open(spool.path, disk=once).finish(taken, "success", {"result": "new"})
        record = spool.record(spool.find(taken.id))
        assert record is not None
        assert record["result"] == "new"


class TestHead:
    def test_it_lists_anew_now_and_then(self, spool: Spool, clock: FakeClock) -> None:
        """Where a change left the folder's time stamp as it was."""
        at = 0.0
        folder = Path(spool.store.queue("t"))
        folder.mkdir()
        os.utime(folder, (1, 1))
        head = Head(spool.store, {"t": 0}, clock=lambda: at)
        assert head.pick(clock.now) is None
        queue_file(spool, new_id(), "t")
        os.utime(folder, (1, 1))
        at = 59.0
        head.poll()
        assert head.pick(clock.now) is None
        at = 60.0
        head.poll()
        assert head.pick(clock.now) is not None

    def test_it_asks_the_server(self, spool: Spool, clock: FakeClock) -> None:
        """Not a cache: the folder is opened."""
        (spool.path / "queue" / "t").mkdir()
        disk = CountingDisk(clock)
        head = Head(Spool.open(spool.path, disk=disk).store, {"t": 0}, clock=lambda: 1.0)
        head.relist()
        disk.calls.clear()
        head.poll()
        assert any(call.name == "open" and "/queue/t" in str(call) for call in disk.calls)

    @pytest.mark.parametrize(("age", "seen"), [(99_000_000, True), (101_000_000, False)])
    def test_a_stamp_of_just_now_is_not_relied_upon(
        self, age: int, seen: bool, spool: Spool, clock: FakeClock
    ) -> None:
        folder = Path(spool.store.queue("t"))
        folder.mkdir()
        os.utime(folder, ns=(clock.now - age,) * 2)
        head = Head(spool.store, {"t": 0}, clock=lambda: 1.0)
        assert head.pick(clock.now) is None
        queue_file(spool, new_id(), "t")
        os.utime(folder, ns=(clock.now - age,) * 2)
        head.poll()
        assert (head.pick(clock.now) is not None) is seen

    def test_what_events_tell_is_bounded(self, spool: Spool, clock: FakeClock) -> None:
        folder = Path(spool.store.queue("t"))
        folder.mkdir()
        os.utime(folder, (1, 1))
        at = 0.0
        head = Head(spool.store, {"t": 0}, clock=lambda: at, size=100)
        head.relist()
        noted = []
        for number in range(500):
            due = names.due_after(0, clock.now - 10**9 + number * 1000)
            noted.append(f"{due}_000_{new_id()}_0.0.0.v1.json")
            (folder / noted[-1]).touch()
            head.note("t", f"{folder}/{noted[-1]}")
            if number % 50 == 49:
                head._ripen(names.due_after(0, clock.now))
                assert len(head) <= 100
        found = []
        while (pick := head.pick(clock.now)) is not None:
            os.unlink(pick.path)
            found.append(pick.file)
            at += 1
        assert found == sorted(noted)


class TestFolders:
    def test_a_groups_folder_is_whole_when_it_is_there(
        self, memory: Path, clock: FakeClock
    ) -> None:
        """Dying between mkdir and chmod leaves no folder that the group cannot write to."""
        seen: list[int] = []

        class Watching(WatchedDisk):
            def around(self, call: Call, go: Callable[[], R]) -> R:
                result = go()
                if os.path.isdir(folder):
                    seen.append(os.stat(folder).st_mode & 0o7777)
                return result

        root = memory / "shared"
        Spool.create(root, Settings(file_mode="0660"))
        folder = f"{root}/queue/t"
        before = os.umask(0o077)
        try:
            spool = Spool.open(root, disk=Watching(clock))
            spool.submit(job(), tag="t")
        finally:
            os.umask(before)
        assert set(seen) == {0o2770}
        assert not audit(root).tmp
        other = Spool.open(root)
        other.submit(job(), tag="t")  # it is there, and in use
        assert not audit(root).tmp

    @pytest.mark.parametrize("place", ["trash", "queue/t", "results"])
    def test_a_link_in_a_folders_place_is_not_entered(
        self, place: str, spool: Spool, memory: Path, clock: FakeClock
    ) -> None:
        victim = memory / "victim"
        (victim / "docs" / "ab").mkdir(parents=True)
        thesis = victim / "docs" / "ab" / f"{new_id()}.1.json"
        thesis.touch()
        link = spool.path / place
        if link.exists():
            link.rmdir()
        link.symlink_to(victim)
        clock.forward(40 * DAY)
        for path in (thesis, thesis.parent, victim / "docs"):
            os.utime(path, (1, 1))
        spool.prune()
        head = Head(spool.store, {"t": 0}, clock=lambda: 0.0)
        head.relist()
        assert head.strays == {}
        assert thesis.exists()

    def test_deep_folders_end_nobody(self, spool: Spool) -> None:
        here = os.getcwd()
        os.makedirs(spool.store.queue("deep"))
        os.chdir(spool.store.queue("deep"))
        try:
            for _ in range(1200):
                os.mkdir("a")
                os.chdir("a")
        finally:
            os.chdir(here)
        assert spool.locate(new_id()) is None
        within = f"{spool.store.queue('deep')}{'/a' * 8}"
        for number, folder in enumerate((within, f"{within}/a")):
            file = queue_file(spool, new_id(), "t")
            os.rename(file, f"{folder}/{file.name}")
            head = Head(spool.store, {"deep": 0}, clock=lambda: 0.0)
            head.relist()
            assert len(head) == 1
            assert len(list(spool.entries())) == 1, number
        here_too = f"{spool.path}/tmp/deep"
        os.rename(spool.store.queue("deep"), here_too)
        os.utime(here_too, (1, 1))
        assert spool.prune().leftovers == 2
        assert not os.path.exists(here_too)


class TestKeys:
    def test_an_older_generation_that_runs_holds_the_key(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        first = spool.submit(job(key="k"), tag="t")
        take(spool, first)
        second = spool.submit(job(key="k"), tag="t", if_exists="queue")
        assert spool.finish(take(spool, second), "success", {})
        assert spool.submit(job(key="k"), tag="t") == first
        clock.forward(40 * DAY)
        spool.prune()
        assert spool.locate(second) is None
        assert spool.submit(job(key="k"), tag="t") == first
        assert len(list((spool.path / "keys").iterdir())) == 2

    def test_an_older_generation_that_was_replaced_does_not(self, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        take(spool, first)
        second = spool.submit(job(key="k"), tag="t", if_exists="replace")
        spool.cancel(second)
        assert spool.find(first).state == "running"
        assert spool.submit(job(key="k"), tag="t") not in {first, second}


def test_the_day_has_a_bucket_for_every_id_that_is_read() -> None:
    """Negative control of the bound: one millisecond more, and there is no such hour."""
    moment = int("e677d21fdbff", 16) / 1000
    assert datetime.fromtimestamp(moment, UTC).year == 9999
    with pytest.raises(ValueError, match="year"):
        datetime.fromtimestamp(moment + 0.002, UTC)
