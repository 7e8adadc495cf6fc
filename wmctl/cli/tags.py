"""Tags that are known here, and the one that was meant by one that nobody serves."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wmctl.cli.serving import has_groups, tags_of
from wmctl.config.nearest import nearest
from wmctl.errors import BadInput
from wmctl.spool.beats import workers
from wmctl.spool.fs import present
from wmctl.spool.name import decode_tag
from wmctl.spool.store import Store

if TYPE_CHECKING:  # `submit` asks too, and needs no more of the spool than its store
    from wmctl.spool import Spool


def known_tags(spool: "Spool | Store") -> set[str]:
    """The tags that live workers serve, and those that jobs wait under."""
    return served_tags(spool) | waiting_tags(spool)


def served_tags(spool: "Spool | Store") -> set[str]:
    """The tags that live workers serve."""
    store = _store(spool)
    lease = store.settings.lease
    return {tag for beat in workers(store) if beat.alive(lease) for tag in tags_of(beat)}


def waiting_tags(spool: "Spool | Store") -> set[str]:
    """The tags that jobs wait under, or waited."""
    store = _store(spool)
    found = set()
    for folder in store.disk.scan(store.path("queue")):
        try:
            found.add(decode_tag(folder.name))
        except BadInput:
            continue  # a folder of somebody else's
    return found


def has_rules(store: Store) -> bool:
    """Whether there may be rules about tags: asked before what reads them is loaded."""
    return bool(os.environ.get("CUSTOM_TAGS")) or present(store.disk, store.path("tags.yaml"))


def did_you_mean(spool: "Spool | Store", tag: str) -> str:
    """The end of a sentence about a tag: ` (did you mean 'gpu'?)`, or nothing."""
    return (
        meant(tag, served_tags(spool) | _group_tags(_store(spool)))
        or meant(tag, waiting_tags(spool) - {tag})
    )  # fmt: skip


def _group_tags(store: Store) -> frozenset[str]:
    """What the worker groups serve, whether or not anybody is there."""
    if not has_groups(store):
        return frozenset()
    from wmctl.cli.grouptags import GroupTags  # many spools have no groups

    return GroupTags(store).tags


def meant(tag: str, known: Iterable[str]) -> str:
    """The same, of tags that are known already."""
    found = nearest(tag, known)
    return f" (did you mean {found!r}?)" if found and found != tag else ""


def _store(spool: "Spool | Store") -> Store:
    return spool if isinstance(spool, Store) else spool.store
