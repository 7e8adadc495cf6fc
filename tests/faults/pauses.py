"""Hosts that stand still and go on: SIGSTOP of all of one, or of a worker alone (G5)."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.faults.hosts import SLACK, came, elsewhere, overlaps, submit, text, ticking, ticks
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually
from wmctl.runner import tree

LEASE, BEAT = 1.2, 0.2
#: The shortest and the longest pause, in leases (the shortest in seconds).
SHORTEST, LONGEST = 0.02, 3.0
#: What the overlap of two attempts may last: a third of the lease is what the two clocks leave.
OVERLAP = LEASE / 3 + SLACK
#: Seconds, from the begin of a worker's last beat, until its supervisor has killed its job.
STOPPED = LEASE * 2 / 3 + 2.0
#: Seconds for which jobs go on when their host begins to stand still.
_LATER = 0.03
_REFUSED = "its result is not published"


@dataclass
class Victim:
    """A host that is paused now and then."""

    supervisor: subprocess.Popen[bytes]
    #: Whether its supervisor stands still too, and the jobs.
    whole: bool
    resume_at: float = 0.0
    paused: list[int] = field(default_factory=list)

    def workers(self) -> list[int]:
        """Its living workers."""
        table = tree.snapshot().values()
        return [p.pid for p in table if p.parent == self.supervisor.pid and not p.dead]

    def pause(self) -> None:
        """The jobs stand still last: some end before, and their workers do not know yet."""
        if self.whole:
            self._stop([self.supervisor.pid])
        self._stop(self.workers())
        if self.whole:
            time.sleep(_LATER)
            while new := set(tree.descendants(self.supervisor.pid)) - set(self.paused):
                self._stop(new)  # and whom they started meanwhile

    def _stop(self, pids: Iterable[int]) -> None:
        self.paused += [pid for pid in pids if _signal(pid, signal.SIGSTOP)]

    def resume(self) -> None:
        """Those who watch come last: the job has its chance to do harm."""
        for pid in reversed(self.paused):
            _signal(pid, signal.SIGCONT)
        self.paused = []


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def at_random(
    ground: Ground,
    victims: list[Victim],
    count: int,
    feed: Callable[[], object],
    ready: Callable[[Victim], bool],
) -> None:
    """Pause one after another, several at a time; the first as long as it gets."""
    done, told = 0, time.monotonic()
    while done < count or any(victim.paused for victim in victims):
        now = time.monotonic()
        feed()
        for victim in victims:
            if victim.paused and now >= victim.resume_at:
                victim.resume()
            elif not victim.paused and done < count and ready(victim):
                share = ground.rng.uniform(SHORTEST / LEASE, LONGEST) if done else LONGEST
                victim.pause()
                victim.resume_at = time.monotonic() + share * LEASE
                done += 1
        if now - told > 10.0:
            told = now
            ground.said(f"{done} of {count} pauses")
        time.sleep(0.01)


def whole_hosts(ground: Ground, count: int) -> Tally:
    """Supervisor, workers and jobs stand still; others meanwhile run what they had claimed."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    jobs: list[str] = []
    victims = [
        Victim(elsewhere(host, "-n", "2", rigs=ground.without), whole=True) for _ in range(3)
    ]
    elsewhere(host, "-n", "1", rigs=ground.without)

    def feed() -> None:
        """Mostly such as end in a pause's first moment; some that are caught in the middle."""
        if len(list(spool.entries(["queued"]))) < 20:
            jobs.extend(submit(host, 16, "sleep 0.01"))
            jobs.extend(submit(host, 2, ticking(host, "((n++ > 10))")))

    feed()
    eventually(lambda: len(spool.joined()) == 7)
    at_random(ground, victims, count, feed, lambda _: ground.rng.random() < 0.02)
    return _verdict(ground, host, jobs, count)


def workers_alone(ground: Ground, count: int) -> Tally:
    """Only the worker stands still; its supervisor kills its job before another may start it."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    enough = host.folder / "enough"
    ends = f'[ "$WM_ATTEMPT$WM_WORKER_GROUP" != 1victim -o -e {enough} ]'
    jobs: list[str] = []
    victims = [
        Victim(elsewhere(host, "--group", "victim", rigs=ground.without), whole=False)
        for _ in range(min(count, 4))
    ]
    elsewhere(host, "-n", "2")
    watched: dict[str, float] = {}

    def feed() -> None:
        if len(list(spool.entries(["queued"]))) < 8:
            jobs.extend(submit(host, 8, f"{ticking(host, ends)}\nsleep 0.3"))

    def ready(victim: Victim) -> bool:
        """It runs a job that does not end by itself; after a short pause still the same one."""
        job_id, beat = _endless(host, victim)
        if job_id not in ticks(host) or ground.rng.random() > 0.1:
            return False
        watched[job_id] = beat
        return True

    feed()
    at_random(ground, victims, count, feed, ready)
    ran_on = [
        max(ticks(host)[job_id][1]) - watched[job_id]
        for job_id in watched
        if 2 in ticks(host)[job_id]
    ]
    enough.touch()
    tally = _verdict(ground, host, jobs, count)
    slowest = max(ran_on, default=0.0)
    tally.expect(bool(ran_on), "no job was stopped")
    tally.expect(
        slowest < STOPPED, f"a job ran on for {slowest:.1f} s after its worker's last beat"
    )
    tally.note = f"{len(ran_on)} jobs stopped, the slowest after {slowest:.1f} s; {tally.note}"
    return tally


def _endless(host: Host, victim: Victim) -> tuple[str, float]:
    """The job that its worker runs for the first time, and when it beat last ("", 0 if none)."""
    for beat in host.spool.workers():
        if beat.content.get("pid") in victim.workers():
            path = host.spool.path / "workers" / beat.worker
            for entry in host.spool.claims_of(beat.worker):
                if entry.name.attempt == 1:
                    return entry.id, path.stat().st_mtime
    return "", 0.0


def _verdict(ground: Ground, host: Host, jobs: list[str], count: int) -> Tally:
    patience = 4 * LEASE if ground.without else 60.0
    if not came(lambda: not host.unfinished(), patience):
        ground.said("not all jobs came to their end")
    host.drain()
    tally = judge_host(host, jobs, faults=count)
    all_finished(host, tally)
    longest = max(overlaps(ticks(host)).values(), default=0.0)
    tally.expect(longest < OVERLAP, f"two attempts of a job ran side by side for {longest:.1f} s")
    lost = sum(host.spool.find(job).name.lost for job in jobs)
    tally.expect(lost > 0, "no pause cost a job its worker")
    tally.note = (
        f"{lost} jobs ran again, {text(host.log).count(_REFUSED)} late results refused,"
        f" attempts side by side {longest:.2f} s at most"
    )
    return tally


SCENARIOS = [
    Scenario(
        "G5", "pauses", "SIGSTOP of whole hosts for up to 3 leases", whole_hosts,
        short=3, long=200, control="no-fence", control_size=4,
    ),
    Scenario(
        "G5", "pauses-worker", "SIGSTOP of workers alone for up to 3 leases", workers_alone,
        short=3, long=100, control="no-self-stop", control_size=1,
    ),
]  # fmt: skip
