"""One user on one host: wmctl's commands, and supervisors to kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from wmctl.runner import tree
from wmctl.spool import Settings, Spool

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
_FOREIGN = ("WMCTL_", "XDG_", "WORKER_", "FORCE_WORKER_TAGS", "NUM_WORKERS", "NO_COLOR")


def eventually(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value; for what happens in other processes."""
    until = time.monotonic() + patience
    while not (value := what()):
        assert time.monotonic() < until, f"did not happen within {patience:g} s"
        time.sleep(0.02)
    return value


class Host:
    """Everything is below one folder; nothing of the machine's user is used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: One line for each start of a script: job id, attempt.
        self.starts = folder / "starts"
        self.log = folder / "log"
        self.supervisors: list[subprocess.Popen[bytes]] = []
        #: Whether `close` prints what the supervisors logged.
        self.tells = True
        (folder / "home").mkdir()
        (folder / "tmp").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.environ = kept | {
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(ROOT),
        }

    def make_spool(self, lease: float = 60.0, beat: float = 5.0) -> Spool:
        """A spool that all later commands use."""
        path = self.folder / "spool"
        self.environ["WMCTL_SPOOL"] = str(path)
        return Spool.create(path, Settings(lease=lease, beat=beat))

    @property
    def spool(self) -> Spool:
        return Spool.open(self.environ["WMCTL_SPOOL"])

    def command(self, *words: str, rigs: str = "") -> list[str]:
        """The argv of a command, of a `wmctl` with these rigs (see `tests.faults.rigged`)."""
        module = ["tests.faults.rigged", rigs] if rigs else ["wmctl"]
        return [sys.executable, "-m", *module, *words]

    def wmctl(
        self, *words: str, stdin: str = "", rigs: str = "", patience: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words, rigs=rigs),
            input=stdin, env=self.environ, cwd=self.folder, timeout=patience,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def submit(self, code: str, *words: str) -> str:
        done = self.wmctl("submit", "-c", code, "-l", "bash", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit_many(self, count: int, work: str) -> list[str]:
        """Scripts that note their start, then do some work."""
        code = f'n="$1"\necho "$WM_JOB_ID $WM_ATTEMPT" >> {self.starts}\n{work}\necho "$n"'
        done = self.wmctl(
            "submit", "-c", code, "-l", "bash", "--each", "-",
            stdin="".join(json.dumps({"n": str(number)}) + "\n" for number in range(count)),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        ids = done.stdout.split()
        assert len(set(ids)) == count
        return ids

    def start(
        self, *words: str, rigs: str = "", prefix: Iterable[str] = ()
    ) -> subprocess.Popen[bytes]:
        """A supervisor with workers, in the background; `prefix`: faketime, unshare, ulimit…"""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*prefix, *self.command("worker", "start", *words, rigs=rigs)],
                env=self.environ, cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.supervisors.append(process)
        return process

    def worker_pids(self) -> list[int]:
        """The living workers of our supervisors."""
        mine = {process.pid for process in self.supervisors if process.poll() is None}
        table = tree.snapshot()
        return [proc.pid for proc in table.values() if proc.parent in mine and not proc.dead]

    def drain(self) -> None:
        """Let all supervisors end in order."""
        for process in self.supervisors:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.supervisors:
            process.wait(PATIENCE)

    def close(self) -> None:
        if self.tells and self.log.exists():
            print(self.log.read_text())  # shown if the test failed
        for process in self.supervisors:
            if process.poll() is None:
                tree.kill_tree(process.pid, keep_root=False)
            process.wait()

    def is_busy(self) -> bool:
        """Whether any job waits or runs; quicker than to count them."""
        return any(True for _ in self.spool.entries(["running", "queued", "suspended"]))

    def unfinished(self) -> int:
        return sum(1 for _ in self.spool.entries(["queued", "running", "suspended"]))
