"""The worker groups of a spool as JSON objects: their files, their workers, what waits there."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from wmctl.cli.tables import Item
from wmctl.cli.worker_state import Worker, workers_of
from wmctl.config import groups, shared
from wmctl.config.assignable import DEFAULT_TAGS
from wmctl.config.groups import Group
from wmctl.errors import ConfigError
from wmctl.spool import Spool, orders

SCHEMA = "wmctl.group/1"
#: What is wrong comes last: of several that fit, the last one is shown.
STATES = ("ok", "no-worker", "too-few", "paused", "wrong-file")
COLOURS = {"ok": "green", "no-worker": "yellow", "too-few": "red", "paused": "yellow",
           "wrong-file": "red"}  # fmt: skip
FIELDS = (
    "schema", "group", "file", "state", "workers", "threshold", "tags", "tags_from", "waiting",
    "later", "running", "priority_tags", "slots", "init_script", "periodic_interval", "paused",
    "error",
)  # fmt: skip


class Groups:
    """All that is known of the groups of one spool at one moment."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._now = spool.now()
        self._queues: dict[str, tuple[int, int]] = {}

    @cached_property
    def files(self) -> Mapping[str, Group | ConfigError]:
        """Those that have a file."""
        return groups.load_all(self._spool.store)

    @cached_property
    def workers(self) -> list[Worker]:
        """Those that live."""
        return [one for one in workers_of(self._spool) if one.alive]

    @cached_property
    def pauses(self) -> Mapping[str, Mapping[str, Any]]:
        """Who paused which group, when and why."""
        return orders.paused_groups(self._spool.store)

    @property
    def names(self) -> list[str]:
        """All: those with a file, those that workers say they are in, and `default`."""
        said = {name for worker in self.workers for name in worker.groups}
        return sorted({"default", *said, *self.files, *self.pauses})

    def members(self, name: str) -> list[Worker]:
        """The living workers of a group."""
        return [worker for worker in self.workers if name in worker.groups]

    def item(self, name: str) -> Item:
        """One group."""
        found, members = self.files.get(name), self.members(name)
        group = found if isinstance(found, Group) else Group(name=name)
        error = found.message if isinstance(found, ConfigError) else None
        tags, source = self._tags(group, members)
        counts = [self._queue(tag) for tag in tags]
        threshold = group.min_alive_workers_alert_threshold
        paused = self.pauses.get(name)
        return {
            "schema": SCHEMA,
            "group": name,
            "file": None if found is None else self._spool.store.path(_file(name)),
            "state": _state(len(members), threshold, paused, error),
            "workers": len(members),
            "threshold": threshold,
            "tags": list(tags),
            "tags_from": source,
            "waiting": sum(due for due, _ in counts),
            "later": sum(later for _, later in counts),
            "running": sum(worker.job is not None for worker in members),
            "priority_tags": dict(group.priority_tags),
            "slots": len(group.slots),
            "init_script": group.init_bash is not None,
            "periodic_interval": group.periodic_script_interval_seconds
            if group.periodic_script_bash
            else None,
            "paused": None if paused is None else dict(paused),
            "error": error,
        }

    def _tags(self, group: Group, members: list[Worker]) -> tuple[tuple[str, ...], str]:
        """The tags of a group, and who says so: its file, its workers, or nobody."""
        if group.worker_tags is not None or group.dedicated_workers:
            return group.tags, "file"
        said = dict.fromkeys(tag for one in members for tag in self._left(one, group.name))
        return (tuple(said), "workers") if said else (DEFAULT_TAGS, "default")

    def _left(self, worker: Worker, name: str) -> list[str]:
        """What a worker serves, without what the files of its other groups say."""
        others = [self.files.get(other) for other in worker.groups if other != name]
        theirs = {tag for one in others if isinstance(one, Group) for tag in one.worker_tags or ()}
        return [tag for tag in worker.tags if tag not in theirs]

    def _queue(self, tag: str) -> tuple[int, int]:
        """How many jobs of a tag are due, and for later; a tag that several groups have, once."""
        if tag not in self._queues:
            found = self._spool.queue(tag, self._now)
            self._queues[tag] = found.due, found.later
        return self._queues[tag]


def _file(name: str) -> str:
    return f"{groups.FOLDER}/{name}{shared.SUFFIX}"


def _state(
    alive: int, threshold: int | None, paused: Mapping[str, Any] | None, error: str | None
) -> str:
    facts = (
        True, alive == 0, threshold is not None and alive < threshold, paused is not None,
        error is not None,
    )  # fmt: skip
    return [state for state, fact in zip(STATES, facts, strict=True) if fact][-1]
