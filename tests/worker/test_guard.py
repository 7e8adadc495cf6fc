"""What supervisor and worker share about the lease."""

import os
import signal
import threading

import psutil
import pytest

from tests.worker.bench import Clock, eventually
from wmctl.worker.guard import Guard
from wmctl.worker.supervisor import _stop_jobs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    return Guard(60.0, clock)


def test_the_lease_is_relied_upon_for_two_thirds_of_it(guard: Guard, clock: Clock) -> None:
    clock.now += 39.9
    assert not guard.overdue()
    clock.now += 0.1
    assert guard.overdue()


def test_a_beat_counts_from_its_start(guard: Guard, clock: Clock) -> None:
    """A beat that took long renews from when it was begun, not from when it came back."""
    started = clock.now
    clock.now += 35.0
    guard.renewed(started)
    clock.now += 5.0
    assert guard.overdue()


def test_a_beat_puts_the_deadline_off(guard: Guard, clock: Clock) -> None:
    clock.now += 30.0
    guard.renewed(clock.now)
    assert guard.deadline == clock.now + 40.0
    clock.now += 39.0
    assert not guard.overdue()


def test_a_job_that_began_before_the_kill_was_stopped_by_it(guard: Guard, clock: Clock) -> None:
    early = clock.now
    assert not guard.stopped_since(early)
    clock.now += 50.0
    guard.stop(lambda: 1)
    assert guard.stopped_since(early)
    clock.now += 1.0
    assert not guard.stopped_since(clock.now)


def test_a_job_that_begins_during_the_kill_was_stopped_by_it(guard: Guard, clock: Clock) -> None:
    """It may have been hit, and nobody can tell."""
    began = []

    def kill() -> int:
        clock.now += 0.1
        began.append(clock.now)
        assert guard.stopped_since(clock.now)
        clock.now += 0.1
        return 1

    guard.stop(kill)
    assert guard.stopped_since(began[0])
    clock.now += 0.1
    assert not guard.stopped_since(clock.now)


def test_a_kill_that_hit_nothing_stopped_no_job(guard: Guard, clock: Clock) -> None:
    """An idle worker that comes back and takes a job at once has run it in order."""
    early = clock.now
    clock.now += 50.0
    guard.stop(lambda: 0)
    assert not guard.stopped_since(early)
    guard.stop(lambda: 1)
    late = clock.now
    clock.now += 1.0
    guard.stop(lambda: 0)
    assert guard.stopped_since(early)
    assert guard.stopped_since(late)
    assert not guard.stopped_since(clock.now)


def test_a_kill_that_broke_may_have_hit(guard: Guard, clock: Clock) -> None:
    with pytest.raises(ZeroDivisionError):
        guard.stop(lambda: 1 // 0)
    assert guard.stopped_since(clock.now)


def test_a_beat_in_the_midst_of_the_kill_does_not_hide_it(guard: Guard) -> None:
    """The two processes write at the same time, each its own number."""

    class DuringWhichWeStop:
        def __float__(self) -> float:
            guard.stop(lambda: 1)
            return 2000.0

    guard.renewed(DuringWhichWeStop())  # type: ignore[arg-type]
    assert guard.stopped_since(1000.0)
    assert guard.deadline == 2040.0


def test_a_kill_in_the_midst_of_a_beat_does_not_undo_it(guard: Guard, clock: Clock) -> None:
    early = clock.now
    guard.stop(lambda: (guard.renewed(2000.0), 1)[1])
    assert guard.deadline == 2040.0
    assert guard.stopped_since(early)


def test_what_a_child_process_writes_its_parent_sees() -> None:
    guard = Guard(60.0)
    pid = os.fork()
    if pid == 0:
        guard.renewed(5e9)
        os._exit(0)
    os.waitpid(pid, 0)
    assert guard.deadline == 5e9 + 40.0
    pid = os.fork()
    if pid == 0:
        guard.stop(lambda: os._exit(0))
    os.waitpid(pid, 0)
    assert guard.stopped_since(6e9)


def test_while_jobs_are_being_stopped_nothing_is_to_be_begun(guard: Guard) -> None:
    seen = []
    guard.stop(lambda: (seen.append(guard.stopping), 0)[1])
    assert (seen, guard.stopping) == ([True], False)


def test_a_worker_that_beat_in_the_meantime_keeps_its_job(guard: Guard, clock: Clock) -> None:
    """It saw no stop under way when it claimed one."""
    child = os.fork()
    if child == 0:
        job = os.fork()
        if job == 0:
            signal.pause()
        os.waitpid(job, 0)
        os._exit(0)
    try:
        eventually(lambda: psutil.Process(child).children())
        assert _stop_jobs(child, guard) == 0
        clock.now += 60.0
        assert _stop_jobs(child, guard) == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_job_that_ends_while_a_late_stop_looks_around_was_not_stopped(
    guard: Guard, clock: Clock
) -> None:
    began, over = threading.Event(), threading.Event()
    stop = threading.Thread(target=guard.stop, args=(lambda: (began.set(), over.wait(5.0), 0)[2],))
    stop.start()
    assert began.wait(5.0)
    later = threading.Timer(0.05, over.set)
    later.start()
    assert not guard.stopped_since(clock.now)
    assert over.is_set()
    stop.join()
    later.join()
