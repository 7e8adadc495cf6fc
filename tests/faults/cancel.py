"""Cancel: at once while a job waits, soon while it runs, and in a race with its end (G25)."""

import statistics
import time

from tests.faults.hosts import SLACK, came, finished, joined, submit, text
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from tests.host import Host, eventually

LEASE, BEAT, GRACE = 6.0, 0.5, 0.5
#: Seconds: a cancel of a waiting job among so many others.
AT_ONCE, WAITING = 0.010, 100
#: Seconds that a job of the race takes.
SHORT = 0.03


def waiting_jobs(host: Host, tally: Tally) -> list[str]:
    """Canceled by one rename each. A quarter may be judged: the machine has other work to do."""
    jobs = submit(host, WAITING, ":", tag="nobody")
    times = []
    for job_id in jobs[::5]:
        asked = time.monotonic()
        answer = host.spool.cancel(job_id)
        times.append(time.monotonic() - asked)
        tally.expect(answer == "canceled", f"{job_id} waited, and cancel said {answer}")
    typical = statistics.quantiles(times, n=4)[0]
    tally.expect(typical <= AT_ONCE, f"canceling a job that waits took {1000 * typical:.1f} ms")
    tally.note = f"waiting {1000 * typical:.1f} ms"
    for job_id in set(jobs) - set(jobs[::5]):
        host.spool.cancel(job_id)
    return jobs


def running_jobs(host: Host, tally: Tally) -> list[str]:
    """One ends when asked, one has to be killed."""
    works = ("sleep 600", "trap '' TERM; while :; do sleep 0.1; done")
    jobs = [submit(host, 1, work)[0] for work in works]
    times = [_cancel_running(host, job_id, tally) for job_id in jobs]
    tally.note += f", running {max(times):.2f} s"
    return jobs


def _cancel_running(host: Host, job_id: str, tally: Tally) -> float:
    """Seconds from the question to the end."""
    eventually(lambda: job_id in text(host.starts))
    asked = time.monotonic()
    answer = host.spool.cancel(job_id)
    ended = came(lambda: host.spool.terminal(job_id), BEAT + GRACE + SLACK)
    # A worker that hears of it at once may have ended the job before the canceler looks again.
    tally.expect(answer in {"running", "canceled"}, f"{job_id} ran, and cancel said {answer}")
    tally.expect(ended, "a running job was not ended within a beat and the grace time")
    return time.monotonic() - asked


def race(ground: Ground, host: Host, count: int, tally: Tally) -> list[str]:
    """Each is canceled at any moment from its submit to a little after its end."""
    answers: dict[str, str] = {}
    for number in range(count):
        (job_id,) = submit(host, 1, f"sleep {SHORT}")
        time.sleep(ground.rng.choice([0.0, ground.rng.uniform(0.0, 2 * SHORT)]))
        answers[job_id] = host.spool.cancel(job_id)
        if number % 100 == 99:
            ground.said(f"{number + 1} of {count} races")
    finished(ground, host, 30.0)
    ends = {job_id: host.spool.find(job_id).state for job_id in answers}
    for job_id, answer in answers.items():
        allowed = {"running": {"canceled", "success"}}.get(answer, {answer})
        tally.expect(
            ends[job_id] in allowed, f"{job_id}: cancel said {answer}, it is {ends[job_id]}"
        )
    seen = [list(answers.values()).count(word) for word in ("canceled", "running", "success")]
    tally.note += f", race: {seen[0]} waited, {seen[1]} ran, {seen[2]} had ended"
    return list(answers)


def cancels(ground: Ground, count: int) -> Tally:
    """Two workers: a claim has rivals, and some jobs of the race wait."""
    host = ground.host(memory=True)
    host.environ["WMCTL_KILL_GRACE"] = str(GRACE)
    host.make_spool(lease=LEASE, beat=BEAT)
    host.start("-n", "2", rigs=ground.without)
    joined(host.spool, 2)
    notes = Tally()
    jobs = waiting_jobs(host, notes) + running_jobs(host, notes) + race(ground, host, count, notes)
    host.drain()
    tally = judge_host(host, jobs, faults=len(jobs))
    all_finished(host, tally)
    tally.problems += notes.problems
    tally.note = notes.note
    return tally


SCENARIOS = [
    Scenario(
        "G25", "cancel", "cancel of waiting and running jobs, and in a race", cancels,
        short=40, long=1000, control="two-steps", control_size=40,
    ),
]  # fmt: skip
