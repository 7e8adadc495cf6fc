"""What is paused: a tag (its jobs wait, whoever serves it), or a worker group (`orders`).

`control/pause/<tag>` and `control/group/<group>` say who did it and why.
"""

from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput
from wmctl.spool import fs, reasons, strict
from wmctl.spool.name import decode_tag, encode_tag
from wmctl.spool.store import Store

#: Folders of `control`: what their markers name.
TAGS, GROUPS = "pause", "group"


def pause(store: Store, name: str, *, by: str, reason: str | None, what: str = TAGS) -> bool:
    """From now on no job of the tag is claimed; running ones go on. False if it was paused."""
    target = _marker(store, what, name)
    folder = store.path("control", what)
    with fs.translated("pause"):
        if fs.present(store.disk, target):
            return False
        content = {"by": by, "reason": reason, "at": reasons.now_text()}
        above = store.ensure(folder)
        store.put((strict.dumps(content) + "\n").encode(), target)
        store.sync({*above, folder})
    return True


def resume(store: Store, name: str, *, what: str = TAGS) -> bool:
    """Its jobs are claimed again. False if it was not paused."""
    with fs.translated("resume"):
        gone = store.remove(_marker(store, what, name))
        if gone:
            store.sync({store.path("control", what)})
    return gone


def paused(store: Store, *, what: str = TAGS) -> dict[str, Mapping[str, Any]]:
    """What is paused, and who did it, when and why."""
    found = {}
    with fs.translated("list what is paused"):
        for item in store.disk.scan(store.path("control", what)):
            try:
                found[decode_tag(item.name)] = reasons.read(store, item.path) or {}
            except BadInput:
                continue
    return found


def _marker(store: Store, what: str, name: str) -> str:
    return f"{store.path('control', what)}/{encode_tag(name)}"
