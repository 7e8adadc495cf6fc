"""Which jobs may have which tags: the rules of `tags.yaml`, or of CUSTOM_TAGS. Pure but for `load`.

Windmill's syntax: `gpu(a+b)` is for the workspaces a and b alone, `gpu(^a^b)` for all others; what
does not match that grammar is a plain tag, as it stands. Asked at submit and again at claim.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from wmctl.config.dynamic import is_dynamic, pattern

if TYPE_CHECKING:
    from wmctl.spool.store import Store

#: What Windmill's workers serve by default. Those of plugins come with their runners.
DEFAULT_TAGS = ("dependency", "deno", "python3", "bash", "go", "flow", "hub")
#: Tags of jobs that a worker makes for itself.
OWN_TAGS = ("init_script", "periodic_script")
FILE = "tags.yaml"
#: How the beat of a worker begins its reason that has never known the rules.
UNREADABLE = "the rules about tags cannot be read"
_RESTRICTED = re.compile(r"([\w-]+)\(((?:[\w-]+\+)*[\w-]+|(?:\^[\w-]+)+)\)")


class Listed(NamedTuple):
    """One item of the list of custom tags."""

    #: As it is written.
    text: str
    #: The tag, which may be dynamic.
    tag: str
    #: None: all.
    workspaces: tuple[str, ...] | None = None
    #: True: all but these.
    but: bool = False
    #: Where it stands: `tags.yaml:3`.
    origin: str = ""

    def allows(self, workspace: str) -> bool:
        """Whether a workspace's jobs may have the tag."""
        return self.workspaces is None or (workspace in self.workspaces) != self.but

    @property
    def whose(self) -> str:
        """`of the workspaces a, b alone`."""
        names = self.workspaces or ()
        some = f"the workspace{'s' if len(names) > 1 else ''} {', '.join(names)}"
        if not names:
            return "of all workspaces"
        return f"of all workspaces but {', '.join(names)}" if self.but else f"of {some} alone"


def listed(text: str, origin: str = "") -> Listed:
    """An item of the list as it is meant."""
    found = _RESTRICTED.fullmatch(text)
    if found is None:
        return Listed(text, text, origin=origin)
    but = found[2].startswith("^")
    names = found[2][1:].split("^") if but else found[2].split("+")
    return Listed(text, found[1], tuple(names), but, origin)


