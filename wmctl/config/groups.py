"""A worker group: the file `groups/<name>.yaml` of the spool, under Windmill's names of its keys.

What the file does not say is not set; a script of nothing but blanks counts as not said.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wmctl.config import shared, values
from wmctl.config.assignable import DEFAULT_TAGS, listed
from wmctl.config.shared import Document
from wmctl.config.yamltree import Anything, Many, Names, Schema, Table, Text
from wmctl.config.yamltree import parse as read_tree
from wmctl.errors import BadInput, ConfigError
from wmctl.spool.name import encode_tag
from wmctl.spool.store import Store

FOLDER = "groups"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_DEDICATED = r"[A-Za-z0-9_-]+:(?:flow/)?[A-Za-z0-9_-]+(?:/[A-Za-z0-9_. -]+)+"


@dataclass(frozen=True, kw_only=True)
class Group:
    """What the workers of one group are to be. Durations in seconds."""

    name: str
    #: None = not said: WORKER_TAGS, or the default tags.
    worker_tags: tuple[str, ...] | None = None
    priority_tags: Mapping[str, int] = field(default_factory=dict)
    dedicated_workers: tuple[str, ...] = ()
    init_bash: str | None = None
    periodic_script_bash: str | None = None
    periodic_script_interval_seconds: int | None = None
    additional_python_paths: tuple[str, ...] | None = None
    pip_local_dependencies: tuple[str, ...] | None = None
    env_vars_static: Mapping[str, str] | None = None
    env_vars_allowlist: tuple[str, ...] = ()
    cache_clear: int = 0
    min_alive_workers_alert_threshold: int | None = None
    #: Of each worker by its number: variables of its own.
    slots: tuple[Mapping[str, str], ...] = ()
    #: As it was read.
    autoscaling: Mapping[str, Any] | None = None
    #: Keys of Windmill's that wmctl has no use for, kept for its files.
    windmill: Mapping[str, Any] = field(default_factory=dict)
    #: Where each key stands: `file:line`.
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that its workers serve, as far as the group itself says so."""
        if self.worker_tags is not None:
            return self.worker_tags
        return self.dedicated_workers or DEFAULT_TAGS

    def sets(self, key: str) -> bool:
        """Whether it says anything of a key."""
        return getattr(self, key) not in (None, 0, (), {}) or key in self.origins

    def where(self, key: str) -> str:
        """`group gpu (/spool/groups/gpu.yaml:3)`."""
        at = self.origins.get(key)
        return f"group {self.name}" + (f" ({at})" if at else "")


def check_name(name: str) -> str:
    """A group's name, which is a file's name too; BadInput for what is none."""
    return values.group_name(name)


def relative(name: str) -> str:
    """Where a group's file is in the spool."""
    return f"{FOLDER}/{check_name(name)}{shared.SUFFIX}"


def load(store: Store, name: str) -> Group | None:
    """A group, or None where it has no file; ConfigError with file and line for a wrong one."""
    document = shared.read(store, relative(name))
    return None if document is None else parse(name, document)


def load_all(store: Store) -> dict[str, Group | ConfigError]:
    """All groups that have a file; in the place of a wrong one, what is wrong with it."""
    found: dict[str, Group | ConfigError] = {}
    for name in shared.names(store, FOLDER):
        try:
            group = load(store, name)
        except ConfigError as error:
            found[name] = error
        except BadInput as error:
            where = store.path(FOLDER, f"{name}{shared.SUFFIX}")
            found[name] = ConfigError(f"{where}: {error.message}", hint=error.hint)
        else:
            if group is not None:
                found[name] = group
    return found


