"""One reason why a job does not run: its word, its sentence, and the command that helps."""

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from wmctl.cli.jobview import JobView
from wmctl.cli.lists import age, between
from wmctl.spool import Beat, Job, short

if TYPE_CHECKING:
    from wmctl.spool.slots import Held

WORDS = (
    "Quarantined", "TagNotAllowed", "Held", "Lost", "Dependency", "MaxRunning", "BeginTime",
    "Backoff", "Paused", "GroupPaused", "NoWorker", "WorkersDown", "ScaledToZero",
    "GroupDraining", "InitScript", "BadRules", "Priority", "Busy",
)  # fmt: skip
#: So many jobs or workers are named.
MOST = 10
_UNSERVED = {
    "NoWorker", "WorkersDown", "ScaledToZero", "GroupPaused", "GroupDraining", "InitScript",
    "BadRules",
}  # fmt: skip


class Reason(NamedTuple):
    """One obstacle."""

    #: One of `WORDS`.
    word: str
    #: One sentence with the facts.
    text: str
    #: The command that helps, or that tells when it is over.
    fix: str
    #: RFC 3339; since when, or in BeginTime and Backoff until when.
    at: str | None = None
    jobs: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()

    @property
    def unserved(self) -> bool:
        """Whether it says that nobody would run the job."""
        return self.word in _UNSERVED

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reason": self.word, "text": self.text, "fix": self.fix, "at": self.at,
            "jobs": list(self.jobs), "workers": list(self.workers),
        }  # fmt: skip


RIPE = "what it waited for is there; it is about to come into its queue"
OWN_STEPS = "it waits for its own steps, for an event or for a time"


def quarantined(found: JobView, remedy: str | None) -> Reason:
    """Nobody can run it, or may."""
    why = found.why or {}
    if why.get("reason") == "tag-not-allowed":
        text = text_of(why, "message") or "its workspace may not have its tag"
        return Reason("TagNotAllowed", text, freed(found, remedy), text_of(why, "at"))
    text = f"no worker can run it: {found.reason or 'nobody wrote down why'}"
    return Reason(
        "Quarantined", text, f"wmctl quarantine show {found.entry.id}", text_of(why, "at")
    )


def not_allowed(found: JobView, text: str, remedy: str | None) -> Reason:
    """The rules about tags forbid it; the next worker that finds it puts it aside."""
    return Reason("TagNotAllowed", text, freed(found, remedy))


def freed(found: JobView, remedy: str | None) -> str:
    """What makes an end of it: `remedy` is an item for the list of tags that would allow it."""
    aside = found.entry.state == "quarantined"
    if aside and remedy == "":
        return f"wmctl quarantine release {found.entry.id}"
    if remedy is None:
        return (
            f"wmctl quarantine rm {found.entry.id}" if aside else f"wmctl cancel {found.entry.id}"
        )
    allow = f"wmctl tag add {quote(remedy)}"
    return f"{allow} && wmctl quarantine release {found.entry.id}" if aside else allow


def held(found: JobView) -> Reason:
    """It waits for a person: who held it, or that its workers were lost."""
    entry, why = found.entry, found.why or {}
    at = text_of(why, "at")
    since = f" {between(at, None)} ago" if at else ""
    if why.get("reason") == "lost":
        text = f"its workers were lost {entry.name.lost} times while running it, the last{since}"
        return Reason("Lost", text, f"wmctl unhold {entry.id}", at)
    job = found.job
    by = text_of(why, "by") or (job.created_by if job and job.hold else None) or "nobody knows whom"
    message = text_of(why, "message")
    if not why and job and job.hold:
        message = "submitted so"
    text = f"held by {by}{since}" + (f": {message}" if message else "")
    return Reason("Held", text, f"wmctl unhold {entry.id}", at)


def paused(tag: str, why: Mapping[str, Any]) -> Reason:
    """Its tag is paused: by whom, since when, why."""
    by, at, reason = (text_of(why, key) for key in ("by", "at", "reason"))
    text = f"the tag {tag!r} was paused" + (f" by {by}" if by else "")
    text += f" {between(at, None)} ago" if at else ""
    text += f": {reason}" if reason else ""
    return Reason("Paused", text, f"wmctl queue resume {quote(tag)}", at)


def max_running(job: Job, holders: "list[Held]", now: int) -> Reason:
    """As many with its key run as may, or have ended within the window."""
    ids = [one.id for one in holders]
    some = ", ".join(map(short, ids[:MOST]))
    run = sum(one.until is None for one in holders)
    ended = len(holders) - run
    what = " and ".join(
        ([f"{run} of its kind run"] if run or not ended else [])
        + ([f"{ended} ended less than {age(job.window)} ago"] if ended else [])
    )
    text = f"{what}, and {job.concurrent_limit} may: {some}"
    if ended and not run:
        left = max(0.0, (min(one.until or 0 for one in holders) - now) / 1e9)
        text += f"; the next slot of the key {job.slots_key!r} is free in {age(left)}"
    return Reason("MaxRunning", text, f"wmctl wait --any {' '.join(ids)}", jobs=tuple(ids))


def slot_later(job: Job, left: str, due: str) -> str:
    """It has been promised a slot that is not free yet."""
    return (
        f"its slot is free in {left}, at {due}: no more than {job.concurrent_limit} of the key"
        f" {job.slots_key!r} may start in {age(job.window)}"
    )


def counted(workers: list[Beat]) -> str:
    """`3 workers serve`."""
    return "1 worker serves" if len(workers) == 1 else f"{len(workers)} workers serve"


def text_of(content: Mapping[str, Any], key: str) -> str | None:
    """A text that a record has, if it has one."""
    value = content.get(key)
    return value if isinstance(value, str) and value else None
