"""Each verb's plain behaviour, and what it does about what should not be there."""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.spool.scenes import DAY, LONG, finish_one, job, write_log
from wmctl.errors import (
    BadInput,
    ConfigError,
    JobNotFound,
    MalformedJob,
    SpoolBusy,
    SpoolError,
    SpoolFormat,
    SpoolNotFound,
    WorkerGone,
)
from wmctl.spool import STATES, Claim, Job, Name, Settings, Spool, When, bucket, cancel, hold
from wmctl.spool import submit as submitting
from wmctl.spool.fs import Trust
from wmctl.spool.fskind import detect
from wmctl.spool.quarantine import quarantine_stray
from wmctl.testing.faults import CountingDisk, FailingDisk, FakeClock
from wmctl.testing.spool_contract import SpoolContract, audit, claim, drain


class TestContract(SpoolContract):
    """The public suite, on this spool."""


class TestContractOfAGroup(SpoolContract):
    def make(self, path: Path) -> Spool:
        return Spool.create(path, Settings(file_mode="0660", durability="none"))


def take(spool: Spool, job_id: str, worker: str = "w", *, start: bool = False) -> Claim:
    if worker not in spool.joined():
        spool.join(worker, {})
    taken = claim(spool, worker, spool.find(job_id))
    assert taken is not None
    if start:
        write_log(spool, taken)
    return taken


def run(spool: Spool, job_id: str, outcome: str = "success", **record: object) -> None:
    assert spool.finish(take(spool, job_id), outcome, record)


def due_of(spool: Spool, job_id: str) -> datetime:
    return spool.find(job_id).name.scheduled_for


def server_now(clock: FakeClock) -> datetime:
    return datetime.fromtimestamp(clock.now / 1e9, UTC)


