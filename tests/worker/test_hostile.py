"""Hostile queues: what is no job is put aside with a reason, and the good ones run."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import Bench, script
from wmctl.spool import new_id
from wmctl.spool.name import Name


def plant(bench: Bench, make: Callable[[Path], None], name: str | None = None) -> Path:
    """Something in the queue, by default under the name of a job that is due first."""
    folder = bench.spool.path / "queue" / "bash"
    folder.mkdir(exist_ok=True)
    path = folder / (name or Name("20200101T000000.000000Z", 0, new_id(), "bash").queued)
    make(path)
    return path


def text(content: bytes, mode: int = 0o600) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return make


GOOD = script().to_json()


def hard_link(path: Path) -> None:
    other = path.parents[2] / "tmp" / path.name
    text(GOOD)(other)
    os.link(other, path)


def sparse(path: Path) -> None:
    text(b"")(path)
    os.truncate(path, 10 << 40 if path.stat().st_dev else 0)


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "fifo": os.mkfifo,
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "loop": lambda path: path.symlink_to(path.name),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: (path.mkdir(), (path / "x").write_text("")),
    "hard link": hard_link,
    "writable by others": text(GOOD, 0o666),
    "torn": text(GOOD[:-9]),
    "empty": text(b""),
    "not an object": text(b"[1]"),
    "NaN": text(b'{"language":"bash","code":":","timeout":NaN}'),
    "twice": text(b'{"language":"bash","code":":","code":"x"}'),
    "deep": text(b"[" * 100_000),
    "long number": text(b'{"language":"bash","code":":","timeout":' + b"1" * 5000 + b"}"),
    "not UTF-8": text(b'{"language":"bash","code":"\xff"}'),
    "surrogate": text(b'{"language":"bash","code":"\\ud800"}'),
    "NUL in argv": text(b'{"kind":"command","argv":["a\\u0000b"]}'),
    "too large": text(b" " * (1 << 20) + GOOD),
    "sparse": sparse,
    "no code": text(b'{"language":"bash"}'),
    "bad root": text(b'{"language":"bash","code":":","root":"../../x"}'),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_job_file_is_put_aside_and_the_next_runs(bench: Bench, how: str) -> None:
    path = plant(bench, HOSTILE[how])
    good = bench.submit()
    worker = bench.run()
    assert bench.state(good) == "success"
    assert not os.path.lexists(path)
    (found,) = bench.spool.entries(["quarantined"])
    reason = bench.spool.reason(found)
    assert reason is not None
    assert reason["message"]
    assert worker.name not in bench.spool.joined()


def test_what_a_link_leads_to_is_not_touched(bench: Bench) -> None:
    """Not even its time stamp: it may belong to anybody."""
    precious = bench.folder / "precious"
    precious.write_text("precious")
    os.utime(precious, (1, 1))
    plant(bench, lambda path: path.symlink_to(precious))
    bench.run()
    assert precious.stat().st_mtime == 1
    assert precious.read_text() == "precious"


NAMES = [
    b"x", b"job.json", b"\xff\xfe.json", b"a\nb.json", b"x" * 250,
    b"20200101T000000.000000Z_000_not-an-id-at-all-but-long-enough-to-be-one_0.0.0.v1.json",
    b"20209901T000000.000000Z_000_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
    b"20200101T000000.000000Z_999_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
    b"20200101T000000.000000Z_00a_01930000-0000-7000-8000-000000000000_0.0.0.v1.json",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:30])
def test_a_name_that_is_no_jobs_is_put_aside_after_a_minute(bench: Bench, name: bytes) -> None:
    """Until then it may be half copied."""
    good = bench.submit()
    path = os.path.join(os.fsencode(bench.spool.path / "queue" / "bash"), name)
    with open(path, "wb") as file:
        file.write(GOOD)
    bench.run()
    assert bench.state(good) == "success"
    assert os.path.exists(path)
    minute = time.time() - 61
    os.utime(path, (minute, minute))
    bench.run()
    assert not os.path.exists(path)
    assert len(list((bench.spool.path / "quarantine").iterdir())) == 2


def test_a_job_of_a_later_format_is_left_for_a_later_worker(bench: Bench) -> None:
    name = Name("20200101T000000.000000Z", 0, new_id(), "bash").queued.replace(".v1.", ".v2.")
    path = plant(bench, text(GOOD), name)
    os.utime(path, (1, 1))
    bench.run()
    assert path.exists()


def test_hostile_names_in_other_places_do_no_harm(bench: Bench) -> None:
    root = os.fsencode(bench.spool.path)
    for place in (b"queue/\xff", b"running/\xff", b"running/wk-x", b"workers/\xff"):
        os.mkdir(root + b"/" + place)
    for place in (b"queue/file", b"running/file", b"control/cancel/\xff", b"completed/file"):
        with open(root + b"/" + place, "w"):
            pass
    job_id = bench.submit()
    bench.run()
    assert bench.state(job_id) == "success"
