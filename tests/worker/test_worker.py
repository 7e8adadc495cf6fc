"""A worker's life in this process: what it claims, in which order, and how each claim ends."""

import errno
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, alive, eventually, script
from wmctl.errors import MalformedJob
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Canceled, Completed, Retry, Skipped, Suspended, failed
from wmctl.spool import Job, Settings, Spool, new_id
from wmctl.spool.name import Name, due_after
from wmctl.testing.faults import Call, WatchedDisk, refuse
from wmctl.testing.spool_contract import audit
from wmctl.worker import identity
from wmctl.worker.guard import Guard
from wmctl.worker.worker import RESTART


def order(bench: Bench) -> list[str]:
    """The jobs in the order in which they were run."""
    return [what for kind, what in bench.witness.seen if kind == "job_start"]


def test_a_burst_runs_what_is_there_and_leaves_nothing(bench: Bench) -> None:
    jobs = [bench.submit(f"echo {number}") for number in range(5)]
    worker = bench.run()
    assert [bench.result(job_id) for job_id in jobs] == ["0", "1", "2", "3", "4"]
    assert bench.spool.joined() == set()
    assert list((bench.work / "locks").iterdir()) == []
    assert not (bench.work / worker.name).exists()
    audit(bench.spool.path).must_hold(jobs)


def test_a_burst_also_runs_what_a_dead_worker_of_this_host_held(bench: Bench) -> None:
    """The one that replaces a killed worker must not find nothing to do, and end."""
    taken = bench.claimed("wk-a")
    lock = identity.LifeLock(bench.work, "wk-a")
    beat = {
        "boot_id": identity.boot_id(),
        "pid_namespace": identity.pid_namespace(),
        "lock": str(lock.path),
    }
    bench.spool.beat("wk-a", beat)
    lock.release(keep=True)
    bench.run()
    assert bench.state(taken.id) == "success"


def test_a_record_says_all(bench: Bench) -> None:
    job_id = bench.submit("echo 7 > result.json; exit 4")
    before = datetime.now(UTC) - timedelta(seconds=1)
    worker = bench.run()
    record = bench.record(job_id)
    assert record["outcome"] == "failure"
    assert record["exit_code"] == 4
    assert record["worker"] == worker.name
    assert record["host"] == os.uname().nodename
    started, ended = (datetime.fromisoformat(record[key]) for key in ("started_at", "completed_at"))
    assert before <= started <= ended <= datetime.now(UTC) + timedelta(seconds=1)
    assert list(record)[-1] == "result"


def test_observers_hear_of_an_end_only_once_it_is_published(bench: Bench) -> None:
    job_id = bench.submit()
    states = []
    bench.witness.on_end = lambda job, _outcome: states.append(bench.state(job.id))
    worker = bench.run()
    assert states == ["success"]
    assert bench.witness.seen == [
        ("worker_start", worker.name), ("job_start", job_id), ("job_end", job_id),
        ("worker_stop", worker.name),
    ]  # fmt: skip


def test_a_burst_leaves_what_is_not_due(bench: Bench) -> None:
    later, now = bench.submit(delay=3600.0), bench.submit()
    bench.run()
    assert bench.state(now) == "success"
    assert bench.state(later) == "queued"


