"""A paused tag: its jobs wait, whoever serves it. `control/pause/<tag>` says who and why."""

from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput
from wmctl.spool import fs, reasons, strict
from wmctl.spool.name import decode_tag, encode_tag
from wmctl.spool.store import Store


def pause(store: Store, tag: str, *, by: str, reason: str | None) -> bool:
    """From now on no job of the tag is claimed; running ones go on. False if it was paused."""
    target = _marker(store, tag)
    with fs.translated("pause a tag"):
        if fs.present(store.disk, target):
            return False
        content = {"by": by, "reason": reason, "at": reasons.now_text()}
        store.ensure(_folder(store))
        store.put((strict.dumps(content) + "\n").encode(), target)
        store.sync({_folder(store)})
    return True


def resume(store: Store, tag: str) -> bool:
    """Its jobs are claimed again. False if it was not paused."""
    with fs.translated("resume a tag"):
        gone = store.remove(_marker(store, tag))
        store.sync({_folder(store)})
    return gone


def paused(store: Store) -> dict[str, Mapping[str, Any]]:
    """The paused tags, and who paused each, when and why."""
    found = {}
    with fs.translated("list paused tags"):
        for item in store.disk.scan(_folder(store)):
            try:
                found[decode_tag(item.name)] = reasons.read(store, item.path) or {}
            except BadInput:
                continue
    return found


def _folder(store: Store) -> str:
    return store.path("control", "pause")


def _marker(store: Store, tag: str) -> str:
    return f"{_folder(store)}/{encode_tag(tag)}"
