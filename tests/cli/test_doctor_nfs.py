"""`wmctl doctor --nfs` by two real processes in one local folder; real NFS is in tests/nfs."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Wmctl
from wmctl.spool import Disk, Settings, Spool
from wmctl.spool.probe import rendezvous
from wmctl.spool.probe.meeting import FOLDERS, Meeting, Silent
from wmctl.spool.store import Store

#: One side, with a disk of its own and little patience; what it finds, as JSON.
SIDE = """
import json, os, shutil, signal, sys, time
from wmctl.cli.nfsprobe import own_facts
from wmctl.cli.nfsprobe_findings import judge
from wmctl.spool.fs import Disk
from wmctl.spool.probe import rendezvous
from wmctl.spool.probe.examine import examine
from wmctl.spool.store import Store

class Twice(Disk):
    "What one renames stays there for the other one."
    def rename(self, source, target):
        if "/race/" not in source:
            return super().rename(source, target)
        shutil.copyfile(source, target)

class Dying(Disk):
    "The process is killed before it tells what it won."
    def overwrite(self, path, data):
        if b'"step":"race",' in data:
            os.kill(os.getpid(), signal.SIGKILL)
        super().overwrite(path, data)

class Hidden(Disk):
    "Of the other side's new names none is ever listed."
    def scan(self, path):
        return iter(()) if "/seen-" in path else super().scan(path)

class Broken(Disk):
    "The disk fails in the middle."
    def rename(self, source, target):
        if "/race/" in source:
            raise OSError(28, "No space left on device", target)
        super().rename(source, target)

disks = {"sound": Disk, "twice": Twice, "dying": Dying, "hidden": Hidden, "broken": Broken}
store = Store.open(sys.argv[1], disks[sys.argv[2]]())
own = own_facts(store)
own["boot_id"] = sys.argv[3]
meeting = rendezvous.find(store, 30, lambda: None)
meeting.patience = float(sys.argv[4])
found = examine(meeting, own)
print(json.dumps([[f.what, f.status, f.detail, f.why] for f in judge(found)]))
"""

Side = subprocess.Popen[str]
Begin = Callable[..., Side]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Spool.create(tmp_path / "sp", Settings()).path


@pytest.fixture
def begin(environ: dict[str, str], tmp_path: Path) -> Iterator[Begin]:
    """Start a process; it is gone after the test."""
    started: list[Side] = []

    def start(
        *words: str, env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> Side:
        started.append(
            subprocess.Popen(
                [sys.executable, *words], env=environ | (env or {}), cwd=tmp_path, text=True,
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def side(begin: Begin, folder: Path) -> Callable[..., Side]:
    """One side in the test's own words; two hosts, as far as they know."""

    def start(disk: str, boot_id: str, patience: float = 20.0) -> Side:
        return begin("-c", SIDE, str(folder), disk, boot_id, str(patience))

    return start


