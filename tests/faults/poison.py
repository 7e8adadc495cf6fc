"""A job that kills its worker is held after a few, and the others of its tag go on (G31)."""

from tests.faults.hosts import came, submit
from tests.faults.judge import all_finished, judge_host
from tests.faults.scenario import Ground, Scenario, Tally
from wmctl.spool.name import LOST_LIMIT

LEASE, BEAT = 6.0, 0.5
#: Other jobs for each that kills.
OTHERS = 20


def poison(ground: Ground, count: int) -> Tally:
    """Each takes a worker with it until it is held; what they cost together is bounded."""
    host = ground.host(memory=True)
    spool = host.make_spool(lease=LEASE, beat=BEAT)
    jobs, bad = [], []
    for _ in range(count):
        bad += submit(host, 1, "kill -9 $PPID; sleep 600")
        jobs += submit(host, OTHERS, "sleep 0.02")
    host.start("-n", "5", rigs=ground.without)
    deaths = (LOST_LIMIT + 1) * count

    def killed() -> int:
        return host.log.read_text().count("was killed by signal 9")

    came(
        lambda: killed() > deaths or not host.unfinished(),
        30.0 + 60.0 * count if not ground.without else 20.0,
    )  # fmt: skip
    host.drain()
    tally = judge_host(host, jobs + bad, faults=killed())
    all_finished(host, tally)
    tally.expect(killed() == deaths, f"{killed()} workers died, not {deaths}")
    states = {spool.find(job).state for job in bad}
    tally.expect(states == {"held"}, f"the jobs that kill are {', '.join(sorted(states))}")
    states = {spool.find(job).state for job in jobs}
    tally.expect(states == {"success"}, f"the others are {', '.join(sorted(states))}")
    tally.note = f"held after {killed() / count:g} workers each"
    return tally


SCENARIOS = [
    Scenario(
        "G31", "poison", "jobs that kill their worker", poison,
        short=1, long=10, control="no-limit", control_size=1,
    ),
]  # fmt: skip
