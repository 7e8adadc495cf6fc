"""Files that are no jobs: a list by hand, and as many broken copies of good jobs as one likes."""

import json
import os
import random
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wmctl.spool import Job, new_id
from wmctl.spool.name import Name

GOOD = Job(language="bash", code=":", args={"n": 1}, labels=("a",)).to_json()
#: Due first, so that whoever trips over it does so before the good ones are done.
OLD = "20200101T000000.000000Z"
Make = Callable[[Path], object]


@dataclass(frozen=True)
class Prank:
    """Something to plant in a queue, and whether a worker must put it aside or leave it alone."""

    label: str
    make: Make
    #: The file's name, as bytes for those that are no text; None: one of a job that is due.
    name: bytes | None = None
    left_alone: bool = False


def queued_name() -> str:
    """A new job's."""
    return Name(OLD, 0, new_id(), "bash").queued


def text(content: bytes, mode: int = 0o600) -> Make:
    """A file of this content."""

    def make(path: Path) -> None:
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)

    return make


def _hard_link(path: Path) -> None:
    other = path.parents[2] / "trash" / new_id()
    text(GOOD)(other)
    os.link(other, path)


def _sparse(path: Path) -> None:
    text(b"")(path)
    os.truncate(path, 1 << 40)


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/.s")  # the path of a socket must be short
        os.rename(path.parent / ".s", path)
    finally:
        os.close(folder)


def _device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))


def _other_owner(path: Path) -> None:
    text(GOOD)(path)
    os.chown(path, 54321, 54321)


