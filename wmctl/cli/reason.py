"""One reason why a job does not run: its word, its sentence, and the command that helps."""

from collections.abc import Mapping
from shlex import quote
from typing import Any, NamedTuple

from wmctl.cli.jobview import JobView
from wmctl.cli.lists import age, between
from wmctl.cli.serving import tags_of
from wmctl.spool import Beat, Job, short

WORDS = (
    "Quarantined", "Held", "Lost", "Dependency", "MaxRunning", "BeginTime", "Backoff",
    "Paused", "NoWorker", "WorkersDown", "Priority", "Busy",
)  # fmt: skip
#: So many jobs or workers are named.
MOST = 10


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
        return self.word in {"NoWorker", "WorkersDown"}

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reason": self.word, "text": self.text, "fix": self.fix, "at": self.at,
            "jobs": list(self.jobs), "workers": list(self.workers),
        }  # fmt: skip


RIPE = "what it waited for is there; it is about to come into its queue"
OWN_STEPS = "it waits for its own steps, for an event or for a time"


def quarantined(found: JobView) -> Reason:
    """Nobody can run it."""
    why = found.why or {}
    text = f"no worker can run it: {found.reason or 'nobody wrote down why'}"
    return Reason("Quarantined", text, f"wmctl quarantine show {found.entry.id}", _text(why, "at"))


def held(found: JobView) -> Reason:
    """It waits for a person: who held it, or that its workers were lost."""
    entry, why = found.entry, found.why or {}
    at = _text(why, "at")
    since = f" {between(at, None)} ago" if at else ""
    if why.get("reason") == "lost":
        text = f"its workers were lost {entry.name.lost} times while running it, the last{since}"
        return Reason("Lost", text, f"wmctl unhold {entry.id}", at)
    job = found.job
    by = _text(why, "by") or (job.created_by if job and job.hold else None) or "nobody knows whom"
    message = _text(why, "message")
    if not why and job and job.hold:
        message = "submitted so"
    text = f"held by {by}{since}" + (f": {message}" if message else "")
    return Reason("Held", text, f"wmctl unhold {entry.id}", at)


def paused(tag: str, why: Mapping[str, Any]) -> Reason:
    """Its tag is paused: by whom, since when, why."""
    by, at, reason = (_text(why, key) for key in ("by", "at", "reason"))
    text = f"the tag {tag!r} was paused" + (f" by {by}" if by else "")
    text += f" {between(at, None)} ago" if at else ""
    text += f": {reason}" if reason else ""
    return Reason("Paused", text, f"wmctl queue resume {quote(tag)}", at)


def unserved(tag: str, beats: list[Beat], lease: float) -> Reason:
    """Nobody claims jobs of the tag: who did, or what others there are."""
    from wmctl.config.nearest import nearest  # most lists need it not

    start = f"wmctl worker start --tags {quote(tag)}"
    live = [beat for beat in beats if beat.alive(lease)]
    dead = [beat for beat in beats if not beat.alive(lease) and tag in tags_of(beat)]
    if dead:
        last = min(dead, key=lambda beat: beat.age)
        text = (
            f"no live worker serves the tag {tag!r}; {last.worker}{_on(last.content.get('host'))},"
            f" which does, was last heard of {age(last.age)} ago"
        )
        return Reason("WorkersDown", text, start, workers=tuple(one.worker for one in dead))
    draining = [beat.worker for beat in live if tag in tags_of(beat)]
    if draining:
        text = f"the workers that serve the tag {tag!r} drain: {', '.join(draining[:MOST])}"
        return Reason("NoWorker", text, start, workers=tuple(draining))
    others = sorted({one for beat in live for one in tags_of(beat)})
    what = f"the live ones serve {', '.join(others[:20])}" if others else "none is alive"
    if close := nearest(tag, others):
        what += f" (did you mean {close!r}?)"
    return Reason("NoWorker", f"no worker serves the tag {tag!r}: {what}", start)


def max_running(job: Job, holders: list[str]) -> Reason:
    """As many with its key run as may."""
    some = ", ".join(map(short, holders[:MOST]))
    text = f"{len(holders)} of its kind run, and {job.concurrent_limit} may: {some}"
    return Reason("MaxRunning", text, f"wmctl wait --any {' '.join(holders)}", jobs=tuple(holders))


def counted(workers: list[Beat]) -> str:
    """`3 workers serve`."""
    return "1 worker serves" if len(workers) == 1 else f"{len(workers)} workers serve"


def _on(host: object) -> str:
    return f" on {host}" if isinstance(host, str) and host else ""


def _text(content: Mapping[str, Any], key: str) -> str | None:
    value = content.get(key)
    return value if isinstance(value, str) and value else None
