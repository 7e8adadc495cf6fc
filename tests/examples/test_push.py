"""examples/push.sh: what a shell submits, the spool's own grammar must read back byte by byte."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wmctl.spool import Spool, bucket, is_id
from wmctl.spool.job import JOB_CAP, from_json
from wmctl.spool.name import Name, parse
from wmctl.spool.settings import Settings

PUSH = Path(__file__).parents[2] / "examples" / "push.sh"
SHELLS = [name for name in ("sh", "dash", "bash") if shutil.which(name)]

EVERY_CONTROL = "".join(chr(number) for number in range(1, 0x20)) + "\x7f"
#: Two bytes to four, the ends of each range, and the bytes that dash uses for itself (0x81…).
WIDE = "é\u0080\u0081\u07ff\u0800\u2018“”\ud7ff\ue000\ufffd\uffff\U00010000😀\U0010ffff" + "".join(
    map(chr, range(0x80, 0x100))
)
HOSTILE = {
    "plain": "echo hello\n",
    "empty": "",
    "no line feed at the end": "echo a",
    "line feeds only": "\n\n\n",
    "leading and trailing blanks": "  echo a  \n\t\n  ",
    "quotes": """echo "it's" 'so "so"' """,
    "backslashes": "printf 'a\\nb\\\\c\\' \\\n  d \\",
    "a backslash at the end of a line": "echo \\\n\\\n",
    "percent signs": "printf %s%d%% 100%",
    "patterns": "echo * ? [a-z] $(id) `id` ${HOME#/} # !",
    "control characters": f"a{EVERY_CONTROL}b\r\n{EVERY_CONTROL}",
    "wide characters": f"echo {WIDE}\n{WIDE}",
    "a closed object": '"}\n{"kind":"command","argv":["id"]}',
    "unicode escapes": "\\u0041 \\ud800",
    "one long line": "x" * 40_000,
    "many lines": 'echo "$1"\t# line\n' * 2_000,
}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool.create(tmp_path / "spool", Settings(durability="none"))


def push(
    folder: Path, tag: str, file: str, *, code: bytes = b"", shell: str = "sh", **env: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [shell, str(PUSH), tag, file],
        input=code,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "WMCTL_SPOOL": str(folder), **env},
        timeout=60,
        check=False,
    )


def queued(spool: Spool, tag: str) -> list[tuple[Name, Path]]:
    folder = spool.path / "queue" / tag
    found = [(parse(path.name, tag), path) for path in sorted(folder.iterdir())]
    assert all(name is not None for name, _ in found)
    return [(name, path) for name, path in found if name is not None]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("label", HOSTILE)
def test_code_comes_back_as_it_was(spool: Spool, tmp_path: Path, label: str, shell: str) -> None:
    script = tmp_path / "a script.sh"
    script.write_bytes(HOSTILE[label].encode())

    done = push(spool.path, "bash", str(script), shell=shell)

    assert (done.returncode, done.stderr) == (0, b"")
    [(name, path)] = queued(spool, "bash")
    assert done.stdout.decode() == f"{name.id}\n"
    job = from_json(path.read_bytes())
    assert (job.runner, job.code) == ("bash", HOSTILE[label])
    assert list((spool.path / "tmp").iterdir()) == []


def test_code_from_standard_input(spool: Spool) -> None:
    done = push(spool.path, "bash", "-", code=b"read x; echo $x\n")

    assert done.returncode == 0
    assert spool.job(spool.find(done.stdout.decode())).code == "read x; echo $x\n"


def test_nul_bytes_are_left_out(spool: Spool) -> None:
    assert push(spool.path, "bash", "-", code=b"ec\0ho a\n").returncode == 0
    [(_, path)] = queued(spool, "bash")
    assert from_json(path.read_bytes()).code == "echo a\n"


def test_name_id_and_due_time(spool: Spool) -> None:
    before = datetime.now(UTC).timestamp()
    ids = [push(spool.path, "bash", "-", code=b"true").stdout.decode().strip() for _ in range(5)]
    after = datetime.now(UTC).timestamp()

    names = [name for name, _ in queued(spool, "bash")]
    assert [name.id for name in names] == ids, "names sort in the order of submitting"
    for name in names:
        assert is_id(name.id)
        assert (name.priority, name.claims, name.lost, name.tries) == (0, 0, 0, 0)
        due = name.scheduled_for.timestamp()
        # A file system's clock ticks in steps of a few milliseconds.
        assert before - 0.02 <= due <= after
        stamp = int(name.id.replace("-", "")[:12], 16) / 1000
        assert 0 <= due - stamp < 0.001, "the id was made when the job is due"
        assert bucket(name.id).startswith(f"{name.scheduled_for:%Y%m%d%H}/")
    assert len(set(ids)) == len(ids)


def test_the_spool_finds_what_was_pushed(spool: Spool) -> None:
    job_id = push(spool.path, "a.b-c_D", "-", code=b"true").stdout.decode().strip()
    entry = spool.find(job_id[-8:])
    assert (entry.id, entry.state, entry.name.tag) == (job_id, "queued", "a.b-c_D")


@pytest.mark.parametrize(
    ("file_mode", "file", "folder"), [("0600", 0o600, 0o700), ("0660", 0o660, 0o770)]
)
def test_modes_are_those_of_the_spool(
    tmp_path: Path, file_mode: str, file: int, folder: int
) -> None:
    spool = Spool.create(tmp_path / "s", Settings(file_mode=file_mode, durability="none"))
    assert push(spool.path, "t", "-", code=b"true").returncode == 0
    [(_, path)] = queued(spool, "t")
    assert path.stat().st_mode & 0o777 == file
    assert path.parent.stat().st_mode & 0o777 == folder


BAD_TAGS = ["", ".", "..", ".a", "a.", "a/b", "../x", "a b", "a\nb", "é", "a%2F", "a" * 121, "*"]


@pytest.mark.parametrize("tag", BAD_TAGS)
def test_bad_tags_are_refused(spool: Spool, tag: str) -> None:
    done = push(spool.path, tag, "-", code=b"true")
    assert (done.returncode, done.stdout) == (65, b"")
    assert list((spool.path / "queue").iterdir()) == []


BAD_TEXTS = {
    "a stray byte": b"echo \xff",
    "half a character": b"echo \xc3",
    "an overlong slash": b"echo \xc0\xaf",
    "a surrogate": b"echo \xed\xa0\x80",
    "beyond Unicode": b"echo \xf4\x90\x80\x80",
    "too large": b"x" * JOB_CAP,
    "too large once escaped": (b'"' * 79 + b"\n") * (JOB_CAP // 5 // 80),
}


@pytest.mark.parametrize("label", BAD_TEXTS)
def test_what_is_no_text_is_refused(spool: Spool, label: str) -> None:
    done = push(spool.path, "bash", "-", code=BAD_TEXTS[label])
    assert (done.returncode, done.stdout) == (65, b""), done.stderr
    assert not any((spool.path / "queue").iterdir())
    assert not any((spool.path / "tmp").iterdir())


def test_the_largest_job_is_readable(spool: Spool) -> None:
    assert push(spool.path, "bash", "-", code=b"x" * (JOB_CAP - 100)).returncode == 0
    [(_, path)] = queued(spool, "bash")
    assert path.stat().st_size <= JOB_CAP


def test_a_missing_file(spool: Spool, tmp_path: Path) -> None:
    assert push(spool.path, "bash", str(tmp_path / "nothing.sh")).returncode == 66
    assert push(spool.path, "bash", str(tmp_path)).returncode == 66


def test_usage() -> None:
    done = subprocess.run(["sh", PUSH, "bash"], capture_output=True, check=False, env={})
    assert done.returncode == 2
    assert b"usage" in done.stderr


@pytest.mark.parametrize(
    "settings", [None, b"", b"{}\n", b'{"format":2}\n', b'{"format":10,"lease":60}\n']
)
def test_no_spool_of_format_1(tmp_path: Path, settings: bytes | None) -> None:
    folder = tmp_path / "s"
    (folder / "tmp").mkdir(parents=True)
    (folder / "queue").mkdir()
    if settings is not None:
        (folder / "spool.json").write_bytes(settings)
    done = push(folder, "bash", "-", code=b"true")
    assert (done.returncode, done.stdout) == (78, b"")
    assert not any((folder / "queue").iterdir())


def test_a_disk_that_takes_nothing(spool: Spool) -> None:
    (spool.path / "tmp").rmdir()
    assert push(spool.path, "bash", "-", code=b"true").returncode == 75
    (spool.path / "tmp").mkdir()
    (spool.path / "queue").rmdir()
    (spool.path / "queue").write_text("not a folder")
    done = push(spool.path, "bash", "-", code=b"true")
    assert (done.returncode, done.stdout) == (75, b"")
    assert not any((spool.path / "tmp").iterdir())


SYNCS = """#!/bin/sh
echo "$0 $*" | sed "s|$WMCTL_SPOOL/||g" >>"$TRACE"
exec /usr/bin/{0} "$@"
"""


@pytest.mark.parametrize(
    ("durability", "sync", "expected"),
    [
        ("durable", "1", ["sync tmp/*", "mkdir", "mv tmp/* queue/bash/*", "sync queue/bash queue"]),
        ("durable", "0", ["mkdir", "mv tmp/* queue/bash/*"]),
        ("none", "1", ["mkdir", "mv tmp/* queue/bash/*"]),
    ],
)
def test_order_of_syncs_and_rename(
    tmp_path: Path, durability: str, sync: str, expected: list[str]
) -> None:
    spool = Spool.create(tmp_path / "s", Settings(durability=durability))
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sync", "mv", "mkdir"):
        (tools / tool).write_text(SYNCS.format(tool))
        (tools / tool).chmod(0o755)
    trace = tmp_path / "trace"

    done = push(
        spool.path, "bash", "-", code=b"true",
        PATH=f"{tools}:{os.environ['PATH']}", TRACE=str(trace), SYNC=sync,
    )  # fmt: skip

    assert done.returncode == 0
    lines = trace.read_text().replace(f"{tools}/", "").splitlines()
    assert len(lines) == len(expected)
    for line, wanted in zip(lines, expected, strict=True):
        words, patterns = line.split(), wanted.split()
        assert words[0] == patterns[0]
        for word, pattern in zip(words[1:], patterns[1:], strict=False):
            assert Path(word).match(pattern), (line, wanted)
