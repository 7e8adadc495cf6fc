"""Which file system holds the spool. What is not known counts as a network file system."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wmctl.spool.mounts import Mount

_LOCAL = {
    0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x01021994: "tmpfs",
    0x2FC12FC1: "zfs", 0xF2F52010: "f2fs", 0x858458F6: "ramfs", 0xCA451A4E: "bcachefs",
    0x794C7630: "overlay", 0x3153464A: "jfs", 0x52654973: "reiserfs",
}  # fmt: skip
_NFS = 0x6969
_FUSE = 0x65735546
_NETWORK = {
    _NFS: "nfs", 0x517B: "smb", 0xFE534D42: "smb2", 0xFF534D42: "cifs", 0x00C36400: "ceph",
    0x0BD00BD0: "lustre", 0x47504653: "gpfs", 0x5346414F: "afs", 0x01021997: "9p",
    _FUSE: "fuse", 0x19830326: "beegfs", 0x00C0FFEE: "hostfs", 0x786F4256: "vboxsf",
    0x01161970: "gfs2", 0x7461636F: "ocfs2",
}  # fmt: skip
#: The only type over FUSE that is known to lie on a disk of this host: ntfs-3g and the like.
_FUSE_ON_A_DISK = "fuseblk"


class FileSystem(NamedTuple):
    """Its name, and whether other hosts may see it: then folders are polled, never only watched."""

    kind: str
    network: bool


def detect(path: str) -> FileSystem:
    """What statfs says about the folder itself; of what is behind FUSE, the list of mounts."""
    number = _statfs(path)
    if number is None:
        return FileSystem("unknown", network=True)
    if number == _FUSE:
        return _behind_fuse(mount(path))
    if number in _LOCAL:
        return FileSystem(_LOCAL[number], network=False)
    return FileSystem(_NETWORK.get(number, f"unknown (0x{number:x})"), network=True)


def mount(path: str) -> "Mount | None":
    """The mount that holds a path; slower than `detect` where there are thousands of mounts."""
    from wmctl.spool import mounts  # no submit to a local disk needs it

    # Nothing of the spool's disk: the kernel's list of mounts, as this process sees them.
    try:
        content = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return None
    return mounts.holding(os.path.realpath(path), mounts.parse(content))


def title(system: FileSystem, mounted: "Mount | None") -> str:
    """Its name for people, with the protocol's version: `nfs 4.2`."""
    if system.kind == "nfs" and mounted is not None and mounted.nfs:
        return f"nfs {mounted.nfs}"
    return system.kind


def _statfs(path: str) -> int | None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    # struct statfs begins with f_type, one machine word; 256 bytes hold all of it.
    found = (ctypes.c_long * 32)()
    if libc.statfs(os.fsencode(path), found) != 0:
        return None
    return found[0] & 0xFFFFFFFF


def _behind_fuse(found: "Mount | None") -> FileSystem:
    """`fuse.sshfs` says it itself; others `fuse`, and their name in the source: `mfs#…`."""
    kind = found.type if found is not None else "fuse"
    if found is not None and kind == "fuse" and "#" in found.source:
        kind = f"fuse.{found.source.partition('#')[0]}"
    return FileSystem(kind, network=kind != _FUSE_ON_A_DISK)
