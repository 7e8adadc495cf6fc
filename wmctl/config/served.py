"""What workers are to be: settings and group files in one, by Windmill's precedence. Pure.

FORCE_WORKER_TAGS, options and WMCTL_* variables win over group files, these over Windmill's
variables and this machine's files; only tags of the group `default` are added to those.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wmctl.config import BUILT_IN, WorkerSettings, remarks
from wmctl.config.groups import Group, served_tag
from wmctl.config.keys import Found
from wmctl.errors import BadInput, ConfigError


@dataclass(frozen=True, kw_only=True)
class Served:
    """What the workers of one process do. Durations in seconds."""

    #: Tag -> rank, from `priority_tags`, 0 where it has none.
    tags: Mapping[str, int]
    #: Tag -> what says that it is served.
    origins: Mapping[str, str]
    #: In what the groups differ, and whose word counts.
    differences: tuple[str, ...] = ()
    #: What else a person should be told when workers start: a group that has no file.
    notes: tuple[str, ...] = ()
    init_bash: str | None = None
    periodic_bash: str | None = None
    periodic_interval: int | None = None
    python_paths: tuple[str, ...] = ()
    pip_local: tuple[str, ...] = ()
    env_static: Mapping[str, str]
    #: Variables of the worker's own environment that jobs get.
    env_allow: tuple[str, ...] = ()
    cache_clear: int = 0
    slots: tuple[Mapping[str, str], ...] = ()
    dedicated: tuple[str, ...] = ()

    @property
    def restart_key(self) -> tuple[Any, ...]:
        """Another one than a worker was started with means that it is to start anew."""
        return (
            self.init_bash, self.periodic_bash, self.periodic_interval, self.cache_clear,
            self.dedicated,
        )  # fmt: skip


def resolve(
    settings: WorkerSettings, groups: Sequence[Group], runner_tags: Sequence[str]
) -> Served:
    """What workers with these settings, in these groups, serve and are; ConfigError if no tag.

    `groups`: those of `settings.groups` that have a file, in that order. `runner_tags`: the tags
    that can run here, which are served where nobody names any.
    """
    files = {group.name: group for group in groups}
    mine = _mine(settings, files)
    origins = _tags(settings, mine, runner_tags)
    if not origins:
        raise _no_tags(settings, files)
    ranks = _ranks(mine)
    either = {name: _either(settings, name, mine).value for name in remarks.TWINS}
    periodic, interval = either["periodic_script"], either["periodic_interval"]
    if periodic and interval is None:
        raise ConfigError(
            "a periodic script is set, and no interval",
            hint="set PERIODIC_BASH_SCRIPT_INTERVAL_SECONDS, or periodic_script_interval_seconds"
            " in the group's file, to 60 or more",
        )
    return Served(
        tags={tag: ranks.get(tag, 0) for tag in origins},
        origins=origins,
        differences=tuple(remarks.differences(mine)),
        notes=tuple(remarks.notes(settings, mine, files)),
        init_bash=either["init_script"],
        periodic_bash=periodic,
        periodic_interval=interval if periodic else None,
        python_paths=either["python_paths"] or (),
        pip_local=either["pip_local"] or (),
        env_static=_first(mine, "env_vars_static") or {},
        env_allow=_union([settings.env, *(group.env_vars_allowlist for group in mine)]),
        cache_clear=_first(mine, "cache_clear") or 0,
        slots=_first(mine, "slots") or (),
        dedicated=_first(mine, "dedicated_workers") or (),
    )


def effective(settings: WorkerSettings, groups: Sequence[Group]) -> dict[str, Found]:
    """What counts of the settings that groups give too, and where it comes from."""
    mine = _mine(settings, {group.name: group for group in groups})
    found = {name: _either(settings, name, mine) for name in remarks.TWINS}
    tags = _tags(settings, mine, ())
    if tags:
        found["tags"] = Found(tuple(tags), ", ".join(dict.fromkeys(tags.values())))
    allowing = [group for group in mine if group.env_vars_allowlist]
    if allowing:
        where = [group.where("env_vars_allowlist") for group in allowing]
        allowed = _union([settings.env, *(group.env_vars_allowlist for group in allowing)])
        own = [settings.origins["env"]] if settings.env else []
        found["env"] = Found(allowed, ", ".join([*own, *where]))
    return found


def _mine(settings: WorkerSettings, files: Mapping[str, Group]) -> list[Group]:
    """The groups that a worker is in; one without a file says nothing."""
    return [files.get(name) or Group(name=name) for name in settings.groups]


def _tags(
    settings: WorkerSettings, mine: Sequence[Group], runner_tags: Sequence[str]
) -> dict[str, str]:
    """Tag -> what says that it is served, in the order in which people wrote them."""
    own = _own(settings)
    if own is not None and "tags" in settings.above:
        return own
    found: dict[str, str] = {}
    for group in mine:
        for tag, origin in _of_group(group, own, runner_tags).items():
            found.setdefault(tag, origin)
    return found


def _own(settings: WorkerSettings) -> dict[str, str] | None:
    """The tags that a variable, an option or a file of this machine names; None: nobody did."""
    if settings.tags is None:
        return None
    origin = settings.origins["tags"]
    return {_plain(tag, origin): origin for tag in settings.tags}


def _plain(tag: str, origin: str) -> str:
    try:
        return served_tag(tag)
    except BadInput as error:
        raise ConfigError(f"{origin}: {error.message}", hint=error.hint) from None


def _of_group(
    group: Group, own: Mapping[str, str] | None, runner_tags: Sequence[str]
) -> Mapping[str, str]:
    """What a worker would serve that is in this group alone."""
    if group.worker_tags is not None:
        found = dict.fromkeys(group.worker_tags, group.where("worker_tags"))
        return {**(own or {}), **found} if group.name == "default" else found
    if group.dedicated_workers:
        return dict.fromkeys(group.dedicated_workers, group.where("dedicated_workers"))
    return dict.fromkeys(runner_tags, BUILT_IN) if own is None else own


def _ranks(mine: Sequence[Group]) -> dict[str, int]:
    """Of a tag that several groups rank, the first one's."""
    found: dict[str, int] = {}
    for group in mine:
        found = {**group.priority_tags, **found}
    return found


def _either(settings: WorkerSettings, name: str, mine: Sequence[Group]) -> Found:
    """A value that settings and groups may give: the groups', unless the settings stand above."""
    key = remarks.TWINS[name]
    group = next((group for group in mine if group.sets(key)), None)
    if group is None or name in settings.above:
        return Found(getattr(settings, name), settings.origins[name])
    return Found(getattr(group, key), group.where(key))


def _first(mine: Sequence[Group], key: str) -> Any:
    """The value of the first group that sets the key."""
    return next((getattr(group, key) for group in mine if group.sets(key)), None)


def _union(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))


def _no_tags(settings: WorkerSettings, files: Mapping[str, Group]) -> ConfigError:
    empty = [group for group in files.values() if group.worker_tags == ()]
    if empty:
        where = empty[0].origins.get("worker_tags", f"group {empty[0].name}")
        return ConfigError(
            f"{where}: worker_tags is empty: there is no tag that this worker could serve",
            hint=f"wmctl group set {empty[0].name} worker_tags=bash,python3; or remove the key:"
            " then the default tags are served",
        )
    origin = settings.origins["tags"]
    return ConfigError(
        f"there is no tag that this worker could serve ({origin})", hint="see: wmctl doctor"
    )
