"""The spool as an object: every verb in one place. Each is at most one rename of a job.

What moves, what is atomic and what a crash in between leaves stands at each verb's own function.
"""

from __future__ import annotations

import contextlib
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wmctl.errors import BadInput, MalformedJob, SpoolError
from wmctl.spool import beats, fs, lookup, record
from wmctl.spool import job as jobs
from wmctl.spool.fs import Disk
from wmctl.spool.fskind import FileSystem, detect
from wmctl.spool.job import JOB_CAP, Job
from wmctl.spool.name import OUTCOMES, Name, due_after
from wmctl.spool.settings import Settings
from wmctl.spool.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from wmctl.spool import (
        blobs,
        cache,
        cancel,
        claims,
        counts,
        hold,
        listing,
        orders,
        quarantine,
        reasons,
        signals,
        slots,
        suspended,
        workers,
    )
    from wmctl.spool import pause as pausing
    from wmctl.spool import submit as submitting
    from wmctl.spool.beats import Beat
    from wmctl.spool.broom import Pruned, Retention
    from wmctl.spool.claims import Claim, Staged
    from wmctl.spool.lookup import Entry
    from wmctl.spool.quarantine import Stray
    from wmctl.spool.signals import Signal
    from wmctl.spool.submit import When
else:

    class _Later:
        """A module that is loaded when a verb needs it: a list of jobs needs few of them."""

        def __init__(self, name: str) -> None:
            self._name = name

        @cached_property
        def _module(self) -> Any:
            return import_module(f"wmctl.spool.{self._name}")

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self._module, attribute)

    blobs, cancel, claims, counts = map(_Later, ("blobs", "cancel", "claims", "counts"))
    hold, listing, orders, pausing = map(_Later, ("hold", "listing", "orders", "pause"))
    quarantine, reasons, signals, slots = map(_Later, ("quarantine", "reasons", "signals", "slots"))
    submitting, suspended, workers = map(_Later, ("submit", "suspended", "workers"))
    cache = _Later("cache")


