"""Configuration files of this machine: which are there, and their settings by key."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wmctl.config.keys import KEYS, SECTIONS, Found, Key
from wmctl.errors import ConfigError

if TYPE_CHECKING:
    from wmctl.config.yamltree import Schema, Table

PROJECT_FILE = ".wmctl.yaml"


def read(path: Path) -> dict[str, Found]:
    """The settings of a file by key; ConfigError with file and line for what is not one."""
    from wmctl.config.yamltree import CAP, parse  # only where a file exists

    found: dict[str, Found] = {}
    for name, item in parse(str(path), _text(path, CAP), _schema()).items():
        if name in SECTIONS:
            found.update({f"{name}.{key}": inner for key, inner in item.value.items()})
        else:
            found[name] = item
    return found


def _schema() -> "Table":
    from wmctl.config.yamltree import Table

    fields: dict[str, Schema] = {key.name: _of(key) for key in KEYS if "." not in key.name}
    for section in SECTIONS:
        below = (key for key in KEYS if key.name.startswith(f"{section}."))
        fields[section] = Table({key.name.removeprefix(f"{section}."): _of(key) for key in below})
    return Table(fields)


def _of(key: Key) -> "Schema":
    from wmctl.config.yamltree import Many, Text

    one = Text(key.parse)
    return Many(one) if key.many else one


def project_file(start: Path) -> tuple[Path | None, str | None]:
    """The nearest `.wmctl.yaml` at or above a folder, and a note about one that was passed over.

    One that another user could have put there is not read: it may name programs to run.
    """
    note = None
    for parent in (start, *start.parents):
        path = parent / PROJECT_FILE
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_uid in {0, os.geteuid()} and not status.st_mode & stat.S_IWOTH:
            return path, note
        note = note or (
            f"{path} is not read: it belongs to another user or anybody may write it;"
            " name it with WMCTL_CONFIG if you trust it"
        )
    return None, note


def _text(path: Path, cap: int) -> bytes:
    try:
        # Non-blocking: a FIFO must not hang the command.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ConfigError(f"{path} is not a regular file")
            text = os.read(file, cap + 1)
        finally:
            os.close(file)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > cap:
        raise ConfigError(f"{path} is longer than {cap} bytes")
    return text


def merged(layers: Sequence[Mapping[str, Found]]) -> dict[str, Found]:
    """Of each key the first layer's value."""
    found: dict[str, Found] = {}
    for layer in reversed(layers):
        found.update(layer)
    return found
