"""What every command gives to machines, byte by byte: `python -m tests.cli.golden --write`.

One spool with a job in each state; ids, times and folders are replaced by words. What depends on
the machine (tools, figures) is held as its shape: keys and kinds of values.
"""

import difflib
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wmctl import __version__
from wmctl.cli.app import run
from wmctl.config import groups, shared
from wmctl.spool import Job, Spool

FOLDER = Path(__file__).parent / "golden"
LISTS = ("table", "json", "jsonl", "tsv", "id")
FACTS = ("table", "json")
MACHINE = {"json", "jsonl", "tsv", "id", "name"}

#: Name of the files, the command line, its formats. `JOB` is the job that failed.
VALUES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ps-all", "ps -a", (*LISTS, "name")),
    ("show", "show JOB", FACTS),
    ("why", "why HELD", FACTS),
    ("worker-ls", "worker ls", LISTS),
    ("alerts-ls", "alerts ls", LISTS[:4]),
    ("worker-show", "worker show lab-1", FACTS),
    ("tag-ls", "tag ls", LISTS),
    ("tag-check", "tag check", LISTS),
    ("group-ls", "group ls", LISTS),
    ("group-show", "group show gpu", FACTS),
    ("group-validate", "group validate", LISTS),
    ("spool-info", "spool info", FACTS),
    ("spool-check", "spool check", LISTS[:4]),
    ("quarantine-ls", "quarantine ls", LISTS),
    ("config-show", "config show --origin", LISTS[:4]),
    ("version", "version", FACTS),
    ("prune", "prune -n --older-than 1ms", FACTS),
)
SHAPES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("status", "status", ("json",)),
    ("queue-ls", "queue ls", ("json", "jsonl")),
    ("queue-show", "queue show gpu", ("json",)),
    ("stats", "stats --since 2020-01-01T00:00", ("json", "jsonl")),
    ("doctor", "doctor", ("json", "jsonl")),
    ("plugin-ls", "plugin ls", ("json", "jsonl")),
    ("spool-du", "spool du", ("json",)),
)


_GROUP = b"""\
worker_tags: [gpu]
priority_tags: {gpu: 50}
min_alive_workers_alert_threshold: 1
slots: [{CUDA_VISIBLE_DEVICES: 0}]
"""


def scene(root: Path) -> dict[str, str]:
    """A spool with a job in each state; words of command lines that stand for its jobs."""
    spool = Spool.create(root / "spool")
    spool.join("lab-1", {"tags": ["bash"], "state": "busy", "group": "default", "host": "lab",
                         "pid": 7, "jobs_executed": 2, "started_at": "2026-11-23T08:00:00.000Z",
                         "version": "0.1.0", "only": None})  # fmt: skip
    shared.edit(spool.store, groups.relative("gpu"), lambda _: _GROUP)
    made = {"SUCCESS": _ended(spool, "success", 0, {"total": 1})}
    error = {"error": {"name": "ExecutionErr", "message": "exit code 3"}}
    made["JOB"] = _ended(spool, "failure", 3, error)
    made["CANCELED"] = _submit(spool, "later")
    spool.cancel(made["CANCELED"], by="ann", reason="not needed")
    made["HELD"] = _submit(spool, "kept")
    spool.hold(spool.find(made["HELD"]), "wait for bob")
    bad = _submit(spool, "bad", tag="gpu")
    Path(spool.find(bad).path).write_text("{}\n")
    _claim(spool, bad)
    made["RUNNING"] = _submit(spool, "long\ttab")
    _claim(spool, made["RUNNING"])
    made["QUEUED"] = _submit(spool, "waits", tag="gpu")
    alert = "- {name: backlog, tags_to_monitor: [gpu], jobs_num_threshold: 1, command: [mail, ops]}"
    (spool.path / "alerts.yaml").write_text(f"alerts:\n{alert}\n")
    (spool.path / "alerts.yaml").chmod(0o600)
    return made


def _submit(spool: Spool, name: str, tag: str = "bash") -> str:
    time.sleep(0.002)  # ids of one millisecond are in no order
    job = Job(
        language="bash", code=":", name=name, labels=("env=test",), created_by="ann",
        created_on="lab", created_at="2026-11-23T09:00:00.000Z",
    )  # fmt: skip
    return spool.submit(job, tag=tag)


def _claim(spool: Spool, job_id: str) -> Any:
    entry = spool.find(job_id)
    return spool.claim("lab-1", entry.name, entry.path, lambda _name, _job: None)


