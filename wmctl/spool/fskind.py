"""Which file system holds the spool. What is not known counts as a network file system."""

import os
from dataclasses import dataclass

_LOCAL = {
    0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x01021994: "tmpfs",
    0x2FC12FC1: "zfs", 0xF2F52010: "f2fs", 0x858458F6: "ramfs", 0xCA451A4E: "bcachefs",
    0x794C7630: "overlay", 0x3153464A: "jfs", 0x52654973: "reiserfs",
}  # fmt: skip
_NETWORK = {
    0x6969: "nfs", 0x517B: "smb", 0xFE534D42: "smb2", 0xFF534D42: "cifs", 0x00C36400: "ceph",
    0x0BD00BD0: "lustre", 0x47504653: "gpfs", 0x5346414F: "afs", 0x01021997: "9p",
    0x65735546: "fuse", 0x19830326: "beegfs",
}  # fmt: skip


@dataclass(frozen=True)
class FileSystem:
    """Its name, and whether other hosts may see it: then folders are polled, never only watched."""

    kind: str
    network: bool


def detect(path: str) -> FileSystem:
    """What statfs says about the folder itself."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    # struct statfs begins with f_type, one machine word; 256 bytes hold all of it.
    found = (ctypes.c_long * 32)()
    if libc.statfs(os.fsencode(path), found) != 0:
        return FileSystem("unknown", network=True)
    number = found[0] & 0xFFFFFFFF
    if number in _LOCAL:
        return FileSystem(_LOCAL[number], network=False)
    return FileSystem(_NETWORK.get(number, f"unknown (0x{number:x})"), network=True)
