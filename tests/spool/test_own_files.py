"""Files under a name that is ours alone to write: emptied if ours, replaced if not."""

import errno
import os
import stat

import pytest

from wmctl.spool import Disk, fs
from wmctl.testing.faults import FailingDisk


def fifo(path):
    os.mkfifo(path, 0o600)


def link(path):
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.symlink_to(victim)


def hard_link(path):
    victim = path.with_name("victim")
    victim.write_text("precious")
    victim.chmod(0o600)
    os.link(victim, path)


def wide_open(path):
    path.write_text("old")
    path.chmod(0o666)


def ours(path):
    path.write_text("a longer text that was there")
    path.chmod(0o600)


@pytest.mark.parametrize("before", [None, ours, fifo, link, hard_link, wide_open])
def test_it_is_an_empty_file_of_ours_afterwards(before, tmp_path):
    path = tmp_path / "own"
    if before is not None:
        before(path)
    fs.write_own(Disk(), str(path), b"new", 0o600, sync=True)
    found = path.lstat()
    assert stat.S_ISREG(found.st_mode)
    assert (found.st_nlink, stat.S_IMODE(found.st_mode)) == (1, 0o600)
    assert path.read_bytes() == b"new"
    victim = tmp_path / "victim"
    assert not victim.exists() or victim.read_text() == "precious"


@pytest.mark.parametrize("call", ["write", "sync", "close"])
def test_half_a_file_is_not_left_behind(call, tmp_path):
    disk = FailingDisk(0, errno.ENOSPC, only=[call])
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="space"):
        fs.write_own(disk, str(tmp_path / "own"), b"new", 0o600, sync=True)
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before
