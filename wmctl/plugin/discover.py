"""Which plugins are installed: the entry points of group `wmctl`, read without loading anything.

`importlib.metadata` alone costs about as much as half of typer (it imports the email package). So
the usual places are read directly, and it is asked only where a distribution could be elsewhere.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

GROUP = "wmctl"
#: wmctl's own distribution; its plugins come first.
OWN = "wmctl"

_SECTION = re.compile(rf"^\[\s*{GROUP}\s*\]\s*$(.*?)(?=^\s*\[|\Z)", re.MULTILINE | re.DOTALL)


class Source(NamedTuple):
    """One entry point: where a plugin comes from."""

    name: str
    #: `package.module` or `package.module:object`.
    value: str
    distribution: str
    version: str

    @property
    def own(self) -> bool:
        """True for a plugin of wmctl's own distribution."""
        return self.distribution == OWN

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


def sources() -> list[Source]:
    """All plugins, wmctl's own first, then by distribution and name."""
    found = _by_metadata() if _unusual() else _by_folders(sys.path)
    own = [source for source in found if source.own]
    others = (source for source in found if not source.own)
    return own + sorted(others, key=lambda source: (source.distribution, source.name))


def _by_folders(folders: Iterable[str]) -> list[Source]:
    """Read `*.dist-info/entry_points.txt`; of a distribution found twice the first counts."""
    found: dict[str, list[Source]] = {}
    for folder in folders:
        for info, name, version in _distributions(folder):
            if name not in found:
                text = _read(os.path.join(info, "entry_points.txt"))
                found[name] = list(_parse(text, name, version))
    return [source for group in found.values() for source in group]


def _distributions(folder: str) -> Iterator[tuple[str, str, str]]:
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return
    for info in names:
        if info.endswith((".dist-info", ".egg-info")):
            stem = info.rpartition(".")[0].split("-")
            name = re.sub(r"[-_.]+", "-", stem[0]).lower()
            yield os.path.join(folder, info), name, stem[1] if len(stem) > 1 else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def _parse(text: str, distribution: str, version: str) -> Iterator[Source]:
    for section in _SECTION.finditer(text):
        for line in section[1].splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith(("#", ";")):
                module = value.partition("[")[0].strip()
                yield Source(name.strip(), module, distribution, version)


def _unusual() -> bool:
    """True where distributions could be in archives, eggs or behind a finder of their own."""
    return any(folder.endswith(".egg") or os.path.isfile(folder) for folder in sys.path) or any(
        hasattr(finder, "find_distributions") and getattr(finder, "__name__", "") != "PathFinder"
        for finder in sys.meta_path
    )


def _by_metadata() -> list[Source]:
    from importlib.metadata import distributions  # costly, see above

    found: dict[str, list[Source]] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.name or "").lower()
        if name and name not in found:
            found[name] = [
                Source(
                    point.name, point.value.partition("[")[0].strip(), name, distribution.version
                )
                for point in distribution.entry_points
                if point.group == GROUP
            ]
    return [source for group in found.values() for source in group]
