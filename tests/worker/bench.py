"""What the worker's tests share: options, runners that misbehave, workers in this process."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.worker.supervised import settings_of
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Outcome
from wmctl.runner.tools import Tools
from wmctl.spool import Claim, Entry, Job, Spool
from wmctl.testing.faults import Call, WatchedDisk
from wmctl.testing.spool_contract import claim
from wmctl.worker.folders import private_folder
from wmctl.worker.guard import Guard
from wmctl.worker.live import Live, Sources
from wmctl.worker.options import WorkerInfo, WorkerOptions
from wmctl.worker.worker import Worker
from wmctl_bash.command import CommandRunner
from wmctl_bash.runner import BashRunner

#: Seconds that anything may take on a busy machine before a test gives up.
PATIENCE = 30.0


def eventually(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value; for what happens in other processes and cannot be waited for."""
    until = time.monotonic() + patience
    while not (value := what()):
        assert time.monotonic() < until, f"did not happen within {patience:g} s"
        time.sleep(0.01)
    return value


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class DirectRunner:
    """A runner that starts no process but calls a function."""

    tag = "bash"
    extensions: tuple[str, ...] = ()

    def __init__(self, name: str, run: Callable[[RunContext], Outcome]) -> None:
        self.name = name
        self._function = run

    def health(self, tools: Tools) -> str | None:
        del tools

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        del code, args, tools

    def run(self, ctx: RunContext) -> Outcome:
        return self._function(ctx)


@dataclass
class Witness:
    """An observer that remembers what it was told."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    on_end: Callable[[RunContext, Outcome], None] = lambda _job, _outcome: None

    def worker_start(self, worker: WorkerInfo) -> None:
        self.seen.append(("worker_start", worker.name))

    def worker_stop(self, worker: WorkerInfo) -> None:
        self.seen.append(("worker_stop", worker.name))

    def job_start(self, job: RunContext) -> None:
        self.seen.append(("job_start", job.id))

    def job_end(self, job: RunContext, outcome: Outcome) -> None:
        self.seen.append(("job_end", job.id))
        self.on_end(job, outcome)


@dataclass
class Bench:
    """A spool and everything that a worker of it needs."""

    spool: Spool
    folder: Path
    runners: dict[str, Any] = field(default_factory=dict)
    witness: Witness = field(default_factory=Witness)

    def __post_init__(self) -> None:
        for runner in (BashRunner(), CommandRunner()):
            self.runners[runner.name] = runner

    @property
    def work(self) -> Path:
        return private_folder(self.folder / "work")

    def direct(self, name: str, run: Callable[[RunContext], Any]) -> None:
        """Add a runner that calls a function."""
        self.runners[name] = DirectRunner(name, run)

    def options(self, **changes: Any) -> WorkerOptions:
        values: dict[str, Any] = {
            "tags": {"bash": 0},
            "burst": True,
            "kill_grace": 1.0,
            "oom_score_adj": None,
            "environ": dict(os.environ),
            "tools": Tools.from_environment(os.environ),
            "cache": self.folder / "cache",
            "work": self.work,
            "runners": self.runners,
        }
        return WorkerOptions(**{**values, **changes})

    def group(self, name: str, text: str) -> None:
        """Write a group's file, as an editor would: a new one in the place of the old."""
        new = self.spool.path / "groups" / f".{name}.new"
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.spool.path / "groups" / f"{name}.yaml")

    def live(self, group: str, **sources: Any) -> dict[str, Any]:
        """Options of a worker whose groups have files."""
        made = Sources(
            settings=settings_of(group), **{"runner_tags": ("bash", "python3"), **sources}
        )
        return {
            "group": made.settings.group,
            "configure": lambda: Live(self.spool.store, made),
        }

    def beat(self) -> Mapping[str, Any]:
        """What the one worker says of itself."""
        beats = self.spool.workers()
        return beats[0].content if len(beats) == 1 else {}

    def worker(
        self, *, spool: Spool | None = None, guard: Guard | None = None, **changes: Any
    ) -> Worker:
        used = spool or self.spool
        return Worker(used, self.options(**changes), guard or Guard(60.0), self.witness)

    def run(self, **changes: Any) -> Worker:
        """A worker that runs here and now until nothing due is left."""
        worker = self.worker(**changes)
        assert worker.run() == 0
        return worker

    @contextmanager
    def running(self, worker: Worker) -> Iterator[threading.Thread]:
        """The worker in a thread of its own, halted at the end if it still runs."""
        thread = threading.Thread(target=worker.run, name="worker under test")
        thread.start()
        try:
            yield thread
        finally:
            if thread.is_alive():
                worker.halt()
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def submit(self, code: str = ":", **fields: Any) -> str:
        where = {
            name: fields.pop(name) for name in ("tag", "priority", "delay", "due") if name in fields
        }
        return self.spool.submit(script(code, **fields), **{"tag": "bash", **where})

    def entry(self, job_id: str) -> Entry:
        return self.spool.find(job_id)

    def state(self, job_id: str) -> str:
        return self.spool.find(job_id).state

    def record(self, job_id: str) -> dict[str, Any]:
        record = self.spool.record(self.spool.find(job_id))
        assert record is not None
        return record

    def result(self, job_id: str) -> Any:
        return self.record(job_id)["result"]

    def claimed(self, worker: str = "wk-default-test-00000", **fields: Any) -> Claim:
        """A new job, claimed by a worker that has joined."""
        if worker not in self.spool.joined():
            self.spool.join(worker, {})
        taken = claim(self.spool, worker, self.entry(self.submit(**fields)))
        assert taken is not None
        return taken


def script(code: str = ":", **fields: Any) -> Job:
    """A bash script, or a job of another kind."""
    return (
        Job(**fields) if "kind" in fields else Job(**{"language": "bash", "code": code, **fields})
    )


def alive(pid: int) -> bool:
    """Whether a process is there and not only waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def none_alive(pids: Iterable[int]) -> bool:
    return not any(map(alive, pids))


def order(bench: Bench) -> list[str]:
    """The jobs in the order in which they were run."""
    return [what for kind, what in bench.witness.seen if kind == "job_start"]


def gate(bench: Bench) -> tuple[str, Callable[[], str]]:
    """Bash that tells its process id through a pipe and goes on; and how to hear of it."""
    pipe = bench.folder / f"gate-{len(list(bench.folder.iterdir()))}"
    os.mkfifo(pipe)
    return f"echo $$ > {pipe}; ", pipe.read_text


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


def refuse(number: int, call: Call) -> NoReturn:
    """As the kernel would have answered."""
    raise OSError(number, os.strerror(number), *call.paths[:1])