def test_a_job_runs_when_it_becomes_due(bench: Bench) -> None:
    job_id = bench.submit(delay=0.3)
    worker = bench.worker(burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"
    record = bench.record(job_id)
    due = bench.entry(job_id).name.scheduled_for
    assert datetime.fromisoformat(record["started_at"]) >= due - timedelta(milliseconds=20)
    assert datetime.fromisoformat(record["started_at"]) <= due + timedelta(seconds=1)


def test_higher_priorities_first_then_due_time(bench: Bench) -> None:
    first, second = bench.submit(), bench.submit()
    high, low = bench.submit(priority=50), bench.submit(priority=1)
    bench.run()
    assert order(bench) == [high, low, first, second]


def test_a_tag_of_a_higher_rank_comes_first(bench: Bench) -> None:
    plain, special = bench.submit(priority=90), bench.submit(tag="special")
    bench.run(tags={"bash": 0, "special": 1})
    assert order(bench) == [special, plain]


def test_nothing_starves(bench: Bench) -> None:
    old = bench.submit()
    for _ in range(40):
        bench.submit(priority=100)
    bench.run()
    assert order(bench).index(old) < 17


def test_other_tags_are_left_alone(bench: Bench) -> None:
    job_id = bench.submit(tag="gpu")
    bench.run()
    assert bench.state(job_id) == "queued"


def test_it_ends_after_so_many_jobs(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(5)]
    bench.run(max_jobs=3, burst=False)
    assert [bench.state(job_id) for job_id in jobs].count("success") == 3


def test_it_ends_when_it_was_idle_for_long(bench: Bench) -> None:
    job_id = bench.submit()
    bench.run(max_idle=0.05, burst=False)
    assert bench.state(job_id) == "success"


def test_only_means_only(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(3)]
    bench.run(only=jobs[1])
    assert [bench.state(job_id) for job_id in jobs] == ["queued", "success", "queued"]


def test_retries_count_as_tries_and_then_it_fails(bench: Bench, memory: Path) -> None:
    """Due later each time; here we do not wait but take the future job's name back to now."""
    job_id = bench.submit(f"echo $WM_ATTEMPT >> {memory}/attempts; exit 3", retries=2)
    for tries in (1, 2):
        bench.run()
        entry = bench.entry(job_id)
        assert (entry.state, entry.name.tries, entry.name.lost) == ("queued", tries, 0)
        wait = entry.name.scheduled_for.timestamp() - time.time()
        assert 8.0 * tries < wait < 10.5 * tries
        bench.spool.reschedule(entry, datetime.now(UTC))
    bench.run()
    assert bench.record(job_id)["exit_code"] == 3
    assert (memory / "attempts").read_text().split() == ["1", "2", "3"]


def test_the_thousandth_try_is_as_good_as_any(bench: Bench) -> None:
    job_id = bench.submit("exit 3", retries=10_000)
    entry = bench.entry(job_id)
    Path(entry.path).rename(Path(entry.path).with_name(entry.name.but(tries=5000).queued))
    bench.run()
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.tries) == ("queued", 5001)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Completed(1), "success"),
        (failed("E", "m"), "failure"),
        (Skipped("why"), "skipped"),
        (Canceled(), "canceled"),
        (Suspended(), "suspended"),
        (Retry(3600.0), "queued"),
        (Retry(1e300), "queued"),
        (Retry(float("nan")), "failure"),
        (None, "failure"),
        (Completed(object()), "failure"),
        (Completed(1, labels=(b"",)), "failure"),
    ],
    ids=repr,
)
def test_each_outcome_has_its_end(bench: Bench, outcome: Any, state: str) -> None:
    """And none that a plugin can think of stops the worker."""
    bench.direct("given", lambda _: outcome)
    job_id, next_job = bench.submit(kind="given"), bench.submit()
    bench.run()
    assert bench.state(job_id) == state
    assert bench.state(next_job) == "success"
    assert bench.spool.joined() == set()
    audit(bench.spool.path).must_hold([job_id])


def test_a_job_that_must_not_run_here_is_quarantined(bench: Bench) -> None:
    def check(name: Name, job: Job) -> None:
        if job.workspace != "ours":
            raise MalformedJob(f"tag {name.tag} is not for workspace {job.workspace}", reason="tag")

    ours, theirs = bench.submit(workspace="ours"), bench.submit(workspace="theirs")
    bench.run(check=check)
    assert bench.state(ours) == "success"
    assert bench.state(theirs) == "quarantined"
    reason = bench.spool.reason(bench.entry(theirs))
    assert reason is not None
    assert "theirs" in reason["message"]


# Cancel.


def test_a_marked_job_does_not_start(bench: Bench) -> None:
    taken = bench.claimed(code=f"touch {bench.folder}/ran")
    assert bench.spool.cancel(taken.id, by="ann", reason="enough") == "running"
    Path(taken.path).rename(bench.spool.path / "queue" / "bash" / taken.name.queued)
    bench.run()
    assert bench.state(taken.id) == "canceled"
    assert not (bench.folder / "ran").exists()


def gate(bench: Bench) -> tuple[str, Callable[[], str]]:
    """Bash that tells its process id through a pipe and goes on; and how to hear of it."""
    pipe = bench.folder / f"gate-{len(list(bench.folder.iterdir()))}"
    os.mkfifo(pipe)
    return f"echo $$ > {pipe}; ", pipe.read_text


