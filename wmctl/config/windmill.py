"""Worker groups in the file that Windmill's own command line reads and writes. Pure.

`wmill worker-groups pull|push` and `wmill instance pull|push` keep all groups in one list of
`{name, config}`. A key that wmctl has no use for is kept under `windmill:` and given back.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from wmctl.config import groups, values
from wmctl.config.yamldump import rows as dumped_rows
from wmctl.config.yamltree import Anything, Table, Text, parse_rows
from wmctl.errors import BadInput, ConfigError

#: How Windmill names the row of a group in its database, and in older files.
PREFIX = "worker__"
#: Rows of the same list that are no groups.
_OTHERS = ("alert__",)
_ROW = Table(
    {
        "name": Text(values.plain),
        "config": Table(groups.SCHEMA.fields, others=Anything(), nulls=True),
    },
    others=Anything(),
    nulls=True,
)


class Imported(NamedTuple):
    """What a file holds."""

    #: Group -> what its file here is to say.
    groups: Mapping[str, dict[str, Any]]
    #: What a person should know of it.
    notes: tuple[str, ...]


def read(origin: str, text: bytes) -> Imported:
    """The groups of a file; ConfigError with file and line for one that is none of Windmill's."""
    found: dict[str, dict[str, Any]] = {}
    notes = []
    for row in parse_rows(origin, text, _ROW):
        if "name" not in row:
            raise ConfigError(f"{origin}: a row has no name", hint="write - name: gpu")
        at, full = row["name"].origin, str(row["name"].value)
        if full.startswith(_OTHERS):
            notes.append(f"{at}: {full} is no worker group and is left out")
            continue
        name = _name(full, at)
        if name in found:
            raise ConfigError(f"{at}: the group {name} stands twice")
        config = (
            {key: item.value for key, item in row["config"].value.items()}
            if ("config" in row)
            else {}
        )
        found[name], kept = _ours(config)
        if kept:
            notes.append(f"{at}: {name}: kept, but without effect here: {', '.join(kept)}")
    return Imported(found, tuple(notes))


def _name(full: str, at: str) -> str:
    try:
        return groups.check_name(full.removeprefix(PREFIX))
    except BadInput as error:
        raise ConfigError(f"{at}: {error.message}", hint=error.hint) from None


def _ours(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A group's keys as its file here has them, and those that are merely kept."""
    known = {key: value for key, value in config.items() if key in groups.SCHEMA.fields}
    others = {key: value for key, value in config.items() if key not in groups.SCHEMA.fields}
    if others:
        known["windmill"] = {**known.get("windmill", {}), **others}
    said = {key: value for key, value in known.items() if value is not None}
    return said, sorted(others) + (["autoscaling"] if said.get("autoscaling") else [])


def dump(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The file of these groups, by name, `default` first as in Windmill's lists."""
    names = sorted(found, key=lambda name: (name != "default", name))
    return dumped_rows([{"name": name, "config": _theirs(found[name])} for name in names])


def _theirs(said: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in said.items() if key != "windmill"}
    return {**own, **said.get("windmill", {})}
