"""What there is under each tag: jobs by state, the oldest wait, who serves it, how fast it goes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from wmctl.cli.reasons import Reasons
from wmctl.cli.serving import tags_of
from wmctl.cli.tags import waiting_tags
from wmctl.spool import Spool, rates
from wmctl.spool.name import parse_due

SCHEMA = "wmctl.queue/1"
#: Over which jobs per second are told, as Windmill does.
WINDOWS = {"30s": 30.0, "5m": 300.0, "30m": 1800.0, "24h": 86400.0}


def queues(spool: Spool, tags: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The queues of these tags, or of all that are known; by name, as JSON objects.

    Known are the tags that jobs have, that jobs ended with in the last 24 hours, that live
    workers serve, and that are paused.
    """
    reasons = Reasons(spool)
    counts = Counter(
        (entry.state, entry.name.tag) for entry in spool.entries({"running", "suspended"})
    )
    ended = rates.ended(spool.store, list(WINDOWS.values()), reasons.now)
    pauses = spool.pauses()
    if tags is None:
        lease = spool.settings.lease
        known = waiting_tags(spool) | {tag for _, tag in counts} | set(ended) | set(pauses)
        known |= {tag for one in reasons.beats or () if one.alive(lease) for tag in tags_of(one)}
    else:
        known = set(tags)
    found = (
        _queue(spool, reasons, tag, counts, ended.get(tag), pauses.get(tag))
        for tag in sorted(known)
    )
    return [one for one in found if tags is not None or not is_idle(one)]


def is_idle(queue: dict[str, Any]) -> bool:
    """Whether nobody would miss the tag: it has no jobs, had none lately, and nobody serves it."""
    counts = ("running", "waiting", "later", "suspended", "workers")
    return queue["paused"] is None and not (
        any(queue[key] for key in counts) or any(queue["ended"].values())
    )


def _queue(
    spool: Spool,
    reasons: Reasons,
    tag: str,
    counts: Counter[tuple[str, str]],
    ended: Sequence[int] | None,
    paused: Any,
) -> dict[str, Any]:
    queue = spool.queue(tag, reasons.now)
    oldest = None
    if queue.oldest is not None:
        waited = reasons.now / 1e9 - parse_due(queue.oldest).timestamp()
        oldest = round(max(waited, 0.0), 3)
    every = reasons.of_tag(tag)
    numbers = ended or [0] * len(WINDOWS)
    return {
        "schema": SCHEMA,
        "tag": tag,
        "running": counts["running", tag],
        "waiting": queue.due,
        "later": queue.later,
        "suspended": counts["suspended", tag],
        "oldest_wait": oldest,
        "next": queue.next_id,
        "workers": len(reasons.serving(tag)),
        "ended": dict(zip(WINDOWS, numbers, strict=True)),
        "rates": {
            name: round(number / seconds, 6)
            for (name, seconds), number in zip(WINDOWS.items(), numbers, strict=True)
        },
        "paused": None if paused is None else dict(paused),
        "reason": every[0].word if every else None,
    }
