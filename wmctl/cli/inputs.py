"""Reading what the user names: files and standard input, with caps and plain errors."""

import os
import stat
import sys

from wmctl.cli.exits import NoSuchFile
from wmctl.errors import BadInput

#: Bytes; as much as a blob of the spool may hold.
CAP = 64 << 20


def read_file(path: str, what: str) -> bytes:
    """A regular file's content. NoSuchFile if it cannot be read, BadInput if it is no file."""
    try:
        # Non-blocking: a FIFO must not hang the command.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(file).st_mode
            if not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
                raise BadInput(f"{what} {path} is {kind}", hint="to read from a pipe, give -")
            with os.fdopen(os.dup(file), "rb") as stream:
                return _capped(stream.read(CAP + 1), f"{what} {path}")
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoSuchFile(f"{what} {path}: {reason}") from None


def read_stdin(what: str) -> bytes:
    """All of standard input."""
    return _capped(sys.stdin.buffer.read(CAP + 1), f"{what} from standard input")


def text_of(data: bytes, what: str) -> str:
    """The text of bytes; BadInput if they are none."""
    if b"\0" in data:
        raise BadInput(f"{what} is binary: it holds a NUL character at byte {data.index(0)}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{what} is not text in UTF-8: byte {error.start}") from None


def named(text: str, what: str) -> bytes:
    """The content of FILE, or of standard input where the name is `-`."""
    return read_stdin(what) if text == "-" else read_file(text, what)


def _capped(data: bytes, what: str) -> bytes:
    if len(data) > CAP:
        raise BadInput(f"{what} is longer than {CAP >> 20} MiB")
    return data
