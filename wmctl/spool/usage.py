"""What a spool takes on the disk: by part of the tree, by tag, and its biggest logs. Reads only."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from wmctl.errors import BadInput
from wmctl.spool import lookup
from wmctl.spool import name as names
from wmctl.spool.ids import is_id
from wmctl.spool.lookup import WAITING
from wmctl.spool.store import Store

#: So many of the biggest logs are named.
BIGGEST = 10
_BLOCK = 512


class Log(NamedTuple):
    """One log and what it takes."""

    bytes: int
    job: str
    path: str


@dataclass
class Amount:
    """Files, and the bytes that they take on the disk."""

    files: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more file."""
        self.files += 1
        self.bytes += size


@dataclass
class Usage:
    """Everything that was found."""

    all: Amount = field(default_factory=Amount)
    #: By the folders of the spool; what lies beside them is under its own name.
    parts: defaultdict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    #: Job files, results and logs; what belongs to no job is in no tag.
    tags: defaultdict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    logs: list[Log] = field(default_factory=list)


class Meter:
    """Looks at every file of a spool once; `told` hears of the progress."""

    def __init__(self, store: Store, told: Callable[[Usage], None] = lambda _: None) -> None:
        self._store = store
        self._told = told
        self._found = Usage()
        self._waiting: dict[str, str] = {}
        self._bucket: tuple[str, dict[str, str]] = ("", {})

    def run(self) -> Usage:
        """Measure."""
        entries = lookup.entries(self._store, WAITING)
        self._waiting = {entry.id: entry.name.tag for entry in entries}
        for top in sorted(self._store.disk.scan(self._store.root), key=lambda item: item.name):
            if top.is_dir(follow_symlinks=False):
                for folder, name in self._files(top.path):
                    self._count(top.name, folder, name)
            else:
                self._count(top.name, self._store.root, top.name)
        self._found.logs.sort(reverse=True)
        return self._found

    def _files(self, folder: str) -> Iterator[tuple[str, str]]:
        """The folder and the name of each file below a folder; a folder's files together."""
        below = [folder]
        while below:
            at = below.pop()
            for item in self._store.disk.scan(at):
                if item.is_dir(follow_symlinks=False):
                    below.append(item.path)
                else:
                    yield at, item.name

    def _count(self, part: str, folder: str, name: str) -> None:
        path = f"{folder}/{name}"
        try:
            size = self._store.disk.stat(path).st_blocks * _BLOCK
        except FileNotFoundError:
            return
        found = self._found
        found.all.add(size)
        found.parts[part].add(size)
        tag = self._tag(part, folder, name)
        if tag is not None:
            found.tags[tag].add(size)
        if part == "logs":
            heapq.heappush(found.logs, Log(size, name.partition(".")[0], path))
            if len(found.logs) > BIGGEST:
                heapq.heappop(found.logs)
        self._told(found)

    def _tag(self, part: str, folder: str, name: str) -> str | None:
        if part in {"logs", "results"}:
            return self._tag_of_job(folder, part, name.partition(".")[0])
        try:
            below = folder[len(self._store.path("queue")) + 1 :]
            tag = names.decode_tag(below.partition("/")[0]) if part == "queue" else None
        except BadInput:
            return None
        parsed = names.parse(name, tag)
        return parsed.tag if parsed else None

    def _tag_of_job(self, folder: str, part: str, job_id: str) -> str | None:
        """Of a finished job the names in its bucket tell, which are read once for each bucket."""
        if not is_id(job_id):
            return None
        label = folder[len(self._store.path(part)) + 1 :]
        if self._bucket[0] != label:
            scanned = self._store.disk.scan(self._store.path("completed", label))
            parsed = filter(None, (names.parse(item.name) for item in scanned))
            self._bucket = (label, {name.id: name.tag for name in parsed})
        return self._bucket[1].get(job_id) or self._waiting.get(job_id)
