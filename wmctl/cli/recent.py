"""The ids that this user submitted last, spool by spool, so that `@1` can mean the last one.

A small text file in the user's state folder, a line for each spool: ids, then the spool's folder.
A convenience and no more: who cannot write it is not told, who cannot read it has no `@1`.
"""

import os
from collections.abc import Sequence

from wmctl.config.keys import xdg

#: So many ids of a spool are kept, and so many spools.
KEPT = 9
_SPOOLS = 50
#: Bytes; a longer file is not ours.
_CAP = 256 << 10


def remember(spool_path: str, ids: Sequence[str]) -> None:
    """Note the ids of new jobs, in the order in which they were submitted."""
    if not ids:
        return
    try:
        path, name = _file(), _name(spool_path)
        lines = _lines(path)
        before = next((known for known, owner in lines if owner == name), "").split(",")
        kept = [*reversed(ids[-KEPT:]), *filter(None, before)][:KEPT]
        others = [(known, owner) for known, owner in lines if owner != name]
        _write(path, [(",".join(kept), name), *others][:_SPOOLS])
    except (OSError, ValueError):
        return  # the job is queued: that is what counts


def recall(spool_path: str, number: int) -> str | None:
    """The id of the job that was submitted as the last (1), the last but one (2) and so on."""
    try:
        lines = _lines(_file())
        name = _name(spool_path)
    except (OSError, ValueError):
        return None
    ids = next((known for known, owner in lines if owner == name), "").split(",")
    return (ids[number - 1] or None) if 0 < number <= len(ids) else None


def _file() -> str:
    return str(xdg(os.environ, "XDG_STATE_HOME", ".local/state") / "wmctl/last")


def _name(spool_path: str) -> str:
    """One spelling of a folder, in one line."""
    return os.path.realpath(spool_path).replace("\\", "\\\\").replace("\n", "\\n")


def _lines(path: str) -> list[tuple[str, str]]:
    """The ids and the folder of each line; nothing where there is no file."""
    try:
        # Non-blocking: a FIFO must not hang the command.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return []
    try:
        text = os.read(file, _CAP).decode("utf-8", "surrogateescape")
    finally:
        os.close(file)
    parts = (line.partition(" ") for line in text.splitlines())
    return [(known, owner) for known, _, owner in parts if owner]


def _write(path: str, lines: Sequence[tuple[str, str]]) -> None:
    """By a rename: of two submits at once one is forgotten, and nobody reads half a file."""
    text = "".join(f"{known} {owner}\n" for known, owner in lines)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    aside = f"{path}.{os.getpid()}"
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)
    os.replace(aside, path)
