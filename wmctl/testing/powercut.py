"""A disk whose power can be cut: what was not synced is gone.

The model, on the pessimistic side of what journaling file systems do:

- A file's content survives as it was at its last fsync (or syncfs); never synced, it is empty.
- A name survives if its folder was synced (fsync or syncfs) while it was there, and if the folder's
  own name survives. Making a name durable does not make the names above it durable.
- A rename is one journal transaction: syncing either folder makes both halves of it durable. A file
  has one name: when a later name is durable, the earlier ones are gone.
- What was removed is gone when its folder was synced afterwards; until then the name comes back.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from wmctl.testing.faults import Call, FakeClock, WatchedDisk

R = TypeVar("R")


@dataclass(eq=False)
class _Node:
    """A file or a folder, as it is and as the disk would give it back."""

    folder: bool
    now: dict[str, "_Node"] = field(default_factory=dict)
    kept: dict[str, "_Node"] = field(default_factory=dict)
    content: bytes = b""
    #: The folder that holds it now.
    parent: "_Node | None" = None


class PowerCutDisk(WatchedDisk):
    """Remembers what is durable. Everything in `root` must be made through it.

    `forget`: calls that are made and have no effect on what survives, for negative controls:
    "files" or "folders" (fsync of those), "syncfs".
    """

    def __init__(
        self, root: str, clock: FakeClock | None = None, *, forget: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(clock)
        self.root = root
        self.forget = forget
        self._top = _Node(folder=True)
        self._nodes = [self._top]
        #: What a call means for the model.
        self._means: dict[str, Callable[..., None]] = {
            "create": self._create,
            "mkdir": self._mkdir,
            "rename": self._rename,
            "unlink": self._take,
            "rmdir": self._take,
            "sync": self._sync,
            "syncfs": self._syncfs,
        }
        #: Called after each call that changed or synced something.
        self.watcher: Callable[[Call], None] = lambda _: None

    def around(self, call: Call, go: Callable[[], R]) -> R:
        """Make the call and remember what it means."""
        result = go()
        remember = self._means.get(call.name)
        if remember is not None:
            remember(*call.paths)
            self.watcher(call)
        return result

    def tree(self) -> "Survivors":
        """What would be there if the power failed now."""
        return Survivors(_copy(self._top))

    def _node(self, path: str) -> _Node | None:
        node: _Node | None = self._top
        for part in [part for part in path[len(self.root) :].split("/") if part]:
            node = node.now.get(part) if node is not None else None
        return node

    def _place(self, path: str, node: _Node) -> None:
        above, _, name = path.rpartition("/")
        parent = self._node(above)
        assert parent is not None, path
        parent.now[name] = node
        node.parent = parent

    def _create(self, path: str) -> None:
        if self._node(path) is None:
            self._add(path, _Node(folder=False))

    def _mkdir(self, path: str) -> None:
        if path.startswith(f"{self.root}/") and self._node(path) is None:
            self._mkdir(os.path.dirname(path))
            self._add(path, _Node(folder=True))

    def _add(self, path: str, node: _Node) -> None:
        self._place(path, node)
        self._nodes.append(node)

    def _rename(self, source: str, target: str) -> None:
        node = self._node(source)
        assert node is not None, source
        self._take(source)
        if self._node(target) is not None:  # what had the name is no more
            self._take(target)
        self._place(target, node)

    def _take(self, path: str) -> None:
        node = self._node(path)
        assert node is not None, path
        assert node.parent is not None, path
        del node.parent.now[os.path.basename(path)]
        node.parent = None

    def _sync(self, path: str) -> None:
        node = self._node(path)
        if node is not None and ("folders" if node.folder else "files") not in self.forget:
            self._make_durable(node, path)

    def _syncfs(self, *paths: str) -> None:
        del paths
        if "syncfs" not in self.forget:
            for folder, _, files in os.walk(self.root):
                for below in (folder, *(f"{folder}/{name}" for name in files)):
                    found = self._node(below)
                    if found is not None:
                        self._make_durable(found, below)

    def _make_durable(self, node: _Node, path: str) -> None:
        if not node.folder:
            with open(path, "rb") as file:
                node.content = file.read()
            return
        moved = [gone for name, gone in node.kept.items() if node.now.get(name) is not gone]
        node.kept = dict(node.now)
        for child in node.now.values():
            self._only(child, node)
        for gone in moved:
            if gone.parent is not None:  # the other half of a rename out of this folder
                (label,) = [label for label, at in gone.parent.now.items() if at is gone]
                gone.parent.kept[label] = gone
                self._only(gone, gone.parent)

    def _only(self, child: _Node, parent: _Node) -> None:
        """Earlier names of what has a durable name are gone."""
        for other in self._nodes:
            if other is parent or not other.folder:
                continue
            for old in [label for label, at in other.kept.items() if at is child]:
                del other.kept[old]


class Survivors:
    """What is left after a power cut, to be written somewhere."""

    def __init__(self, top: _Node) -> None:
        self._top = top

    def write(self, root: str) -> None:
        """Materialise it in an empty folder."""
        _write(self._top, root)


def _copy(node: _Node) -> _Node:
    kept = {name: _copy(child) for name, child in node.kept.items()}
    return _Node(node.folder, kept=kept, content=node.content)


def _write(node: _Node, path: str) -> None:
    for name, child in node.kept.items():
        below = f"{path}/{name}"
        if child.folder:
            os.mkdir(below, 0o700)
            _write(child, below)
        else:
            fd = os.open(below, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
            os.write(fd, child.content)
            os.close(fd)
