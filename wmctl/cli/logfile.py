"""Reading a job's log while it grows, piece by piece, each with the stream it was written to."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wmctl.spool import Entry, Spool

_CHUNK = 1 << 20


class Piece(NamedTuple):
    """Some bytes of a log."""

    error: bool
    data: bytes


class LogReader:
    """Gives out what was not given out yet; goes on with the next attempt's log."""

    def __init__(self, spool: Spool, *, split: bool) -> None:
        self._spool = spool
        #: False: all is given out as standard error.
        self._split = split
        self._paths: tuple[Path, Path] | None = None
        self._offset = 0

    def read(self, entry: Entry) -> Iterator[Piece]:
        """The new pieces; first the rest of an attempt that is over."""
        paths = self._spool.log_paths(entry)
        if self._paths is not None and self._paths != paths:
            yield from self._new()
        if self._paths != paths and self._spool.has(paths[0]):
            self._paths, self._offset = paths, 0
        yield from self._new()

    def _new(self) -> Iterator[Piece]:
        if self._paths is None:
            return
        try:
            with self._paths[0].open("rb") as file:
                file.seek(self._offset)
                while data := file.read(_CHUNK):
                    # The list of error parts is read after the bytes: it is written before them.
                    yield from self._cut(data)
                    self._offset += len(data)
        except FileNotFoundError:
            return

    def _cut(self, data: bytes) -> Iterator[Piece]:
        if not self._split or self._paths is None:
            yield Piece(True, data)
            return
        ranges = _ranges(self._paths[1]) if self._spool.has(self._paths[1]) else []
        at, end = self._offset, self._offset + len(data)
        index = bisect_right(ranges, at, key=lambda found: found[1])
        while at < end:
            start, stop = ranges[index] if index < len(ranges) else (end, end)
            error = start <= at
            until = min(stop if error else start, end)
            yield Piece(error, data[at - self._offset : until - self._offset])
            at = until
            index += error


def _ranges(path: Path) -> list[tuple[int, int]]:
    """The parts of the log that are standard error; a line in the making is left for later."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    found = (line.split() for line in text[: text.rfind(b"\n") + 1].splitlines())
    return [(int(words[0]), int(words[1])) for words in found if len(words) == 2]
