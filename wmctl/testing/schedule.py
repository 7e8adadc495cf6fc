"""Two or more actors on one spool, one disk call at a time, in every order that matters.

Each actor is a thread that stops before each call; `explore` runs a scenario again and again until
all orders were tried that differ in calls whose order can matter (dynamic partial-order reduction
with sleep sets, Flanagan and Godefroid 2005): the others end in the same files and answers.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from wmctl.testing.faults import CHANGES, Call, FakeClock, WatchedDisk

R = TypeVar("R")

#: Never ordered: they work on an open file of the caller's own, or change nothing anybody sees.
_OWN = frozenset({"write", "sync", "syncfs", "close", "chmod", "read"})
#: Seconds that an actor may take from one call to the next: more is a deadlock of the test.
_PATIENCE = 60.0
_READS = frozenset({"open", "stat", "scan"})


class _Abandoned(BaseException):
    """This order was already tried: the actor stops here."""


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def commute(one: Call, other: Call) -> bool:
    """Whether the order of two calls cannot matter to anybody.

    Two changes: no path of one is, or lies above, a path of the other. A change and a read: opening
    asks only whether the path is there; a stat also sees a folder's time stamp, a scan its names.
    """
    if one.name in _READS and other.name in _READS:
        return True
    if one.name in _READS:
        return not _sees(one, other)
    if other.name in _READS:
        return not _sees(other, one)
    return not any(
        _inside(a, b) or _inside(b, a) for a in one.paths for b in other.paths
    )  # fmt: skip


def as_made(call: Call, *, refused: bool) -> Call:
    """What a call was to the others: a change that was refused only looked, and changed nothing.

    Whether a folder is empty, a rename or rmdir sees as a scan does; else only a name counts.
    """
    if not refused or call.name not in CHANGES:
        return call
    return replace(call, name="scan" if call.name in {"rename", "rmdir"} else "open")


def _sees(read: Call, change: Call) -> bool:
    if change.name == "touch" and read.name != "stat":
        return False
    for at in read.paths:
        for path in change.paths:
            if _inside(at, path):
                return True
            if read.name != "open" and change.name != "touch" and _above(path) == at:
                return True
    return False


@dataclass
class _Actor:
    """One thread, and where it stands."""

    name: str
    body: Callable[[], object]
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    pending: Call | None = None
    #: The last call that was scheduled answered with an error.
    refused: bool = False
    abandoned: bool = False
    result: object = None
    error: BaseException | None = None
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.thread.start()
        self._until_stopped()

    def _run(self) -> None:
        try:
            self.result = self.body()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - the scenario's check looks at it
            self.error = error
        self.pending = None
        self.stopped.release()

    def wait(self, call: Call) -> None:
        """Called by the actor before a call: stand until it is this actor's turn."""
        if self.abandoned:
            raise _Abandoned
        self.pending = call
        self.stopped.release()
        self.go.acquire()
        if self.abandoned:
            raise _Abandoned

    def step(self) -> None:
        """Let the actor make its pending call and come to the next one (or to its end)."""
        self.refused = False
        self.go.release()
        self._until_stopped()

    def _until_stopped(self) -> None:
        assert self.stopped.acquire(timeout=_PATIENCE), f"{self.name} waits for something else"

    def abandon(self) -> None:
        self.abandoned = True
        while self.pending is not None:
            self.step()


