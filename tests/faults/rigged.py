"""wmctl with a protection switched off or a disk that misbehaves, for scenarios and controls.

`python -m tests.faults.rigged RIG[=VALUE][,RIG…] worker start -n 2`: the rigs, then wmctl's own
command line. A rigged disk is one of `wmctl.testing.faults` put in the place of every spool's disk.
"""

import errno
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from wmctl.spool import Disk, Spool, Staged, fs
from wmctl.spool import spool as facade
from wmctl.testing.faults import REPEATABLE, Call, WatchedDisk

R = TypeVar("R")


def _use(disk: Callable[[], Disk]) -> None:
    """Every spool that is opened from now on lies on this disk."""
    fs.Disk = disk  # type: ignore[assignment,misc]
    facade.Disk = disk  # type: ignore[assignment,misc]


# Protections, switched off.


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


def no_sync(what: str) -> None:
    """`files`, `folders` or `all`: fsync of those does nothing (and syncfs, for `all`)."""

    class Forgetful(Disk):
        def sync(self, fd: int) -> None:
            folder = os.path.isdir(f"/proc/self/fd/{fd}")
            if what != "all" and what != ("folders" if folder else "files"):
                super().sync(fd)

        def sync_filesystem(self, path: str) -> None:
            if what != "all":
                super().sync_filesystem(path)

    _use(Forgetful)


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


# Disks that count or misbehave.


def count_lost(path: str) -> None:
    """A byte in a file for each claim that came too late."""

    class Counting(WatchedDisk):
        def around(self, call: Call, go: Callable[[], R]) -> R:
            claim = call.name == "rename" and "/queue/" in call.paths[0]
            try:
                return go()
            except FileNotFoundError:
                if claim:
                    _tally(path)
                raise

    _use(Counting)


def hang(flag: str) -> None:
    """Every call to the spool's disk waits as long as the file `flag` is there."""

    class Hanging(Disk):
        def call(self, name: str, function: Callable[..., R], *args: object) -> R:
            while os.path.exists(flag):
                time.sleep(0.01)
            return super().call(name, function, *args)

    _use(Hanging)


def _tally(path: str) -> None:
    """A byte more in a file that counts."""
    if path:
        with open(path, "ab") as file:
            file.write(b".")


def lost_replies(value: str) -> None:
    """Each n-th call that can be repeated is carried out and answered with an error.

    `n@FILE` also counts them in a file.
    """
    every, _, path = value.partition("@")
    errors = (errno.ENOENT, errno.EEXIST, errno.ESTALE)

    class Lossy(WatchedDisk):
        count = 0

        def around(self, call: Call, go: Callable[[], R]) -> R:
            if call.name not in REPEATABLE:
                return go()
            Lossy.count += 1
            result = go()
            if Lossy.count % int(every) == 0:
                _tally(path)
                error = errors[Lossy.count // int(every) % len(errors)]
                raise OSError(error, os.strerror(error), *call.paths[:1])
            return result

    _use(Lossy)


def over_quota(flag: str) -> None:
    """As long as the file `flag` is there, nothing new fits into the quota."""

    class OverQuota(Disk):
        def call(self, name: str, function: Callable[..., R], *args: object) -> R:
            if name in {"create", "mkdir", "write"} and os.path.exists(flag):
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            return super().call(name, function, *args)

    _use(OverQuota)


def litter(_: str) -> None:
    """What could not be written stays in tmp/."""
    real = Disk.unlink

    def unlink(self: Disk, path: str) -> None:
        if "/tmp/" not in path:
            real(self, path)

    Disk.unlink = unlink  # type: ignore[method-assign]


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


# Other versions.


def _versions(own: int, others: str) -> None:
    """Write names of the major number `own`, and read those of `others` (a pattern) as well."""
    from wmctl.spool import head
    from wmctl.spool import name as names

    real, suffix = names.parse, f".v{own}.json"
    foreign = re.compile(rf"\.v(?:{others})\.json")

    def parse(file: str, tag: str | None = None) -> names.Name | None:
        return real(foreign.sub(suffix, file, count=1), tag)

    names.MAJOR, names.SUFFIX, names.parse = own, suffix, parse  # type: ignore[misc,assignment]
    known = {**vars(names), "SUFFIX": (".v1.json", ".v2.json")}
    head.names = SimpleNamespace(**known)  # type: ignore[assignment,attr-defined]


def next_version(_: str) -> None:
    """Reads what this version writes, and writes names that this version does not read."""
    _versions(2, "1")


def any_major(_: str) -> None:
    """This version, which does not look at the major number."""
    _versions(1, r"\d+")


RIGS: dict[str, Callable[[str], None]] = {
    "no-rescue": no_rescue,
    "no-fence": no_fence,
    "no-self-stop": no_self_stop,
    "no-enoent-check": no_enoent_check,
    "no-sync": no_sync,
    "own-clock": own_clock,
    "only-group": only_group,
    "no-sweep": no_sweep,
    "no-drain": no_drain,
    "two-steps": two_steps,
    "strict-order": strict_order,
    "no-spread": no_spread,
    "no-limit": no_limit,
    "count-lost": count_lost,
    "hang": hang,
    "lost-replies": lost_replies,
    "over-quota": over_quota,
    "litter": litter,
    "leak-files": leak_files,
    "no-check": no_check,
    "next-version": next_version,
    "any-major": any_major,
    "no-log-cap": no_log_cap,
    "no-result-cap": no_result_cap,
}


def main(rigs: str, words: list[str]) -> int:
    """Rig, then be wmctl; its exit code."""
    for rig in filter(None, rigs.split(",")):
        name, _, value = rig.partition("=")
        RIGS[name](value)
    sys.argv = ["wmctl", *words]
    from wmctl.__main__ import main as wmctl

    return wmctl()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
