"""All tags of a spool as JSON objects: default, custom and the groups', and who serves each."""

from collections.abc import Iterator

from wmctl.cli.grouptags import GroupTags, start
from wmctl.cli.serving import serves
from wmctl.cli.session import Session
from wmctl.cli.tables import Item
from wmctl.cli.tagging import rules_of
from wmctl.config.assignable import Listed, TagRules
from wmctl.config.dynamic import is_dynamic, pattern
from wmctl.errors import SpoolError
from wmctl.spool import Beat

SCHEMA = "wmctl.tag/1"
FIELDS = (
    "schema", "tag", "kind", "rule", "workspaces", "but", "groups", "workers", "covered", "origin",
)  # fmt: skip


class Tags:
    """The tags that jobs of one spool may have."""

    def __init__(self, session: Session) -> None:
        self.rules: TagRules = rules_of(session)
        self.groups = GroupTags(session.store)
        try:
            beats = session.spool.workers() if session.has_spool else []
        except SpoolError:
            beats = []
        lease = session.store.settings.lease
        self._live = [beat for beat in beats if beat.alive(lease)]

    def items(self) -> list[Item]:
        """Every one; of a tag that the list has several times one for each."""
        custom = [*self.rules.custom]
        named = {one.tag for one in custom}
        defaults = [one for one in self._defaults() if one.tag not in named]
        named |= {one.tag for one in defaults}
        own = [Listed(tag, tag) for tag in sorted(self.groups.tags - named)]
        kinds = (("default", defaults), ("custom", custom), ("group", own))
        return [self._item(one, kind) for kind, items in kinds for one in items]

    def may(self, item: Item, workspace: str) -> bool:
        """Whether a workspace's jobs may have a tag; of a dynamic one, what it becomes there."""
        tag: str = item["tag"]
        if is_dynamic(tag):
            return True
        return self.rules.refusal(tag, workspace) is None

    def fix(self, item: Item) -> str:
        """The command that brings a worker for a tag."""
        return start(str(item["tag"]).replace("$workspace", "WORKSPACE"), [])

    def _defaults(self) -> Iterator[Listed]:
        """Where each workspace has its own, those take the place of the common ones."""
        rules = self.rules
        for tag in sorted(rules.defaults):
            if not rules.per_workspace or rules.per_workspace_of is not None:
                yield Listed(tag, tag)
            if rules.per_workspace:
                names = rules.per_workspace_of
                for name in ("$workspace",) if names is None else names:
                    yield Listed(
                        f"{tag}-{name}", f"{tag}-{name}", None if names is None else (name,),
                        origin=f"{rules.origin}, default_tags_per_workspace",
                    )  # fmt: skip

    def _item(self, one: Listed, kind: str) -> Item:
        groups = [group.name for group in self.groups.all.values() if _among(one, group.tags)]
        workers = [beat for beat in self._live if _served(one, beat)]
        return {
            "schema": SCHEMA,
            "tag": one.tag,
            "kind": kind,
            "rule": one.text,
            "workspaces": None if one.workspaces is None else list(one.workspaces),
            "but": one.but,
            "groups": groups,
            "workers": len(workers),
            "covered": bool(groups or workers),
            "origin": one.origin or None,
        }


def _among(one: Listed, tags: tuple[str, ...] | list[str]) -> bool:
    """Whether a tag, or one that a dynamic tag may become, is among these."""
    if not is_dynamic(one.tag):
        return one.tag in tags
    fits = pattern(one.tag, None)
    return any(fits.fullmatch(tag) for tag in tags)


def _served(one: Listed, beat: Beat) -> bool:
    if not is_dynamic(one.tag):
        return serves(beat, one.tag)
    tags = beat.content.get("tags")
    return isinstance(tags, list) and any(
        _among(one, [tag]) and serves(beat, tag) for tag in tags if isinstance(tag, str)
    )
