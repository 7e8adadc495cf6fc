"""`wmctl doctor --nfs` between two hosts: it calls a good mount fit and names what is bad."""

import json
import sys
from typing import Any

import pytest

from .channel import Running
from .lab import MOUNTS, ROOT, Lab

HOP = f"{sys.executable} {ROOT / 'tests/nfs/hop.py'}"
WMCTL = (sys.executable, "-m", "wmctl")
#: On a host: which mount each path is in, as wmctl finds it and as the kernel tells.
_MOUNTS = """
import json, os, sys
from wmctl.spool import fskind
for path in sys.argv[1:]:
    fd = os.open(path, os.O_PATH)
    told = [l.split()[1] for l in open(f"/proc/self/fdinfo/{fd}") if l.startswith("mnt_id")]
    assert [str(fskind.mount(path).id)] == told, path
"""


def make(lab: Lab, mount: str) -> str:
    """A spool on the mount, made there as people make it."""
    path = f"{mount}/doctor"
    lab.exec("c1", [*WMCTL, "init", path]).ok()
    return path


def doctor(lab: Lab, host: str, path: str, *words: str, **env: str) -> Running:
    given = ["doctor", "--nfs", "--spool", path, "-o", "json", *words]
    return lab.bg(host, [*WMCTL, *given], env=env)


def worst(running: Running) -> dict[str, dict[str, Any]]:
    """The findings; of several of one name the worst."""
    order = ["ok", "note", "fault"]
    done = running.wait()
    assert done.out, done.err
    found = sorted(json.loads(done.out), key=lambda item: order.index(item["status"]))
    return {item["check"]: item for item in found}


def examined(lab: Lab, path: str) -> dict[str, dict[str, Any]]:
    """What c1 is told; c2 must have been told the same verdict, and nothing is left behind."""
    before = lab.exec("srv", ["find", "/mnt/export/spool/doctor"]).out
    first = doctor(lab, "c1", path)
    first.until("waiting")
    second = doctor(lab, "c2", path)
    found, others = worst(first), worst(second)
    assert {name: item["status"] for name, item in found.items()} == {
        name: item["status"] for name, item in others.items()
    }
    code = 1 if found["verdict"]["status"] == "fault" else 0
    assert (first.wait().code, second.wait().code) == (code, code)
    assert lab.exec("srv", ["find", "/mnt/export/spool/doctor"]).out == before
    return found


def test_the_usual_mount_is_fit(lab) -> None:
    """Here the one side starts the other one."""
    path = make(lab, MOUNTS["v4.2"])
    hosts = f"c2={lab.network.control('c2')}"
    calling = doctor(lab, "c1", path, "--host", "c2", WMCTL_SSH=HOP, LAB_HOSTS=hosts)
    found = worst(calling)
    assert calling.wait().code == 0, calling.err
    assert found["verdict"]["detail"].startswith("this mount is fit for wmctl, as far as")
    assert found["file system"]["detail"] == "nfs 4.2 of srv:/spool (hard)"
    assert found["hosts"]["detail"] == "c1 (this one) and c2"
    assert "each won by exactly one host" in found["rename"]["detail"]
    assert "until its folder was opened" in found["new names"]["detail"]
    assert "inotify told nothing" in found["events"]["detail"]
    assert found["export"]["status"] == "note"
    assert [name for name, item in found.items() if item["status"] == "fault"] == []


def test_version_3_and_a_clock_an_hour_ahead_are_noted(lab) -> None:
    path = make(lab, MOUNTS["v3"])
    lab.clock("c2", 3600)
    found = examined(lab, path)
    assert found["mount"]["status"] == found["clock"]["status"] == "note"
    assert "c2 +3600." in found["clock"]["detail"]
    assert "wmctl does not compare host clocks" in found["clock"]["detail"]
    verdict = found["verdict"]["detail"]
    assert verdict.startswith("this mount is fit for wmctl, but NFS 4.1 or later would be better")
    assert "the clock of c2 is +3600 s off" in verdict


@pytest.fixture
def mount(lab):
    """Mount the export once more on a host, with these options and caches of its own."""
    mounted = []

    def make(host: str, options: str) -> str:
        lab.mount(host, "v4.2", "/mnt/other", f",{options},nosharecache")
        mounted.append(host)
        return "/mnt/other"

    yield make
    for host in mounted:
        lab.exec(host, ["umount", "/mnt/other"]).ok()


