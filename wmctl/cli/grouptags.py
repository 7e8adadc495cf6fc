"""Which worker groups have a tag, as their files say; for who wants to know why a job waits."""

from collections.abc import Mapping
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any

from wmctl.cli.serving import has_groups
from wmctl.errors import ConfigError, WmctlError
from wmctl.spool.store import Store

if TYPE_CHECKING:  # many spools have no groups, and who lists jobs asks here
    from wmctl.config.groups import Group


class GroupTags:
    """The groups of a spool. Files that are wrong count as not there, and say so in `faults`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.faults: list[ConfigError] = []

    @cached_property
    def all(self) -> "Mapping[str, Group]":
        """By name."""
        try:
            if not has_groups(self._store):
                return {}
            from wmctl.config import groups  # costly

            found = groups.load_all(self._store)
        except WmctlError:  # the spool cannot be read: who asks has heard of that
            return {}
        self.faults = [one for one in found.values() if isinstance(one, ConfigError)]
        return {name: one for name, one in found.items() if not isinstance(one, ConfigError)}

    def having(self, tag: str) -> "list[Group]":
        """Those whose workers serve a tag."""
        return [group for group in self.all.values() if tag in group.tags]

    @cached_property
    def tags(self) -> frozenset[str]:
        """What all of them serve."""
        return frozenset(tag for group in self.all.values() for tag in group.tags)


def start(tag: str, having: "list[Group]") -> str:
    """The command that brings a worker for a tag."""
    if having:
        return f"WORKER_GROUP={quote(having[0].name)} wmctl worker start"
    return f"wmctl worker start --tags {quote(tag)}"


def scales_to_zero(group: "Group") -> bool:
    """Whether none of its workers need be there while nothing waits."""
    own: Mapping[str, Any] = group.autoscaling or {}
    least = own.get("min_workers")
    return own.get("enabled", True) is not False and least == 0 and not isinstance(least, bool)
