"""Rigs that switch a protection off: what a scenario must then notice."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wmctl.spool import Disk, Spool, Staged, fs


def no_rescue(_: str) -> None:
    """What a dead worker had claimed stays with it."""
    from wmctl.worker.rescuer import Rescuer

    Rescuer.sweep = lambda _: 0  # type: ignore[method-assign]


def no_fence(_: str) -> None:
    """A finished job is published by writing its record, whoever holds the claim by now."""

    def commit(self: Spool, batch: Sequence[Staged]) -> list[bool]:
        for item in batch:
            target = Path(self.store.completed(item.claim.name.but(outcome=item.outcome)))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(item.claim.job.to_json())
            target.chmod(0o600)
            Path(item.claim.path).unlink(missing_ok=True)
        return [True] * len(batch)

    Spool.commit = commit  # type: ignore[method-assign]


def no_self_stop(_: str) -> None:
    """A worker that stands still keeps its job running."""
    from wmctl.worker.supervisor import Supervisor

    Supervisor._stop_hung = lambda _: None  # type: ignore[method-assign]


def no_enoent_check(_: str) -> None:
    """An error after a rename is believed."""

    def believing(disk: Disk, source: str, target: str, *, mine: bool, make: object = None) -> bool:
        del mine, make
        try:
            disk.rename(source, target)
        except FileNotFoundError:
            return False
        return True

    fs.moved = believing  # type: ignore[assignment]
    fs.move = believing  # type: ignore[assignment]


def two_steps(_: str) -> None:
    """A claim is a copy, and then the removal of what was copied."""
    move = fs.move

    def copy(disk: Disk, source: str, target: str, **how: Any) -> bool:
        if "/queue/" not in source or "/running/" not in target:
            return move(disk, source, target, **how)
        try:
            shutil.copy(source, target)
        except FileNotFoundError:
            return False
        time.sleep(0.01)
        Path(source).unlink(missing_ok=True)
        return True

    fs.move = copy


def own_clock(_: str) -> None:
    """Each host takes its own clock for the file server's."""
    Spool.now = lambda _: time.time_ns()  # type: ignore[method-assign]


def only_group(_: str) -> None:
    """Of a job, only its process group is ended."""
    from wmctl.runner.family import Family

    Family.find = lambda family, table: [  # type: ignore[method-assign]
        proc for proc in table.values() if proc.group == family._pid and not proc.dead
    ]


def no_sweep(_: str) -> None:
    """What the jobs of a dead worker left is nobody's business, and an orphan goes on."""
    from wmctl.runner import tree
    from wmctl.worker.worker import Worker

    tree.kill_descendants = lambda _=(): 0
    tree.kill_leftovers = lambda _: 0
    Worker.orphaned = lambda _: None  # type: ignore[method-assign]


def no_drain(_: str) -> None:
    """A worker that is told to end goes on."""
    from wmctl.worker.worker import Worker

    Worker.drain = lambda _: None  # type: ignore[method-assign]


def strict_order(_: str) -> None:
    """The highest priority always comes first."""
    from wmctl.spool import head

    head._FAIR = sys.maxsize


def no_spread(_: str) -> None:
    """All workers pick the same job first, also after they lost a race."""
    from wmctl.spool import head

    head._SPREAD = 1


def no_limit(_: str) -> None:
    """A job may be lost as often as it likes."""
    from wmctl.spool import claims, workers

    claims.LOST_LIMIT = workers.LOST_LIMIT = sys.maxsize  # type: ignore[attr-defined]


def leak_files(_: str) -> None:
    """Each job leaves a file open."""
    from wmctl.worker.execute import Executor

    real = Executor.run

    def run(self: Executor, *args: object) -> object:
        os.open(os.devnull, os.O_RDONLY)
        return real(self, *args)  # type: ignore[arg-type]

    Executor.run = run  # type: ignore[method-assign,assignment]


def no_log_cap(_: str) -> None:
    """Whatever a job writes is kept."""
    from wmctl.runner.log import LogFile

    real = LogFile.__init__

    def begin(self: LogFile, fd: int, open_errors: Callable[[], int], *_: int, **more: Any) -> None:
        real(self, fd, open_errors, 1 << 40, **more)

    LogFile.__init__ = begin  # type: ignore[method-assign]


def no_result_cap(_: str) -> None:
    """Whatever a job leaves as its result is taken."""
    from wmctl.runner import results

    results.RESULT_CAP = 1 << 40


def no_check(_: str) -> None:
    """Whatever the file is and whoever wrote it: its content is believed."""
    fs._check = lambda *_: None


def eager(_: str) -> None:
    """A supervisor that starts a worker again at once, however many die: no protection is off."""
    from wmctl.worker import supervisor

    supervisor._LONGEST_PAUSE = 0.05