def test_options_that_people_give(lab, mount) -> None:
    make(lab, MOUNTS["v4.2"])
    mount("c1", "soft,noac")
    path = f"{mount('c2', 'nocto')}/doctor"
    found = examined(lab, path)
    verdict = found["verdict"]["detail"]
    assert verdict.startswith("this mount is not fit for wmctl: it is mounted soft (c1); ")
    assert "it is mounted nocto (c2)" in verdict
    assert found["new names"]["status"] == "fault", "what nocto does is seen as well"


def test_noac_is_fit_and_noted(lab, mount) -> None:
    """It needs no second host to be seen."""
    make(lab, MOUNTS["v4.2"])
    found = worst(doctor(lab, "c1", f"{mount('c1', 'noac')}/doctor", "--wait", "100ms"))
    assert found["mount"]["status"] == "note"
    assert found["mount"]["detail"].startswith("c1: noac (or actimeo=0)")


def test_a_spool_that_is_not_mounted_there(lab) -> None:
    """The other side's own words come through."""
    lab.exec("c1", ["mkdir", "-p", "/tmp/x"]).ok()
    lab.exec("c1", [*WMCTL, "init", "/tmp/x/sp"]).ok()
    hosts = f"c2={lab.network.control('c2')}"
    calling = doctor(lab, "c1", "/tmp/x/sp", "--host", "c2", WMCTL_SSH=HOP, LAB_HOSTS=hosts)
    found = worst(calling)
    assert calling.wait().code == 1
    assert "/tmp/x/sp is not a spool" in found["hosts"]["detail"]
    assert found["verdict"]["detail"].startswith("it is not known whether this mount is fit")


def test_root_is_told_that_it_is_nobody(lab, mount) -> None:
    make(lab, MOUNTS["v4.2"])
    path = f"{mount('c1', 'acregmax=1')}/doctor"  # not the one that others use: it remembers this
    script = 'exportfs -o "$1" "*:/mnt/export"'
    lab.exec("srv", ["sh", "-c", script, "sh", "rw,sync,root_squash,no_subtree_check,fsid=0"]).ok()
    try:
        found = worst(doctor(lab, "c1", path))
    finally:
        lab.exec("srv", ["exportfs", "-ra"]).ok()
    assert found["spool"]["status"] == "fault"
    assert "root_squash" in found["spool"]["remedy"]


def test_what_else_says_where_the_spool_lies(lab) -> None:
    path = make(lab, MOUNTS["v3"])
    facts = json.loads(
        lab.exec("c1", [*WMCTL, "spool", "info", "--spool", path, "-o", "json"]).ok().out
    )
    assert (facts["file_system"], facts["network"]) == ("nfs 3", True)
    assert {"vers=3", "hard"} <= set(facts["mount_options"])
    plain = json.loads(lab.exec("c1", [*WMCTL, "doctor", "--spool", path, "-o", "json"]).out)
    [note] = [item for item in plain if item["check"] == "file system"]
    assert note["status"] == "note"
    assert "wmctl doctor --nfs" in note["remedy"]


def test_mounts_over_mounts(lab) -> None:
    """Stacked, hidden, bound and with blanks: as the kernel says."""
    script = """
    set -e
    mkdir -p "/mnt/a/b" "/mnt/with blank"
    mount -t tmpfs one /mnt/a
    mkdir /mnt/a/b
    mount --bind /mnt/v4/doctor /mnt/a/b
    mount -t tmpfs two "/mnt/with blank"
    mount -t tmpfs three "/mnt/with blank"
    """
    make(lab, MOUNTS["v4.2"])
    lab.exec("c3", ["sh", "-c", script]).ok()
    paths = ["/mnt/a/b/queue", "/mnt/a", "/mnt/with blank", "/mnt/v4/doctor", "/"]
    try:
        lab.exec("c3", [sys.executable, "-c", _MOUNTS, *paths]).ok()
        lab.exec("c3", ["sh", "-c", "mount -t tmpfs over /mnt/a && mkdir -p /mnt/a/b"]).ok()
        lab.exec("c3", [sys.executable, "-c", _MOUNTS, "/mnt/a/b"]).ok()
    finally:
        undo = 'umount /mnt/a /mnt/a/b /mnt/a "/mnt/with blank" "/mnt/with blank"'
        lab.exec("c3", ["sh", "-c", undo])
