"""Waiting for work: events where there are any, polling everywhere."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.worker.bench import PATIENCE, Bench, eventually
from wmctl.spool import Spool
from wmctl.spool.fskind import FileSystem
from wmctl.worker.wakeup import BUSY_POLL, IDLE_POLL, Wakeup

TAGS = ("bash", "f/new:tag", "new")


@dataclass
class Hints:
    """What the head of the queue would be told."""

    noted: list[tuple[str, str]] = field(default_factory=list)
    changes: int = 0

    def note(self, tag: str, path: str) -> None:
        self.noted.append((tag, path))

    def changed(self) -> None:
        self.changes += 1


class RemoteSpool(Spool):
    """As if it lay on a file server."""

    def file_system(self) -> FileSystem:
        return FileSystem("nfs", network=True)


@contextmanager
def awake(spool: Spool, rng: Callable[[], float] = lambda: 0.5) -> Iterator[Wakeup]:
    wakeup = Wakeup(spool, TAGS, rng)
    try:
        yield wakeup
    finally:
        wakeup.close()


def until(wakeup: Wakeup, hints: Hints, done: Callable[[], bool]) -> None:
    """Wait as a worker does; each wait must be ended by an event, not by its poll."""

    def fed() -> bool:
        wakeup.wait(IDLE_POLL)
        wakeup.feed(hints)
        return done()

    started = time.monotonic()
    eventually(fed)
    assert time.monotonic() - started < IDLE_POLL / 2


def test_a_new_job_is_an_event(bench: Bench) -> None:
    hints = Hints()
    bench.spool.store.ensure(bench.spool.store.queue("bash"))
    with awake(bench.spool) as wakeup:
        assert wakeup.watching
        entry = bench.entry(bench.submit())
        until(wakeup, hints, lambda: bool(hints.noted))
        assert hints.noted == [("bash", entry.path)]


def test_a_job_of_a_new_tag_is_an_event(bench: Bench) -> None:
    """Its folder may come with the job already in it, before anybody watches it."""
    hints = Hints()
    with awake(bench.spool) as wakeup:
        bench.submit(tag="f/new:tag")
        until(wakeup, hints, lambda: hints.changes > 0)


def test_a_job_that_comes_back_is_an_event(bench: Bench) -> None:
    taken = bench.claimed()
    hints = Hints()
    with awake(bench.spool) as wakeup:
        bench.spool.release(taken)
        until(wakeup, hints, lambda: bool(hints.noted))
        assert hints.noted == [("bash", bench.entry(taken.id).path)]


def test_many_claims_do_not_hold_up_what_comes_behind_them(bench: Bench) -> None:
    hints = Hints()
    jobs = [bench.entry(bench.submit()) for _ in range(20)]
    bench.spool.join("w", {})
    with awake(bench.spool) as wakeup:
        for entry in jobs:
            bench.spool.claim("w", entry.name, entry.path, lambda _name, _job: None)
        late = bench.entry(bench.submit())
        started = time.monotonic()
        until(wakeup, hints, lambda: ("bash", late.path) in hints.noted)
        assert time.monotonic() - started < 0.4


def test_a_cancel_marker_is_told_at_once(bench: Bench) -> None:
    taken = bench.claimed()
    told: list[str] = []
    came = threading.Event()
    with awake(bench.spool) as wakeup:
        wakeup.on_marker = lambda job_id: (told.append(job_id), came.set())[1]
        assert bench.spool.cancel(taken.id) == "running"
        assert came.wait(PATIENCE)
    assert told == [taken.id]


def test_a_notice_ends_the_wait_that_is_or_the_next_one(bench: Bench) -> None:
    with awake(bench.spool) as wakeup:
        wakeup.notify()
        wakeup.notify()
        started = time.monotonic()
        wakeup.wait(PATIENCE)
        timer = threading.Timer(0.01, wakeup.notify)
        timer.start()
        wakeup.wait(PATIENCE)
        timer.join()
        assert time.monotonic() - started < IDLE_POLL / 2


def test_a_signal_handler_may_notify(bench: Bench) -> None:
    """While the same thread waits; no lock is taken."""
    with awake(bench.spool) as wakeup:
        old = signal.signal(signal.SIGUSR1, lambda *_: wakeup.notify())
        try:
            timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
            timer.start()
            started = time.monotonic()
            wakeup.wait(PATIENCE)
            timer.join()
        finally:
            signal.signal(signal.SIGUSR1, old)
        assert time.monotonic() - started < IDLE_POLL / 2


def test_a_short_wait_is_short(bench: Bench) -> None:
    with awake(bench.spool) as wakeup:
        started = time.monotonic()
        for longest in (0.0, -1.0, 0.001):
            wakeup.wait(longest)
        assert time.monotonic() - started < 0.5


def test_on_a_file_server_it_polls_and_slows_down(bench: Bench) -> None:
    with awake(RemoteSpool.open(bench.spool.path)) as wakeup:
        assert not wakeup.watching
        seen = []
        for _ in range(8):
            seen.append(wakeup.interval())
            wakeup.wait(0.0)
        assert seen[:4] == [BUSY_POLL, 2 * BUSY_POLL, 4 * BUSY_POLL, 8 * BUSY_POLL]
        assert seen[-1] == IDLE_POLL
        wakeup.busy()
        assert wakeup.interval() == BUSY_POLL


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.75), (1.0, 1.25)])
def test_polls_of_many_workers_spread_out(bench: Bench, chance: float, factor: float) -> None:
    with awake(RemoteSpool.open(bench.spool.path), lambda: chance) as wakeup:
        assert wakeup.interval() == BUSY_POLL * factor


def test_where_nothing_can_be_watched_it_polls(bench: Bench) -> None:
    """No more inotify watches, say; here: nothing to watch."""
    (bench.spool.path / "queue").rmdir()
    with awake(bench.spool) as wakeup:
        assert not wakeup.watching
        assert wakeup.interval() < IDLE_POLL


def test_hostile_names_do_not_end_the_watch(bench: Bench) -> None:
    hints = Hints()
    queue = os.fsencode(bench.spool.path / "queue")
    with awake(bench.spool) as wakeup:
        for folder in (b"\xff\xfe", b"%zz", b"a%2Fb", b"%00", b"..a", b"x" * 200):
            os.mkdir(queue + b"/" + folder)
            until(wakeup, hints, lambda: True)
            with open(queue + b"/" + folder + b"/\xff\n.json", "w"):
                pass
        with open(queue + b"/\xff", "w"):
            pass
        bench.submit()
        until(wakeup, hints, lambda: hints.changes > 0)
        entry = bench.entry(bench.submit())
        until(wakeup, hints, lambda: ("bash", entry.path) in hints.noted)


def test_closing_twice_is_harmless(bench: Bench) -> None:
    wakeup = Wakeup(bench.spool, TAGS)
    wakeup.close()
    wakeup.close()


def test_arrivals_of_other_tags_are_not_remembered(bench: Bench) -> None:
    with awake(bench.spool) as wakeup:
        hints = Hints()
        bench.submit(tag="other")
        bench.submit(tag="bash")
        until(wakeup, hints, lambda: any(tag == "bash" for tag, _ in hints.noted))
    assert all(tag == "bash" for tag, _ in hints.noted)


def test_what_comes_while_a_job_runs_is_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many to remember: then the folder is listed."""
    monkeypatch.setattr("wmctl.worker.wakeup._MOST", 3)
    with awake(bench.spool) as wakeup:
        hints = Hints()
        first = bench.submit(tag="bash")
        until(wakeup, hints, lambda: any(first in path for _, path in hints.noted))
        before = Hints(list(hints.noted), hints.changes)
        for _ in range(10):
            bench.submit(tag="bash")
        until(wakeup, hints, lambda: hints.changes > before.changes)
    assert len(hints.noted) - len(before.noted) < 10