@dataclass(frozen=True)
class TagRules:
    """The rules of one spool; those of an empty list forbid only what is no tag at all."""

    custom: tuple[Listed, ...] = ()
    #: The tags of the loaded runners, and those that groups serve.
    runner_tags: frozenset[str] = frozenset()
    group_tags: frozenset[str] = frozenset()
    #: Whether the default tag of a job names its workspace: `bash-prod`; and of which workspaces.
    per_workspace: bool = False
    per_workspace_of: tuple[str, ...] | None = None
    only_known: bool = False
    #: Where the rules stand, for messages.
    origin: str = FILE
    _answers: dict[tuple[str, str], str | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @classmethod
    def load(
        cls,
        store: "Store | None",
        environ: Mapping[str, str],
        runner_tags: Iterable[str] = (),
        custom: "Sequence[Listed] | None" = None,
    ) -> "TagRules":
        """Those of a spool's file, else `custom` or CUSTOM_TAGS; ConfigError if they are wrong."""
        from wmctl.config import tagfile  # costly, and tests of the rules need it not

        return tagfile.load(store, environ, frozenset(runner_tags), custom)

    @property
    def asks_for_runners(self) -> bool:
        """Whether it matters which runners there are besides Windmill's."""
        return self.only_known or bool(self._templates)

    @property
    def defaults(self) -> frozenset[str]:
        """The default tags."""
        return self.runner_tags.union(DEFAULT_TAGS)

    @property
    def known(self) -> frozenset[str]:
        """Those that somebody may have meant: default tags, custom ones, those of groups."""
        custom = (one.tag for one in self.custom if not is_dynamic(one.tag))
        return self.defaults | self.group_tags | frozenset(custom)

    def default_tag(self, tag: str, workspace: str) -> str:
        """The tag of a job that names none, where its runner's tag is this."""
        return f"{tag}-{workspace}" if self._has_own(workspace) else tag

    def refusal(self, tag: str, workspace: str) -> str | None:
        """Why a workspace's jobs may not have a tag; None: they may."""
        asked = (tag, workspace)
        if asked not in self._answers:
            if len(self._answers) >= 10_000:
                self._answers.clear()
            self._answers[asked] = self._refusal(tag, workspace)
        return self._answers[asked]

    def _refusal(self, tag: str, workspace: str) -> str | None:
        if is_dynamic(tag):
            return f"the tag {tag!r} was not expanded, and no worker could serve it"
        if _RESTRICTED.fullmatch(tag):
            return f"{tag!r} is how the list of tags restricts a tag, and itself no tag"
        mine = self._by_tag.get(tag, ())
        if mine:
            return None if any(one.allows(workspace) for one in mine) else _elsewhere(mine)
        if tag in self.defaults or tag in OWN_TAGS:
            return None
        others = [one for one in self._templates if _fits(one, tag, None)]
        if others:
            own = any(_fits(one, tag, workspace) for one in others)
            return None if own else _another(tag, workspace, others[0])
        if self.only_known and tag not in self.group_tags:
            return (
                f"the tag {tag!r} is neither a default tag nor a custom one nor a group's, and only"
                f" those may be used ({self.origin}, only_known_tags)"
            )
        return None

    def remedy(self, tag: str, workspace: str) -> str | None:
        """The item of the list that would allow it; None: no item would, or one hurts others."""
        if is_dynamic(tag) or any(_fits(one, tag, None) for one in self._templates):
            return None
        item = f"{tag}({workspace})" if tag in self._by_tag else tag
        allowing = replace(self, custom=(*self.custom, listed(item)))
        return None if allowing.refusal(tag, workspace) else item

    @cached_property
    def _by_tag(self) -> Mapping[str, list[Listed]]:
        found: dict[str, list[Listed]] = {}
        for one in self.custom:
            found.setdefault(one.tag, []).append(one)
        return found

    @cached_property
    def _templates(self) -> list[Listed]:
        """What names a workspace or args, and the default tags of each workspace."""
        found = [one for one in self.custom if is_dynamic(one.tag)]
        if not self.per_workspace:
            return found
        origin = f"{self.origin}, default_tags_per_workspace"
        names = ("$workspace",) if self.per_workspace_of is None else self.per_workspace_of
        for tag in sorted(self.defaults):
            for name in names:
                only = None if name == "$workspace" else (name,)
                found.append(Listed(f"{tag}-{name}", f"{tag}-{name}", only, origin=origin))
        return found

    def _has_own(self, workspace: str) -> bool:
        names = self.per_workspace_of
        return self.per_workspace and (names is None or workspace in names)


def _fits(one: Listed, tag: str, workspace: str | None) -> bool:
    """Whether a tag may be what the item becomes in a workspace, or (None) in any."""
    if workspace is not None and not one.allows(workspace):
        return False
    return pattern(one.tag, workspace).fullmatch(tag) is not None


def _elsewhere(mine: list[Listed]) -> str:
    whose = " or ".join(one.whose for one in mine)
    where = ", ".join(one.origin for one in mine if one.origin)
    return f"the tag {mine[0].tag!r} is {whose}" + (f" ({where})" if where else "")


def _another(tag: str, workspace: str, one: Listed) -> str:
    if one.workspaces is not None:
        return f"the tag {tag!r} is {one.whose} ({one.origin})"
    where = f"{one.text} in {one.origin}" if one.origin else one.text
    own = one.tag.replace("$workspace", workspace)
    return f"the tag {tag!r} is another workspace's ({where}); here it would be {own!r}"
