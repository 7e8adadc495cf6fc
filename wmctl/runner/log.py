"""The writer of a job's log: what the job wrote, in the order it came, within a cap.

The beginning is written through at once, the end is held in memory and appended at `close`. It
opens no file itself, never raises because of the disk, and knows nothing of processes.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable

CAP = 16 << 20
#: The end of an overlong log waits in memory until `close`, so at most this much of the cap is
#: kept from the end and the rest of the cap from the beginning.
TAIL = 4 << 20
#: How much of the job's standard output `LogFile.tail` can give back.
LAST = 256 << 10
#: After a failed write the disk is left alone for so long; what comes meanwhile waits in memory.
RETRY = 1.0
_PIECE = 64 << 10
_PIECES = 8192


class _Ring:
    """The last `size` bytes of what was put in, as pieces that remember their stream."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pieces: deque[tuple[bool, bytes | bytearray]] = deque()
        self.length = 0
        self.lost = 0

    def put(self, data: bytes, *, error: bool) -> None:
        """Small pieces of one stream are joined, so that the memory is bounded for any writer."""
        last = self.pieces[-1] if self.pieces else None
        if last and last[0] is error and isinstance(last[1], bytearray) and len(last[1]) < _PIECE:
            last[1].extend(data)
        else:
            self.pieces.append((error, bytearray(data) if len(data) < _PIECE else data))
        self.length += len(data)
        while self.pieces and (
            len(self.pieces) > _PIECES or self.length - len(self.pieces[0][1]) >= self.size
        ):
            self.lost += len(self.take()[1])

    def take(self) -> tuple[bool, bytes | bytearray]:
        """Remove the oldest piece."""
        piece = self.pieces.popleft()
        self.length -= len(piece[1])
        return piece

    def give_back(self, data: bytes | bytearray, *, error: bool) -> None:
        """Undo `take` for what of it is still to be kept."""
        if data:
            self.pieces.appendleft((error, data))
            self.length += len(data)

    def trim(self) -> None:
        """Cut to the exact size, and further to the beginning of a line if one is near."""
        if self.length > self.size:
            self._cut(self.length - self.size)
        if self.lost and self.pieces:
            self._cut(self.pieces[0][1].find(b"\n", 0, 4096) + 1)

    def _cut(self, count: int) -> None:
        error, data = self.take()
        self.give_back(data[count:], error=error)
        self.lost += count