class ScheduledDisk(WatchedDisk):
    """Stops before each call whose order can matter until the explorer says go."""

    def __init__(self, root: str, clock: FakeClock | None = None) -> None:
        super().__init__(clock)
        self._tmp = f"{root}/tmp"
        self._actor: _Actor | None = None

    def attach(self, actor: _Actor | None) -> None:
        """From now on the calls are scheduled."""
        self._actor = actor

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Wait for the turn, then make the call."""
        actor = self._actor
        if actor is None or self._private(call):
            return go()
        actor.wait(call)
        try:
            return go()
        except OSError:
            actor.refused = True
            raise

    def _private(self, call: Call) -> bool:
        """Calls that commute with every call of anybody else: an own file's, and those in `tmp/`.

        Files in `tmp/` have random names that only their writer knows (prune leaves them alone for
        36 hours); `tmp` itself is the probe that tells the time.
        """
        if call.name in _OWN or not call.paths:
            return True
        return call.name != "rename" and all(_inside(path, self._tmp) for path in call.paths)


@dataclass
class _Node:
    """One point of a run at which an actor was chosen."""

    pending: dict[str, Call]
    chosen: str
    #: Actors whose going first here was tried in another run, and what their calls were.
    asleep: dict[str, Call]
    tried: set[str] = field(default_factory=set)
    #: What the calls were of those that went first here.
    made: dict[str, Call] = field(default_factory=dict)
    #: Actors that a later conflict asks to go first here.
    wanted: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Run:
    """One order, carried out."""

    order: tuple[str, ...]
    results: Mapping[str, object]
    errors: Mapping[str, BaseException]


@dataclass(frozen=True)
class Actor:
    """A name, the disk that its spool uses, and what it does."""

    name: str
    disk: ScheduledDisk
    body: Callable[[], object]


def explore(scenario: Callable[[], Sequence[Actor]], *, cap: int = 5000) -> Iterator[Run]:
    """Every order of a scenario, each carried out on what `scenario` built anew for it.

    The caller checks the outcome of each run before it asks for the next. More than `cap` runs
    are an error: a test that stops early would prove nothing.
    """
    stack: list[_Node] = []
    for _ in range(cap):
        run, left = _carry_out(scenario(), stack)
        _want(stack, left)
        if run is not None:
            yield run
        if not _next(stack):
            return
    raise AssertionError(f"more than {cap} orders: make the scenario smaller")


def _carry_out(
    actors: Sequence[Actor], stack: list[_Node]
) -> tuple[Run | None, Mapping[str, Call]]:
    """Follow the stack, then go on with the first actor awake; None for an order already tried.

    Also the calls that were not made any more.
    """
    threads = {actor.name: _Actor(actor.name, actor.body) for actor in actors}
    try:
        for actor in actors:
            actor.disk.attach(threads[actor.name])
            threads[actor.name].start()
        pending = _steps(threads, stack)
    finally:
        for thread in threads.values():
            thread.abandon()
        for actor in actors:
            actor.disk.attach(None)
    if pending:
        return None, pending
    run = Run(
        tuple(f"{node.chosen} {node.pending[node.chosen].name}" for node in stack),
        {name: actor.result for name, actor in threads.items()},
        {name: actor.error for name, actor in threads.items() if actor.error is not None},
    )
    return run, {}


def _steps(threads: Mapping[str, _Actor], stack: list[_Node]) -> Mapping[str, Call]:
    """Until everybody is done, or only orders are left that were tried: what is pending then."""
    depth = 0
    asleep: dict[str, Call] = {}
    while pending := {name: a.pending for name, a in threads.items() if a.pending is not None}:
        if depth == len(stack):
            awake = [name for name in pending if name not in asleep]
            if not awake:
                return pending
            stack.append(_Node(pending, awake[0], dict(asleep)))
        node = stack[depth]
        _same(pending, node.pending)
        actor = threads[node.chosen]
        actor.step()
        made = as_made(node.pending[node.chosen], refused=actor.refused)
        node.made[node.chosen] = made
        sleepers = node.asleep | {name: node.made[name] for name in node.tried}
        asleep = {name: call for name, call in sleepers.items() if commute(call, made)}
        depth += 1
    _same({}, stack[depth].pending if depth < len(stack) else {})
    return {}


def _same(now: Mapping[str, Call], before: Mapping[str, Call]) -> None:
    """A scenario that chance changes (ids, clocks) cannot be explored."""
    found, known = ({name: call.name for name, call in calls.items()} for calls in (now, before))
    assert found == known, f"the scenario is not the same every time: {now}, before {before}"


def _want(stack: list[_Node], left: Mapping[str, Call]) -> None:
    """Find the conflicts of a run.

    Where two calls meet whose order can matter and is not fixed by what lies between, the later
    caller is to go first in another run.
    """
    events = [(node.chosen, node.made[node.chosen]) for node in stack]
    #: Per event and per actor: up to which event everything of an actor lies before.
    clocks: list[dict[str, int]] = []
    latest: dict[str, dict[str, int]] = {}
    for index, (actor, call) in enumerate([*events, *left.items()]):
        before = dict(latest.get(actor, {}))
        known = dict(before)
        for earlier in range(min(index, len(events)) - 1, -1, -1):
            other, made = events[earlier]
            if other == actor or commute(made, call):
                continue
            if known.get(other, -1) < earlier and before.get(other, -1) < earlier:
                stack[earlier].wanted.add(actor)
            for name, number in clocks[earlier].items():
                before[name] = max(before.get(name, -1), number)
        if index < len(events):
            before[actor] = index
            clocks.append(before)
            latest[actor] = before


def _next(stack: list[_Node]) -> bool:
    """Change the last choice that has another one left; False when all were tried."""
    while stack:
        node = stack[-1]
        node.tried.add(node.chosen)
        left = sorted(node.wanted - node.tried - set(node.asleep))
        if left:
            node.chosen = left[0]
            return True
        stack.pop()
    return False
