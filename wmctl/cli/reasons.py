"""Why jobs do not run: which reasons hold, each of them a word of a closed list (`reason.WORDS`).

In the order in which the obstacles lie in the job's way: mending a later one first changes nothing.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from shlex import quote
from time import time_ns
from typing import TYPE_CHECKING, Any

from wmctl.cli import reason as texts
from wmctl.cli.jobview import JobView, rfc3339, view
from wmctl.cli.lists import age
from wmctl.cli.reason import Reason
from wmctl.cli.tags import has_rules
from wmctl.cli.unserved import Unserved
from wmctl.errors import SpoolError, WmctlError
from wmctl.spool import Beat, Entry, Job, Spool, short
from wmctl.spool.name import due_after

if TYPE_CHECKING:
    from wmctl.config.assignable import TagRules
    from wmctl.spool.slots import Held

#: So many of the jobs that one waits for are told one by one, and so deep is looked.
_MOST, _DEPTH = 10, 3


class Reasons:
    """The reasons of many jobs of one spool; what is the same for all is looked up once.

    `exact`: sentences also tell what takes a listing for each job.
    """

    def __init__(self, spool: Spool, *, exact: bool = False) -> None:
        self._spool = spool
        self._exact = exact
        self._of_tag: dict[str, list[Reason]] = {}
        self._ended: dict[str, bool] = {}
        self._next: dict[str, str | None] = {}
        self._holders: dict[tuple[str, int], list[Held]] = {}

    def first(self, found: JobView, depth: int = 0) -> Reason | None:
        """The one that must be mended first; None for a job that runs or has ended."""
        return next(self.all(found, depth), None)

    def all(self, found: JobView, depth: int = 0) -> Iterator[Reason]:
        """Every one."""
        entry = found.entry
        if entry.terminal or entry.state == "running":
            return
        if entry.state == "quarantined":
            yield texts.quarantined(found, self._remedy(found))
            return
        refused = self._refused(found)
        if refused:
            yield refused
        if entry.state == "held":
            yield texts.held(found)
        ripe = True
        if found.job is not None and entry.state in {"held", "suspended"}:
            for reason in self._awaited(entry, found.job, depth):
                ripe = False
                yield reason
        if due_later := self._due_later(found):
            yield due_later
        own = self._own_worker(entry, found.job)
        obstacles = [one for one in self.of_tag(entry.name.tag) if own is None or not one.unserved]
        yield from obstacles
        if obstacles or due_later or refused:
            return
        if own is not None:
            text = f"worker {own}, which was started for it, is about to take it"
            yield Reason("Busy", text, f"wmctl wait {entry.id}", workers=(own,))
        elif entry.state == "queued":
            yield self._in_turn(entry)
        elif entry.state == "suspended" and ripe:
            yield Reason("Busy", texts.RIPE, f"wmctl wait {entry.id}")

    def of_tag(self, tag: str) -> list[Reason]:
        """What keeps every job of a tag from running."""
        if tag not in self._of_tag:
            paused = self._pauses.get(tag)
            found = [] if paused is None else [texts.paused(tag, paused)]
            self._of_tag[tag] = found + list(self._unserved(tag))
        return self._of_tag[tag]

    def know_next(self, tag: str, job_id: str | None) -> None:
        """Whoever has just listed a queue spares us to list it again."""
        self._next[tag] = job_id

    def serving(self, tag: str) -> list[Beat]:
        """The live workers that claim jobs of a tag."""
        lease = self._spool.settings.lease
        crew = self._crew
        live = [beat for beat in self.beats or () if beat.alive(lease)]
        return [beat for beat in live if crew is not None and crew.claims(beat, tag)]

    @cached_property
    def now(self) -> int:
        """The file server's now in nanoseconds; this host's where the spool cannot be written."""
        try:
            return self._spool.now()
        except SpoolError:
            return time_ns()

    @cached_property
    def _due(self) -> str:
        """What is due, as names say it; the clock's tick may lie between submit and us."""
        return due_after(0.01, self.now)

    @cached_property
    def beats(self) -> list[Beat] | None:
        """All workers; None where they cannot be known."""
        try:
            return self._spool.workers()
        except SpoolError:
            return None

    @cached_property
    def _pauses(self) -> Mapping[str, Mapping[str, Any]]:
        return self._spool.pauses()

    # What it waits for.

    def _awaited(self, entry: Entry, job: Job, depth: int) -> Iterator[Reason]:
        unmet = self._unmet(job)
        for one, other in unmet[:_MOST]:
            yield self._dependency(one, other, depth)
        if len(unmet) > _MOST:
            ids = tuple(one["id"] for one, _ in unmet[_MOST:])
            text = f"it waits for {len(ids)} more jobs"
            yield Reason("Dependency", text, f"wmctl show {entry.id}", jobs=ids)
        if not unmet and job.concurrent_limit is not None:
            holders = self._holders_of(job)
            if len(holders) >= (job.concurrent_limit or 0):
                yield texts.max_running(job, holders, self.now)
        if entry.state == "suspended" and not job.waits:
            yield Reason("Dependency", texts.OWN_STEPS, f"wmctl show {entry.id}")

    def _unmet(self, job: Job) -> list[tuple[Mapping[str, str], Entry | None]]:
        """What it still waits for; where that is takes a walk, and is looked for in `exact`."""
        if self._exact:
            return self._spool.unmet(job) if job.after else []
        for one in job.after:
            if one["id"] not in self._ended:
                self._ended[one["id"]] = self._spool.terminal(one["id"]) is not None
        return [(one, None) for one in job.after if not self._ended[one["id"]]]

    def _dependency(self, one: Mapping[str, str], other: Entry | None, depth: int) -> Reason:
        job_id = one["id"]
        wish = {"ok": " to end well", "fail": " to fail"}.get(one["on"], " to end")
        text, fix = f"it waits for job {short(job_id)}{wish}", f"wmctl why {job_id}"
        if not self._exact:
            return Reason("Dependency", text, fix, jobs=(job_id,))
        if other is None:
            text = f"it waits for job {job_id}, which is gone (was it pruned?)"
            return Reason("Dependency", text, "wmctl ps -s suspended", jobs=(job_id,))
        found = view(self._spool, other) if depth < _DEPTH else None
        deeper = self.first(found, depth + 1) if found else None
        state = f"{other.state}: {deeper.word}" if deeper else other.state
        fix = fix if deeper else f"wmctl wait {job_id}"
        return Reason("Dependency", f"{text}, which is {state}", fix, jobs=(job_id,))

    def _holders_of(self, job: Job) -> "list[Held]":
        key = (job.slots_key or "", job.window)
        if key not in self._holders:
            self._holders[key] = self._spool.slot_holders(job)
        return self._holders[key]

    def _due_later(self, found: JobView) -> Reason | None:
        name = found.entry.name
        if name.due <= self._due:
            return None
        due = rfc3339(name.scheduled_for)
        left = age(name.scheduled_for.timestamp() - self.now / 1e9)
        if name.tries:
            retries = found.job.retries if found.job else 0
            text = f"it failed {name.tries} of {retries + 1} times; next try in {left}, at {due}"
            return Reason("Backoff", text, f"wmctl logs {name.id}", due)
        text = f"it is due in {left}, at {due}"
        if found.job and found.job.window and self._spool.notice(found.entry):
            text = texts.slot_later(found.job, left, due)
        return Reason("BeginTime", text, f"wmctl wait {name.id}", due)

    # Who would run it.

    def _unserved(self, tag: str) -> Iterator[Reason]:
        return iter(()) if self._crew is None else self._crew.reasons(tag)

    @cached_property
    def _crew(self) -> Unserved | None:
        return None if self.beats is None else Unserved(self._spool, self.beats, self.now)

    # Whether it may have its tag.

    def _refused(self, found: JobView) -> Reason | None:
        if self._rules is None or found.job is None:
            return None
        why = self._rules.refusal(found.entry.name.tag, found.job.workspace)
        return texts.not_allowed(found, why, self._remedy(found)) if why else None

    def _remedy(self, found: JobView) -> str | None:
        """What would allow it; "" if it is allowed by now."""
        if self._rules is None or found.job is None:
            return "" if self._rules is None else None
        asked = (found.entry.name.tag, found.job.workspace)
        return self._rules.remedy(*asked) if self._rules.refusal(*asked) else ""

    @cached_property
    def _rules(self) -> "TagRules | None":
        """None where there are none, or where they cannot be read."""
        if not has_rules(self._spool.store):
            return None
        from wmctl.cli.tagging import rules_of_store  # most spools have no rules

        try:
            return rules_of_store(self._spool.store)
        except WmctlError:
            return None

    def _own_worker(self, entry: Entry, job: Job | None) -> str | None:
        """A live worker that was started for this job, or for its whole tree, alone."""
        wanted = {entry.id, job.root if job else None}
        lease = self._spool.settings.lease
        found = (
            beat.worker
            for beat in self.beats or ()
            if (only := beat.content.get("only")) and only in wanted and beat.alive(lease)
        )
        return next(found, None)

    def _in_turn(self, entry: Entry) -> Reason:
        tag = entry.name.tag
        if tag not in self._next:
            self._next[tag] = self._spool.queue(tag, self.now).next_id
        workers = self.serving(tag)
        names = tuple(beat.worker for beat in workers)
        if self._next[tag] not in {entry.id, None}:
            before = f"{self._spool.ahead(entry, self.now)} jobs" if self._exact else "others"
            before = "1 job" if before == "1 jobs" else before
            text = (
                f"{before} of its tag, of higher priority or due earlier, go first;"
                f" {texts.counted(workers)} it"
            )
            return Reason("Priority", text, f"wmctl ps -t {quote(tag)}", workers=names)
        free = [beat for beat in workers if beat.content.get("state") == "idle"]
        if not free and self._crew and (above := self._crew.preferred(tag, workers)):
            text = f"jobs of the tag {', '.join(above)}, which their groups prefer, go first"
            return Reason("Priority", text, f"wmctl ps -t {quote(above[0])}", workers=names)
        if free:
            text = f"it is next, and worker {free[0].worker} is about to take it"
        else:
            text = f"it is the next of its tag; {texts.counted(workers)} it, and none is free"
        jobs = tuple(job for beat in workers if isinstance(job := beat.content.get("job"), str))
        return Reason(
            "Busy", text, f"wmctl ps -s running -t {quote(tag)}", jobs=jobs, workers=names
        )