class TestSubmit:
    def test_the_file_lies_in_the_queue_of_its_tag(self, spool: Spool) -> None:
        job_id = spool.submit(job(name="n"), tag="gpu:big/1", priority=7)
        (path,) = (spool.path / "queue").glob("*/*")
        assert path.parent.name == "gpu%3Abig%2F1"
        assert path.name == f"20270115T080000.000000Z_007_{job_id}_0.0.0.v1.json"
        assert json.loads(path.read_text()) == {"kind": "command", "argv": ["true"], "name": "n"}
        assert not list((spool.path / "tmp").iterdir())

    def test_due_is_the_file_servers_now_plus_the_delay(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        assert due_of(spool, spool.submit(job(), tag="t")) == server_now(clock)
        later = server_now(clock) + timedelta(seconds=90.5)
        assert due_of(spool, spool.submit(job(), tag="t", delay=90.5)) == later

    def test_a_moment_wins_over_a_delay(self, spool: Spool) -> None:
        moment = datetime(2031, 2, 3, 4, 5, 6, 789, UTC)
        assert due_of(spool, spool.submit(job(), tag="t", delay=9, due=moment)) == moment

    @pytest.mark.parametrize(
        "when",
        [
            {"tag": ""}, {"tag": "a\nb"}, {"tag": "x" * 121}, {"tag": "t", "priority": 101},
            {"tag": "t", "priority": -1}, {"tag": "t", "priority": True},
            {"tag": "t", "delay": -1}, {"tag": "t", "delay": float("nan")},
            {"tag": "t", "delay": float("inf")}, {"tag": "t", "due": datetime(2030, 1, 1)},
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_before_anything_is_written(
        self, when: dict[str, object], spool: Spool
    ) -> None:
        with pytest.raises(BadInput):
            spool.submit(job(), **when)
        assert audit(spool.path).places == {}
        assert not audit(spool.path).tmp

    def test_a_hostile_tag_stays_inside_the_queue(self, spool: Spool) -> None:
        for tag in ("../../x", "..", ".", "/etc", "~", "a\\b", "-rf", "é", "a b"):
            job_id = spool.submit(job(), tag=tag)
            path = Path(spool.find(job_id).path)
            assert path.parent.parent == spool.path / "queue"
            assert spool.find(job_id).name.tag == tag

    def test_a_batch_costs_one_syncfs(self, spool: Spool, clock: FakeClock) -> None:
        disk = CountingDisk(clock)
        ids = list(Spool.open(spool.path, disk=disk).submit_all([job()] * 50, tag="t"))
        assert len(set(ids)) == 50
        assert disk.count("syncfs") == 1
        assert disk.count("sync") <= 3

    def test_a_batch_is_streamed(self, spool: Spool) -> None:
        """Ids come before the source is used up."""
        made = 0

        def source() -> Iterator[Job]:
            nonlocal made
            for _ in range(submitting.BATCH * 2):
                made += 1
                yield job()

        next(spool.submit_all(source(), tag="t"))
        assert made == submitting.BATCH

    def test_a_job_over_its_cap_is_refused(self, spool: Spool) -> None:
        with pytest.raises(BadInput, match="allowed"):
            spool.submit(job(env={"X": "y" * (1 << 20)}), tag="t")
        assert not audit(spool.path).tmp

    @pytest.mark.parametrize(
        "args", [{"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}, {"x": "\ud800"}]
    )
    def test_args_that_are_no_json_are_refused(self, args: dict[str, object], spool: Spool) -> None:
        with pytest.raises(BadInput):
            spool.submit(Job(kind="command", argv=("true",), args=args), tag="t")

    def test_a_full_disk_is_said_to_be_full(self, spool: Spool, clock: FakeClock) -> None:
        disk = FailingDisk(0, errno.ENOSPC, only=["write"], forever=True, clock=clock)
        with pytest.raises(SpoolBusy, match="No space left"):
            Spool.open(spool.path, disk=disk).submit(job(), tag="t")
        assert not audit(spool.path).tmp


class TestKeys:
    @pytest.mark.parametrize("mode", ["return", "skip", "error"])
    def test_an_unfinished_holder_is_returned(self, mode: str, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        again = spool.submit_keyed(job(key="k"), When("t"), if_exists=mode)
        assert again == (first, False)
        assert list(audit(spool.path).places) == [first]

    def test_error_is_an_error(self, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        with pytest.raises(BadInput, match=first):
            spool.submit(job(key="k"), tag="t", if_exists="error")

    def test_queue_takes_the_next_generation(self, spool: Spool) -> None:
        ids = {spool.submit(job(key="k"), tag="t", if_exists="queue") for _ in range(3)}
        assert set(audit(spool.path).places) == ids
        assert len(ids) == 3

    def test_replace_cancels_the_holder(self, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        second = spool.submit(job(key="k", created_by="me"), tag="t", if_exists="replace")
        assert spool.find(first).state == "canceled"
        assert spool.find(second).state == "queued"
        assert spool.cancel_reason(first)["by"] == "me"
        assert second in spool.cancel_reason(first)["reason"]

    def test_replace_of_a_running_job_marks_it(self, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        taken = take(spool, first)
        spool.submit(job(key="k"), tag="t", if_exists="replace")
        assert spool.cancel_wanted(first, taken.job)

    @pytest.mark.parametrize("end", ["finish", "cancel", "prune"])
    def test_a_key_is_free_when_its_job_is_over(self, end: str, spool: Spool) -> None:
        first = spool.submit(job(key="k"), tag="t")
        if end == "finish":
            run(spool, first)
        else:
            spool.cancel(first)
        if end == "prune":
            spool.prune(0)
        second = spool.submit(job(key="k"), tag="t")
        assert second != first
        assert spool.find(second).state == "queued"

    def test_keys_of_two_workspaces_differ(self, spool: Spool) -> None:
        ids = {spool.submit(job(key="k", workspace=name), tag="t") for name in ("a", "b")}
        assert len(ids) == 2

    def test_whoever_finds_the_winners_file_moves_it(self, spool: Spool) -> None:
        """The winner died between its two renames."""
        first = spool.submit(job(key="k"), tag="t")
        path = Path(spool.find(first).path)
        (folder,) = (spool.path / "keys").iterdir()
        path.rename(folder / spool.find(first).name.file)
        assert spool.submit(job(key="k"), tag="t") == first
        assert spool.find(first).state == "queued"

    def test_an_unknown_mode_is_refused(self, spool: Spool) -> None:
        with pytest.raises(BadInput, match="if_exists"):
            spool.submit(job(key="k"), tag="t", if_exists="perhaps")

    def test_a_batch_with_a_key_is_refused(self, spool: Spool) -> None:
        """A key that nobody looks at would be worse than an error."""
        with pytest.raises(BadInput, match="key"):
            list(spool.submit_all([job(), job(key="k")], tag="t"))

    def test_a_replaced_holder_may_be_pruned_meanwhile(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool.submit(job(key="k"), tag="t")

        def gone(*_: object, **__: object) -> str:
            raise JobNotFound("gone")

        monkeypatch.setattr(cancel, "cancel", gone)
        assert spool.submit(job(key="k"), tag="t", if_exists="replace")


class TestBlobs:
    def test_long_code_and_args_lie_beside_the_job(self, spool: Spool) -> None:
        code = "# é\n" * 20_000
        job_id = spool.submit(Job(language="bash", code=code, args={"a": LONG}), tag="t")
        entry = spool.find(job_id)
        assert os.stat(entry.path).st_size < 1000
        found = spool.job(entry)
        assert found.code is None
        assert spool.code(found) == code
        assert spool.args(found) == {"a": LONG}

    def test_the_same_content_is_stored_once(self, spool: Spool) -> None:
        for _ in range(3):
            spool.submit(job(args={"a": LONG}), tag="t")
        assert len(list((spool.path / "blobs").iterdir())) == 1

    def test_a_blob_that_is_in_the_trash_is_put_back(self, spool: Spool) -> None:
        job_id = spool.submit(job(args={"a": LONG}), tag="t")
        (blob,) = (spool.path / "blobs").iterdir()
        blob.rename(spool.path / "trash" / f"blob-{blob.name}")
        assert spool.args(spool.job(spool.find(job_id))) == {"a": LONG}
        assert blob.exists()

    @pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
    def test_a_wrong_or_missing_blob_is_a_malformed_job(
        self, content: bytes | None, spool: Spool
    ) -> None:
        job_id = spool.submit(Job(language="bash", code=LONG, args={"a": LONG}), tag="t")
        for blob in (spool.path / "blobs").iterdir():
            blob.unlink()
            if content is not None:
                blob.write_bytes(content)
                blob.chmod(0o600)
        found = spool.job(spool.find(job_id))
        for read in (spool.code, spool.args):
            with pytest.raises(MalformedJob, match="blob") as caught:
                read(found)
            assert caught.value.reason == ("blob-missing" if content is None else "blob-damaged")

    def test_too_much_is_refused(self, spool: Spool) -> None:
        with pytest.raises(BadInput, match="allowed"):
            spool.submit(Job(language="bash", code="x" * ((64 << 20) + 1)), tag="t")


class TestClaim:
    def test_it_moves_into_the_workers_folder(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(name="n"), tag="t/1")
        clock.forward(5)
        taken = take(spool, job_id)
        assert taken.id == job_id
        assert taken.name.claims == 1
        assert taken.job.name == "n"
        assert taken.claimed_at == Path(taken.path).stat().st_ctime_ns
        assert Path(taken.path).parent == spool.path / "running" / "w"
        assert spool.stamp(spool.find(job_id)) == taken.claimed_at
        assert [entry.id for entry in spool.claims_of("w")] == [job_id]

    def test_a_job_taken_by_somebody_else(self, spool: Spool) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        for worker in ("a", "b"):
            spool.join(worker, {})
        assert claim(spool, "a", entry) is not None
        assert claim(spool, "b", entry) is None
        assert list(spool.claims_of("b")) == []

    def test_a_worker_that_was_declared_dead_is_told(self, spool: Spool) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        with pytest.raises(WorkerGone):
            claim(spool, "nobody", entry)
        assert spool.find(entry.id).state == "queued"

    def test_a_canceled_job_is_not_given_out(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        (spool.path / "control" / "cancel" / job_id).write_text("{}")
        spool.join("w", {})
        assert claim(spool, "w", spool.find(job_id)) is None
        assert spool.find(job_id).state == "canceled"

    def test_a_step_of_a_canceled_flow_is_not_given_out(self, spool: Spool) -> None:
        root = spool.submit(job(), tag="t")
        take(spool, root)
        step = spool.submit(job(root=root, parent=root), tag="t")
        assert spool.cancel(root, by="me") == "running"
        assert claim(spool, "w", spool.find(step)) is None
        assert spool.find(step).state == "canceled"
        assert spool.cancel_reason(step, root)["by"] == "me"

    def test_a_job_that_must_not_run_here_is_quarantined(self, spool: Spool) -> None:
        def refuse(name: Name, what: Job) -> None:
            raise MalformedJob(f"{name.tag} is not for {what.workspace}", reason="tag-not-allowed")

        entry = spool.find(spool.submit(job(), tag="t"))
        spool.join("w", {})
        assert spool.claim("w", entry.name, entry.path, refuse) is None
        found = spool.find(entry.id)
        assert found.state == "quarantined"
        reason = spool.reason(found)
        assert reason is not None
        assert (reason["reason"], reason["message"]) == ("tag-not-allowed", "t is not for default")

    def test_a_job_that_cannot_be_read_now_goes_back(self, spool: Spool, clock: FakeClock) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        spool.join("w", {})
        # Opening the spool takes one read, of the settings.
        disk = FailingDisk(1, errno.EIO, only=["read"], clock=clock)
        broken = Spool.open(spool.path, disk=disk)
        assert claim(broken, "w", entry) is None
        assert disk.failed
        assert spool.find(entry.id).state == "queued"


def fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def symlink(path: Path) -> None:
    secret = path.parent / ".secret"
    secret.write_text('{"kind":"command","argv":["true"]}')
    path.symlink_to(secret)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path is at most 108 bytes
        try:
            made.bind(path.name[:90])
            os.rename(path.name[:90], path.name)
        finally:
            os.chdir(here)


def hard_link(path: Path) -> None:
    other = path.parent / ".other"
    other.write_text('{"kind":"command","argv":["true"]}')
    other.chmod(0o600)
    path.hardlink_to(other)


def world_writable(path: Path) -> None:
    path.write_text('{"kind":"command","argv":["true"]}')
    path.chmod(0o666)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 40)
    path.chmod(0o600)


def text(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(0o600)

    return write


HOSTILE = {
    "fifo": (fifo, "not-a-file"),
    "symlink": (symlink, "not-a-file"),
    "dangling": (dangling, "not-a-file"),
    "folder": (folder, "not-a-file"),
    "socket": (a_socket, "not-a-file"),
    "hard-link": (hard_link, "hard-link"),
    "world-writable": (world_writable, "mode"),
    "sparse": (sparse, "too-large"),
    "too-large": (text(b" " * ((1 << 20) + 1)), "too-large"),
    "empty": (text(b""), "malformed"),
    "torn": (text(b'{"kind":"command","argv":["tr'), "malformed"),
    "not-utf-8": (text(b'{"kind":"\xff"}'), "malformed"),
    "a-list": (text(b"[]"), "malformed"),
    "twice": (text(b'{"kind":"command","kind":"command","argv":["a"]}'), "malformed"),
    "deep": (text(b"[" * 100_000), "malformed"),
    "no-argv": (text(b'{"kind":"command"}'), "malformed"),
}


class TestQuarantine:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_what_is_no_job_is_put_aside_and_the_worker_goes_on(
        self, name: str, spool: Spool, clock: FakeClock
    ) -> None:
        make, reason = HOSTILE[name]
        good = spool.submit(job(), tag="t")
        found = spool.find(good).name
        bad = Name(found.due, 0, "0193a5c0-7b1e-7abc-8def-0123456789ab", "t")
        make(Path(spool.store.queued(bad)))
        drain(spool)
        assert spool.find(good).state == "success"
        entry = spool.find(bad.id)
        assert entry.state == "quarantined"
        why = spool.reason(entry)
        assert why is not None
        assert why["reason"] == reason
        with pytest.raises((MalformedJob, OSError)):
            spool.job(entry)
        assert os.listdir(spool.path / "running") == []

    def test_the_target_of_a_symlink_is_not_touched(self, spool: Spool, memory: Path) -> None:
        victim = memory / "victim"
        victim.write_text("mine")
        os.utime(victim, ns=(5, 5))
        spool.submit(job(), tag="t")
        bad = Name("20260101T000000.000000Z", 0, "0193a5c0-7b1e-7abc-8def-0123456789ab", "t")
        Path(spool.store.queued(bad)).symlink_to(victim)
        drain(spool)
        assert victim.stat().st_mtime_ns == 5

    def test_a_strangers_file_in_a_private_spool(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        spool.store.trust = Trust(frozenset({os.geteuid() + 1}))  # as the owner of another spool
        spool.join("w", {})
        assert claim(spool, "w", spool.find(job_id)) is None
        spool.store.trust = Trust(None)
        reason = spool.reason(spool.find(job_id))
        assert reason is not None
        assert reason["reason"] == "owner"

    def test_a_stray_waits_a_minute(self, spool: Spool, clock: FakeClock) -> None:
        spool.submit(job(), tag="t")
        path = spool.path / "queue" / "t" / "half copied.json"
        path.write_text("{")
        os.utime(path, ns=(clock.now, clock.now))
        assert not quarantine_stray(spool.store, str(path), "t")
        clock.forward(61)
        assert quarantine_stray(spool.store, str(path), "t")
        assert not path.exists()
        assert not quarantine_stray(spool.store, str(path), "t")

    def test_two_strays_of_one_name_are_both_kept(self, spool: Spool, clock: FakeClock) -> None:
        for tag in ("a", "b"):
            spool.submit(job(), tag=tag)
            path = spool.path / "queue" / tag / "x\udce9\n"
            path.write_text(tag)
            os.utime(path, ns=(0, 0))
            assert quarantine_stray(spool.store, str(path), tag)
        kept = [p for p in (spool.path / "quarantine").iterdir() if p.suffix != ".reason"]
        assert sorted(path.read_text() for path in kept) == ["a", "b"]
        assert all(path.name.isprintable() for path in kept)

    @pytest.mark.parametrize("where", ["queue", "running", "completed", "results", "logs", "keys"])
    def test_a_file_where_a_folder_belongs_stops_nobody(
        self, where: str, spool: Spool, clock: FakeClock
    ) -> None:
        (spool.path / where / "README").write_text("hello")
        (spool.path / where / "abc.1").write_text("hello")
        job_id = spool.submit(job(), tag="t")
        drain(spool)
        assert [entry.id for entry in spool.entries()] == [job_id]
        assert spool.find(job_id[-8:]).id == job_id
        with pytest.raises(JobNotFound):
            spool.find("0193a5c0-7b1e-7abc-8def-0123456789ab")
        clock.forward(40 * DAY)
        assert spool.prune().jobs == 1


class TestFinish:
    @pytest.mark.parametrize("outcome", ["success", "failure", "skipped", "canceled"])
    def test_the_record_is_published(self, outcome: str, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t/1")
        taken = take(spool, job_id)
        clock.forward(3)
        assert spool.finish(taken, outcome, {"exit_code": 3, "result": {"b": 1, "a": "é"}})
        entry = spool.find(job_id)
        assert entry.state == outcome
        assert entry.terminal
        assert entry.path == (
            f"{spool.path}/completed/{bucket(job_id)}/"
            f"20270115T080000.000000Z_000_{job_id}_1.0.0@t%2F1.v1.json.{outcome}"
        )
        record = spool.record(entry)
        assert record == {"outcome": outcome, "exit_code": 3, "result": {"b": 1, "a": "é"}}
        assert list(record["result"]) == ["b", "a"]
        assert spool.stamp(entry) == clock.now
        assert spool.terminal(job_id) == entry

    def test_a_batch_says_which_were_ours(self, spool: Spool) -> None:
        ids = list(spool.submit_all([job()] * 6, tag="t"))
        taken = [take(spool, job_id, start=True) for job_id in ids]
        spool.rescue_claim(spool.find(ids[2]))
        staged = [spool.stage(one, "success", {"result": 0}) for one in taken]
        assert spool.commit(staged) == [True, True, False, True, True, True]
        assert spool.commit([]) == []
        assert spool.find(ids[2]).state == "queued"

    def test_a_second_commit_gives_the_same_answer(self, spool: Spool) -> None:
        """The committer tries again when the disk answered with an error."""
        staged = spool.stage(take(spool, spool.submit(job(), tag="t")), "success", {})
        assert spool.commit([staged]) == [True]
        assert spool.commit([staged]) == [True]

    def test_a_result_with_half_a_surrogate_can_be_read_back(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        run(spool, job_id, result={"x": "\ud800"})
        record = spool.record(spool.find(job_id))
        assert record is not None
        assert record["outcome"] == "success"

    def test_a_record_without_a_result_is_none(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        assert spool.record(spool.find(job_id)) is None
        spool.cancel(job_id)
        assert spool.record(spool.find(job_id)) is None

    def test_the_log_belongs_to_the_claim(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        write_log(spool, take(spool, job_id))
        log, errors = spool.log_paths(spool.find(job_id))
        assert log == spool.path / "logs" / bucket(job_id) / f"{job_id}.1.log"
        assert errors.read_text() == "0 3\n"
        spool.rescue("w")
        second = take(spool, job_id, "v", start=True)
        assert second.name.claims == 2
        assert spool.log_paths(spool.find(job_id))[0] != log

    def test_settling_a_pruned_record_is_no_error(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        run(spool, job_id)
        entry = spool.find(job_id)
        spool.settle([entry])
        for _ in range(3):
            spool.prune(0)
            clock.forward(3 * 3600)
        assert not Path(entry.path).parent.exists()
        spool.settle([entry])


class TestGivingBack:
    def test_retry_counts_a_try_and_waits(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id)
        clock.forward(10)
        assert spool.retry(taken, delay=2.5)
        name = spool.find(job_id).name
        assert (name.claims, name.lost, name.tries, name.attempt) == (1, 0, 1, 2)
        assert name.scheduled_for == server_now(clock) + timedelta(seconds=2.5)

    def test_release_counts_only_what_was_lost(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        before = spool.find(job_id).name
        assert spool.release(take(spool, job_id))
        assert spool.find(job_id).name == before.but(claims=1)
        assert spool.release(take(spool, job_id), lost=True)
        assert spool.find(job_id).name == before.but(claims=2, lost=1)

    def test_suspend_and_wake(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id)
        assert spool.suspend(taken)
        assert spool.find(job_id).state == "suspended"
        assert not spool.suspend(taken) or spool.find(job_id).state == "suspended"
        assert spool.wake(spool.find(job_id))
        assert spool.find(job_id).name.claims == 2
        assert not spool.finish(taken, "success", {})

    def test_a_rescue_counts_only_what_had_started(self, spool: Spool) -> None:
        started, fresh = spool.submit_all([job()] * 2, tag="t")
        take(spool, started, start=True)
        take(spool, fresh)
        assert sorted(spool.rescue("w")) == sorted([(started, "queued"), (fresh, "queued")])
        assert spool.find(started).name.attempt == 2
        assert spool.find(fresh).name.attempt == 1
        assert spool.joined() == set()
        assert spool.rescue("w") == []

    def test_held_after_more_than_three_losses_and_the_way_out(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        for lost in range(1, 5):
            take(spool, job_id, f"w{lost}", start=True)
            assert spool.rescue(f"w{lost}") == [(job_id, "queued" if lost <= 3 else "held")]
        entry = spool.find(job_id)
        assert entry.name.lost == 4
        reason = spool.reason(entry)
        assert reason is not None
        assert reason["reason"] == "lost"
        assert "4 times" in reason["message"]
        assert spool.unhold(entry)
        assert not list((spool.path / "held").iterdir())
        run(spool, job_id)
        assert spool.find(job_id).state == "success"

    def test_a_leftover_of_a_finished_job_goes_to_the_trash(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id, start=True)
        content = Path(taken.path).read_bytes()
        spool.finish(taken, "success", {"result": 1})
        Path(taken.path).write_bytes(content)
        assert spool.rescue("w") == []
        assert spool.find(job_id).state == "success"
        assert len(list((spool.path / "trash").iterdir())) == 1


class TestTooLate:
    """The job has moved on, and its queue, being empty, was pruned: an answer, not an error."""

    @pytest.mark.parametrize("verb", ["release", "retry", "suspend", "finish", "rescue_claim"])
    def test_a_worker_comes_late(self, verb: str, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id)
        entry = spool.find(job_id)
        # Another worker took it back, ran it, and prune removed all folders that were empty then.
        other = Spool.open(spool.path, disk=spool.store.disk)
        other.rescue("w")
        drain(other)
        for _ in range(3):
            other.prune(0)
            clock.forward(DAY)
        assert not (spool.path / "queue" / "t").exists()
        if verb == "finish":
            assert spool.finish(taken, "success", {}) is False
        elif verb == "rescue_claim":
            assert spool.rescue_claim(entry) is None
        else:
            getattr(spool, verb)(taken)
        assert audit(spool.path).places == {}

    @pytest.mark.parametrize("verb", ["hold", "reschedule", "cancel", "unhold", "wake"])
    def test_a_person_comes_late(self, verb: str, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        what = spool.job(spool.find(job_id))
        if verb == "unhold":
            spool.hold(spool.find(job_id), "x")
        elif verb == "wake":
            spool.suspend(take(spool, job_id))
        entry = spool.find(job_id)
        other = Spool.open(spool.path, disk=spool.store.disk)
        other.cancel(job_id)
        for _ in range(3):
            other.prune(0)
            clock.forward(DAY)
        store = spool.store
        if verb == "cancel":
            assert not cancel.take(store, entry.name, entry.path)
        elif verb == "hold":
            assert not spool.hold(entry, "x")
        elif verb == "reschedule":
            hold.reschedule(store, entry, datetime(2030, 1, 1, tzinfo=UTC), what)
        else:
            getattr(hold, verb)(store, entry, what)
        assert audit(spool.path).places == {}


class TestAPersonsVerbs:
    def test_hold_and_unhold(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        assert spool.hold(spool.find(job_id), "not now")
        entry = spool.find(job_id)
        assert entry.state == "held"
        reason = spool.reason(entry)
        assert reason is not None
        assert (reason["reason"], reason["message"]) == ("person", "not now")
        assert spool.unhold(entry)
        assert spool.find(job_id).state == "queued"

    @pytest.mark.parametrize("verb", ["hold", "unhold", "wake", "reschedule"])
    def test_only_where_it_makes_sense(self, verb: str, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        take(spool, job_id)
        extra = {"hold": ("x",), "reschedule": (datetime(2030, 1, 1, tzinfo=UTC),)}.get(verb, ())
        with pytest.raises(BadInput, match="running"):
            getattr(spool, verb)(spool.find(job_id), *extra)

    def test_a_job_that_has_moved_on_cannot_be_held(self, spool: Spool) -> None:
        entry = spool.find(spool.submit(job(), tag="t"))
        take(spool, entry.id)
        assert not spool.hold(entry, "too late")
        assert spool.find(entry.id).state == "running"

    def test_reschedule(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        moment = datetime(2040, 1, 1, tzinfo=UTC)
        assert spool.reschedule(spool.find(job_id), moment)
        assert due_of(spool, job_id) == moment
        assert spool.find(job_id).name.claims == 1

    @pytest.mark.parametrize("state", ["queued", "suspended", "held"])
    def test_cancel_of_what_waits(self, state: str, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        if state == "suspended":
            spool.suspend(take(spool, job_id))
        elif state == "held":
            spool.hold(spool.find(job_id), "x")
        claims = spool.find(job_id).name.claims
        clock.forward(7)
        assert spool.cancel(job_id, by="me", reason="enough") == "canceled"
        entry = spool.find(job_id)
        assert entry.name.claims == claims + 1
        assert spool.stamp(entry) == clock.now
        reason = spool.reason(entry)
        assert reason is not None
        assert (reason["by"], reason["reason"]) == ("me", "enough")
        assert spool.cancel(job_id) == "canceled"

    def test_cancel_of_what_runs_or_is_over(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id)
        assert spool.cancel(job_id) == "running"
        assert spool.cancel_wanted(job_id, taken.job)
        spool.finish(taken, "success", {})
        assert spool.cancel(job_id) == "success"
        with pytest.raises(JobNotFound):
            spool.cancel("0193a5c0-7b1e-7abc-8def-0123456789ab")

    @pytest.mark.parametrize("verb", ["release", "retry", "suspend", "rescue"])
    def test_a_marked_job_does_not_wait_again(self, verb: str, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        taken = take(spool, job_id, start=True)
        spool.cancel(job_id)
        if verb == "rescue":
            spool.rescue("w")
        else:
            getattr(spool, verb)(taken)
        assert spool.find(job_id).state == "canceled"


class TestLooking:
    def test_by_short_id_ending_or_beginning(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        for text in (job_id, job_id[-8:], job_id[-4:], job_id.upper(), f" {job_id} ",
                     job_id.replace("-", ""), job_id[:13]):  # fmt: skip
            assert spool.find(text).id == job_id
        run(spool, job_id)
        for text in (job_id[-8:], job_id[:13]):
            assert spool.find(text).state == "success"

    def test_ambiguous_is_an_error_that_names_some(
        self, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (f"0193a5c0-7b1e-7abc-8d{n}f-0123456789ab" for n in "ab")
        ids = iter((first, second))
        monkeypatch.setattr(submitting, "new_id", lambda: next(ids))
        spool.submit(job(), tag="t")
        run(spool, first)
        spool.submit(job(), tag="t")
        for text in ("456789ab", "0193a5c0"):
            with pytest.raises(BadInput, match=f"{first}.*{second}"):
                spool.find(text)
        assert spool.find("8dbf0123456789ab").id == second

    @pytest.mark.parametrize("text", ["", "abc", "xyzw", "../..", "0193g", "-" * 9])
    def test_what_is_no_id(self, text: str, spool: Spool) -> None:
        with pytest.raises(BadInput):
            spool.find(text)

    def test_nobody_there(self, spool: Spool) -> None:
        with pytest.raises(JobNotFound):
            spool.find("0193a5c0-7b1e-7abc-8def-0123456789ab")
        with pytest.raises(JobNotFound):
            spool.find("abcdef99")

    def test_entries_of_every_state(self, spool: Spool) -> None:
        ids = dict(zip(STATES, spool.submit_all([job()] * len(STATES), tag="t"), strict=True))
        Path(spool.find(ids["quarantined"]).path).write_text("{")
        spool.join("w", {})
        assert claim(spool, "w", spool.find(ids["quarantined"])) is None
        take(spool, ids["running"])
        spool.suspend(take(spool, ids["suspended"]))
        spool.hold(spool.find(ids["held"]), "x")
        spool.cancel(ids["canceled"])
        for outcome in ("success", "failure", "skipped"):
            run(spool, ids[outcome], outcome)
        assert {entry.state: entry.id for entry in spool.entries()} == ids
        for state in STATES:
            assert [entry.id for entry in spool.entries([state])] == [ids[state]]

    def test_folders_inside_a_queue_are_looked_into(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        path = Path(spool.find(job_id).path)
        (path.parent / "050").mkdir()
        path.rename(path.parent / "050" / path.name)
        assert spool.find(job_id).path == str(path.parent / "050" / path.name)
        drain(spool)
        assert spool.find(job_id).state == "success"

    def test_a_job_of_a_newer_format_is_left_alone(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        path = Path(spool.find(job_id).path)
        newer = path.with_name(path.name.replace(".v1.", ".v2."))
        path.rename(newer)
        assert list(spool.entries()) == []
        drain(spool)
        assert newer.exists()


class TestPrune:
    def test_age_is_that_of_the_record(self, spool: Spool, clock: FakeClock) -> None:
        ids = []
        for _ in range(2):
            ids.append(spool.submit(job(), tag="t"))
            write_log(spool, take(spool, ids[-1]))
            clock.forward(5 * DAY)
        for job_id in ids:
            entry = spool.find(job_id)
            assert spool.finish(
                Claim("w", entry.name, entry.path, spool.job(entry), 0), "success", {"result": 1}
            )
            clock.forward(DAY)
        assert spool.prune(1.5 * DAY).jobs == 1
        assert spool.locate(ids[0]) is None
        assert spool.find(ids[1]).state == "success"
        left = [
            path.name for top in ("results", "logs") for path in (spool.path / top).rglob("*.*")
        ]
        assert len(left) == 3
        assert all(ids[1] in name for name in left)

    def test_a_young_record_in_an_old_bucket_stays(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        clock.forward(100 * DAY)
        run(spool, job_id)
        assert spool.prune(DAY).jobs == 0

    def test_a_job_is_pruned_with_its_root(self, spool: Spool, clock: FakeClock) -> None:
        root = spool.submit(job(), tag="t")
        held = take(spool, root)
        step = spool.submit(job(root=root, parent=root), tag="t")
        run(spool, step)
        clock.forward(40 * DAY)
        assert spool.prune().jobs == 0
        spool.finish(held, "success", {})
        clock.forward(40 * DAY)
        pruned = sum(spool.prune().jobs for _ in range(2))
        assert pruned == 2

    def test_the_cancel_marker_stays_as_long_as_the_job(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        job_id = spool.submit(job(), tag="t")
        spool.cancel(job_id)
        marker = spool.path / "control" / "cancel" / job_id
        clock.forward(29 * DAY)
        spool.prune()
        assert marker.exists()
        clock.forward(2 * DAY)
        spool.prune()
        assert not marker.exists()

    def test_orphans_go_after_a_day_and_a_half(self, spool: Spool, clock: FakeClock) -> None:
        """Prune died after the record and before its belongings."""
        job_id = spool.submit(job(), tag="t")
        write_log(spool, take(spool, job_id))
        (entry,) = spool.claims_of("w")
        spool.finish(Claim("w", entry.name, entry.path, job(), 0), "success", {})
        Path(spool.find(job_id).path).unlink()
        for path in (spool.path / "logs").rglob("*.*"):
            os.utime(path, ns=(clock.now, clock.now))
        clock.forward(DAY)
        assert spool.prune().orphans == 0
        clock.forward(DAY)
        assert spool.prune().orphans == 3

    def test_results_of_a_waiting_job_are_no_orphans(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        write_log(spool, take(spool, job_id))
        spool.rescue("w")
        clock.forward(50 * DAY)
        assert spool.prune().orphans == 0

    def test_a_blob_goes_to_the_trash_for_a_day(self, spool: Spool, clock: FakeClock) -> None:
        finish_one(spool, job(args={"a": LONG}))
        clock.forward(40 * DAY)
        done = spool.prune()
        assert (done.jobs, done.blobs) == (1, 1)
        assert len(list((spool.path / "trash").iterdir())) == 1
        clock.forward(DAY / 2)
        spool.prune()
        assert len(list((spool.path / "trash").iterdir())) == 1
        clock.forward(DAY)
        spool.prune()
        assert not list((spool.path / "trash").iterdir())

    def test_a_wanted_blob_stays_or_comes_back(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(args={"a": LONG}), tag="t", delay=100 * DAY)
        clock.forward(50 * DAY)
        assert spool.prune().blobs == 0
        (blob,) = (spool.path / "blobs").iterdir()
        blob.rename(spool.path / "trash" / f"blob-{blob.name}")
        spool.prune()
        assert blob.exists()
        assert spool.args(spool.job(spool.find(job_id))) == {"a": LONG}

    def test_leftovers_of_tmp_after_a_day_and_a_half(self, spool: Spool, clock: FakeClock) -> None:
        for name in ("half", "folder"):
            path = spool.path / "tmp" / name
            path.mkdir() if name == "folder" else path.write_text("x")
            os.utime(path, ns=(clock.now, clock.now))
        clock.forward(35 * 3600)
        spool.prune()
        assert len(list((spool.path / "tmp").iterdir())) == 2
        clock.forward(2 * 3600)
        spool.prune()
        assert not list((spool.path / "tmp").iterdir())

    def test_old_generations_of_a_key_go_the_newest_stays(
        self, spool: Spool, clock: FakeClock
    ) -> None:
        for _ in range(3):
            spool.cancel(spool.submit(job(key="k"), tag="t"))
        clock.forward(40 * DAY)
        spool.prune()
        (left,) = (spool.path / "keys").iterdir()
        assert left.name.endswith(".3")

    def test_empty_folders_go_and_come_back(self, spool: Spool, clock: FakeClock) -> None:
        finish_one(spool, job())
        for _ in range(4):
            clock.forward(40 * DAY)
            spool.prune()
        for top in ("completed", "results", "queue"):
            assert not list((spool.path / top).iterdir())
        job_id = finish_one(spool, job())
        assert spool.find(job_id).state == "success"

    def test_a_reason_without_its_job_goes(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        spool.hold(spool.find(job_id), "x")
        spool.cancel(job_id)
        assert len(list((spool.path / "held").iterdir())) == 1
        clock.forward(2 * DAY)
        spool.prune()
        assert not list((spool.path / "held").iterdir())

    def test_what_is_held_stays(self, spool: Spool, clock: FakeClock) -> None:
        job_id = spool.submit(job(), tag="t")
        spool.hold(spool.find(job_id), "x")
        clock.forward(400 * DAY)
        spool.prune()
        assert spool.reason(spool.find(job_id)) is not None


class TestWorkers:
    def test_join_beat_leave(self, spool: Spool, clock: FakeClock) -> None:
        spool.join("w", {"n": 1})
        size = (spool.path / "workers" / "w").stat().st_size
        clock.forward(3)
        spool.beat("w", {"n": 22222})
        clock.forward(2)
        (beat,) = spool.workers()
        assert (beat.worker, beat.content["n"], beat.age) == ("w", 22222, 2.0)
        assert beat.alive(60)
        assert not beat.alive(1)
        assert (spool.path / "workers" / "w").stat().st_size == size
        assert spool.leave("w")
        assert spool.workers() == []
        assert spool.leave("w")

    def test_a_name_is_made_once(self, spool: Spool) -> None:
        spool.join("w", {})
        with pytest.raises(SpoolError, match="already"):
            spool.join("w", {})

    def test_a_beat_too_long_for_its_file_is_cut(self, spool: Spool) -> None:
        spool.join("w", {"tags": ["x" * 100] * 100, "host": "h"})
        (beat,) = spool.workers()
        assert beat.content["cut"] is True
        assert beat.content["host"] == "h"

    def test_a_dead_worker_cannot_beat(self, spool: Spool) -> None:
        spool.join("w", {})
        spool.rescue("w")
        with pytest.raises(WorkerGone):
            spool.beat("w", {})
        assert spool.read_beat("w") is None

    def test_no_leaving_with_claims(self, spool: Spool) -> None:
        taken = take(spool, spool.submit(job(), tag="t"))
        assert not spool.leave("w")
        spool.release(taken)
        assert spool.leave("w")

    def test_a_damaged_beat_hides_nobody_else(self, spool: Spool) -> None:
        spool.join("good", {})
        spool.join("bad", {})
        (spool.path / "workers" / "bad").write_text("{")
        assert [beat.worker for beat in spool.workers()] == ["good"]
        assert spool.joined() == {"good", "bad"}


class TestTheSpoolItself:
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
    @pytest.mark.parametrize("mode", ["0600", "0660"])
    def test_modes_are_what_the_spool_says(self, mode: str, mask: int, memory: Path) -> None:
        before = os.umask(mask)
        try:
            spool = Spool.create(memory / "s", Settings(file_mode=mode))
            done = spool.submit(Job(language="bash", code=LONG, key="k"), tag="t")
            taken = take(spool, done, start=True)
            assert spool.finish(taken, "success", {})
            spool.cancel(spool.submit(job(), tag="u"))
            spool.hold(spool.find(spool.submit(job(), tag="v")), "x")
        finally:
            os.umask(before)
        for folder_, _, files in os.walk(spool.path):
            assert os.stat(folder_).st_mode & 0o777 == (0o770 if mode == "0660" else 0o700), folder_
            for file in files:
                found = os.stat(f"{folder_}/{file}").st_mode & 0o777
                assert found == int(mode, 8), f"{folder_}/{file} {found:o}"

    def test_a_newer_format_is_refused(self, spool: Spool) -> None:
        settings = json.loads((spool.path / "spool.json").read_text())
        (spool.path / "spool.json").write_text(json.dumps({**settings, "format": 2}))
        with pytest.raises(SpoolFormat, match="format 2"):
            Spool.open(spool.path)
        with pytest.raises(SpoolFormat):
            Spool.create(spool.path)

    @pytest.mark.parametrize(
        "content",
        ["", "[]", "{", '{"format":"1"}', '{"format":true}', '{"format":0}', '{"format":null}',
         '{"format":1,"lease":-1}', '{"format":1,"lease":"x"}', '{"format":1,"durability":[]}',
         '{"format":1,"file_mode":{}}', '{"format":1,"file_mode":"0777"}',
         '{"format":1,"lease":5,"beat":5}', '{"format":1,"format":1}', '{"format":1,"beat":NaN}'],
    )  # fmt: skip
    def test_damaged_settings_are_a_configuration_error(self, content: str, spool: Spool) -> None:
        (spool.path / "spool.json").write_text(content)
        with pytest.raises(ConfigError):
            Spool.open(spool.path)

    def test_unknown_settings_of_a_later_version_are_ignored(self, spool: Spool) -> None:
        settings = json.loads((spool.path / "spool.json").read_text())
        (spool.path / "spool.json").write_text(json.dumps({**settings, "new": 1}))
        assert Spool.open(spool.path).settings == spool.settings

    def test_no_spool_there(self, memory: Path) -> None:
        with pytest.raises(SpoolNotFound):
            Spool.open(memory / "none")
        (memory / "file").write_text("")
        for path in (memory / "file", memory / "file" / "below"):
            with pytest.raises(SpoolNotFound):
                Spool.open(path)
            with pytest.raises((ConfigError, SpoolError)):
                Spool.create(path)

    def test_a_folder_with_something_in_it_does_not_become_a_spool(self, memory: Path) -> None:
        (memory / "letters").write_text("")
        with pytest.raises(ConfigError, match="not a spool"):
            Spool.create(memory)
        assert os.listdir(memory) == ["letters"]

    def test_an_empty_folder_and_a_deep_path_do(self, memory: Path) -> None:
        (memory / "empty").mkdir()
        assert Spool.create(memory / "empty").submit(job(), tag="t")
        assert Spool.create(memory / "a" / "b" / "c").submit(job(), tag="t")

    def test_creating_again_opens(self, spool: Spool) -> None:
        job_id = spool.submit(job(), tag="t")
        again = Spool.create(spool.path, Settings(lease=99, beat=9))
        assert again.settings == spool.settings
        assert again.find(job_id).state == "queued"

    def test_where_it_lies(self, spool: Spool) -> None:
        found = spool.file_system()
        assert found.kind != "nfs"
        assert detect("/nowhere/at/all").network

    def test_the_time_is_the_servers(self, spool: Spool, clock: FakeClock) -> None:
        clock.forward(12)
        assert spool.now() == clock.now