def test_a_running_job_is_canceled_at_once(bench: Bench) -> None:
    """The marker is an event; no beat is waited for."""
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    with bench.running(bench.worker()) as thread:
        started()
        asked = time.monotonic()
        assert bench.spool.cancel(job_id, by="ann", reason="too slow") == "running"
        thread.join(PATIENCE)
        assert time.monotonic() - asked < bench.spool.settings.beat / 2
    record = bench.record(job_id)
    assert record["outcome"] == "canceled"
    assert record["exit_code"] == 143
    assert record["result"]["error"]["message"] == "Job canceled: too slow by ann"


def test_canceling_the_root_cancels_the_child(bench: Bench) -> None:
    code, started = gate(bench)
    root = bench.submit(tag="none")
    child = bench.submit(code + "sleep 600", parent=root, root=root)
    with bench.running(bench.worker()) as thread:
        started()
        bench.spool.cancel(root, by="ann", reason="all of it")
        thread.join(PATIENCE)
    assert bench.state(child) == "canceled"


def test_cancel_and_finish_at_once_end_in_one_state(bench: Bench) -> None:
    """Whoever is first; never both, never none."""
    jobs = [bench.submit() for _ in range(60)]
    with bench.running(bench.worker()) as thread:
        seen = [bench.spool.cancel(job_id) for job_id in jobs]
        thread.join(PATIENCE)
    assert set(seen) <= {"canceled", "running", "success"}
    found = audit(bench.spool.path)
    found.must_hold(jobs)
    assert {found.state(job_id) for job_id in jobs} <= {"success", "canceled"}
    for job_id, state in zip(jobs, seen, strict=True):
        if state == "canceled":
            assert found.state(job_id) == "canceled"


# Hostile queues.


def plant(bench: Bench, make: Callable[[Path], None], name: str | None = None) -> Path:
    """Something in the queue, by default under the name of a job that is due first."""
    folder = bench.spool.path / "queue" / "bash"
    folder.mkdir(exist_ok=True)
    path = folder / (name or Name("20200101T000000.000000Z", 0, new_id(), "bash").queued)
    make(path)
    return path


def text(content: bytes, mode: int = 0o600) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return make


GOOD = script().to_json()


def hard_link(path: Path) -> None:
    other = path.parents[2] / "tmp" / path.name
    text(GOOD)(other)
    os.link(other, path)


def sparse(path: Path) -> None:
    text(b"")(path)
    os.truncate(path, 10 << 40 if path.stat().st_dev else 0)


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "fifo": os.mkfifo,
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "loop": lambda path: path.symlink_to(path.name),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: (path.mkdir(), (path / "x").write_text("")),
    "hard link": hard_link,
    "writable by others": text(GOOD, 0o666),
    "torn": text(GOOD[:-9]),
    "empty": text(b""),
    "not an object": text(b"[1]"),
    "NaN": text(b'{"language":"bash","code":":","timeout":NaN}'),
    "twice": text(b'{"language":"bash","code":":","code":"x"}'),
    "deep": text(b"[" * 100_000),
    "long number": text(b'{"language":"bash","code":":","timeout":' + b"1" * 5000 + b"}"),
    "not UTF-8": text(b'{"language":"bash","code":"\xff"}'),
    "surrogate": text(b'{"language":"bash","code":"\\ud800"}'),
    "NUL in argv": text(b'{"kind":"command","argv":["a\\u0000b"]}'),
    "too large": text(b" " * (1 << 20) + GOOD),
    "sparse": sparse,
    "no code": text(b'{"language":"bash"}'),
    "bad root": text(b'{"language":"bash","code":":","root":"../../x"}'),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_job_file_is_put_aside_and_the_next_runs(bench: Bench, how: str) -> None:
    path = plant(bench, HOSTILE[how])
    good = bench.submit()
    worker = bench.run()
    assert bench.state(good) == "success"
    assert not os.path.lexists(path)
    (found,) = bench.spool.entries(["quarantined"])
    reason = bench.spool.reason(found)
    assert reason is not None
    assert reason["message"]
    assert worker.name not in bench.spool.joined()


def test_what_a_link_leads_to_is_not_touched(bench: Bench) -> None:
    """Not even its time stamp: it may belong to anybody."""
    precious = bench.folder / "precious"
    precious.write_text("precious")
    os.utime(precious, (1, 1))
    plant(bench, lambda path: path.symlink_to(precious))
    bench.run()
    assert precious.stat().st_mtime == 1
    assert precious.read_text() == "precious"


