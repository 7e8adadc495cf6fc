"""A worker's configuration: its groups' files, which may change while it works."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from wmctl.config import BUILT_IN, WorkerSettings, shared
from wmctl.config import groups as configured
from wmctl.config.assignable import OWN_TAGS
from wmctl.config.groups import Group
from wmctl.config.served import Served, resolve
from wmctl.errors import ConfigError
from wmctl.spool.store import Store
from wmctl.worker.clock import Every

log = logging.getLogger("wmctl.worker")

#: Of `Served.restart_key`, as people know its parts.
_RESTARTERS = (
    "init_bash", "periodic_script_bash", "periodic_script_interval_seconds", "cache_clear",
    "dedicated_workers",
)  # fmt: skip


class Configuration(Protocol):
    """What a worker asks of its configuration."""

    @property
    def served(self) -> Served:
        """What it is now."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The worker's groups, the first one first."""

    @property
    def trouble(self) -> str | None:
        """Why the last change is not in force."""

    @property
    def restart(self) -> str | None:
        """Why the worker must start anew; None: it need not."""

    def look(self) -> bool:
        """Look for changes if it is time; whether there were any."""

    def without(self, paused: Collection[str]) -> Mapping[str, int]:
        """The tags that are left while these groups are paused."""


class Fixed:
    """A configuration that never changes, of a worker that is in one group without a file."""

    trouble = restart = None

    def __init__(self, group: str, tags: Mapping[str, int], allow: Sequence[str] = ()) -> None:
        self.groups = (group,)
        self.served = Served(
            tags=tags, origins=dict.fromkeys(tags, BUILT_IN), env_static={}, env_allow=tuple(allow)
        )

    def look(self) -> bool:
        """Nothing changes."""
        return False

    def without(self, paused: Collection[str]) -> Mapping[str, int]:
        """All or nothing."""
        return {} if self.groups[0] in paused else self.served.tags


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What, besides the groups' files, a configuration is made of."""

    settings: WorkerSettings
    #: The tags of all runners.
    runner_tags: Sequence[str]
    #: Tag -> why its runners cannot run jobs here.
    unable: Mapping[str, str] = field(default_factory=dict)
    #: Of these tags it was said that they are not served.
    told: set[str] = field(default_factory=set)
    #: A worker that serves one job alone: whatever can run here, and no scripts of its own.
    embedded: bool = False


class Live:
    """The configuration of workers with files in the spool.

    What cannot be believed leaves the last good one in force; at the start it is a ConfigError.
    `look` may come from several threads.
    """

    def __init__(
        self, store: Store, sources: Sources, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.groups = sources.settings.groups
        self.trouble: str | None = None
        self._store = store
        self._sources = sources
        self._every = Every(store, clock)
        self._lock = threading.Lock()
        self._stamps: object = None
        self._files: Mapping[str, Group] = {}
        self._every.due()
        self.served = self._load()
        self._first = self.served.restart_key

    @property
    def restart(self) -> str | None:
        """The first of the changed keys that a worker reads only at its start."""
        now = self.served.restart_key
        changed = (
            name for name, was, is_ in zip(_RESTARTERS, self._first, now, strict=True) if was != is_
        )
        name = next(changed, None)
        return None if name is None else f"{name} of its group was changed"

    def look(self) -> bool:
        """Look at the files' stamps if it is time, and read them where those changed."""
        with self._lock:
            return self._every.due() and self._look()

    def without(self, paused: Collection[str]) -> Mapping[str, int]:
        """What the other groups serve."""
        left = tuple(name for name in self.groups if name not in paused)
        if len(left) == len(self.groups):
            return self.served.tags
        try:
            tags = self._resolve(left, self._files).tags if left else {}
        except ConfigError:
            return {}
        return {tag: rank for tag, rank in self.served.tags.items() if tag in tags}

    def _look(self) -> bool:
        stamps = self._stamps_now()
        if stamps == self._stamps:
            return False
        before = self.served
        try:
            self.served = self._load()
        except ConfigError as error:
            if error.message != self.trouble:
                log.error("the configuration stays as it was: %s", error.message)
            self.trouble = error.message
            return True
        was_troubled, self.trouble = self.trouble, None
        if self.served != before:
            log.info("configuration changed: %s", told(self.served))
        return self.served != before or was_troubled is not None

    def _load(self) -> Served:
        # One that changes while it is read is read once more at the next look.
        stamps = self._stamps_now()
        try:
            loaded = {name: configured.load(self._store, name) for name in self.groups}
            files = {name: group for name, group in loaded.items() if group is not None}
            served = self._resolve(self.groups, files)
        finally:
            self._stamps = stamps
        self._files = files
        return served

    def _stamps_now(self) -> object:
        return tuple(shared.stamp(self._store, configured.relative(name)) for name in self.groups)

    def _resolve(self, names: tuple[str, ...], files: Mapping[str, Group]) -> Served:
        sources = self._sources
        settings = replace(sources.settings, groups=names)
        mine = [files[name] for name in names if name in files]
        served = resolve(settings, mine, sources.runner_tags)
        if sources.embedded:
            return _for_one_job(
                served, [tag for tag in sources.runner_tags if tag not in sources.unable]
            )
        return self._able(served)

    def _able(self, served: Served) -> Served:
        """Without the tags that a worker cannot serve here."""
        refused = {tag: why for tag in served.tags if (why := self._refusal(tag)) is not None}
        for tag, why in refused.items():
            if tag not in self._sources.told:
                self._sources.told.add(tag)
                log.warning("the tag %r is not served: %s", tag, why)
        if not refused:
            return served
        tags = {tag: rank for tag, rank in served.tags.items() if tag not in refused}
        if not tags:
            raise ConfigError("there is no tag that this worker could serve", hint="wmctl doctor")
        return replace(served, tags=tags, origins={tag: served.origins[tag] for tag in tags})

    def _refusal(self, tag: str) -> str | None:
        if tag in OWN_TAGS:
            return "jobs of this tag are for the worker that made them"
        return self._sources.unable.get(tag)


def _for_one_job(served: Served, runner_tags: Sequence[str]) -> Served:
    return replace(
        served,
        tags=dict.fromkeys(runner_tags, 0),
        origins=dict.fromkeys(runner_tags, BUILT_IN),
        init_bash=None,
        periodic_bash=None,
        slots=(),
    )


def told(served: Served) -> str:
    """`tags: bash, python3 (group gpu, /spool/groups/gpu.yaml:3); go (WORKER_TAGS)`."""
    by_origin: dict[str, list[str]] = {}
    for tag, origin in served.origins.items():
        rank = served.tags[tag]
        by_origin.setdefault(origin, []).append(f"{tag} (priority {rank})" if rank else tag)
    return "tags: " + "; ".join(
        f"{' '.join(tags)} [{origin}]" for origin, tags in by_origin.items()
    )
