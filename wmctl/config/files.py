"""Configuration files: YAML read with suspicion into texts; what the texts mean, `keys` says.

No aliases, no tags, no duplicate keys, a cap on size and depth. Scalars are taken as they are
written, so that a tag `on` or a version `3.10` stays a text. yaml is imported when a file exists.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wmctl.config.keys import BY_NAME, SECTIONS
from wmctl.errors import BadInput, ConfigError

if TYPE_CHECKING:
    import yaml

#: Bytes; a configuration that is longer is not one.
CAP = 256 << 10
DEPTH = 8
PROJECT_FILE = ".wmctl.yaml"


class Found(NamedTuple):
    """A value and where it stands: `file:line`."""

    value: Any
    origin: str


def read(path: Path) -> dict[str, Found]:
    """The settings of a file by key; ConfigError with file and line for what is not one."""
    text = _text(path)
    root = _compose(path, text)
    if root is None:
        return {}
    found: dict[str, Found] = {}
    for name, line, node in _pairs(path, root, ""):
        if name in SECTIONS:
            found.update(
                {key: _value(path, key, at, value) for key, at, value in _pairs(path, node, name)}
            )
        else:
            found[name] = _value(path, name, line, node)
    return found


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


def _text(path: Path) -> bytes:
    try:
        # Non-blocking: a FIFO must not hang the command.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ConfigError(f"{path} is not a regular file")
            text = os.read(file, CAP + 1)
        finally:
            os.close(file)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > CAP:
        raise ConfigError(f"{path} is longer than {CAP} bytes")
    return text


def _compose(path: Path, text: bytes) -> "yaml.Node | None":
    import yaml  # only where a file exists: 20 ms

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _wrong(path, event.start_mark, "anchors and aliases are not allowed")
            if getattr(event, "tag", None):
                raise _wrong(path, event.start_mark, "tags (!…) are not allowed")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH:
                raise _wrong(path, event.start_mark, f"nested deeper than {DEPTH}")
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _wrong(path, error.problem_mark, error.problem or "not YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def _pairs(path: Path, node: Any, section: str) -> Iterator[tuple[str, int, Any]]:
    """The members of a mapping: full name, line, value."""
    mark = node.start_mark
    if node.id != "mapping":
        what = f"{section} must be a mapping" if section else "the file must be a mapping"
        raise _wrong(path, mark, what)
    seen: set[str] = set()
    for name_node, value in node.value:
        if name_node.id != "scalar":
            raise _wrong(path, name_node.start_mark, "a key must be a text")
        name = f"{section}.{name_node.value}" if section else name_node.value
        if name in seen:
            raise _wrong(path, name_node.start_mark, f"{name!r} stands twice")
        if name not in BY_NAME and (section or name not in SECTIONS):
            raise _unknown(path, name_node.start_mark, name)
        seen.add(name)
        yield name, name_node.start_mark.line + 1, value


def _value(path: Path, name: str, line: int, node: Any) -> Found:
    key, origin = BY_NAME[name], f"{path}:{line}"
    try:
        if key.many:
            return Found(tuple(key.parse(text) for text in _texts(name, node)), origin)
        return Found(key.parse(_scalar(name, node)), origin)
    except BadInput as error:
        raise ConfigError(f"{origin}: {name}: {error.message}", hint=error.hint) from None


def _texts(name: str, node: Any) -> list[str]:
    if node.id != "sequence":
        raise BadInput("must be a list", hint=f"write {name.rpartition('.')[2]}: [a, b]")
    return [_scalar(name, item) for item in node.value]


def _scalar(name: str, node: Any) -> str:
    if node.id != "scalar":
        raise BadInput("must be a single value")
    if node.tag == "tag:yaml.org,2002:null":
        raise BadInput("has no value", hint=f"give {name} one or remove the line")
    return str(node.value)


def _unknown(path: Path, mark: Any, name: str) -> ConfigError:
    from wmctl.config.nearest import nearest  # only on the way out

    known = [*BY_NAME, *SECTIONS]
    found = nearest(name, known, 0.5)
    hint = f"did you mean {found!r}?" if found else f"known are: {', '.join(sorted(known))}"
    return _wrong(path, mark, f"unknown key {name!r}", hint)


def _wrong(path: Path, mark: Any, what: str, hint: str | None = None) -> ConfigError:
    where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    return ConfigError(f"{where}: {what}", hint=hint)


def merged(layers: Sequence[Mapping[str, Found]]) -> dict[str, Found]:
    """Of each key the first layer's value."""
    found: dict[str, Found] = {}
    for layer in reversed(layers):
        found.update(layer)
    return found