class LogFile:
    """A job's log. Safe to use from several threads.

    `fd` is the open, unbuffered log file and belongs to the LogFile from now on; `open_errors`
    opens the sidecar that says which byte ranges of the log were standard error. A range is
    written before its bytes. A full disk or a flood makes it neither raise nor grow: what cannot
    be kept is counted in `dropped`, and the last refusal of the disk stands in `error`. `sync`:
    what was written is on the disk when `close` returns.
    """

    def __init__(
        self, fd: int, open_errors: Callable[[], int], cap: int = CAP, *, sync: bool = False
    ) -> None:
        tail = min(cap // 2, TAIL)
        self.error: OSError | None = None
        self._fd = fd
        self._sync = sync
        self._open_errors = open_errors
        self._errors_fd = -1
        self._errors_size = 0
        # Ranges of single bytes could outgrow the log many times over.
        self._errors_cap = max(cap // 8, 4096)
        self._head = cap - tail
        self._size = os.lseek(fd, 0, os.SEEK_END)
        self._on_new_line = self._stored_new_line = True
        #: What is not in the file yet: the end of an overlong log, or what a full disk refused.
        self._waiting = _Ring(tail)
        self._told = 0
        self._retry_at = 0.0
        self._last = _Ring(LAST)
        self._lock = threading.RLock()

    @property
    def dropped(self) -> int:
        """Bytes that are not, and will not be, in the log. NUL bytes do not count."""
        return self._waiting.lost

    def begin(self) -> None:
        """A new process of the job is about to write: `tail` forgets what others wrote."""
        with self._lock:
            self._last = _Ring(LAST)

    def write(self, data: bytes, *, error: bool = False) -> None:
        """Take what the job wrote to standard output, or to standard error."""
        if b"\0" in data:
            data = data.translate(None, b"\0")
        if not data:
            return
        with self._lock:
            if not error:
                self._last.put(data, error=False)
            self._put(data, error=error)

    def line(self, text: str) -> None:
        """Write one line of wmctl's own, on a line of its own, as standard error."""
        own = "wmctl: " + " ".join(text.splitlines()) + "\n"
        with self._lock:
            lead = "" if self._on_new_line else "\n"
            self._put((lead + own).encode("utf-8", "backslashreplace"), error=True)

    def tail(self, limit: int = LAST) -> str:
        """The last lines, at most `limit` bytes, that the job wrote to standard output.

        A line that is too long by itself is cut at its beginning.
        """
        with self._lock:
            data = b"".join(piece for _, piece in self._last.pieces)
            cut = self._last.lost or len(data) > limit
        data = data[-limit:]
        first = data.find(b"\n") + 1
        if cut and first < len(data):
            data = data[first:]
        return data.decode("utf-8", "replace")

    def close(self) -> None:
        """Append the end and close the files; what cannot be written is dropped."""
        with self._lock:
            if self._fd < 0:
                return
            self._waiting.trim()
            self._drain(self._size + self._waiting.length, final=True)
            while self._waiting.pieces:
                self._waiting.lost += len(self._waiting.take()[1])
            for fd, size in ((self._fd, self._size), (self._errors_fd, self._errors_size)):
                self._close(fd, sync=self._sync and size > 0)
            self._fd = self._errors_fd = -1

    def _put(self, data: bytes, *, error: bool) -> None:
        self._on_new_line = data.endswith(b"\n")
        if self._fd < 0:
            self._waiting.lost += len(data)
            return
        if self._waiting.pieces and self._retry_at and time.monotonic() >= self._retry_at:
            self._drain(self._head)
        if not self._waiting.pieces:
            room = self._head - self._size
            head = data if len(data) <= room else data[: max(room, 0)]
            data = data[self._store(head, error=error) :]
        if data:
            self._waiting.put(data, error=error)

    def _drain(self, limit: int, *, final: bool = False) -> None:
        """Write what waits, as far as the file may grow and the disk takes it."""
        self._retry_at = 0.0
        if self._waiting.lost > self._told and (final or self._size < limit):
            self._tell_left_out(final=final)
        while self._waiting.pieces and (final or self._size < limit):
            error, data = self._waiting.take()
            head = data if final else data[: limit - self._size]
            stored = self._store(head, error=error, final=final)
            self._waiting.give_back(data[stored:], error=error)
            if stored < len(head):
                return

    def _tell_left_out(self, *, final: bool) -> None:
        count = self._waiting.lost - self._told
        lead = "" if self._stored_new_line else "\n"
        text = f"{lead}[wmctl: {count} bytes left out]\n".encode()
        if self._store(text, error=True, final=final) == len(text):
            self._told += count

    def _store(self, data: bytes | bytearray, *, error: bool, final: bool = False) -> int:
        """Append to the file; how much of it went in."""
        # At the end the bytes are worth more than knowing which stream they came from.
        if not data or (error and not self._announce(len(data), final=final) and not final):
            return 0
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, data[done:] if done else data)
        except OSError as problem:
            self._failed(problem)
            if error:
                self._correct(done)
        if done:
            self._size += done
            self._stored_new_line = data[done - 1 : done] == b"\n"
        return done

    def _announce(self, length: int, *, final: bool) -> bool:
        """Write the range of the bytes that come next; False: it was not possible."""
        if self._errors_size >= self._errors_cap and not final:
            self._head = min(self._head, self._size)  # from here on all belongs to the end
            return False
        self._range_at = self._errors_size
        return self._mark(self._size, self._size + length)

    def _mark(self, start: int, end: int) -> bool:
        text = b"%d %d\n" % (start, end)
        try:
            if self._errors_fd < 0:
                self._errors_fd = self._open_errors()
            whole = os.pwrite(self._errors_fd, text, self._errors_size) == len(text)
            if not whole:  # half a line would spoil the next one
                self._failed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
                os.ftruncate(self._errors_fd, self._errors_size)
        except OSError as problem:
            self._failed(problem)
            return False
        self._errors_size += len(text) if whole else 0
        return whole

    def _correct(self, done: int) -> None:
        """Take back the last range, of which only `done` bytes were written."""
        try:
            os.ftruncate(self._errors_fd, self._range_at)
        except OSError as problem:
            self._failed(problem)
            return
        self._errors_size = self._range_at
        if done:
            self._mark(self._size, self._size + done)

    def _failed(self, problem: OSError) -> None:
        self.error = problem
        self._retry_at = time.monotonic() + RETRY

    def _close(self, fd: int, *, sync: bool) -> None:
        if fd < 0:
            return
        try:
            try:
                if sync:
                    os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as problem:
            self.error = problem