NAMES = [
    b"x", b"job.json", b"\xff\xfe.json", b"a\nb.json", b"x" * 250, b".hidden",
    b"20200101T000000.000000Z_000_not-an-id-at-all-but-long-enough-to-be-one_0.0.0.v1.json",
    b"20209901T000000.000000Z_000_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
    b"20200101T000000.000000Z_999_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
    b"20200101T000000.000000Z_00a_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:30])
def test_a_name_that_is_no_jobs_is_put_aside_after_a_minute(bench: Bench, name: bytes) -> None:
    """Until then it may be half copied."""
    good = bench.submit()
    path = os.path.join(os.fsencode(bench.spool.path / "queue" / "bash"), name)
    with open(path, "wb") as file:
        file.write(GOOD)
    bench.run()
    assert bench.state(good) == "success"
    assert os.path.exists(path)
    minute = time.time() - 61
    os.utime(path, (minute, minute))
    bench.run()
    assert not os.path.exists(path)
    assert len(list((bench.spool.path / "quarantine").iterdir())) == 2


def test_a_job_of_a_later_format_is_left_for_a_later_worker(bench: Bench) -> None:
    name = Name("20200101T000000.000000Z", 0, new_id(), "bash").queued.replace(".v1.", ".v2.")
    path = plant(bench, text(GOOD), name)
    os.utime(path, (1, 1))
    bench.run()
    assert path.exists()


def test_hostile_names_in_other_places_do_no_harm(bench: Bench) -> None:
    root = os.fsencode(bench.spool.path)
    for place in (b"queue/\xff", b"running/\xff", b"running/wk-x", b"workers/\xff"):
        os.mkdir(root + b"/" + place)
    for place in (b"queue/file", b"running/file", b"control/cancel/\xff", b"completed/file"):
        with open(root + b"/" + place, "w"):
            pass
    job_id = bench.submit()
    bench.run()
    assert bench.state(job_id) == "success"


# The disk.


class MoodyDisk(WatchedDisk):
    """Refuses calls of some kinds on some paths as long as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.error = errno.EIO
        self.bad: Callable[[Call], bool] = lambda _call: False
        self.refused = 0
        #: Called before each refusal; may mend the disk.
        self.on_refusal: Callable[[], None] = lambda: None

    def around(self, call: Call, go: Callable[[], Any]) -> Any:
        if self.bad(call):
            self.refused += 1
            self.on_refusal()
            refuse(self.error, call)
        return go()

    def refuse_times(self, times: int, bad: Callable[[Call], bool]) -> None:
        """Refuse so often, then work again."""
        self.refused, self.bad = 0, lambda call: self.refused < times and bad(call)


@pytest.fixture
def moody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> MoodyDisk:
    """The bench's spool on a disk with moods; troubles are waited out quickly."""
    monkeypatch.setattr("wmctl.worker.worker._TROUBLE", 0.01)
    disk = MoodyDisk()
    bench.spool = Spool.open(bench.spool.path, disk=disk)
    return disk


def is_clock(bench: Bench) -> Callable[[Call], bool]:
    return lambda call: call.name == "touch" and call.paths == (str(bench.spool.path / "tmp"),)


def test_a_clock_that_cannot_be_read_after_the_job_ran_loses_nothing(
    bench: Bench, moody: MoodyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record needs the time; the job must not stay claimed for ever, nor run again."""
    monkeypatch.setattr("wmctl.worker.clock._PROBE", -1.0)

    def run(ctx: RunContext) -> Completed:
        del ctx
        moody.refuse_times(3, is_clock(bench))
        return Completed("ran")

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused >= 3
    assert bench.result(job_id) == "ran"
    assert order(bench) == [job_id]


def test_a_reason_that_cannot_be_read_is_waited_for(bench: Bench, moody: MoodyDisk) -> None:
    def run(ctx: RunContext) -> Canceled:
        bench.spool.cancel(ctx.id, by="ann")
        moody.refuse_times(2, lambda call: call.name == "read" and "cancel" in "".join(call.paths))
        return Canceled()

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert bench.record(job_id)["result"]["error"]["canceler"] == "ann"


@pytest.mark.parametrize("outcome", [Suspended(), Retry(3600.0)], ids=["suspended", "queued"])
def test_a_claim_that_cannot_be_given_up_is_kept_until_it_can(
    bench: Bench, moody: MoodyDisk, outcome: Any
) -> None:
    def run(ctx: RunContext) -> Any:
        del ctx
        moody.error = errno.ENOSPC
        moody.refuse_times(
            3, lambda call: call.name == "rename" and "/running/" in call.paths[0]
        )
        return outcome

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused >= 3
    assert bench.state(job_id) == ("suspended" if isinstance(outcome, Suspended) else "queued")
    assert order(bench) == [job_id]


@pytest.mark.parametrize("kind", ["touch", "scan", "stat", "rename", "open"])
@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_disk_in_a_bad_mood_does_not_end_the_worker(
    bench: Bench, moody: MoodyDisk, kind: str, error: int
) -> None:
    jobs = [bench.submit() for _ in range(3)]
    moody.error = error
    me = threading.current_thread()
    moody.refuse_times(
        6,
        lambda call: call.name == kind
        and threading.current_thread() is me
        and not any(part in "".join(call.paths) for part in ("/workers/", "/locks/"))
        and bool(bench.witness.seen),
    )
    bench.run()
    assert [bench.state(job_id) for job_id in jobs] == ["success"] * 3
    audit(bench.spool.path).must_hold(jobs)


def test_a_machine_that_cannot_gives_the_job_back_unharmed(
    bench: Bench, moody: MoodyDisk
) -> None:
    """A full local disk is not the job's fault: neither lost nor tried."""
    troubles = [OSError(errno.ENOSPC, "full"), OSError(errno.EMFILE, "files")]

    def run(ctx: RunContext) -> Completed:
        if troubles:
            raise troubles.pop()
        return Completed(ctx.attempt)

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run()
    assert moody.refused == 0
    name = bench.entry(job_id).name
    assert (name.claims, name.lost, name.tries) == (3, 0, 0)
    assert bench.result(job_id) == 1


def test_a_claim_whose_reply_was_lost_is_given_back_by_the_heart(
    bench: Bench, moody: MoodyDisk
) -> None:
    """The rename happened, what came after it failed: nobody believes to hold the job."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05), disk=moody)
    job_id = bench.submit()
    moody.refuse_times(
        1, lambda call: call.name == "touch" and "/running/" in "".join(call.paths)
    )
    worker = bench.worker(burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        thread.join(PATIENCE)
    name = bench.entry(job_id).name
    assert (bench.state(job_id), name.claims, name.lost) == ("success", 2, 0)


# The lease.


def test_a_job_that_was_taken_from_us_is_stopped_and_not_published(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        pid = int(started())
        taken = Path(bench.entry(job_id).path)
        away = bench.spool.path / "held" / taken.name
        taken.rename(away)
        assert eventually(lambda: not alive(pid))
        worker.drain()
        thread.join(PATIENCE)
    assert bench.state(job_id) == "held"
    assert ("job_end", job_id) not in bench.witness.seen


def test_who_was_declared_dead_starts_anew(bench: Bench) -> None:
    """Its folder is gone: the job is killed, the exit status says: start me again."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker(burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    pid = int(started())
    bench.spool.rescue(worker.name)
    thread.join(PATIENCE)
    assert codes == [RESTART]
    assert not alive(pid)
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.lost) == ("queued", 1)
    assert worker.name not in bench.spool.joined()


def test_an_idle_worker_that_was_declared_dead_starts_anew_too(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    worker = bench.worker(burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    eventually(lambda: worker.name in bench.spool.joined())
    bench.spool.rescue(worker.name)
    thread.join(PATIENCE)
    assert codes == [RESTART]


def test_nothing_is_claimed_without_a_lease(bench: Bench, moody: MoodyDisk) -> None:
    """Beats fail, the queue works: the supervisor would kill every job that were started."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=0.9, beat=0.05), disk=moody)
    job_id = bench.submit()
    moody.bad = lambda call: "/workers/" in "".join(call.paths) and call.name == "open"
    guard = Guard(0.9)
    guard.renewed(0.0)
    assert guard.overdue()
    worker = bench.worker(guard=guard, burst=False, max_jobs=1)
    with bench.running(worker) as thread:
        eventually(lambda: moody.refused > 5)
        assert bench.state(job_id) == "queued"
        moody.bad = lambda _call: False
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"


def test_a_job_that_the_supervisor_stopped_is_given_back_as_lost(bench: Bench) -> None:
    """Its end is not its own, whatever it looks like; it runs again once a beat works."""
    guard = Guard(60.0)
    ends = []

    def run(ctx: RunContext) -> Completed:
        ends.append(ctx.attempt)
        if len(ends) == 1:
            guard.stop(lambda: 1)
        return Completed(ctx.attempt)

    bench.direct("runs", run)
    job_id = bench.submit(kind="runs")
    bench.run(guard=guard)
    assert ends == [1, 2]
    assert bench.result(job_id) == 2
    assert bench.entry(job_id).name.lost == 1


def test_without_the_mark_such_an_end_would_be_published(bench: Bench) -> None:
    """The control: the job's end by a signal is an ordinary failure."""
    job_id = bench.submit("kill -9 $$")
    bench.run()
    assert bench.record(job_id)["exit_code"] == 137
    assert bench.entry(job_id).name.lost == 0


def test_a_beat_that_was_under_way_renews_nothing_that_was_asked_for_later(
    bench: Bench, moody: MoodyDisk
) -> None:
    """The beat that hung while the supervisor acted comes back: it is too old to count."""
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.2), disk=moody)
    guard = Guard(3.0)
    worker = bench.worker(guard=guard, burst=False)
    hangs, go = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert go.wait(PATIENCE)

    heart = worker._heart
    bench.spool.join(worker.name, {})
    moody.bad = lambda call: call.name == "write" and "/workers/" in "".join(call.paths) and (
        hang() is not None if not go.is_set() else False
    )
    heart.start()
    assert hangs.wait(PATIENCE)
    answers: list[tuple[bool, float]] = []
    asked = time.clock_gettime(time.CLOCK_BOOTTIME)
    waiter = threading.Thread(
        target=lambda: answers.append((heart.await_beat(PATIENCE), guard.renewed_at))
    )
    waiter.start()
    go.set()
    waiter.join(PATIENCE)
    heart.stop()
    ((beaten, renewed),) = answers
    assert beaten
    assert renewed >= asked


def test_a_heart_that_breaks_ends_the_worker(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that dies in silence would leave a worker that holds jobs without a lease."""

    class Broken(Spool):
        def drain_wanted(self, worker: str) -> bool:
            raise ZeroDivisionError(worker)

    worker = bench.worker(spool=Broken.open(bench.spool.path), burst=False)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(worker.run()))
    thread.start()
    thread.join(PATIENCE)
    assert codes == [RESTART]
    assert "the heart broke" in caplog.text


def test_a_sweep_that_breaks_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    swept = threading.Semaphore(0)

    class Broken(Spool):
        def joined(self) -> set[str]:
            swept.release()
            raise ZeroDivisionError

    spool = Broken.open(Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.02)).path)
    worker = bench.worker(spool=spool, burst=False)
    with bench.running(worker):
        for _ in range(3):
            assert swept.acquire(timeout=PATIENCE)
    assert "looking after the spool broke" in caplog.text


# The end.


def test_a_drain_finishes_the_job_and_claims_no_more(bench: Bench) -> None:
    code, started = gate(bench)
    go_on, let = gate(bench)
    first, second = bench.submit(code + go_on), bench.submit()
    worker = bench.worker()
    with bench.running(worker) as thread:
        started()
        worker.drain()
        let()
        thread.join(PATIENCE)
    assert bench.state(first) == "success"
    assert bench.state(second) == "queued"


def test_a_drain_marker_does_the_same(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        eventually(lambda: worker.name in bench.spool.joined())
        (bench.spool.path / "control" / "drain" / worker.name).write_text("")
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert bench.spool.joined() == set()


def test_a_draining_worker_still_obeys_a_cancel_and_still_beats(bench: Bench) -> None:
    bench.spool = Spool.create(bench.folder / "quick", Settings(lease=3.0, beat=0.05))
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker()
    with bench.running(worker) as thread:
        started()
        worker.drain()

        def beat() -> Any:
            return next(iter(bench.spool.workers())).content

        eventually(lambda: beat().get("state") == "draining")
        sequence = beat()["sequence"]
        eventually(lambda: beat()["sequence"] > sequence)
        bench.spool.cancel(job_id)
        thread.join(PATIENCE)
    assert bench.state(job_id) == "canceled"


@pytest.mark.parametrize("how", ["halt", "second drain"])
def test_a_halt_stops_the_job_and_gives_it_back_uncounted(bench: Bench, how: str) -> None:
    code, started = gate(bench)
    job_id = bench.submit(code + "sleep 600")
    worker = bench.worker()
    with bench.running(worker) as thread:
        pid = int(started())
        worker.drain() if how == "second drain" else None
        worker.drain() if how == "second drain" else worker.halt()
        thread.join(PATIENCE)
    assert not alive(pid)
    entry = bench.entry(job_id)
    assert (entry.state, entry.name.lost, entry.name.tries) == ("queued", 0, 0)
    assert bench.spool.joined() == set()


def test_who_goes_with_a_claim_in_hand_leaves_a_proof_of_it(
    bench: Bench, moody: MoodyDisk
) -> None:
    """A disk that refuses to the end: the next worker on this host rescues at once."""
    job_id = bench.submit()
    moody.error = errno.ENOSPC
    blocked = threading.Event()

    def bad(call: Call) -> bool:
        if call.name == "create" and threading.current_thread().name == "committer":
            blocked.set()
            return True
        return False

    moody.bad = bad
    worker = bench.worker(burst=False)
    with bench.running(worker) as thread:
        assert blocked.wait(PATIENCE)
        worker.drain()
        thread.join(0.05)
        assert thread.is_alive()  # it insists
        worker.drain()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert bench.state(job_id) == "running"
    (beat,) = bench.spool.workers()
    assert identity.proven_dead(bench.work, worker.name, beat.content)
    moody.bad = lambda _call: False
    with bench.running(bench.worker(burst=False, max_jobs=1)) as thread:
        thread.join(PATIENCE)
    assert bench.state(job_id) == "success"
    assert bench.entry(job_id).name.lost == 1


def test_a_join_that_fails_leaves_nothing(bench: Bench, moody: MoodyDisk) -> None:
    moody.bad = lambda call: call.name == "mkdir"
    with pytest.raises(Exception, match="cannot join"):
        bench.worker().run()
    assert list((bench.work / "locks").iterdir()) == []


def test_kept_job_folders_outlive_the_worker(bench: Bench) -> None:
    job_id = bench.submit("echo kept > file")
    worker = bench.run(keep_job_dir=True)
    assert (bench.work / worker.name / job_id / "file").read_text() == "kept\n"


def test_signals_may_come_at_any_moment(bench: Bench) -> None:
    """Drain from a handler in the worker's own thread, many times, wherever it is."""
    jobs = [bench.submit() for _ in range(300)]
    worker = bench.worker(burst=False)
    old = signal.signal(signal.SIGUSR1, lambda *_: worker.drain())
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert worker.run() == 0
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    found = audit(bench.spool.path)
    found.must_hold(jobs)
    assert {found.state(job_id) for job_id in jobs} <= {"success", "queued"}
    assert bench.spool.joined() == set()


def test_two_workers_share_the_work(bench: Bench) -> None:
    jobs = list(bench.spool.submit_all((script() for _ in range(60)), tag="bash"))
    one, other = bench.worker(), bench.worker()
    with bench.running(one) as first, bench.running(other) as second:
        first.join(PATIENCE)
        second.join(PATIENCE)
    audit(bench.spool.path).must_hold(jobs)
    assert sorted(order(bench)) == sorted(jobs)


def test_due_times_are_the_file_servers(bench: Bench) -> None:
    """A due time a minute ahead of the spool's clock is the future, whatever this host thinks."""
    ahead = due_after(60.0, bench.spool.now())
    job_id = bench.submit(due=datetime.strptime(ahead, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC))
    bench.run()
    assert bench.state(job_id) == "queued"


def test_the_log_of_a_fenced_job_is_a_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.direct("rescued", lambda ctx: (bench.spool.rescue(ctx.worker), Completed(1))[1])
    job_id = bench.submit(kind="rescued")
    with caplog.at_level(logging.WARNING, "wmctl.worker"):
        bench.worker(max_jobs=1).run()
    assert "taken from us" in caplog.text
    assert bench.state(job_id) == "queued"
    assert ("job_end", job_id) not in bench.witness.seen
