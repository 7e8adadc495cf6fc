"""What /proc/self/mountinfo says: from its text to the mount that holds a path. Pure, no disk."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: The options of an NFS mount that change what wmctl and people see of other hosts.
_MATTER = re.compile(
    r"ro|sync|hard|soft|softerr|softreval|noac|nocto|nolock|nosharecache"
    r"|(?:vers|minorversion|proto|timeo|retrans|lookupcache|local_lock|sec"
    r"|acregmin|acregmax|acdirmin|acdirmax)=.*"
)


@dataclass(frozen=True)
class Mount:
    """One mounted file system."""

    id: int
    #: The mount that its point lies in.
    parent: int
    point: str
    type: str
    source: str
    options: tuple[str, ...]

    @property
    def nfs(self) -> str:
        """The version of the NFS protocol (`3`, `4.2`), "" where it is none."""
        if self.type not in {"nfs", "nfs4"}:
            return ""
        version = self.option("vers") or ("4" if self.type == "nfs4" else "3")
        if version == "4":  # as kernels before 3.4 say it
            version = f"4.{self.option('minorversion') or 0}"
        return version

    def option(self, name: str) -> str | None:
        """What follows `name=`, or None."""
        for text in self.options:
            key, equals, value = text.partition("=")
            if equals and key == name:
                return value
        return None

    @property
    def notable(self) -> list[str]:
        """The options of an NFS mount that matter to whoever shares it."""
        return [text for text in self.options if _MATTER.fullmatch(text)]


def parse(content: bytes) -> list[Mount]:
    """The mounts in the order of the file; a line that is none is left out."""
    return [mount for line in content.splitlines() if (mount := _mount(line))]


def _mount(line: bytes) -> Mount | None:
    """`id parent major:minor root point options [tag …] - type source options`."""
    words = line.split(b" ")
    try:
        dash = words.index(b"-", 6)
        kind, source, more = words[dash + 1 : dash + 4]
        numbers = int(words[0]), int(words[1])
    except (ValueError, IndexError):
        return None
    options = dict.fromkeys(_text(words[5]).split(",") + _text(more).split(","))
    return Mount(*numbers, _text(words[4]), _text(kind), _text(source), tuple(options))


def _text(word: bytes) -> str:
    """Blanks, line feeds and backslashes are written as three octal digits."""
    return os.fsdecode(re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes([int(found[1], 8)]), word))


def holding(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that a path (absolute, without links) lies in.

    Found as the kernel finds it, from the top down: a longer point may be hidden by what was
    mounted above it later. Of several mounts on one point the last one counts.
    """
    left = [mount for mount in mounts if _under(path, mount.point)]
    known = {mount.id for mount in left}
    found: Mount | None = None
    while True:
        next_ones = [
            mount
            for mount in left
            if (mount.parent == found.id if found else mount.parent not in known - {mount.id})
        ]
        if not next_ones:
            return found
        shortest = min(len(mount.point) for mount in next_ones)
        found = [mount for mount in next_ones if len(mount.point) == shortest][-1]
        left = [mount for mount in left if mount.id != found.id]


def _under(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")