def _ended(spool: Spool, outcome: str, code: int, result: Any) -> str:
    job_id = _submit(spool, outcome)
    record = {
        "exit_code": code, "result": result, "worker": "lab-1",
        "started_at": "2026-11-23T09:00:01.000Z", "completed_at": "2026-11-23T09:00:03.500Z",
    }  # fmt: skip
    assert spool.finish(_claim(spool, job_id), outcome, record)
    return job_id


def printed(words: list[str]) -> str:
    """What a command gives to standard output."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    try:
        code = run(words)
        out, err = (one.buffer.getvalue().decode() for one in (sys.stdout, sys.stderr))
    finally:
        sys.stdout, sys.stderr = before
    assert code in {0, 1, 69}, (words, code, err)
    return out


def lines_of(command: str, made: dict[str, str]) -> list[str]:
    """The words of a command line of the table."""
    return [made.get(word, word) for word in command.split()]


def normal(text: str, root: Path) -> str:
    """Without what is another at each run."""
    ids: dict[str, str] = {}
    text = text.replace(str(root), "<dir>").replace(f'"{__version__}"', '"<version>"')
    text = re.sub(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}",
        lambda found: ids.setdefault(found[0], f"<id {len(ids) + 1}>"),
        text,
    )
    for pattern, word in _VARIES:
        text = re.sub(pattern, word, text)
    # Columns are as wide as what was replaced.
    return re.sub(r"(?<=\S)  +", "  ", text)


_VARIES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\b\d{10}/[0-9a-f]{2}/", "<bucket>/"),
    (r"\b\d{8}T\d{6}\.\d+Z", "<due>"),
    (r"\b\d+(\.\d+)?s\b|\b\d+(m\d\ds|h\d\dm|d)\b", "<age>"),
    (r'("(?:beat_age|age|seconds|waited|free|oldest\w*)":) ?[\d.]+', r"\1<number>"),
    (r'("python":) ?"[^"]*"', r'\1"<version>"'),
    (r"wmctl \d\S+ \(spool format (\d), Python \S+\)", r"wmctl <version> (spool format \1)"),
    (r'("file_system":) ?"[^"]*"', r'\1"<kind>"'),
    (r"(?m)^(file_system +)\S+", r"\1<kind>"),
    (r'("bytes":) ?\d+', r"\1<number>"),
    (r"\b\d+ (bytes|KiB|MiB)\b", "<size>"),
    (r"(?<=\t)0\.\d+(?=\t)", "<number>"),
)


def shape(value: Any) -> Any:
    """Keys, and what kind each value is; of a list the kinds that are in it."""
    if isinstance(value, dict):
        return {key: found if key == "schema" else shape(found) for key, found in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(shape(one)): None for one in value}
        return sorted(map(json.loads, kinds), key=json.dumps)
    return "null" if value is None else type(value).__name__


def shape_of(text: str, format: str) -> str:
    """The shape of a command's output, as a file."""
    values = [json.loads(line) for line in text.splitlines()] if format == "jsonl" else None
    return json.dumps(shape(json.loads(text) if values is None else values), indent=1) + "\n"


def outputs(root: Path) -> Iterator[tuple[str, str]]:
    """Name of the file and content of everything that is held."""
    made = scene(root)
    for name, command, formats in VALUES:
        for form in formats:
            text = printed([*lines_of(command, made), "-o", form])
            yield f"{name}.{form}", normal(text, root)
    for name, command, formats in SHAPES:
        for form in formats:
            text = printed([*lines_of(command, made), "-o", form])
            yield f"{name}.shape.{form}", shape_of(text, form)


def at_home(root: Path) -> None:
    """The environment of one who has this spool and no settings."""
    for name in [name for name in os.environ if name.startswith(("WMCTL_", "XDG_", "WORKER_"))]:
        del os.environ[name]
    home = root / "home"
    home.mkdir()
    os.environ.update(HOME=str(home), WMCTL_SPOOL=str(root / "spool"), LOGNAME="ann")
    os.chdir(root)


def main() -> None:
    """Say what differs; with --write, make it so."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        at_home(root)
        found = dict(outputs(root))
        os.chdir("/")
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in found and "--write" in sys.argv:
            path.unlink()
    for file, text in found.items():
        path = FOLDER / file
        old = path.read_text() if path.exists() else ""
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), text.splitlines(True), file, file)
        )
        if "--write" in sys.argv:
            path.write_text(text)


if __name__ == "__main__":
    main()
