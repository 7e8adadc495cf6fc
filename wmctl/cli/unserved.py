"""Why nobody claims the jobs of a tag: what the beats of workers say, and the files of groups."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any

from wmctl.cli.grouptags import GroupTags, scales_to_zero, start
from wmctl.cli.jobview import rfc3339
from wmctl.cli.lists import age, between
from wmctl.cli.reason import MOST, Reason, text_of
from wmctl.cli.serving import serves, tags_of
from wmctl.cli.worker_state import groups_of
from wmctl.errors import WmctlError
from wmctl.spool import Beat, Spool, orders, pause

if TYPE_CHECKING:
    from wmctl.config.groups import Group


class Unserved:
    """The reasons of one spool, at one moment."""

    def __init__(self, spool: Spool, beats: list[Beat], now: int) -> None:
        self._spool = spool
        self._now = now
        lease = spool.settings.lease
        self._live = [beat for beat in beats if beat.alive(lease)]
        self._dead = [beat for beat in beats if not beat.alive(lease)]
        self._groups = GroupTags(spool.store)
        self._orders: dict[str, Mapping[str, Any] | None] = {}

    def claims(self, beat: Beat, tag: str) -> bool:
        """Whether a live worker will claim jobs of the tag, unless the tag itself is paused."""
        if self._blocking(beat, tag) or _without_rules(beat):
            return False
        if beat.content.get("state") == "paused" and self._order(beat.worker) is None:
            return tag in tags_of(beat)  # all its tags are paused, or were a moment ago
        return serves(beat, tag)

    def reasons(self, tag: str) -> Iterator[Reason]:
        """Nothing where somebody will; else what keeps all who would."""
        if any(self.claims(beat, tag) for beat in self._live):
            return
        mine = [beat for beat in self._live if tag in tags_of(beat)]
        if mine:
            yield self._stuck(tag, mine)
            return
        having = self._groups.having(tag)
        yield from (self._paused(group.name, tag) for group in having if self._is_paused(group))
        dead = [beat for beat in self._dead if tag in tags_of(beat)]
        if dead:
            yield _dead(tag, dead, start(tag, having))
        elif not having:
            yield self._nobody(tag)
        elif all(map(scales_to_zero, having)):
            yield _scaled(tag, having)
        else:
            yield self._down(tag, having)

    def preferred(self, tag: str, workers: list[Beat]) -> list[str]:
        """Tags with jobs that wait, which each of these workers takes before this one's."""
        common: set[str] | None = None
        for beat in workers:
            ranks = self._ranks(beat)
            above = {one for one in tags_of(beat) if ranks.get(one, 0) > ranks.get(tag, 0)}
            common = above if common is None else common & above
        return sorted(one for one in common or () if self._spool.queue(one, self._now).due)

    def _ranks(self, beat: Beat) -> dict[str, int]:
        """The first group's word counts."""
        found: dict[str, int] = {}
        for name in groups_of(beat.content):
            if group := self._groups.all.get(name):
                found = {**group.priority_tags, **found}
        return found

    # Groups that are paused.

    @cached_property
    def _pauses(self) -> Mapping[str, Mapping[str, Any]]:
        return pause.paused(self._spool.store, what=pause.GROUPS)

    def _is_paused(self, group: "Group") -> bool:
        return group.name in self._pauses

    def _blocking(self, beat: Beat, tag: str) -> list[str]:
        """The paused groups that keep a worker from a tag."""
        mine = groups_of(beat.content)
        if not any(name in self._pauses for name in mine):
            return []
        known = self._groups.all
        having = [name for name in mine if name not in known or tag in known[name].tags]
        paused = [name for name in having or mine if name in self._pauses]
        return paused if len(paused) == len(having or mine) else []

    def _stuck(self, tag: str, workers: list[Beat]) -> Reason:
        """Live workers have the tag, and none of them will claim."""
        blocked = [name for beat in workers for name in self._blocking(beat, tag)]
        if blocked:
            return self._paused(blocked[0], tag, workers)
        if all(map(_without_rules, workers)):
            return _no_rules(tag, workers)
        if all(beat.content.get("state") == "init" for beat in workers):
            return _init(tag, workers)
        return self._draining(tag, workers)

    def _draining(self, tag: str, workers: list[Beat]) -> Reason:
        """They claim no more: because somebody said so, or because they end."""
        some = ", ".join(map(_told_of, workers[:MOST]))
        text = f"the workers that serve the tag {tag!r} claim no more: {some}"
        names = tuple(beat.worker for beat in workers)
        drained = [name for name in names if (self._order(name) or {}).get("order") == "drain"]
        fix = start(tag, self._groups.having(tag))
        if drained:
            fix = f"wmctl worker resume {' '.join(drained)}"
        return Reason("GroupDraining", text, fix, workers=names)

    def _order(self, worker: str) -> Mapping[str, Any] | None:
        """What a person told a worker."""
        if worker not in self._orders:
            with suppress(WmctlError):
                self._orders[worker] = orders.order_for(self._spool.store, worker)
        return self._orders.get(worker)

    def _paused(self, group: str, tag: str, workers: list[Beat] | None = None) -> Reason:
        why = self._pauses[group]
        by, at, reason = (text_of(why, key) for key in ("by", "at", "reason"))
        text = f"the group {group!r}, which has the tag {tag!r}, was paused"
        text += (f" by {by}" if by else "") + (f" {between(at, None)} ago" if at else "")
        text += f": {reason}" if reason else ""
        names = tuple(beat.worker for beat in workers or ())
        return Reason("GroupPaused", text, f"wmctl group resume {quote(group)}", at, workers=names)

    # Nobody alive has the tag.

    def _nobody(self, tag: str) -> Reason:
        from wmctl.config.nearest import nearest  # most lists need it not

        others = sorted({one for beat in self._live for one in tags_of(beat)})
        what = f"the live ones serve {', '.join(others[:20])}" if others else "none is alive"
        if close := nearest(tag, {*others, *self._groups.tags}):
            what += f" (did you mean {close!r}?)"
        return Reason("NoWorker", f"no worker serves the tag {tag!r}: {what}", start(tag, []))

    def _down(self, tag: str, having: "list[Group]") -> Reason:
        since = self._since()
        text = f"{_some(having)} the tag {tag!r}, and none of its workers is alive"
        at = None
        if since is not None:
            text += f", for {age(max(self._now - since, 0) / 1e9)} at least"
            at = rfc3339(datetime.fromtimestamp(since / 1e9, UTC))
        return Reason("WorkersDown", text, start(tag, having), at)

    def _since(self) -> int | None:
        """When a worker last came or went; since then at least no other one has been there."""
        store = self._spool.store
        try:
            return store.disk.stat(store.path("workers")).st_mtime_ns
        except OSError:
            return None


