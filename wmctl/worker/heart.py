"""The heart: a thread that beats, and at every beat looks at what concerns the running job.

It compares the worker's folder with what the worker believes, and looks for orders, cancel and
signal markers. It may hang with the file server; the supervisor, which never touches it, then acts.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from wmctl.errors import SpoolError, WorkerGone
from wmctl.runner.stop import Stop
from wmctl.spool import Claim, Spool
from wmctl.worker.clock import boottime
from wmctl.worker.guard import Guard
from wmctl.worker.held import Held, compare

log = logging.getLogger("wmctl.worker")


class Heart:
    """One worker's beat. `describe` gives the beat's content."""

    def __init__(
        self,
        spool: Spool,
        worker: str,
        held: Held,
        guard: Guard,
        describe: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._spool = spool
        self._worker = worker
        self._held = held
        self._guard = guard
        self._describe = describe
        self._lock = threading.Lock()
        self._job: tuple[Claim, Stop] | None = None
        self._wake = threading.Event()
        self._end = threading.Event()
        self._beaten = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
        self._sequence = 0
        #: What was delivered, though its marker may still be there.
        self._delivered: set[str] = set()
        #: Called from this thread: once when the worker was declared dead, and at each beat with
        #: what somebody told the worker to do, or None, and to look for what else has changed.
        self.on_gone: Callable[[], None] = lambda: None
        self.on_order: Callable[[Mapping[str, Any] | None], None] = lambda _order: None
        self.look_around: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more. A beat that hangs is not waited for long."""
        self._end.set()
        self._wake.set()
        self._thread.join(timeout=self._spool.settings.beat)

    def watch(self, claim: Claim, stop: Stop) -> None:
        """From now on this is the running job."""
        with self._lock:
            self._job = (claim, stop)

    def unwatch(self) -> None:
        """No job is running."""
        with self._lock:
            self._job = None

    def look(self, about: str) -> None:
        """Somebody wrote a marker: look now if it may concern us or the running job."""
        with self._lock:
            ours = {self._worker}
            if self._job is not None:
                ours |= {self._job[0].id, self._job[0].job.root or self._job[0].id}
        if about in ours:
            self._wake.set()

    def nudge(self) -> None:
        """What a beat tells has changed: beat soon."""
        self._wake.set()

    def await_beat(self, timeout: float) -> bool:
        """Wait for a beat that begins from now on and succeeds."""
        moment = boottime()
        self._wake.set()
        with self._beaten:
            self._beaten.wait_for(lambda: self._over or self._guard.renewed_at >= moment, timeout)
        return self._guard.renewed_at >= moment

    def _run(self) -> None:
        try:
            self._beat_on()
        except WorkerGone as error:
            log.error("%s", error.message)
            self._give_up()
        except Exception:
            log.exception("the heart broke; the worker starts anew")
            self._give_up()

    def _beat_on(self) -> None:
        while not self._end.is_set():
            # Each for itself: a claim that cannot be read must not make us deaf to a cancel.
            for step in (
                self._beat, self._check_folder, self._check_markers, self._deliver_signals,
                self.look_around,
            ):  # fmt: skip
                try:
                    step()
                except (SpoolError, OSError) as error:
                    log.error("%s: %s", step.__name__.strip("_").replace("_", " "), error)
            self._wake.wait(self._spool.settings.beat)
            self._wake.clear()

    def _give_up(self) -> None:
        self._lose()
        self.on_gone()
        with self._beaten:
            self._over = True
            self._beaten.notify_all()

    def _beat(self) -> None:
        started = boottime()
        self._sequence += 1
        self._spool.beat(self._worker, {**self._describe(), "sequence": self._sequence})
        self._guard.renewed(started)
        with self._beaten:
            self._beaten.notify_all()

    def _check_folder(self) -> None:
        extra, missing = compare(self._spool, self._worker, self._held)
        for entry in extra:
            # A claim whose reply was lost, or one that a cut-off client carried out late.
            log.warning("job %s is claimed by us, and we did not know: given back", entry.id)
            self._spool.rescue_claim(entry)
        with self._lock:
            job = self._job
        if job is not None and job[0].name.file in missing:
            log.error("job %s was taken from us; it is stopped", job[0].id)
            job[1].request("lost")

    def _check_markers(self) -> None:
        with self._lock:
            job = self._job
        if job is not None and self._spool.cancel_wanted(job[0].id, job[0].job):
            job[1].request("canceled")
        self.on_order(self._spool.order_for(self._worker))

    def _deliver_signals(self) -> None:
        """Each once, though its marker may resist: nobody else delivers to our claim."""
        with self._lock:
            job = self._job
        if job is None:
            return
        found = self._spool.signals_for(self._worker, job[0])
        for signal in found:
            if signal.path not in self._delivered:
                self._delivered.add(signal.path)
                job[1].signal(signal.name, signal.by)
            self._spool.signal_done(signal)
        self._delivered.intersection_update(signal.path for signal in found)

    def _lose(self) -> None:
        with self._lock:
            if self._job is not None:
                self._job[1].request("lost")
