"""What the lists of workers and queues and the live screen look like, in docs/reference.

`python -m tests.docs.recordings --write` makes a spool with real workers and jobs, looks at it with
the code of the commands, and puts what it sees into the page. What differs from run to run (names,
ids, times, figures of the machine) is replaced before anything is drawn.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich import _export_format
from rich.console import Console
from rich.text import Text

from wmctl.cli import tables
from wmctl.cli.queue_ls import columns as queue_columns
from wmctl.cli.top_data import Looker, Snapshot
from wmctl.cli.top_rows import Shown
from wmctl.cli.top_screen import frame
from wmctl.cli.worker_columns import columns
from wmctl.cli.worker_state import Worker, workers_of
from wmctl.spool import Job, Settings, Spool

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "workers-view.md"
PICTURE = PAGE.with_name("top.svg")
COLUMNS, LINES = 100, 30
_WORKERS = {"default": (3, "bash,python3"), "gpu": (2, "gpu")}
_LOST = "wk-gpu-node9-k3m7x"
_PATIENCE = 60.0
_STATES = ["busy", "busy", "busy", "dead", "idle", "idle"]


def scene(root: Path, environ: Mapping[str, str]) -> tuple[Spool, list[subprocess.Popen[bytes]]]:
    """Two groups with live workers, one lost with its host, and jobs in every state."""
    spool = Spool.create(root / "spool", Settings(lease=60.0, beat=0.5))
    started = [_start(spool, environ, group, *wanted) for group, wanted in _WORKERS.items()]
    spool.join(_LOST, {"groups": ["gpu"], "tags": ["gpu"], "state": "busy", "ok": 80, "failed": 1})
    long_ago = time.time() - 600
    os.utime(spool.path / "workers" / _LOST, (long_ago, long_ago))
    _until(lambda: [one.state for one in workers_of(spool)].count("idle") == 5, "workers")
    _submit(spool, "report.sh", "bash", "exit 3")
    for _ in range(2):
        _submit(spool, "resize.sh", "bash", ":")
    _until(lambda: spool.queue("bash", spool.now()).due == 0, "the first jobs")
    _until(lambda: not list(spool.entries({"running"})), "their ends")
    for name, tag in (("train.sh", "gpu"), ("crawl.sh", "bash"), ("backup.sh", "bash")):
        _submit(spool, name, tag, "sleep 600")
    _until(lambda: [one.state for one in workers_of(spool)].count("busy") == 3, "jobs")
    for _ in range(2):
        _submit(spool, "render.sh", "tpu", ":")
    _submit(spool, "nightly.sh", "bash", ":", delay=6 * 3600)
    return spool, started


def _start(
    spool: Spool, environ: Mapping[str, str], group: str, count: int, tags: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "wmctl", "worker", "start", "-q", "--grace", "0s"]
    return subprocess.Popen(
        [*command, "-n", str(count), "--tags", tags],
        env={**environ, "WMCTL_SPOOL": str(spool.path), "WORKER_GROUP": group},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _submit(spool: Spool, name: str, tag: str, code: str, **when: Any) -> None:
    time.sleep(0.002)  # ids of one millisecond are in no order
    spool.submit(Job(language="bash", code=code, name=name, created_by="ann"), tag=tag, **when)


def _until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} in {_PATIENCE:g} s")
        time.sleep(0.05)


def still(snapshot: Snapshot) -> Snapshot:
    """The same with what varies replaced; states, groups, tags and counts are as they were."""
    ids: dict[str, str] = {}
    jobs = tuple(_still_job(one, ids) for one in reversed(snapshot.jobs))[::-1]
    order = {"idle": 1, "busy": 0}
    workers = sorted(
        snapshot.workers, key=lambda one: (not one.alive, one.groups, order.get(one.state, 2))
    )
    names: dict[str, int] = {}
    return replace(
        snapshot,
        spool="/srv/wmctl/spool", kind="nfs", user="ann", at=0.0, took=0.0, free=812 << 30,
        rate=2.4,
        workers=tuple(_still_worker(one, jobs, names) for one in workers),
        queues=tuple(_still_queue(one) for one in snapshot.queues),
        jobs=tuple(_with_worker(one) for one in jobs),
    )  # fmt: skip


def _ago(hours: int, minutes: int) -> str:
    """So long ago, half a minute later: it reads the same for a while."""
    return (datetime.now(UTC) - timedelta(hours=hours, minutes=minutes, seconds=30)).isoformat()


def _still_job(one: Mapping[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    number = len(ids) + 1
    ids[one["id"]] = f"01a20b7e-6d00-7000-8000-{0x3F5A11C0 + number * 0x01D3B7F5:012x}"
    minutes = 59 - number
    started = _ago(1, minutes) if one["started_at"] else None
    ended = None
    if started and one["completed_at"]:
        ended = (datetime.fromisoformat(started) + timedelta(seconds=8.2)).isoformat()
    reason = re.sub(r"\d+h\d+m\b|at \S+$", lambda m: "6h00m" if "h" in m[0][:3] else "at 22:00",
                    one["reason_text"] or "") or None  # fmt: skip
    return {**one, "id": ids[one["id"]], "created_at": _ago(1, minutes), "started_at": started,
            "completed_at": ended, "reason_text": reason}  # fmt: skip


def _still_worker(one: Worker, jobs: tuple[dict[str, Any], ...], names: dict[str, int]) -> Worker:
    group = one.groups[0]
    number = names[group] = names.get(group, 0) + 1
    name = _LOST if one.name == _LOST else f"wk-{group}-node{number}-{'x8f2q'[number - 1 :]:a<5}"
    busy = one.state == "busy"
    content = {
        **one.content,
        "host": name.split("-")[2], "pid": 4100 + number, "version": "1.0",
        "job": _its_job(group, number, jobs) if busy else None,
        "ok": 40 * number, "failed": number - 1, "reason": one.content.get("reason"),
        "occupancy": [1.0, 0.88, 0.61] if busy else [0.0, 0.12, 0.09],
        "memory": 64 << 30, "memory_usage": 31 << 20, "vcpus": 8,
        "started_at": _ago(2 + number, 10), "last_job": jobs[-number]["id"],
    }  # fmt: skip
    return Worker(name, one.state, content, 1.2 if one.alive else 600.0)


def _its_job(group: str, number: int, jobs: tuple[dict[str, Any], ...]) -> str:
    tag = "gpu" if group == "gpu" else "bash"
    running = [one["id"] for one in jobs if one["state"] == "running" and one["tag"] == tag]
    return str(running[-number])


def _with_worker(job: dict[str, Any]) -> dict[str, Any]:
    """A running job names the worker that names it."""
    if job["state"] != "running":
        return {**job, "worker": None}
    host = {"train.sh": "gpu-node1-x8f2q", "crawl.sh": "default-node1-x8f2q"}.get(job["name"])
    return {**job, "worker": f"wk-{host or 'default-node2-8f2qa'}"}


def _still_queue(one: Mapping[str, Any]) -> dict[str, Any]:
    rates = {"30s": 2.4, "5m": 1.9, "30m": 0.75, "24h": 0.21} if one["tag"] == "bash" else {}
    oldest = None if one["oldest_wait"] is None else 4380.0
    return {**one, "oldest_wait": oldest, "rates": {**dict.fromkeys(one["rates"], 0.0), **rates}}


def recorded(snapshot: Snapshot) -> dict[str, str]:
    """What stands in the page, by the name of its place."""
    workers = [one.facts() for one in snapshot.workers]
    screen = frame(snapshot, Shown(pane=1, chosen=("", workers[0]["worker"], "", "")), 80, 24)
    return {
        "worker ls": "\n".join(tables.lines(workers, columns(wide=False))),
        "worker ls -o wide": "\n".join(tables.lines(workers, columns(wide=True))),
        "queue ls": "\n".join(tables.lines(snapshot.queues, queue_columns())),
        "top": "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in screen),
    }


def picture(snapshot: Snapshot) -> str:
    """The live screen as SVG, in whatever fixed font the reader has; it names no other host."""
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), highlight=False)  # noqa: SIM115 - as long as the console
    chosen = ("", snapshot.workers[0].name, "", "")
    for line in frame(snapshot, Shown(pane=1, chosen=chosen), COLUMNS, LINES):
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    form = re.sub(r"@font-face \{\{.*?\}\}", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = re.sub(r"<!--.*?-->\s*", "", form, flags=re.DOTALL)
    form = form.replace("Fira Code", "ui-monospace")
    text = console.export_svg(title="wmctl top", code_format=form, unique_id="top")
    console.file.close()
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def page(text: str, recordings: Mapping[str, str]) -> str:
    """The page with these recordings in their places."""
    for name, shown in recordings.items():
        block = re.compile(rf"(<!-- recording: {re.escape(name)} -->\n+```text\n).*?(^```$)",
                           re.DOTALL | re.MULTILINE)  # fmt: skip
        text, count = block.subn(lambda m, shown=shown: f"{m[1]}{shown}\n{m[2]}", text)
        if count != 1:
            raise ValueError(f"{name}: {count} places for it")
    return text


def look(root: Path, environ: Mapping[str, str]) -> Snapshot:
    """The picture of the scene, stilled; its workers are ended."""
    spool, started = scene(root, environ)
    try:
        looker = Looker(spool)
        # On a busy machine a beat may be late for a moment.
        _until(lambda: _states(looker.look().workers) == _STATES, "beats")
        return still(looker.look())
    finally:
        for _ in range(2):  # the second one stops the jobs, too
            for process in started:
                process.terminate()
        for process in started:
            process.wait(_PATIENCE)


def _states(workers: Iterable[Worker]) -> list[str]:
    return sorted(one.state for one in workers)


def made(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """The files and what they should say."""
    snapshot = look(root, environ)
    yield PAGE, page(PAGE.read_text(encoding="utf-8"), recorded(snapshot))
    yield PICTURE, picture(snapshot)


def main() -> None:
    """Say which differ; with --write, make them so."""
    os.environ["CLICOLOR_FORCE"] = "1"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        environ = {"PATH": os.environ["PATH"], "HOME": name, "TMPDIR": name, "LANG": "C.UTF-8"}
        for path, text in made(root, environ):
            same = path.exists() and path.read_text(encoding="utf-8") == text
            sys.stdout.write(f"{path.name}: {'the same' if same else 'differs'}\n")
            if not same and "--write" in sys.argv:
                path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