class Spool:
    """An open spool. Any number of processes and hosts may have it open at once."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def create(
        cls, path: str | Path, settings: Settings | None = None, *, disk: Disk | None = None
    ) -> Spool:
        """Make a spool, or open the one that is there. Slower beats on a network file system."""
        used = disk or Disk()
        return cls(Store.create(str(path), settings or _default_settings(path, used), used))

    @classmethod
    def open(cls, path: str | Path, *, disk: Disk | None = None) -> Spool:
        """Open a spool. SpoolNotFound if there is none, SpoolFormat if it is a newer one's."""
        return cls(Store.open(str(path), disk or Disk()))

    @property
    def path(self) -> Path:
        """The spool's folder."""
        return Path(self.store.root)

    @property
    def settings(self) -> Settings:
        """What all who share the spool agreed on."""
        return self.store.settings

    def file_system(self) -> FileSystem:
        """Which file system holds it."""
        return detect(self.store.root)

    def now(self) -> int:
        """The file server's now, nanoseconds since 1970."""
        with fs.translated("read the spool's clock"):
            return self.store.now()

    # Submitting.

    def submit(
        self,
        job: Job,
        *,
        tag: str,
        priority: int = 0,
        delay: float = 0.0,
        due: datetime | None = None,
        if_exists: str = "return",
    ) -> str:
        """Queue a job and return its id once it is durable.

        With `job.key` the key's unfinished holder may be returned instead (see `submit_keyed`).
        """
        when = submitting.When(tag, priority, delay, due)
        if job.key is not None:
            found, won = self.submit_keyed(job, when, if_exists=if_exists)
            if if_exists == "error" and not won:
                raise BadInput(f"job {found} holds the key {job.key!r} and is not finished")
            return found
        return next(submitting.submit(self.store, [job], when))

    def submit_keyed(self, job: Job, when: When, *, if_exists: str) -> tuple[str, bool]:
        """The id that holds the job's key, and whether it is this job's."""
        from wmctl.spool import keys

        return keys.submit_keyed(self.store, job, when, if_exists=if_exists)

    def submit_all(
        self,
        jobs: Iterable[Job],
        *,
        tag: str,
        priority: int = 0,
        delay: float = 0.0,
        due: datetime | None = None,
    ) -> Iterator[str]:
        """Queue many jobs, made durable in batches; ids come in the jobs' order. None has a key."""
        return submitting.submit(self.store, jobs, submitting.When(tag, priority, delay, due))

    # Looking.

    def find(self, text: str) -> Entry:
        """The job named by a whole id, or by a unique ending or beginning of one."""
        with fs.translated("look for a job"):
            return lookup.find(self.store, text)

    def locate(self, job_id: str) -> Entry | None:
        """Where a job is now; None only after two full passes."""
        with fs.translated("look for a job"):
            return lookup.locate(self.store, job_id)

    def terminal(self, job_id: str) -> Entry | None:
        """The job's terminal record, without a walk."""
        with fs.translated("look for a job"):
            return lookup.terminal(self.store, job_id)

    def entries(self, states: Collection[str] | None = None) -> Iterator[Entry]:
        """The jobs of these states; None = all."""
        with fs.translated("list jobs"):
            yield from lookup.entries(self.store, states)

    def in_order(self, states: Collection[str], since: float | None = None) -> Iterator[Entry]:
        """The jobs of these states, oldest first, each once; `since`: seconds since 1970."""
        first = "" if since is None else listing.first_id(int(since * 1000))
        with fs.translated("list jobs"):
            yield from listing.in_order(self.store, states, first)

    def newest(self, states: Collection[str], most: int) -> list[Entry]:
        """The jobs of these states that were submitted last, the newest first."""
        with fs.translated("list jobs"):
            return listing.newest(self.store, states, most)

    def ended(self, since: int, first: float | None = None) -> Iterator[tuple[Entry, int]]:
        """The jobs that ended since a moment, and when (file server's ns); in no order.

        `first`: of jobs submitted earlier than that, seconds since 1970, nothing is told.
        """
        from_id = "" if first is None else listing.first_id(int(first * 1000))
        with fs.translated("list finished jobs"):
            yield from listing.ended(self.store, since, from_id)

    def queue(self, tag: str, now: int, since: Sequence[float] = ()) -> counts.Queue:
        """How much waits under a tag, and what comes next; `now`: the file server's, in ns.

        `since`: so many seconds, for each of which it is counted how much waits so long already.
        """
        earlier = [due_after(-seconds, now) for seconds in since]
        with fs.translated("list a queue"):
            return counts.queue(self.store, tag, due_after(0, now), earlier)

    def waiting(self, tag: str) -> Iterator[Entry]:
        """The jobs that wait under one tag, also for later; in no order."""
        with fs.translated("list a queue"):
            yield from lookup.waiting(self.store, tag)

    def ahead(self, entry: Entry, now: int) -> int:
        """How many due jobs of its tag are claimed before a queued one."""
        with fs.translated("list a queue"):
            return counts.ahead(self.store, entry.name, due_after(0, now))

    def job(self, entry: Entry) -> Job:
        """What was submitted. MalformedJob if it is damaged, FileNotFoundError if it moved on."""
        with fs.translated("read a job", but=(FileNotFoundError,)):
            content = fs.read_checked(self.store.disk, entry.path, JOB_CAP, self.store.trust)
        return jobs.from_json(content)

    def code(self, job: Job) -> str:
        """A script's text."""
        with fs.translated("read a job's code"):
            return blobs.code(self.store, job)

    def args(self, job: Job) -> dict[str, Any]:
        """A job's args."""
        with fs.translated("read a job's args"):
            return blobs.args(self.store, job)

    def record(self, entry: Entry) -> dict[str, Any] | None:
        """What the job's finisher wrote: outcome, exit code, times, result. None if nothing."""
        return record.read(self.store, entry)

    def reason(self, entry: Entry) -> Mapping[str, Any] | None:
        """Why a job is held or quarantined, or who canceled it and why."""
        with fs.translated("read a reason"):
            if entry.state in {"held", "quarantined"}:
                return reasons.read(self.store, f"{entry.path}.reason")
            return cancel.why(self.store, entry.id) or None

    def log_paths(self, entry: Entry) -> tuple[Path, Path]:
        """The log of the job's current or last claim, and the list of its standard error parts."""
        claim = entry.name.claims
        return (
            Path(self.store.log(entry.id, claim)),
            Path(self.store.log_errors(entry.id, claim)),
        )

    def logs(self, entry: Entry) -> list[tuple[int, Path]]:
        """The logs of all claims of a job that were started, and the numbers of the claims."""
        with fs.translated("list a job's logs"):
            return [(claim, Path(path)) for claim, path in listing.logs(self.store, entry.id)]

    def waiters(self, entry: Entry) -> list[str]:
        """The ids of the jobs that were announced as waiting for this one; some may have ended."""
        with fs.translated("list what waits for a job"):
            return suspended.waiters(self.store, entry.id)

    def has(self, path: Path) -> bool:
        """Whether a file of the spool is there, whatever this host's caches say."""
        with fs.translated("look for a file"):
            return fs.present(self.store.disk, str(path))

    def stamp(self, entry: Entry) -> int | None:
        """When it was claimed (running), finished (terminal), else submitted; file server's ns."""
        with fs.translated("look at a job"):
            try:
                found = self.store.disk.stat(entry.path)
            except FileNotFoundError:
                return None
        return found.st_ctime_ns if entry.state == "running" else found.st_mtime_ns

    def settle(self, entries: Iterable[Entry]) -> None:
        """Make terminal records durable before acting on them."""
        with fs.translated("make a record durable"):
            claims.settle(self.store, (entry.path for entry in entries))

    # A person's verbs.

    def cancel(
        self, job_id: str, *, by: str | None = None, reason: str | None = None,
        seen: Entry | None = None,
    ) -> str:  # fmt: skip
        """Cancel a job; the state it is in afterwards. What waits for it goes on, or ends too.

        `seen`: where it was a moment ago.
        """
        by = by or reasons.who()
        state = cancel.cancel(self.store, job_id, by=by, reason=reason, seen=seen)
        if state == "canceled":
            suspended.ended(self.store, [(job_id, None)])
        return state

    def cancel_reason(self, job_id: str, root: str | None = None) -> Mapping[str, Any]:
        """Who canceled the job (or its root) and why."""
        with fs.translated("read a reason"):
            return cancel.why(self.store, job_id, root)

    def signal(self, entry: Entry, signal: str, *, by: str | None = None) -> bool:
        """Have a running job's worker send it a signal; False if the job has moved on."""
        return signals.send(self.store, entry, signal, by=by or reasons.who())

    def strays(self) -> Iterator[Stray]:
        """Everything in quarantine, also what is no job's file."""
        return quarantine.strays(self.store)

    def readmit(self, stray: Stray) -> bool:
        """Let a quarantined job wait in its queue again; BadInput if it is still not fit to run."""
        return quarantine.readmit(self.store, stray)

    def discard(self, stray: Stray) -> str:
        """Move something from quarantine to the trash; where it lies there, for a day."""
        return quarantine.discard(self.store, stray)

    def hold(self, entry: Entry, message: str) -> bool:
        """Keep a waiting job from running until it is unheld."""
        return hold.hold(self.store, entry, reason="person", message=message, by=reasons.who())

    def unhold(self, entry: Entry) -> bool:
        """Let a held job wait in its queue again."""
        job = self.job(entry)
        verb = suspended.unhold if job.waits else hold.unhold
        return verb(self.store, entry, job)

    def reschedule(self, entry: Entry, due: datetime) -> bool:
        """Give a waiting job another due time."""
        return hold.reschedule(self.store, entry, due, self.job(entry))

    def move(self, entry: Entry, tag: str, job: Job | None = None) -> bool:
        """Let a waiting job wait under another tag; False if it has moved on."""
        return hold.move(self.store, entry, tag, job or self.job(entry))

    def ripen(self, entry: Entry) -> None:
        """Wake a suspended job if the jobs that it waits for have ended; workers do this anyway."""
        with contextlib.suppress(FileNotFoundError, MalformedJob):  # it has moved on
            suspended.ripen(self.store, entry, self.job(entry))

    def unmet(self, job: Job) -> list[tuple[Mapping[str, str], Entry | None]]:
        """The items of `after` that the job still waits for, and where those jobs are."""
        with fs.translated("look what a job waits for"):
            return suspended.unmet(self.store, job)

    def slot_holders(self, job: Job) -> list[slots.Held]:
        """The jobs that hold the slots of this job's key, and until when."""
        with fs.translated("look for free slots"):
            return slots.held(self.store, job, dry=True)

    def notice(self, found: Entry | Claim) -> str | None:
        """A line about why a job waits, or (of a claim) waited until then, if there is one."""
        name = found.name
        if found.path.startswith(self.store.path("running")):
            name = name.but(claims=name.claims - 1)
        with fs.translated("read a job's log"):
            return suspended.notice(self.store, name)

    def wake(self, entry: Entry) -> bool:
        """Bring a suspended job back into its queue."""
        return hold.wake(self.store, entry, self.job(entry))

    def pause(self, tag: str, reason: str | None = None) -> bool:
        """Claim no more jobs of this tag; False if it was paused already."""
        return pausing.pause(self.store, tag, by=reasons.who(), reason=reason)

    def resume(self, tag: str) -> bool:
        """Claim the tag's jobs again; False if it was not paused."""
        return pausing.resume(self.store, tag)

    def pauses(self) -> dict[str, Mapping[str, Any]]:
        """The paused tags: who paused each, when and why (`by`, `at`, `reason`)."""
        return pausing.paused(self.store)

    def group_pauses(self) -> dict[str, Mapping[str, Any]]:
        """The paused worker groups, likewise."""
        return orders.paused_groups(self.store)

    def prune(
        self,
        older_than: float | None = None,
        *,
        states: Collection[str] = OUTCOMES,
        retention: Retention | None = None,
        dry: bool = False,
        told: Callable[[Pruned], None] | None = None,
    ) -> Pruned:
        """Remove jobs finished that many seconds ago or earlier (default: the retention).

        `retention`: another one than that of `spool.json`. `dry`: only count them; `told` hears of
        the progress, and then sizes are counted too.
        """
        from wmctl.spool.broom import Broom, Retention
        from wmctl.spool.prune import Pruner

        kept = retention or Retention.of(self.settings.retention)
        if older_than is not None:
            kept = Retention.of(older_than, logs=kept.logs)
        with fs.translated("prune"):
            broom = Broom(self.store, dry=dry, told=told)
            return Pruner(self.store, kept, states=states, broom=broom).run()

    def prune_if_due(
        self, interval: float = 1800.0, retention: Callable[[], Retention | None] = lambda: None
    ) -> Pruned | None:
        """`prune`, unless anybody began one less than `interval` seconds ago (None)."""
        from wmctl.spool import prune

        with fs.translated("prune"):
            if not prune.is_due(self.store, interval):
                return None
        return self.prune(retention=retention())

    def delete_if_due(self, interval: float = 20.0) -> int:
        """Delete the jobs whose `delete_after_secs` are over, unless anybody did so just now."""
        from wmctl.spool import deletion

        with fs.translated("delete jobs"):
            return deletion.delete(self.store, interval)

    # A worker's verbs.

    def join(self, worker: str, content: Mapping[str, Any]) -> None:
        """Become a worker of this spool."""
        workers.join(self.store, worker, content)

    def beat(self, worker: str, content: Mapping[str, Any]) -> None:
        """Renew the lease on all claims of a worker."""
        workers.beat(self.store, worker, content)

    def leave(self, worker: str) -> bool:
        """Be a worker no more."""
        return workers.leave(self.store, worker)

    def claim(
        self, worker: str, name: Name, source: str, check: Callable[[Name, Job], None]
    ) -> Claim | None:
        """Take a waiting job."""
        return claims.claim(self.store, worker, name, source, check)

    def claims_of(self, worker: str) -> Iterator[Entry]:
        """What a worker has claimed, as the folder says."""
        with fs.translated("list claims"):
            yield from lookup.claims_of(self.store, worker)

    def quarantine_stray(self, path: str, tag: str) -> bool:
        """Put a file of a queue aside whose name is no job's; False while it may be half copied."""
        return quarantine.quarantine_stray(self.store, path, tag)

    def cancel_wanted(self, job_id: str, job: Job) -> bool:
        """Whether somebody asked for this job or its root to be canceled."""
        return cancel.wanted(self.store, job_id, job)

    def signals_for(self, worker: str, claim: Claim) -> list[Signal]:
        """The signals that were asked for and wait to be delivered to a worker's job."""
        with fs.translated("look for signals"):
            return list(signals.waiting(self.store, worker, claim.name))

    def signal_done(self, signal: Signal) -> None:
        """A signal was delivered."""
        signals.done(self.store, signal)

    def order_for(self, worker: str) -> Mapping[str, Any] | None:
        """What somebody told this worker to do (`order`, `by`, `reason`), or None."""
        return orders.order_for(self.store, worker)

    def obeyed(self, worker: str) -> None:
        """A worker has done what it was told, and goes: the order goes with it."""
        orders.withdraw(self.store, worker)

    def note_start(self, claim: Claim) -> None:
        """A claim's program is about to start: for the journal, where one is kept."""
        self.store.note("start", claim.name)

    @property
    def syncs_files(self) -> bool:
        """Whether who writes a log must sync it before closing; elsewhere the commit does."""
        return self.store.durable and self.store.synchronous

    def open_log(self, claim: Claim) -> int:
        """A file descriptor for the claim's log."""
        return claims.open_log(self.store, claim)

    def open_log_errors(self, claim: Claim) -> int:
        """A file descriptor for the list of the log's standard error parts."""
        return claims.open_log_errors(self.store, claim)

    def stage(self, claim: Claim, outcome: str, record: Mapping[str, Any]) -> Staged:
        """Write a claim's result; `commit` publishes it."""
        return claims.stage(self.store, claim, outcome, record)

    def holds(self, claim: Claim) -> bool:
        """Whether the claim's file is where its holder left it."""
        return fs.present(self.store.disk, claim.path)

    def commit(self, batch: Sequence[Staged]) -> list[bool]:
        """Publish finished jobs, durable; True for each claim that was still ours.

        Then what waited for them is woken.
        """
        with fs.translated("publish results"):
            won = claims.commit(self.store, batch)
        done = [item.claim for item, ours in zip(batch, won, strict=True) if ours]
        for item, ours in zip(batch, won, strict=True):
            claim = item.claim
            if ours and item.outcome == "success" and claim.job.cache_ttl and not claim.answer:
                cache.remember(self.store, claim.name, claim.job)
        suspended.ended(self.store, [(claim.id, claim.job) for claim in done])
        return won

    def finish(self, claim: Claim, outcome: str, record: Mapping[str, Any]) -> bool:
        """`stage` and `commit` of one job."""
        with fs.translated("publish a result"):
            return self.commit([self.stage(claim, outcome, record)])[0]

    def retry(self, claim: Claim, delay: float = 0.0) -> bool:
        """Put a failed job back to be tried again."""
        return self._freed(claim, claims.retry(self.store, claim, delay))

    def release(self, claim: Claim, *, lost: bool = False) -> bool:
        """Give a claim back."""
        return self._freed(claim, claims.release(self.store, claim, lost=lost))

    def _freed(self, claim: Claim, moved: bool) -> bool:  # noqa: FBT001 - passed through
        """Another job of its key may run now."""
        if claim.job.concurrent_limit is not None:
            with contextlib.suppress(SpoolError, OSError):  # the sweep will see to it
                suspended.admit(self.store, claim.job)
        return moved

    def suspend(self, claim: Claim) -> bool:
        """Let a job wait without a worker."""
        return claims.suspend(self.store, claim)

    def sweeper(self) -> Callable[[], None]:
        """What wakes the suspended jobs whose time has come; to be called every lease."""
        return suspended.Sweep(self.store).run

    def rescue(self, worker: str) -> list[tuple[str, str]]:
        """Take back everything a dead worker had claimed."""
        return workers.rescue(self.store, worker)

    def rescue_claim(self, entry: Entry) -> str | None:
        """Take back one claim whose holder is known to be gone."""
        with fs.translated("rescue a job"):
            return workers.rescue_claim(self.store, entry)

    def workers(self) -> list[Beat]:
        """Every worker that has a beat, alive or not."""
        with fs.translated("list workers"):
            return list(beats.workers(self.store))

    def joined(self) -> set[str]:
        """The names of all workers that left something in the spool."""
        with fs.translated("list workers"):
            return workers.joined(self.store)

    def read_beat(self, worker: str) -> bytes | None:
        """A worker's beat as it is now."""
        with fs.translated("read a beat"):
            return beats.read_beat(self.store, worker)


def _default_settings(path: str | Path, disk: Disk) -> Settings:
    above = Path(path).absolute()
    with fs.translated(f"make the spool {path}"):
        while not fs.present(disk, str(above)) and above != above.parent:
            above = above.parent
    return Settings(lease=120.0, beat=10.0) if detect(str(above)).network else Settings()
