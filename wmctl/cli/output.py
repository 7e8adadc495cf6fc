"""The only printer. Data goes to stdout, everything else to stderr.

Whoever reads a pipe gets plain text, uncut; colours are for terminals. Text that came from jobs or
files is printed with its control characters escaped, so that it cannot steer a terminal.
"""

import codecs
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

# Compiled where it is used: `submit` needs it not.
_CONTROL_BEYOND = r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
_CONTROL = rf"[\x00-\x1f]|{_CONTROL_BEYOND}"
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "grey": "90"}


def line(text: str = "") -> None:
    """A line of data."""
    _write(sys.stdout, f"{text}\n")


def note(text: str, *, hint: str | None = None) -> None:
    """A line for people, beginning with `wmctl:`, and what to do next."""
    told = safe(text, keep="\n")
    _write(sys.stderr, f"wmctl: {told}\n")
    if hint:
        _write(sys.stderr, "  " + safe(hint, keep="\n") + "\n")


def plain_note(text: str) -> None:
    """Text for people, as it is."""
    _write(sys.stderr, f"{text}\n")


def errors_on_terminal() -> bool:
    """Whether a person reads stderr."""
    return sys.stderr.isatty()


def prompt(text: str) -> None:
    """A question; its answer comes on the same line."""
    _write(sys.stderr, safe(text))


def passing(text: str) -> None:
    """A line on a terminal that the next one takes the place of; "" clears it."""
    _write(sys.stderr, f"\r{text}\x1b[K")


def enter_screen() -> None:
    """Leave the shell's lines alone: what is drawn from now on is on a screen of its own."""
    _write(sys.stdout, "\x1b[?1049h\x1b[?25l")


def leave_screen() -> None:
    """Back to the shell's lines."""
    _write(sys.stdout, "\x1b[?25h\x1b[?1049l")


def draw(lines: Sequence[str]) -> None:
    """A screen full of lines over the one before, in one write."""
    shown = "\r\n".join(f"{text}\x1b[K" for text in lines)
    _write(sys.stdout, f"\x1b[H{shown}\x1b[J")


class JobStream:
    """Where a job's output goes: as it is into a pipe or file, made harmless on a terminal."""

    def __init__(self, *, error: bool) -> None:
        self._stream = sys.stderr if error else sys.stdout
        self._ended = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes) -> None:
        """Pass on what the job wrote, at once."""
        self._ended = data.endswith(b"\n") if data else self._ended
        if self._stream.isatty():
            _write(self._stream, harmless(self._decoder.decode(data).replace("\r\n", "\n")))
            return
        self._stream.flush()
        self._stream.buffer.write(data)
        self._stream.buffer.flush()

    def end_line(self) -> None:
        """On a terminal, what comes next begins on a line of its own."""
        if self._stream.isatty():
            self.next_line()

    def next_line(self) -> None:
        """What comes next begins on a line of its own, wherever this goes."""
        if not self._ended:
            _write(self._stream, "\n")
            self._ended = True


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        # Whole lines go to a terminal by themselves, and asking whether it is one takes a call.
        if stream is sys.stderr or (text[-1:] != "\n" and stream.isatty()):
            stream.flush()
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def safe(text: str, *, keep: str = "") -> str:
    """Text with its control characters (also those that turn the direction) written out."""
    if text.isprintable():  # nearly all are, and this asks ten times as fast
        return text
    return re.sub(_CONTROL, lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def harmless(text: str) -> str:
    """A job's log for a terminal: lines, tabs and colours stay, other controls are written out."""
    parts = re.split(r"(\x1b\[[0-9;]*m)", text)
    return "".join(
        part if index % 2 else safe(part, keep="\n\t\r") for index, part in enumerate(parts)
    )


def _escape(char: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"
    )


def on_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def coloured() -> bool:
    """Whether tables may carry colours (no-color.org, bixense.com/clicolors)."""
    asked = os.environ.get
    if asked("NO_COLOR"):
        return False
    if any(asked(name) not in {None, "", "0"} for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    return on_terminal() and asked("CLICOLOR") != "0" and asked("TERM") != "dumb"


def colour(text: str, name: str) -> str:
    """The text in a colour, where colours may be."""
    return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if name in _COLOURS and coloured() else text


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON for machines; compact unless indented, keys in their order."""
    import json  # not every command prints JSON

    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    # JSON escapes the controls below a space itself; these are as bad for a terminal.
    return re.sub(_CONTROL_BEYOND, lambda found: f"\\u{ord(found[0]):04x}", text)
