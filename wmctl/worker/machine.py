"""What a worker has to work with: memory and processors, of its cgroup or of the machine."""

import functools
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


@functools.cache
def memory() -> int | None:
    """Bytes: the cgroup's limit, or what the machine has if that is less."""
    limits = [limit for limit in map(_limit, _above()) if limit is not None]
    whole = _whole()
    return min([*limits, *([] if whole is None else [whole])], default=None)


@functools.cache
def vcpus() -> float:
    """Processors that may be used at once: the cgroup's quota, or what we may run on."""
    quotas = [quota for quota in map(_quota, _above()) if quota is not None]
    found = min([float(len(os.sched_getaffinity(0))), *quotas])
    return int(found) if found == int(found) else round(found, 2)


def memory_usage() -> int | None:
    """Bytes of this process alone, not of its jobs."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _whole() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _above() -> list[Path]:
    """Our cgroup's folder (version 2) and those above it, each of which may set a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return []
    folder = _CGROUP / own.lstrip("/")
    return [one for one in (folder, *folder.parents) if one.is_relative_to(_CGROUP)]


def _limit(folder: Path) -> int | None:
    text = _read(folder / "memory.max")
    return int(text) if text.isdigit() else None


def _quota(folder: Path) -> float | None:
    words = _read(folder / "cpu.max").split()
    if len(words) != 2 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return int(words[0]) / int(words[1])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
