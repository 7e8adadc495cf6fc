"""What people tell workers: to drain, to stop, to restart (one worker), to pause (a group).

`control/drain/<worker>` holds one order, which its worker reads at its next beat and whenever it
looks for work; `control/group/<group>` pauses a group, as `control/pause/<tag>` does a tag.
"""

from collections.abc import Mapping
from typing import Any

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import fs, pause, reasons, strict
from wmctl.spool.store import Store

#: drain: finish the job, claim no more, stay. stop: finish it and end for good. restart: finish it,
#: end, be started again.
ORDERS = ("drain", "stop", "restart")
_CAP = 64 << 10


def give(store: Store, worker: str, order: str, *, by: str, reason: str | None = None) -> None:
    """Tell a worker what to do; the last word counts. Durable when this returns."""
    if order not in ORDERS:
        raise BadInput(f"{order!r} is no order for a worker", hint=", ".join(ORDERS))
    folder = store.path("control", "drain")
    content = {"order": order, "by": by, "reason": reason, "at": reasons.now_text()}
    store.must_be_ours()  # no worker would believe another user's marker
    with fs.translated(f"tell a worker to {order}"):
        above = store.ensure(folder)
        store.put((strict.dumps(content) + "\n").encode(), _marker(store, worker))
        store.sync({*above, folder})


def withdraw(store: Store, worker: str) -> bool:
    """It goes on as if nothing had been said. False if nothing had."""
    with fs.translated("take an order back"):
        gone = store.remove(_marker(store, worker))
        if gone:
            store.sync({store.path("control", "drain")})
    return gone


def order_for(store: Store, worker: str) -> Mapping[str, Any] | None:
    """What a worker was told: `order`, and who said so and why; None: nothing.

    A marker without a word, as older versions and `touch` make it, means stop.
    """
    path = _marker(store, worker)
    with fs.translated("look for orders", but=(FileNotFoundError,)):
        try:
            text = fs.read_checked(store.disk, path, _CAP, store.trust)
            content = strict.loads_object(text, path) if text.strip() else {}
        except FileNotFoundError:
            return None
        except (MalformedJob, BadInput):
            content = {}
    order = content.get("order")
    return {**content, "order": order if order in ORDERS else "stop"}


def pause_group(store: Store, group: str, *, by: str, reason: str | None = None) -> bool:
    """Its workers claim nothing of its tags any more; False if it was paused."""
    return pause.pause(store, group, by=by, reason=reason, what=pause.GROUPS)


def resume_group(store: Store, group: str) -> bool:
    """Its workers claim again; False if it was not paused."""
    return pause.resume(store, group, what=pause.GROUPS)


def paused_groups(store: Store) -> dict[str, Mapping[str, Any]]:
    """The paused groups, and who paused each, when and why."""
    return pause.paused(store, what=pause.GROUPS)


def _marker(store: Store, worker: str) -> str:
    if "/" in worker or worker in {"", ".", ".."}:
        raise BadInput(f"{worker!r} is no worker's name")
    return store.path("control", "drain", worker)
