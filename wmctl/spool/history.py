"""The proof after the fact: what the journal says, held against what lies in the spool.

Reads only. `examine` finds acknowledged jobs that are nowhere, jobs that were published twice or
otherwise than they were told, claims and starts that the rules do not allow.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wmctl.spool.audit import Audit, Place
from wmctl.spool.journal import Event, read_journal

__all__ = ["DOUBLED", "LOST", "ORDER", "Wrong", "examine", "read_journal"]

#: Acknowledged and nowhere, or told as finished and not so.
LOST = "lost"
#: Published more than once.
DOUBLED = "doubled"
#: Claimed, started or gone on with against the rules.
ORDER = "order"

#: Seconds: two threads of one process note their events a little after they did them.
_SLACK = 0.5


@dataclass(frozen=True)
class Wrong:
    """A broken promise. `kind` is LOST, DOUBLED or ORDER."""

    kind: str
    job: str
    text: str
    #: A power cut (of a file system or a client) can undo a claim, so that its number comes again.
    after_power_cut: bool = False

    def __str__(self) -> str:
        return f"job {self.job}: {self.text}"


def examine(events: Iterable[Event], found: Audit) -> list[Wrong]:
    """Everything that is wrong with the history of a spool. Read the journal before the spool."""
    by_job: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_job[event.job].append(event)
    wrong: list[Wrong] = []
    for job, own in by_job.items():
        places = found.places.get(job, [])
        for check in (_kept, _published_once, _claimed_once, _started_once, _over_when_over):
            wrong += (
                Wrong(kind, job, text, after_power_cut=check in _UNDONE)
                for kind, text in check(own, places)
            )
    return wrong


_Found = Iterator[tuple[str, str]]


def _of(events: Sequence[Event], *verbs: str) -> Iterator[Event]:
    return (event for event in events if event.verb in verbs)


def _terminal_names(events: Sequence[Event]) -> set[tuple[int, str]]:
    """Number and outcome of each end that somebody was told of."""
    return {
        (event.claims, str(event.facts["outcome"])) for event in _of(events, "finish", "cancel")
    }


def _kept(events: Sequence[Event], places: Sequence[Place]) -> _Found:
    """An acknowledged job is somewhere, and an end that was told stands."""
    if any(_of(events, "prune")):
        return
    if not places and any(_of(events, "submit")):
        yield LOST, "it was acknowledged and is nowhere"
        return
    here = {(place.name.claims, place.name.outcome) for place in places}
    for claims, outcome in _terminal_names(events):
        if (claims, outcome) not in here:
            yield (
                LOST,
                f"claim {claims} was told to have ended in {outcome}, and there is no such record",
            )


def _published_once(events: Sequence[Event], places: Sequence[Place]) -> _Found:
    ends = _terminal_names(events)
    ends |= {(place.name.claims, place.name.outcome) for place in places if place.name.outcome}
    if len(ends) > 1:
        yield DOUBLED, f"it has several ends: {sorted(ends)}"
    finishes = Counter(event.claims for event in _of(events, "finish"))
    for claims, count in finishes.items():
        if count > 1:
            yield DOUBLED, f"claim {claims} was finished {count} times"


def _claimed_once(events: Sequence[Event], _: Sequence[Place]) -> _Found:
    """Each number is given to one worker."""
    for claims, count in Counter(event.claims for event in _of(events, "claim")).items():
        if count > 1:
            yield ORDER, f"claim {claims} was made {count} times"


def _started_once(events: Sequence[Event], _: Sequence[Place]) -> _Found:
    """An attempt starts once, unless its worker gave it back uncounted."""
    released = Counter(
        event.attempt for event in _of(events, "release") if not event.facts.get("lost")
    )
    for attempt, count in Counter(event.attempt for event in _of(events, "start")).items():
        if count > 1 + released[attempt]:
            yield ORDER, f"attempt {attempt} was started {count} times"


def _over_when_over(events: Sequence[Event], _: Sequence[Place]) -> _Found:
    """What has ended is neither claimed nor started again."""
    for end in _of(events, "finish"):
        for event in _of(events, "claim", "start"):
            # A claimer that stood still after its rename notes it late; that starts nothing.
            early = event.verb == "claim" and event.claims < end.claims
            if not early and event.boot == end.boot and event.at > end.at + _SLACK:
                yield (
                    ORDER,
                    f"{event.verb} {event.claims} came {event.at - end.at:.1f} s after its end",
                )


#: These find what a power cut explains.
_UNDONE = {_claimed_once, _started_once}
