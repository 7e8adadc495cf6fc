"""Which mount holds a path, and what it is: from lines as kernels write them."""

import os
from pathlib import Path

import pytest

from wmctl.spool import fskind, mounts
from wmctl.spool.fskind import FileSystem

LINES = rb"""22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
41 27 0:37 / /home rw,relatime shared:20 - nfs4 nas:/home rw,vers=4.2,rsize=1048576,hard,proto=tcp,timeo=600,retrans=2,sec=sys,local_lock=none,addr=192.0.2.1
42 41 0:38 / /home/ann rw,relatime shared:21 - nfs4 nas:/home/ann rw,vers=4.1,soft,proto=tcp
43 27 0:39 / /mnt/old rw,relatime shared:22 - nfs nas:/vol rw,vers=3,acregmin=0,acregmax=0,acdirmin=0,acdirmax=0,hard,noac,nolock,proto=tcp,mountproto=udp,local_lock=all
44 27 0:40 / /mnt/with\040blank\134and\011tab rw - nfs4 nas:/a\040b rw,vers=4.0
45 27 0:41 / /mnt/sshfs rw,nosuid,nodev,relatime shared:24 - fuse.sshfs ann@nas:/srv rw,user_id=0
46 27 0:42 / /mnt/mfs rw,relatime shared:25 - fuse mfs#mfsmaster:9421 rw,allow_other
47 27 8:17 / /mnt/stick rw,relatime shared:26 master:3 propagate_from:2 unbindable - fuseblk /dev/sdb1 rw,blksize=4096
48 27 0:43 / /mnt/ancient rw - nfs4 nas:/x rw,vers=4,minorversion=1
49 27 0:44 / /mnt/host rw,relatime - virtiofs share rw
50 27 0:45 /exports/x /mnt/empty rw - tmpfs  rw
this is no mount
51 27 0:46
"""  # noqa: E501 - as the kernel writes them


def held(path: str, lines: bytes = LINES) -> mounts.Mount:
    found = mounts.holding(path, mounts.parse(lines))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/", "/"),
        ("/srv/jobs", "/"),
        ("/home", "/home"),
        ("/homer/x", "/"),
        ("/home/bob/spool", "/home"),
        ("/home/ann", "/home/ann"),
        ("/home/ann/spool", "/home/ann"),
        ("/home/anna", "/home"),
        ("/mnt/with blank\\and\ttab/spool", "/mnt/with blank\\and\ttab"),
    ],
)
def test_the_longest_point(path: str, point: str) -> None:
    assert held(path).point == point


def test_what_is_read() -> None:
    assert len(mounts.parse(LINES)) == 12
    found = held("/home/ann")
    assert (found.type, found.source, found.nfs) == ("nfs4", "nas:/home/ann", "4.1")
    assert held("/mnt/with blank\\and\ttab").source == "nas:/a b"
    assert held("/mnt/stick").type == "fuseblk"
    assert (held("/mnt/empty").type, held("/mnt/empty").source) == ("tmpfs", "")
    assert mounts.holding("/x", []) is None


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/home", "4.2"),
        ("/mnt/old", "3"),
        ("/mnt/with blank\\and\ttab", "4.0"),
        ("/mnt/ancient", "4.1"),
        ("/mnt/sshfs", ""),
        ("/", ""),
    ],
)
def test_the_version_of_nfs(path: str, version: str) -> None:
    assert held(path).nfs == version


def test_options_that_matter() -> None:
    assert {"hard", "noac", "nolock", "vers=3", "local_lock=all"} <= set(held("/mnt/old").notable)
    assert "rsize=1048576" not in held("/home").notable
    assert held("/mnt/old").option("acregmax") == "0"
    assert held("/mnt/old").option("acreg") is None


def test_the_last_of_several_on_one_point() -> None:
    below = b"60 27 0:50 / /mnt/s rw - tmpfs first rw\n"
    stacked = b"61 60 0:51 / /mnt/s rw - tmpfs second rw\n62 61 0:52 / /mnt/s rw - nfs4 x:/y rw\n"
    assert held("/mnt/s/a", LINES + below + stacked).id == 62
    beside = b"61 27 0:51 / /mnt/s rw - tmpfs second rw\n"
    assert held("/mnt/s/a", LINES + below + beside).source == "second"


def test_a_longer_point_may_be_hidden() -> None:
    """By what was mounted later above it, and so is not below that one."""
    lines = LINES + (
        b"70 27 0:60 / /data rw - ext4 /dev/vdb rw\n"
        b"71 70 0:61 / /data/deep rw - nfs4 nas:/deep rw\n"
        b"72 70 0:62 / /data rw - tmpfs over rw\n"
    )
    assert held("/data/deep/spool", lines).source == "over"


def test_a_root_that_is_no_mount() -> None:
    """In a changed root the mount that holds it is not in the list."""
    lines = b"81 80 0:70 / /mnt rw - tmpfs t rw\n82 81 0:71 / /mnt/nfs rw - nfs4 x:/y rw\n"
    assert held("/mnt/nfs/spool", lines).id == 82
    assert mounts.holding("/srv", mounts.parse(lines)) is None


def test_a_mount_that_is_its_own_parent() -> None:
    assert held("/x", b"1 1 0:1 / / rw - rootfs rootfs rw\n2 1 0:2 / / rw - ext4 d rw\n").id == 2


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/mnt/sshfs", "fuse.sshfs", True),
        ("/mnt/mfs", "fuse.mfs", True),
        ("/mnt/stick", "fuseblk", False),
        ("/mnt/host", "virtiofs", True),
    ],
)
def test_what_is_behind_fuse(path: str, kind: str, network: bool) -> None:
    assert fskind._behind_fuse(held(path)) == FileSystem(kind, network=network)


def test_fuse_without_a_mount_is_a_network() -> None:
    assert fskind._behind_fuse(None).network


def test_titles() -> None:
    nfs = FileSystem("nfs", network=True)
    assert fskind.title(nfs, held("/mnt/old")) == "nfs 3"
    assert fskind.title(nfs, held("/home")) == "nfs 4.2"
    assert fskind.title(nfs, None) == "nfs"
    assert fskind.title(FileSystem("ext4", network=False), held("/")) == "ext4"


def test_as_the_kernel_says() -> None:
    """Of every mount point that can be opened, the kernel tells which mount is there."""
    compared = 0
    for mount in mounts.parse(Path("/proc/self/mountinfo").read_bytes()):
        try:
            fd = os.open(mount.point, os.O_PATH)
        except OSError:
            continue
        try:
            told = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
        finally:
            os.close(fd)
        found = fskind.mount(mount.point)
        assert found is not None
        assert f"mnt_id:\t{found.id}\n" in told, mount
        compared += 1
    assert compared


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc/self")
    found = fskind.mount(str(tmp_path / "link"))
    assert found is not None
    assert found.type == "proc"


def test_what_is_not_known_is_a_network() -> None:
    found = fskind.detect("/proc")
    assert found.network
    assert found.kind.startswith("unknown (0x")
    assert fskind.detect("/nowhere/at/all") == FileSystem("unknown", network=True)