@pytest.fixture
def doctor(begin: Begin, folder: Path) -> Callable[..., Side]:
    def start(*words: str, env: dict[str, str] | None = None) -> Side:
        given = ("--nfs", "--spool", str(folder), "-o", "json", *words)
        return begin("-m", "wmctl", "doctor", *given, env=env)

    return start


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def until(condition: Callable[[], Any], patience: float = 30.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def waiting(folder: Path) -> list[Path]:
    return list(folder.glob("control/doctor/*/race"))


def checks(process: Side) -> dict[str, dict[str, str]]:
    """The findings of `wmctl doctor`; of a check with several, the worst."""
    out, errors = process.communicate(timeout=90)
    assert "Traceback" not in errors
    return worst(json.loads(out))


def worst(found: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    order = ["ok", "note", "fault"]
    return {item["check"]: item for item in sorted(found, key=lambda i: order.index(i["status"]))}


def findings(process: Side) -> dict[str, dict[str, str]]:
    """The same of a side in the test's own words."""
    out, errors = process.communicate(timeout=90)
    assert process.returncode == 0, errors
    names = ("check", "status", "detail", "why")
    return worst([dict(zip(names, item, strict=True)) for item in json.loads(out)])


# Two sound sides.


def test_two_processes(doctor: Callable[..., Side], folder: Path) -> None:
    before = tree(folder)
    first = doctor()
    until(lambda: waiting(folder))
    second = doctor()
    out, errors = first.communicate(timeout=60)
    found = worst(json.loads(out))

    said, command, begun = errors.splitlines()
    assert said.startswith("wmctl: waiting 60 s for another host")
    assert shlex.split(command) == ["wmctl", "doctor", "--nfs", "--spool", str(folder)]
    assert begun.endswith("is there; the test takes some ten seconds")
    assert found.keys() == checks(second).keys()
    assert first.returncode == second.returncode == 1
    assert found["verdict"]["status"] == "fault"
    assert found["verdict"]["detail"].startswith("it is not known whether this mount is fit: both")
    assert "both sides ran on one host" in found["hosts"]["detail"]
    others = found.keys() - {"verdict", "hosts"}
    assert others == {"file system", "spool", "clock", "sync", "users", "rename", "new names",
                      "events"}  # fmt: skip
    assert {found[name]["status"] for name in others - {"rename"}} == {"ok"}
    assert found["rename"]["status"] != "fault"
    assert "each won by exactly one host" in found["rename"]["detail"]
    assert tree(folder) == before


# Faults.


def test_a_rename_that_is_won_twice(side: Callable[..., Side]) -> None:
    first, second = side("twice", "one"), side("sound", "two")
    for found in (findings(first), findings(second)):
        assert found["rename"]["status"] == "fault"
        assert "were won by both hosts" in found["rename"]["detail"]
        assert "a rename had two winners" in found["verdict"]["detail"]


def test_names_that_are_never_seen(side: Callable[..., Side]) -> None:
    first, second = side("hidden", "one"), side("sound", "two")
    findings(first)
    found = findings(second)
    assert found["new names"]["status"] == "fault"
    assert "not see" in found["verdict"]["detail"]


def test_a_disk_that_fails_is_a_fault_of_the_renames(side: Callable[..., Side]) -> None:
    first, second = side("broken", "one"), side("sound", "two")
    findings(first)
    found = findings(second)
    assert found["rename"]["status"] == "fault"
    assert "ENOSPC" in found["rename"]["detail"]


def test_a_peer_that_dies_in_the_middle(side: Callable[..., Side], folder: Path) -> None:
    before = tree(folder)
    dying, sound = side("dying", "one", 4), side("sound", "two", 4)
    found = findings(sound)
    dying.communicate(timeout=60)
    assert dying.returncode == -signal.SIGKILL
    assert found["hosts"]["status"] == "fault"
    assert "stopped answering during the race of renames" in found["hosts"]["detail"]
    assert found["verdict"]["detail"].startswith("this mount is not fit")  # a disk of one host
    assert {path for path in tree(folder) if "tmp/" not in path} == set(before)


def test_a_peer_that_never_answers(side: Callable[..., Side], folder: Path) -> None:
    """It sits down, and that is all."""
    sound = side("sound", "one", 2)
    until(lambda: waiting(folder))
    [name] = os.listdir(folder / "control/doctor")
    assert Meeting(Store.open(str(folder), Disk()), name, "b").sit()
    found = findings(sound)
    assert "stopped answering during the greeting" in found["hosts"]["detail"]
    assert not (folder / "control/doctor").exists()


def test_a_peer_that_gives_up_says_why(side: Callable[..., Side], folder: Path) -> None:
    sound = side("sound", "one")
    until(lambda: waiting(folder))
    [name] = os.listdir(folder / "control/doctor")
    meeting = Meeting(Store.open(str(folder), Disk()), name, "b")
    assert meeting.sit()
    meeting.give_up("no more coffee")
    found = findings(sound)
    assert "the other side gave up: no more coffee" in found["hosts"]["detail"]


def test_answers_that_make_no_sense(side: Callable[..., Side], folder: Path) -> None:
    sound = side("sound", "one")
    until(lambda: waiting(folder))
    [name] = os.listdir(folder / "control/doctor")
    meeting = Meeting(Store.open(str(folder), Disk()), name, "b")
    assert meeting.sit()
    meeting.send("facts", {"protocol": 1, "host": ["\x1b[2J"]})
    meeting.send("met", {})
    meeting.give_up("enough")
    found = findings(sound)
    assert "make no sense" in found["hosts"]["detail"]


def test_another_version(side: Callable[..., Side], folder: Path) -> None:
    sound = side("sound", "one")
    until(lambda: waiting(folder))
    [name] = os.listdir(folder / "control/doctor")
    meeting = Meeting(Store.open(str(folder), Disk()), name, "b")
    assert meeting.sit()
    meeting.send("facts", {"protocol": 2})
    out, errors = sound.communicate(timeout=60)
    assert "another version of wmctl" in out, errors


# Meeting.


def test_nobody_comes(doctor: Callable[..., Side], folder: Path) -> None:
    before = tree(folder)
    alone = doctor("--wait", "500ms")
    found = checks(alone)
    assert alone.returncode == 1
    assert "no other host came" in found["hosts"]["detail"]
    assert found["verdict"]["detail"].startswith("it is not known")
    assert found["sync"]["status"] == "ok", "what is known without another host is told"
    assert tree(folder) == before


def test_what_a_killed_doctor_leaves_is_in_nobodys_way(
    doctor: Callable[..., Side], folder: Path
) -> None:
    """Neither just after, nor later; then it is removed."""
    killed = doctor()
    until(lambda: waiting(folder))
    killed.kill()
    killed.communicate()
    [left] = (folder / "control/doctor").iterdir()
    one, other = doctor(), doctor()
    assert "rename" in checks(one)
    assert "rename" in checks(other)
    if left.exists():  # nobody tried to join it
        os.utime(left, (0, 0))
        checks(doctor("--wait", "500ms"))
    assert not (folder / "control/doctor").exists()


def test_an_old_meeting_is_removed_and_a_waiting_one_is_not(folder: Path) -> None:
    store = Store.open(str(folder), Disk())
    old, new = Meeting.make(store, "open-old"), Meeting.make(store, "open-new")
    os.utime(old.folder, (0, 0))
    rendezvous.sweep(store)
    assert not Path(old.folder).exists()
    assert Path(new.folder).is_dir()


def test_a_stopped_doctor_leaves_nothing(doctor: Callable[..., Side], folder: Path) -> None:
    stopped = doctor()
    until(lambda: waiting(folder))
    stopped.send_signal(signal.SIGINT)
    stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    assert not (folder / "control/doctor").exists()


FIND = """
import sys
from wmctl.spool.fs import Disk
from wmctl.spool.probe import rendezvous
from wmctl.spool.store import Store
store = Store.open(sys.argv[1], Disk())
sys.stdin.readline()
meeting = rendezvous.find(store, 30, lambda: None)
meeting.send("me", {"name": sys.argv[2]})
print(meeting.name, meeting.side, meeting.receive("me")["name"] != sys.argv[2])
meeting.close(alone=False)
"""


@pytest.mark.parametrize("count", [2, 4])
def test_whoever_comes_at_once_meets_in_pairs(begin: Begin, folder: Path, count: int) -> None:
    for _ in range(3):
        gate, out_of_it = os.pipe()
        sides = [begin("-c", FIND, str(folder), str(at), stdin=gate) for at in range(count)]
        os.close(gate)
        os.write(out_of_it, b"\n" * count)
        os.close(out_of_it)
        met: dict[str, list[str]] = {}
        for process in sides:
            out, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            name, which, other = out.split()
            assert other == "True"
            met.setdefault(name, []).append(which)
        assert [sorted(pair) for pair in met.values()] == [["a", "b"]] * (count // 2)
        assert not (folder / "control/doctor").exists()


def test_a_meeting_of_a_group_is_open_to_the_group(tmp_path: Path) -> None:
    Spool.create(tmp_path / "team", Settings(file_mode="0660"))
    store = Store.open(str(tmp_path / "team"), Disk())
    old = os.umask(0o077)
    try:
        meeting = Meeting.make(store, "open-x")
    finally:
        os.umask(old)
    made = Path(meeting.folder)
    for path in (made.parent, made, *(made / name for name in FOLDERS)):
        assert path.stat().st_mode & 0o7777 == 0o2770, path
    assert (made / "a.mail").stat().st_mode & 0o777 == 0o660


def test_only_who_was_called_joins_a_call(folder: Path) -> None:
    store = Store.open(str(folder), Disk())
    Meeting.make(store, "called-x")
    with pytest.raises(Silent):
        rendezvous.find(store, 0.3, lambda: None)
    joined = Meeting(store, "called-x", "a")
    assert not joined.taken()


# The other side through ssh.


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    """Runs what it is given here, in a shell, as ssh does there; notes its words."""
    scripts = tmp_path / "there"
    scripts.mkdir()
    (scripts / "wmctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m wmctl "$@"\n')
    program = scripts / "ssh"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\nshift 2\n'
        f'PATH={scripts}:$PATH; exec sh -c "$*"\n'
    )
    for path in scripts.iterdir():
        path.chmod(0o755)
    return program


def test_it_starts_the_other_side(
    doctor: Callable[..., Side], ssh: Path, tmp_path: Path, folder: Path
) -> None:
    before = tree(folder)
    found = doctor("--host", "ann@far", env={"WMCTL_SSH": f"{ssh} -4"})
    seen = checks(found)
    assert "both sides ran on one host" in seen["hosts"]["detail"]
    assert "each won by exactly one host" in seen["rename"]["detail"]
    option, host, command = (tmp_path / "words").read_text().splitlines()
    assert (option, host) == ("-4", "ann@far")
    assert shlex.split(command)[:5] == ["wmctl", "doctor", "--nfs", "--spool", str(folder)]
    assert tree(folder) == before


def test_a_host_that_cannot_be_reached(doctor: Callable[..., Side], tmp_path: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\necho no route to $1 >&2; exit 255\n")
    program.chmod(0o755)
    began = time.monotonic()
    found = checks(doctor("--host", "far", env={"WMCTL_SSH": str(program)}))
    assert found["hosts"]["detail"] == (
        "the other side did not come: far ended with exit code 255: no route to far"
    )
    assert time.monotonic() - began < 30, "it does not wait for who cannot come"


def test_the_other_side_has_another_spool(
    begin: Begin, doctor: Callable[..., Side], tmp_path: Path
) -> None:
    """Nobody waits there: it says so and asks whether the file system is mounted."""
    other = Spool.create(tmp_path / "other", Settings()).path
    done = begin("-m", "wmctl", "doctor", "--nfs", "--spool", str(other), "--meet", "called-x")
    out, errors = done.communicate(timeout=60)
    assert (done.returncode, out) == (1, "")
    assert "nobody waits in" in errors
    assert "is the file system mounted here?" in errors


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--host", "far"), 2, "--host and --wait are for --nfs"),
        (("--wait", "3s"), 2, "--host and --wait are for --nfs"),
        (("--nfs", "--host", "-oProxyCommand=x"), 2, "is no host"),
        (("--nfs", "--wait", "soon"), 2, "--wait: 'soon' is not a duration"),
        (("--nfs", "--spool", "nowhere"), 1, "is not a spool"),
    ],
)
def test_what_makes_no_sense(wmctl: Wmctl, words: tuple[str, ...], code: int, said: str) -> None:
    done = wmctl("doctor", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_there_must_be_a_spool(wmctl: Wmctl, fresh: Path) -> None:
    done = wmctl("doctor", "--nfs")
    assert done.returncode == 1
    assert "there is no spool in" in done.stdout
    assert not fresh.exists()
