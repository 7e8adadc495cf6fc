"""The spool against a dict: any sequence of verbs, time going on, processes dying anywhere."""

import contextlib
import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.spool.conftest import MEMORY
from tests.spool.scenes import job, write_log
from wmctl.errors import WmctlError, WorkerGone
from wmctl.spool import WAITING, Claim, Name, Spool, cancel, claims, workers
from wmctl.spool import submit as submitting
from wmctl.spool.name import LOST_LIMIT
from wmctl.testing.faults import Crash, CrashingDisk, FakeClock, FakeClockDisk
from wmctl.testing.spool_contract import Audit, anything, audit

TERMINAL = ("success", "failure", "canceled", "skipped")
WORKERS = ("w1", "w2", "w3")


@dataclass
class Known:
    """What the model knows of one job."""

    state: str
    claims: int = 0
    lost: int = 0
    tries: int = 0
    started: bool = False
    marked: bool = False
    worker: str | None = None


@dataclass
class Held:
    """A claim that a worker believes to have."""

    claim: Claim
    stale: bool = False


class SpoolMachine(RuleBasedStateMachine):
    """Each rule does a verb and says what the dict must look like afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.clock = FakeClock()
        self.model: dict[str, Known] = {}
        self.held: list[Held] = []
        self.workers: dict[str, str] = {}
        self.holders: dict[str, list[str]] = {}
        self.serial = itertools.count()
        self.published: dict[str, tuple[str, int]] = {}
        self.highest: dict[str, int] = {}
        self.random_id, submitting.new_id = submitting.new_id, self._id

    def _id(self) -> str:
        """An id that is the same whenever hypothesis repeats an example."""
        digits = hashlib.sha256(str(next(self.serial)).encode()).hexdigest()
        stamp = f"{self.clock.now // 1_000_000:012x}"
        return f"{stamp[:8]}-{stamp[8:]}-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"

    @initialize()
    def begin(self) -> None:
        self.spool = Spool.create(self.folder / "spool", disk=FakeClockDisk(self.clock))
        for worker in WORKERS:
            self._join(worker)

    def teardown(self) -> None:
        submitting.new_id = self.random_id
        shutil.rmtree(self.folder)

    def _join(self, worker: str) -> None:
        self.workers[worker] = f"{worker}-{next(self.serial)}"
        self.spool.join(self.workers[worker], {})

    # Submitting.

    @rule(
        count=st.sampled_from([1, 1, 1, 9]),
        priority=st.integers(0, 100),
        delay=st.sampled_from([0.0, 30.0]),
    )
    def submit(self, count: int, priority: int, delay: float) -> None:
        ids = list(
            self.spool.submit_all(
                (job() for _ in range(count)), tag="t/1", priority=priority, delay=delay
            )
        )
        for job_id in ids:
            self.model[job_id] = Known("queued")

    @rule(key=st.sampled_from(["a", "b"]), mode=st.sampled_from(["return", "replace"]))
    def submit_keyed(self, key: str, mode: str) -> None:
        holder = self._holder(self.holders.get(key, []))
        job_id = self.spool.submit(job(key=key), tag="t/1", if_exists=mode)
        if mode == "return" and holder is not None:
            assert job_id == holder
            return
        assert job_id not in self.model
        self.holders.setdefault(key, []).append(job_id)
        self.model[job_id] = Known("queued")
        if mode == "replace" and holder is not None:
            self._canceled(holder)

    def _holder(self, generations: list[str]) -> str | None:
        """The newest unfinished one; an older one that was replaced runs on and holds nothing."""
        for job_id in reversed(generations):
            known = self.model.get(job_id, Known("pruned"))
            if known.state in WAITING and (job_id == generations[-1] or not known.marked):
                return job_id
        return None

    # A worker's verbs.

    def _any(self, *states: str) -> list[str]:
        return [job_id for job_id, known in self.model.items() if known.state in states]

    @precondition(lambda self: self._any("queued"))
    @rule(data=st.data(), count=st.sampled_from([2, 4, 6]), worker=st.sampled_from(WORKERS))
    def claim(self, data: st.DataObject, count: int, worker: str) -> None:
        for _ in range(count):
            if waiting := self._any("queued"):
                self._claim(data.draw(st.sampled_from(waiting)), worker, data.draw(st.booleans()))

    def _claim(self, job_id: str, worker: str, start: bool) -> None:
        known = self.model[job_id]
        entry = self.spool.find(job_id)
        taken = self.spool.claim(self.workers[worker], entry.name, entry.path, anything)
        known.claims += 1
        if known.marked:
            assert taken is None
            known.state = "canceled"
            return
        assert taken is not None
        known.state, known.worker, known.started = "running", worker, start
        self.held.append(Held(taken))
        if start:
            write_log(self.spool, taken)

    @precondition(lambda self: self.held)
    @rule(
        data=st.data(),
        count=st.sampled_from([1, 2, 5]),
        outcome=st.sampled_from(["success", "failure", "skipped", "canceled"]),
    )
    def finish(self, data: st.DataObject, count: int, outcome: str) -> None:
        batch = [self._take(data) for _ in range(min(count, len(self.held)))]
        staged = [
            self.spool.stage(held.claim, outcome, {"result": next(self.serial)}) for held in batch
        ]
        for held, won in zip(batch, self.spool.commit(staged), strict=True):
            assert won is not held.stale
            if won:
                self._known(held).state = outcome

    @precondition(lambda self: self.held)
    @rule(data=st.data(), verb=st.sampled_from(["release", "lost", "retry", "suspend"]))
    def give_back(self, data: st.DataObject, verb: str) -> None:
        held = self._take(data)
        known = self._known(held)
        if verb == "suspend":
            assert self.spool.suspend(held.claim) is not held.stale
        elif verb == "retry":
            self.spool.retry(held.claim, delay=5.0)
        else:
            self.spool.release(held.claim, lost=verb == "lost")
        if held.stale:
            if known.marked and known.state in {"queued", "suspended"}:
                known.state, known.claims = "canceled", known.claims + 1  # swept all the same
            return
        known.worker = None
        known.state = "suspended" if verb == "suspend" else "queued"
        known.tries += verb == "retry"
        known.lost += verb == "lost"
        if known.marked:
            known.state, known.claims = "canceled", known.claims + 1

    def _take(self, data: st.DataObject) -> Held:
        held = data.draw(st.sampled_from(self.held))
        self.held.remove(held)
        return held

    def _known(self, held: Held) -> Known:
        return self.model.get(held.claim.id) or Known("pruned")

    # Rescue.

    @precondition(lambda self: self._any("running"))
    @rule(worker=st.sampled_from(WORKERS))
    def dies_and_is_rescued(self, worker: str) -> None:
        """Its claims go back; the worker itself may come back late and must be fenced."""
        name = self.workers[worker]
        self.spool.beat(name, {"n": next(self.serial)})
        self.spool.rescue(name)
        self._after_rescue(worker)
        try:
            self.spool.beat(name, {})
        except WorkerGone:
            pass
        else:
            raise AssertionError("a rescued worker still beats")
        self._join(worker)

    def _after_rescue(self, worker: str) -> None:
        for held in self.held:
            if held.claim.worker == self.workers[worker]:
                held.stale = True
        for known in self.model.values():
            if known.state != "running" or known.worker != worker:
                continue
            known.worker = None
            known.lost += known.started
            known.state = "held" if known.lost > LOST_LIMIT else "queued"
            if known.state == "queued" and known.marked:
                known.state, known.claims = "canceled", known.claims + 1

    # A person's verbs.

    @precondition(lambda self: len(self.model) > 3)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(list(self.model)))
        state = self.spool.cancel(job_id)
        self._canceled(job_id)
        assert state == self.model[job_id].state

    def _canceled(self, job_id: str) -> None:
        known = self.model[job_id]
        if known.state in TERMINAL:
            return
        known.marked = True
        if known.state != "running":
            known.state, known.claims = "canceled", known.claims + 1

    @precondition(lambda self: self._any("queued", "suspended", "held"))
    @rule(data=st.data(), hold=st.booleans())
    def move(self, data: st.DataObject, hold: bool) -> None:
        job_id = data.draw(st.sampled_from(self._any("queued", "suspended", "held")))
        known = self.model[job_id]
        ways = {"queued": "reschedule", "suspended": "wake", "held": "unhold"}
        verb = "hold" if hold and known.state != "held" else ways[known.state]
        entry = self.spool.find(job_id)
        if verb == "hold":
            assert self.spool.hold(entry, "by the machine")
        elif verb == "reschedule":
            due = entry.name.scheduled_for + timedelta(seconds=7)
            assert self.spool.reschedule(entry, due)
        else:
            assert getattr(self.spool, verb)(entry)
        known.claims += verb != "unhold"
        known.state = "held" if verb == "hold" else "queued"
        if verb != "hold" and known.marked:
            known.state, known.claims = "canceled", known.claims + 1

    @rule(seconds=st.sampled_from([1.0, 3600.0, 90000.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @precondition(lambda self: self._any(*TERMINAL))
    @rule(age=st.sampled_from([0.0, 3600.0]))
    def prune(self, age: float) -> None:
        self.spool.prune(age)
        found = audit(self.spool.path)
        for job_id, known in list(self.model.items()):
            if known.state in TERMINAL and (age == 0 or job_id not in found.places):
                assert job_id not in found.places
                del self.model[job_id]

    # Dying.

    @rule(
        data=st.data(),
        verb=st.sampled_from(["submit", "claim", "finish", "release", "rescue", "cancel", "prune"]),
        calls=st.integers(0, 60),
        worker=st.sampled_from(WORKERS),
    )
    def dies_inside(self, data: st.DataObject, verb: str, calls: int, worker: str) -> None:
        """A process dies at one of its disk calls; a rescuer finds the worker dead."""
        disk = CrashingDisk(10**9, clock=self.clock)
        spool = Spool.open(self.spool.path, disk=disk)
        disk.at = disk.made + calls
        action = self._doomed(spool, verb, worker, data)
        if action is None:
            return
        with contextlib.suppress(Crash):
            action()
        self.spool.rescue(self.workers[worker])
        self._learn(worker)
        self._join(worker)

    def _doomed(
        self, spool: Spool, verb: str, worker: str, data: st.DataObject
    ) -> Callable[[], object] | None:
        mine = [held for held in self.held if held.claim.worker == self.workers[worker]]
        waiting = [job_id for job_id, known in self.model.items() if known.state == "queued"]
        if verb == "submit":
            return lambda: list(spool.submit_all([job()] * 2, tag="t/1"))
        if verb == "rescue":
            return lambda: spool.rescue(self.workers[worker])
        if verb == "prune":
            return lambda: spool.prune(3600.0)
        if verb in {"finish", "release"} and mine:
            held = data.draw(st.sampled_from(mine))
            if verb == "release":
                return lambda: spool.release(held.claim)
            return lambda: spool.finish(held.claim, "failure", {"result": None})
        if verb in {"claim", "cancel"} and waiting:
            job_id = data.draw(st.sampled_from(waiting))
            entry = self.spool.find(job_id)
            if verb == "cancel":
                return lambda: spool.cancel(job_id)
            return lambda: spool.claim(self.workers[worker], entry.name, entry.path, anything)
        return None

    def _learn(self, worker: str) -> None:
        """After a death the model takes over what is there, if it is one of the two possible."""
        found = audit(self.spool.path)
        finished = set(self._any(*TERMINAL))
        self.held = [held for held in self.held if held.claim.worker != self.workers[worker]]
        self._after_rescue(worker)
        for job_id, places in sorted(found.places.items()):
            name, state = places[0].name, found.state(job_id)
            assert state is not None
            known = self.model.setdefault(job_id, Known("queued"))
            marked = (self.spool.path / "control" / "cancel" / job_id).exists()
            if (known.state, known.claims) != (state, name.claims):
                assert job_id not in finished, "a finished job came back"
                assert state in {"queued", "failure", "canceled", "held"}
                assert state != "canceled" or marked
                assert name.claims - known.claims in {-1, 0, 1, 2}
            known.state, known.claims, known.marked = state, name.claims, marked
            known.lost, known.tries = name.lost, name.tries
        for job_id, known in list(self.model.items()):
            if job_id not in found.places:
                assert known.state in TERMINAL, f"{job_id} was {known.state} and is lost"
                del self.model[job_id]

    # What must always hold.

    @invariant()
    def the_files_are_as_the_model_says(self) -> None:
        if not hasattr(self, "spool"):
            return
        found = audit(self.spool.path)
        found.must_hold(self.model)
        states = {job_id: found.state(job_id) for job_id in found.places}
        expected = {job_id: known.state for job_id, known in self.model.items()}
        assert dict(states.items() - expected.items()) == dict(expected.items() - states.items())
        for job_id, places in found.places.items():
            self._counters(job_id, places[0].name, found)

    def _counters(self, job_id: str, name: Name, found: Audit) -> None:
        known = self.model[job_id]
        counters = (name.claims, name.lost, name.tries)
        assert counters == (known.claims, known.lost, known.tries)
        assert name.claims >= self.highest.get(job_id, 0), "claims fell"
        self.highest[job_id] = name.claims
        if name.outcome is not None:
            record = (name.outcome, name.claims)
            assert self.published.setdefault(job_id, record) == record, "published twice"


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    # Without the phase that explains: it traces every line, and takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


# Negative controls: the machine must notice each of these.


def breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(
        TestSpool.settings, max_examples=300, phases=[Phase.generate], database=None,
        verbosity=Verbosity.quiet,
    )  # fmt: skip
    with pytest.raises((AssertionError, WmctlError, BaseExceptionGroup)):
        run_state_machine_as_test(SpoolMachine, settings=found)


def test_control_a_rescue_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.fs, "present", lambda *_: False)
    breaks(monkeypatch)


def test_control_a_claim_that_does_not_raise_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Name, "claimed", lambda self: self)
    breaks(monkeypatch)


def test_control_a_finish_that_believes_it_won(monkeypatch: pytest.MonkeyPatch) -> None:
    real = claims._publish
    monkeypatch.setattr(claims, "_publish", lambda *args: real(*args) or True)
    breaks(monkeypatch)


def test_control_a_give_back_that_forgets_the_marker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "sweep", lambda *_: False)
    breaks(monkeypatch)