def _some(having: "list[Group]") -> str:
    names = ", ".join(repr(group.name) for group in having[:MOST])
    return f"the group {names} has" if len(having) == 1 else f"the groups {names} have"


def _dead(tag: str, dead: list[Beat], fix: str) -> Reason:
    last = min(dead, key=lambda beat: beat.age)
    host = last.content.get("host")
    on = f" on {host}" if isinstance(host, str) and host else ""
    text = (
        f"no live worker serves the tag {tag!r}; {last.worker}{on}, which does, was last heard of"
        f" {age(last.age)} ago"
    )
    return Reason("WorkersDown", text, fix, workers=tuple(one.worker for one in dead))


def _scaled(tag: str, having: "list[Group]") -> Reason:
    at = having[0].origins.get("autoscaling")
    text = f"{_some(having)} the tag {tag!r} and no worker now: min_workers is 0"
    return Reason("ScaledToZero", text + (f" ({at})" if at else ""), start(tag, having))


def _init(tag: str, workers: list[Beat]) -> Reason:
    """Their init scripts run, or fail."""
    first = workers[0]
    why = text_of(first.content, "reason")
    last = first.content.get("last_job")
    text = f"{first.worker} serves the tag {tag!r} when its init script has run"
    fix = f"wmctl logs {last}" if why and isinstance(last, str) else "wmctl worker ls"
    names = tuple(beat.worker for beat in workers)
    return Reason("InitScript", text + (f": {why}" if why else ""), fix, workers=names)


def _without_rules(beat: Beat) -> bool:
    """Whether it claims nothing since it cannot read the rules about tags."""
    why = text_of(beat.content, "reason")
    if why is None:
        return False
    from wmctl.config.assignable import UNREADABLE  # most beats have nothing to say

    return why.startswith(UNREADABLE)


def _no_rules(tag: str, workers: list[Beat]) -> Reason:
    why = text_of(workers[0].content, "reason")
    text = f"{workers[0].worker} serves the tag {tag!r} and claims nothing: {why}"
    return Reason("BadRules", text, "wmctl tag ls", workers=tuple(beat.worker for beat in workers))


def _told_of(beat: Beat) -> str:
    """`wk-a is paused (by ann: new driver)`."""
    by, why = text_of(beat.content, "by"), text_of(beat.content, "reason")
    more = ": ".join(filter(None, (by and f"by {by}", why)))
    return f"{beat.worker} is {beat.content.get('state')}" + (f" ({more})" if more else "")
