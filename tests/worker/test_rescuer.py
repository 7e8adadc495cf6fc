"""Who is dead: by the beat's content and our own clock, or by proof on this host."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.bench import PATIENCE, Bench, Clock, eventually, none_alive
from wmctl.errors import SpoolBusy
from wmctl.spool import Entry, Spool
from wmctl.testing.spool_contract import audit
from wmctl.worker import identity
from wmctl.worker.rescuer import Judge, Rescuer

LEASE, BEAT = 60.0, 5.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Watch:
    """A judge that looks at one worker, every beat unless told otherwise."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.judge = Judge(LEASE, BEAT, clock)
        self.content: bytes | None = b"1"
        self.slow = 0.0

    def read(self) -> bytes | None:
        self.clock.now += self.slow
        return self.content

    def look(self, after: float = BEAT) -> bool:
        self.clock.now += after
        return self.judge.look("w", self.read)

    def until_dead(self) -> float:
        """Seconds from now until the verdict."""
        started = self.clock.now
        while not self.look():
            assert self.clock.now < started + 10 * LEASE
        return self.clock.now - started


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(clock)


def test_unchanged_for_a_lease_is_dead(watch: Watch) -> None:
    watch.look(0.0)
    assert LEASE <= watch.until_dead() <= LEASE + BEAT


def test_the_first_look_proves_nothing(watch: Watch) -> None:
    """However old the beat may be: it is our clock that counts."""
    assert not watch.look(10 * LEASE)


def test_one_change_starts_it_again(watch: Watch) -> None:
    watch.look(0.0)
    for _ in range(11):
        assert not watch.look()
    watch.content = b"2"
    assert not watch.look()
    assert watch.until_dead() >= LEASE


def test_a_beat_that_is_missing_counts_as_unchanged(watch: Watch) -> None:
    """A worker that died while it joined has a folder and no beat."""
    watch.content = None
    watch.look(0.0)
    assert watch.until_dead() <= LEASE + BEAT


def test_a_beat_that_goes_missing_is_a_change(watch: Watch) -> None:
    watch.look(0.0)
    for _ in range(11):
        watch.look()
    watch.content = None
    assert not watch.look()
    assert watch.until_dead() >= LEASE


def test_a_look_of_ours_that_came_late_starts_it_again(watch: Watch) -> None:
    """We slept (a suspended laptop, SIGSTOP): the others may have had no chance to beat either."""
    watch.look(0.0)
    assert not watch.look(LEASE + 1)
    assert not watch.look()
    assert watch.until_dead() >= LEASE - BEAT


def test_a_read_that_took_long_starts_it_again(watch: Watch) -> None:
    """What a dead file server gave us from its cache proves nothing."""
    watch.look(0.0)
    for _ in range(11):
        assert not watch.look()
    watch.slow = BEAT + 0.1
    assert not watch.look()
    watch.slow = 0.0
    assert watch.until_dead() >= LEASE - BEAT


def test_a_stall_that_repeats_never_condemns(watch: Watch) -> None:
    watch.slow = BEAT + 0.1
    assert not any(watch.look() for _ in range(100))


def test_a_few_looks_far_apart_are_too_few(clock: Clock) -> None:
    judge = Judge(3.0, 1.0, clock)
    assert not judge.look("w", lambda: b"1")
    clock.now += 3.0
    assert not judge.look("w", lambda: b"1")
    clock.now += 3.0
    assert judge.look("w", lambda: b"1")


def test_who_left_and_came_again_is_watched_anew(watch: Watch) -> None:
    watch.look(0.0)
    for _ in range(11):
        watch.look()
    watch.judge.forget({"another"})
    assert not watch.look()


def test_looking_at_one_says_nothing_of_another(watch: Watch, clock: Clock) -> None:
    watch.look(0.0)
    for _ in range(11):
        assert not watch.look()
        assert not watch.judge.look("v", lambda: str(clock.now).encode())
    assert watch.look()
    assert not watch.judge.look("v", lambda: str(clock.now).encode())


# Proof.


def beat_of(bench: Bench, worker: str, **changes: object) -> dict[str, object]:
    content: dict[str, object] = {
        "boot_id": identity.boot_id(),
        "pid_namespace": identity.pid_namespace(),
        "lock": str(bench.work / "locks" / worker),
    }
    return {**content, **changes}


def dead_lock(bench: Bench, worker: str) -> None:
    """What a killed worker leaves: its lock file, which nobody holds any more."""
    path = identity.private_folder(bench.work / "locks") / worker
    path.touch(0o600)