def _full_folder(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("")


def _deep(path: Path) -> None:
    path.mkdir()
    os.makedirs(path / "/".join("d" * 20))


def _json(**fields: object) -> Make:
    return text((json.dumps({"language": "bash", "code": ":", **fields}) + "\n").encode())


KINDS: dict[str, Make] = {
    "fifo": os.mkfifo, "socket": _socket, "device": _device, "hard link": _hard_link,
    "link out": lambda path: path.symlink_to("/etc/passwd"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "link to a folder": lambda path: path.symlink_to("/"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "folder": lambda path: path.mkdir(), "full folder": _full_folder, "deep folder": _deep,
    "sparse": _sparse, "other owner": _other_owner,
    "world may write": text(GOOD, 0o666), "group may write": text(GOOD, 0o620),
    "empty": text(b""), "white space": text(b" \n" * 100), "NULs": text(b"\0" * 4096),
    "too large": text(b" " * (1 << 20) + GOOD), "torn": text(GOOD[:-9]),
    "two objects": text(GOOD + GOOD), "BOM": text(b"\xef\xbb\xbf" + GOOD),
    "UTF-16": text(GOOD.decode().encode("utf-16")), "not UTF-8": text(GOOD[:-2] + b"\xff}\n"),
    "list": text(b"[1]"), "number": text(b"1"), "null": text(b"null"), "text": text(b'"job"'),
    "NaN": text(b'{"language":"bash","code":":","timeout":NaN}'),
    "Infinity": text(b'{"language":"bash","code":":","timeout":Infinity}'),
    "too large a number": text(b'{"language":"bash","code":":","timeout":1e999}'),
    "endless number": text(b'{"language":"bash","code":":","timeout":' + b"1" * 5000 + b"}"),
    "key twice": text(b'{"language":"bash","code":":","code":"x"}'),
    "deep lists": text(b"[" * 100_000),
    "half a pair": text(b'{"language":"bash","code":"\\ud800"}'),
    "half a pair as a key": text(b'{"language":"bash","code":":","args":{"\\udc00":1}}'),
    "NUL in argv": text(b'{"kind":"command","argv":["a\\u0000b"]}'),
    "NUL in env": text(b'{"kind":"command","argv":["a"],"env":{"A":"\\u0000"}}'),
    "= in env": text(b'{"kind":"command","argv":["a"],"env":{"A=":"b"}}'),
    "no argv": text(b'{"kind":"command"}'), "empty argv": text(b'{"kind":"command","argv":[]}'),
    "no code": text(b'{"language":"bash"}'), "no language": text(b'{"code":":"}'),
    "code twice": _json(code_blob="0" * 64), "bad blob": _json(args_blob="../../x"),
    "bad root": _json(root="../../x"), "bad parent": _json(parent=1), "bad kind": _json(kind="A/b"),
    "bad language": _json(language="../x"), "bad timeout": _json(timeout=-1),
    "timeout true": _json(timeout=True), "bad retries": _json(retries=1.5),
    "many retries": _json(retries=10**6), "args a list": _json(args=[1]),
    "labels a text": _json(labels="x"), "label a number": _json(labels=[1]),
    "long name": _json(name="n" * 201), "bad workspace": _json(workspace="../x"),
    "long workspace": _json(workspace="w" * 51), "umask": _json(umask=0o1000),
    "relative cwd": text(b'{"kind":"command","argv":["a"],"cwd":"x"}'),
    "created_at a number": _json(created_at=1), "key null": _json(key={}),
}  # fmt: skip

_ID = b"01930000-0000-7000-8000-000000000000"
_NAMES = {
    "short": b"x", "plain": b"job.json", "not UTF-8": b"\xff\xfe.json", "line feed": b"a\nb.json",
    "long": b"x" * 250, "no id": OLD.encode() + b"_000_" + b"z" * 36 + b"_0.0.0.v1.json",
    "no day": b"20209901T000000.000000Z_000_" + _ID + b"_0.0.0.v1.json",
    "priority 999": OLD.encode() + b"_999_" + _ID + b"_0.0.0.v1.json",
    "priority 00a": OLD.encode() + b"_00a_" + _ID + b"_0.0.0.v1.json",
    "tag in a queue": OLD.encode() + b"_000_" + _ID + b"_0.0.0@bash.v1.json",
    "outcome in a queue": OLD.encode() + b"_000_" + _ID + b"_0.0.0.v1.json.success",
    "leading zero": OLD.encode() + b"_000_" + _ID + b"_00.0.0.v1.json",
    "worn out": OLD.encode() + b"_000_" + _ID + b"_999999999.0.0.v1.json",
    "major 0": OLD.encode() + b"_000_" + _ID + b"_0.0.0.v0.json",
    "major 01": OLD.encode() + b"_000_" + _ID + b"_0.0.0.v01.json",
}  # fmt: skip
_LEFT = {
    "version 2": queued_name().replace(".v1.", ".v2.").encode(),
    "version 9999": queued_name().replace(".v1.", ".v9999.").encode(),
    "hidden": b".hidden", "half copied": b".job.json.part",
}  # fmt: skip


def by_hand() -> Iterator[Prank]:
    """Each once."""
    for label, make in KINDS.items():
        yield Prank(label, make)
    for label, name in _NAMES.items():
        yield Prank(f"name: {label}", text(GOOD), name)
    for label, name in _LEFT.items():
        yield Prank(f"left alone: {label}", text(GOOD), name, left_alone=True)


def mutations(rng: random.Random) -> Iterator[Prank]:
    """Endlessly; each is certain to be no job, by its kind of damage."""
    while True:
        at = rng.randrange(1, len(GOOD) - 2)
        bits = bytes([rng.randrange(0x20)])
        yield Prank("cut", text(GOOD[:at]))
        yield Prank("control character", text(GOOD[:at] + b"\x01" + GOOD[at:]))
        yield Prank("bad byte", text(GOOD[:at] + b"\xff" + GOOD[at:]))
        yield Prank("more behind", text(GOOD + bits + b"x" * rng.randrange(1, 99)))
        yield Prank("noise", text(b"\x00" + rng.randbytes(rng.randrange(1, 9999))))
        name = queued_name()
        at = rng.randrange(len(name) - 8)
        yield Prank("name: no hex", text(GOOD), f"{name[:at]}~{name[at + 1 :]}".encode())
        yield Prank("name: longer", text(GOOD), f"{name[:at]}-~{name[at:]}".encode())
