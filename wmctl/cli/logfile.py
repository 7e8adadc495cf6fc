"""Reading a job's log while it grows, piece by piece, each with the stream it was written to."""

import os
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from wmctl.spool import Entry, Spool

_CHUNK = 1 << 20
_BACK = 64 << 10


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

    def begin(self, log: Path, offset: int) -> None:
        """What stands before this place of a log is not given out."""
        self._paths, self._offset = (log, errors_of(log)), offset

    def rest(self) -> Iterator[Piece]:
        """What is new in the log that was begun."""
        yield from self._new()

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


def errors_of(log: Path) -> Path:
    """The list of a log's standard error parts."""
    return log.with_suffix(".err")


def tail_of(log: Path, lines: int, error: bool | None) -> int:
    """Where the last lines of a log begin; `error`: only those of standard error, or of output."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            return _tail(file, _parts(log, size, error), lines) if lines else size
    except FileNotFoundError:
        return 0


def _parts(log: Path, size: int, error: bool | None) -> list[tuple[int, int]]:
    """The parts of a log that one stream wrote."""
    if error is None:
        return [(0, size)]
    ranges = [(start, min(stop, size)) for start, stop in _ranges(errors_of(log)) if start < size]
    if error:
        return ranges
    ends = [0, *(stop for _, stop in ranges)]
    starts = [*(start for start, _ in ranges), size]
    return [(start, stop) for start, stop in zip(ends, starts, strict=True) if start < stop]


def _tail(file: BinaryIO, parts: list[tuple[int, int]], lines: int) -> int:
    """Backwards through the parts, until so many lines and one more line end were seen."""
    last = True
    for start, end in reversed(parts):
        stop = end
        while start < stop:
            begin = max(start, stop - _BACK)
            file.seek(begin)
            data = file.read(stop - begin)
            at = len(data)
            while (at := data.rfind(b"\n", 0, at)) >= 0:
                # The end of the very last line begins no other one.
                lines -= not (last and at == len(data) - 1)
                last = False
                if lines <= 0:
                    return begin + at + 1
            last = False
            stop = begin
    return parts[0][0] if parts else 0


def _ranges(path: Path) -> list[tuple[int, int]]:
    """The parts of the log that are standard error; a line in the making is left for later."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    found = (line.split() for line in text[: text.rfind(b"\n") + 1].splitlines())
    return [(int(words[0]), int(words[1])) for words in found if len(words) == 2]