def test_a_free_lock_of_this_host_is_a_proof(bench: Bench) -> None:
    dead_lock(bench, "wk-a")
    assert identity.proven_dead(bench.work, "wk-a", beat_of(bench, "wk-a"))


def test_a_held_lock_is_none_and_is_not_taken_away(bench: Bench) -> None:
    lock = identity.LifeLock(bench.work, "wk-a")
    for _ in range(2):
        assert not identity.proven_dead(bench.work, "wk-a", beat_of(bench, "wk-a"))
    lock.release()
    assert not identity.proven_dead(bench.work, "wk-a", beat_of(bench, "wk-a"))  # it left in order


@pytest.mark.parametrize(
    "changes",
    [
        {"boot_id": "another"}, {"boot_id": ""}, {"boot_id": None}, {"pid_namespace": "pid:[1]"},
        {"pid_namespace": None}, {"lock": None}, {"lock": ""}, {"lock": 7}, {"lock": "wk-a"},
        {"lock": "/tmp/wk-a"}, {"lock": "../locks/wk-a"}, {"lock": "a\0b"},
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_no_proof(bench: Bench, changes: dict[str, object]) -> None:
    dead_lock(bench, "wk-a")
    assert not identity.proven_dead(bench.work, "wk-a", beat_of(bench, "wk-a", **changes))


def test_the_lock_must_be_the_workers_own(bench: Bench) -> None:
    """A beat that names another's free lock proves nothing about its own worker."""
    dead_lock(bench, "wk-a")
    others = beat_of(bench, "wk-a")
    assert not identity.proven_dead(bench.work, "wk-b", others)
    assert not identity.proven_dead(
        bench.work, "a\0b", beat_of(bench, "wk-a", lock=f"{bench.work}/locks/a\0b")
    )


def test_a_link_is_not_followed(bench: Bench) -> None:
    dead_lock(bench, "wk-a")
    (bench.work / "locks" / "wk-b").symlink_to("wk-a")
    assert not identity.proven_dead(bench.work, "wk-b", beat_of(bench, "wk-b"))


# Sweeping.


def rescuer(bench: Bench, clock: Callable[[], float]) -> Rescuer:
    return Rescuer(bench.spool, "wk-own", bench.work, Judge(LEASE, BEAT, clock))


def test_a_dead_workers_jobs_are_queued_again(bench: Bench, clock: Clock) -> None:
    taken = bench.claimed("wk-silent")
    os.close(bench.spool.open_log(taken))  # it had started
    fresh = bench.claimed("wk-silent")
    sweeper = rescuer(bench, clock)
    swept = [sweeper.sweep()]
    for _ in range(11):
        clock.now += BEAT
        swept.append(sweeper.sweep())
    assert swept == [0] * 12
    clock.now += BEAT
    assert sweeper.sweep() == 2
    assert "wk-silent" not in bench.spool.joined()
    assert bench.entry(taken.id).name.lost == 1
    assert bench.entry(fresh.id).name.lost == 0
    audit(bench.spool.path).must_hold([taken.id, fresh.id])


def test_a_folder_that_cannot_be_removed_is_told_of_once(
    bench: Bench, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Something in it is no job: its jobs are rescued, the rest stays for a person to see."""
    taken = bench.claimed("wk-silent")
    (bench.spool.path / "running" / "wk-silent" / "notes.txt").write_text("")
    sweeper = rescuer(bench, clock)
    for _ in range(40):
        sweeper.sweep()
        clock.now += BEAT
    assert bench.state(taken.id) == "queued"
    assert caplog.text.count("gave no sign of life") == 1


def test_one_that_cannot_be_rescued_does_not_stand_in_the_way_of_others(
    bench: Bench, clock: Clock
) -> None:
    class Refusing(Spool):
        def rescue_claim(self, entry: Entry) -> str | None:
            if entry.worker == "wk-a":
                raise SpoolBusy("no")
            return super().rescue_claim(entry)

    stuck, taken = bench.claimed("wk-a"), bench.claimed("wk-b")
    sweeper = Rescuer(
        Refusing.open(bench.spool.path), "wk-own", bench.work, Judge(LEASE, BEAT, clock)
    )
    for _ in range(14):
        sweeper.sweep()
        clock.now += BEAT
    assert bench.state(taken.id) == "queued"
    assert bench.state(stuck.id) == "running"


def test_who_beats_again_after_the_verdict_keeps_its_claims(bench: Bench, clock: Clock) -> None:
    """The rescuer stalled between its verdict and its renames; it looks again before each."""
    taken = bench.claimed("wk-late")

    class Stalled(Spool):
        def claims_of(self, worker: str) -> Iterator[Entry]:
            bench.spool.beat("wk-late", {"alive": "again"})
            return super().claims_of(worker)

    sweeper = Rescuer(
        Stalled.open(bench.spool.path), "wk-own", bench.work, Judge(LEASE, BEAT, clock)
    )
    for _ in range(14):
        sweeper.sweep()
        clock.now += BEAT
    assert bench.state(taken.id) == "running"


def test_a_beat_that_is_not_trusted_is_not_silence(bench: Bench, clock: Clock) -> None:
    """Somebody made a hard link of it; the worker beats on, and nobody can read how."""
    taken = bench.claimed("wk-linked")
    beat = bench.spool.path / "workers" / "wk-linked"
    os.link(beat, bench.spool.path / "trash" / "copy")
    sweeper = rescuer(bench, clock)
    for _ in range(40):
        sweeper.sweep()
        clock.now += BEAT
    assert bench.state(taken.id) == "running"


def test_who_beats_and_who_we_are_is_left_alone(bench: Bench, clock: Clock) -> None:
    for worker in ("wk-own", "wk-lively"):
        bench.claimed(worker)
    sweeper = rescuer(bench, clock)
    for number in range(30):
        clock.now += BEAT
        bench.spool.beat("wk-lively", {"n": number})
        assert sweeper.sweep() == 0
    assert bench.spool.joined() == {"wk-own", "wk-lively"}


def test_a_proven_death_needs_no_waiting(bench: Bench, clock: Clock) -> None:
    taken = bench.claimed("wk-a")
    dead_lock(bench, "wk-a")
    folder = bench.work / "wk-a" / taken.id
    folder.mkdir(parents=True)
    bench.spool.beat("wk-a", beat_of(bench, "wk-a"))
    assert rescuer(bench, clock).sweep() == 1
    assert bench.state(taken.id) == "queued"
    assert not folder.exists()
    assert not (bench.work / "locks" / "wk-a").exists()


def test_another_hosts_worker_is_never_proven_dead(bench: Bench, clock: Clock) -> None:
    """Even if a file of the same path, in the same folder, is free here."""
    bench.claimed("wk-a")
    dead_lock(bench, "wk-a")
    bench.spool.beat("wk-a", beat_of(bench, "wk-a", boot_id="of another machine"))
    assert rescuer(bench, clock).sweep() == 0


def test_what_a_proven_dead_left_running_is_killed_first(bench: Bench, clock: Clock) -> None:
    bench.claimed("wk-a")
    dead_lock(bench, "wk-a")
    bench.spool.beat("wk-a", beat_of(bench, "wk-a"))
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, "WM_WORKER": "wk-a"},
        start_new_session=True,
    )
    # As an orphan of a killed worker: not below us, who look.
    pid = os.fork()
    if pid == 0:
        os._exit(0 if rescuer(bench, clock).sweep() == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert eventually(lambda: none_alive([left.pid]), PATIENCE)
    left.wait()


def test_a_folder_that_is_named_as_ours_harms_nothing(bench: Bench, clock: Clock) -> None:
    """`locks` is no worker, whatever the spool says: the locks of the living stay."""
    lock = identity.LifeLock(bench.work, "wk-own")
    Path(bench.spool.path / "running" / "locks").mkdir()
    sweeper = rescuer(bench, clock)
    for _ in range(15):
        sweeper.sweep()
        clock.now += BEAT
    assert lock.path.exists()


def test_a_beat_full_of_nonsense_stops_no_sweep(bench: Bench, clock: Clock) -> None:
    taken = bench.claimed("wk-b")
    dead_lock(bench, "wk-b")
    bench.spool.beat("wk-b", beat_of(bench, "wk-b"))
    for number, text in enumerate((b"{", b"\xff", b"[1]", b'{"lock":{"a":1}}', b"null", b"")):
        path = bench.spool.path / "workers" / f"wk-a{number}"
        path.write_bytes(text)
        path.chmod(0o600)
    (bench.spool.path / "workers" / "wk-a9").mkdir()
    bench.spool.join("wk-a8", {})
    bench.spool.beat("wk-a8", beat_of(bench, "wk-a8", lock=f"{bench.work}/locks/a\0b"))
    assert rescuer(bench, clock).sweep() == 1
    assert bench.state(taken.id) == "queued"