def parse(name: str, document: Document) -> Group:
    """The group that a file describes; ConfigError with file and line for a wrong one."""
    found = read_tree(document.origin, document.text, SCHEMA)
    values_of = {key: item.value for key, item in found.items() if item.value is not None}
    origins = {key: found[key].origin for key in values_of}
    single = values_of.pop("dedicated_worker", None)
    if single is not None:
        values_of["dedicated_workers"] = _both(single, values_of, origins)
        origins.setdefault("dedicated_workers", origins["dedicated_worker"])
    group = Group(name=name, origins=origins, **values_of)
    if group.periodic_script_bash and group.periodic_script_interval_seconds is None:
        raise ConfigError(
            f"{origins['periodic_script_bash']}: periodic_script_bash needs"
            " periodic_script_interval_seconds",
            hint="add a line such as: periodic_script_interval_seconds: 300",
        )
    return group


def said(origin: str, text: bytes) -> dict[str, Any]:
    """What a file says, key by key, under the names and in the order that it has there."""
    found = read_tree(origin, text, SCHEMA)
    return {key: item.value for key, item in found.items() if item.value is not None}


def _both(single: str, values_of: Mapping[str, Any], origins: Mapping[str, str]) -> tuple[str, ...]:
    """`dedicated_worker` and `dedicated_workers`: one may repeat the other, not contradict it."""
    several = values_of.get("dedicated_workers", ())
    if several and single not in several:
        raise ConfigError(
            f"{origins['dedicated_worker']}: dedicated_worker is not among dedicated_workers",
            hint="write dedicated_workers alone, with all of them",
        )
    return several or (single,)


def served_tag(text: str) -> str:
    """A tag that a worker serves: a plain one, since no worker could ask for the others."""
    encode_tag(text)
    if "$workspace" in text or "$args[" in text:
        raise BadInput(
            f"{text!r} is a tag of jobs: a worker serves what becomes of it",
            hint=f"write {text.replace('$workspace', 'prod').replace('$args[', 'x')!r}, say",
        ) from None
    found = listed(text)
    if found.workspaces is not None:
        raise BadInput(
            f"{text!r} says who may use the tag {found.tag!r}, and is itself no tag",
            hint=f"serve {found.tag!r} here, and list {text!r} with: wmctl tag add '{text}'",
        )
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text, re.ASCII):
        raise BadInput(f"{text!r} is no name of a variable", hint="letters, digits and _ only")
    return text


def _value(text: str) -> str:
    if "\0" in text:
        raise BadInput("a variable cannot hold a NUL character")
    return text


def _script(text: str) -> str | None:
    """None for one of nothing but blanks: Windmill keeps `""` where nothing was ever said."""
    return values.script(text) if text.strip() else None


def _whole(least: int, most: int) -> Callable[[str], int]:
    return lambda text: values.whole(text, least, most)


def _dedicated(text: str) -> str:
    if not re.fullmatch(_DEDICATED, text, re.ASCII):
        raise BadInput(
            f"{text!r} names no script or flow of a workspace",
            hint="write WORKSPACE:PATH, or WORKSPACE:flow/PATH: prod:f/etl/load",
        )
    encode_tag(text)
    return text


_VARIABLES: Schema = Names(_variable, Text(_value))
SCHEMA = Table(
    {
        "worker_tags": Many(Text(served_tag)),
        "priority_tags": Names(served_tag, Text(_whole(0, 100))),
        "dedicated_worker": Text(_dedicated),
        "dedicated_workers": Many(Text(_dedicated)),
        "init_bash": Text(_script),
        "periodic_script_bash": Text(_script),
        "periodic_script_interval_seconds": Text(values.interval),
        "additional_python_paths": Many(Text(values.plain)),
        "pip_local_dependencies": Many(Text(values.plain)),
        "env_vars_static": _VARIABLES,
        "env_vars_allowlist": Many(Text(_variable)),
        "cache_clear": Text(_whole(0, 10**9)),
        "min_alive_workers_alert_threshold": Text(_whole(0, 100_000)),
        "slots": Many(_VARIABLES),
        "autoscaling": Names(values.plain, Anything()),
        "windmill": Names(values.plain, Anything()),
    },
)
