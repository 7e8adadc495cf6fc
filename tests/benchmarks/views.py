"""What people look at, where 200 workers serve 1,000,000 waiting jobs and 100,000 ended in a day;
and how soon 50 workers have followed a change of their group."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wmctl.config import shared
from wmctl.spool import Job, Name, Spool, new_id
from wmctl.spool.fskind import detect
from wmctl.spool.name import due_after

from .cli import WMCTL, finish
from .measure import print_rows, seconds

WORKERS = 200
WAITING = 1_000_000
FINISHED = 100_000
RUNS = 5
#: Of ten jobs, how many wait under each tag.
TAGS = {"bash": 4, "python3": 3, "gpu": 2, "go": 1}
GROUPS = {"default": ["bash", "python3", "go"], "gpu": ["gpu"], "etl": ["bash", "python3"]}
#: Of the workers, those whose last beat is an hour old.
DEAD = 10
LIMIT = "2 s"
#: So many real workers follow a change of their group, which is made so often.
FOLLOWERS, EDITS = 50, 3
COMMANDS = {
    "wmctl worker ls": LIMIT, "wmctl queue ls": LIMIT, "wmctl status": LIMIT,
    "wmctl metrics": "", "wmctl ps -s running": "", "wmctl why gpu": "",
}  # fmt: skip


def main() -> None:
    """A row for each command: the median of its runs, from its start to its end."""
    folder = Path(tempfile.mkdtemp(prefix="wmctl-bench-"))
    env = {**os.environ, "HOME": str(folder), "WMCTL_SPOOL": f"{folder}/spool"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
    try:
        spool = Spool.create(folder / "spool")
        print(f"writing {WAITING:,} waiting and {FINISHED:,} finished jobs …", file=sys.stderr)
        configure(spool)
        fill(spool, WAITING)
        finish(spool, FINISHED, apart=86_400 / FINISHED)
        join(spool, WORKERS)
        rows = [(command, _median(spool, command, env), limit)
                for command, limit in COMMANDS.items()]  # fmt: skip
        rows.append((
            f"a group edit, seen in the beats of {FOLLOWERS} workers (slowest of {EDITS})",
            f"{max(_edits(folder / 'live', env)):.1f} s", "10 s",
        ))  # fmt: skip
        print_rows([("what", "median", "target"), *rows])
        print(_machine(spool))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def configure(spool: Spool) -> None:
    """Groups and alerts, so that they are read and reckoned too."""
    for name, tags in GROUPS.items():
        text = f"worker_tags: [{', '.join(tags)}]\nmin_alive_workers_alert_threshold: 20\n"
        _write(spool.path / "groups" / f"{name}.yaml", text.encode())
    text = "alerts:\n- {name: backlog, tags_to_monitor: [bash], jobs_num_threshold: 10000}\n"
    _write(spool.path / "alerts.yaml", text.encode())


def fill(spool: Spool, count: int) -> None:
    """Waiting jobs as files; every hundredth is for later."""
    labels = [tag for tag, share in TAGS.items() for _ in range(share)]
    content = Job(language="bash", code=":").to_json()
    now = spool.now() - 10**12
    for tag in TAGS:
        (spool.path / "queue" / tag).mkdir(exist_ok=True)
    for number in range(count):
        tag = labels[number % len(labels)]
        due = now + number * 1000 + (number % 100 == 0) * 10**13
        name = Name(due_after(0.0, due), 0, new_id(), tag)
        _write(spool.path / "queue" / tag / name.queued, content)


def join(spool: Spool, count: int) -> None:
    """Workers as their beats; two of three have a claim."""
    names = list(GROUPS)
    for number in range(count):
        group = names[number % len(names)]
        worker = f"wk-{group}-host{number % 20}-{number:05d}"
        busy = number % 3 != 0
        spool.join(worker, {
            "host": f"host{number % 20}", "pid": 1000 + number, "group": group, "groups": [group],
            "tags": GROUPS[group], "state": "busy" if busy else "idle", "job": None,
            "jobs_executed": 41, "ok": 40, "failed": 1, "occupancy": [1.0, 0.88, 0.61],
            "started_at": "2026-11-23T08:00:00.000Z", "version": "0.1.0", "only": None,
        })  # fmt: skip
        if busy:
            name = Name(due_after(0.0, spool.now()), 0, new_id(), GROUPS[group][0], claims=1)
            path = spool.path / "running" / worker / name.file
            _write(path, Job(language="bash", code=":").to_json())
        if number < DEAD:
            os.utime(spool.path / "workers" / worker, (time.time() - 3600,) * 2)


def _write(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, content)
    os.close(fd)


def _median(spool: Spool, command: str, env: dict[str, str]) -> str:
    words = [WMCTL, *command.split()[1:]]
    found = []
    for _ in range(RUNS):
        _beat(spool)
        found.append(seconds(lambda: _run(words, env)))
    return f"{sorted(found)[RUNS // 2]:.2f} s"


def _run(words: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(words, env=env, check=False, capture_output=True, text=True)
    # The screen says that some workers are dead, and an alert fires.
    assert done.returncode == (1 if words[1] == "status" else 0), done.stderr
    assert done.stdout


def _beat(spool: Spool) -> None:
    """The living ones beat again."""
    for path in (spool.path / "workers").iterdir():
        if time.time() - path.stat().st_mtime < 3000:
            os.utime(path)


def _edits(path: Path, env: dict[str, str]) -> list[float]:
    """Seconds from each edit until all workers say that they serve the new tag."""
    spool = Spool.create(path)
    _set_tags(spool, 0)
    command = [WMCTL, "--spool", str(path), "worker", "start", "-q", "--group", "live"]
    workers = subprocess.Popen([*command, "-n", str(FOLLOWERS)], env=env, stderr=subprocess.DEVNULL)
    try:
        _await_tag(spool, 0)
        found = []
        for number in range(1, EDITS + 1):
            _set_tags(spool, number)
            started = time.perf_counter()
            _await_tag(spool, number)
            found.append(time.perf_counter() - started)
        return found
    finally:
        workers.terminate()
        workers.wait()


def _set_tags(spool: Spool, number: int) -> None:
    """As `wmctl group set` changes it."""
    shared.edit(
        spool.store, "groups/live.yaml", lambda _: f"worker_tags: [tag-{number}]\n".encode()
    )


def _await_tag(spool: Spool, number: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if (
            sum(beat.content.get("tags") == [f"tag-{number}"] for beat in spool.workers())
            == FOLLOWERS
        ):
            return
        time.sleep(0.1)
    raise TimeoutError(f"not all workers serve tag-{number}")


def _machine(spool: Spool) -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()},"
        f" {detect(str(spool.path)).kind}; the jobs were written a moment before"
    )


if __name__ == "__main__":
    main()
