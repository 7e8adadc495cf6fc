"""kill -9 at random: nothing is lost, nothing is published twice."""

import os
import random
import signal
import time

import pytest

from tests.host import PATIENCE, Host, eventually, verdict


def kill_now_and_then(host: Host, rng: random.Random, kills: int) -> int:
    """Kill a random worker every now and then until all is done; how many died."""
    killed = 0
    while killed < kills and host.unfinished():
        time.sleep(rng.uniform(0.05, 0.25))
        pids = host.worker_pids()
        if pids:
            os.kill(rng.choice(pids), signal.SIGKILL)
            killed += 1
    return killed


def test_killing_workers_at_random_loses_and_doubles_nothing(host: Host) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    host.make_spool(lease=6.0, beat=0.5)
    jobs = host.submit_many(500, "sleep 0.01")
    for _ in range(3):
        host.start("-n", "2")
    assert kill_now_and_then(host, random.Random(seed), 20) >= 10
    eventually(lambda: not host.unfinished())
    # The last one killed is rescued too, though it held nothing.
    eventually(lambda: len(host.spool.joined()) == len(host.worker_pids()) > 0)
    host.drain()
    verdict(host, jobs)
    assert sum(host.spool.find(job_id).name.lost for job_id in jobs) > 0
    assert host.spool.joined() == set()


def test_without_rescue_the_verdict_is_lost(host: Host) -> None:
    """The control: a killed worker's job stays claimed for ever, and the check says so."""
    host.make_spool(lease=6.0, beat=0.5)
    jobs = host.submit_many(20, "sleep 0.2")
    host.start(rigs="no-rescue")
    eventually(lambda: host.starts.exists() and host.worker_pids())
    os.kill(host.worker_pids()[0], signal.SIGKILL)
    eventually(lambda: host.unfinished() <= 1)
    with pytest.raises(AssertionError, match="is running"):
        verdict(host, jobs)


def test_killing_supervisors_loses_and_doubles_nothing(host: Host) -> None:
    """Their workers stop what they run, give it back and go; the next supervisors do the rest."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    host.make_spool(lease=6.0, beat=0.5)
    jobs = host.submit_many(150, "sleep 0.05")
    for _ in range(6):
        host.start("-n", "2")
        eventually(host.worker_pids)
        time.sleep(rng.uniform(0.1, 0.5))
        host.supervisors[-1].kill()
        host.supervisors[-1].wait()
    host.start("-n", "2")
    eventually(lambda: not host.unfinished())
    host.drain()
    for job_id in jobs:  # stopped in order, and started again: each time counted as one start
        assert host.spool.find(job_id).state == "success"
    starts = host.starts.read_text().splitlines()
    assert len(starts) >= len(jobs)
    assert {line.split()[0] for line in starts} == set(jobs)


@pytest.mark.parametrize("fault", [None, "no-fence"])
def test_a_paused_worker_that_comes_back_is_fenced(host: Host, fault: str | None) -> None:
    """Paused between its job's end and the record; meanwhile another runs the job to its end.

    With the fence switched off the same story ends with two records: the check is no ornament.
    """
    host.make_spool(lease=1.5, beat=0.3)
    gate = host.folder / "gate"
    os.mkfifo(gate)
    (job_id,) = host.submit_many(1, f'[ "$WM_ATTEMPT" != 1 ] || read -r _ < {gate}')
    host.start(rigs=fault or "")
    eventually(host.starts.exists)
    (paused,) = host.worker_pids()
    os.kill(host.supervisors[0].pid, signal.SIGSTOP)  # who would kill the job, lease or not
    os.kill(paused, signal.SIGSTOP)
    gate.write_text("go\n")  # the job ends, and its worker does not know yet
    try:
        host.start()
        eventually(lambda: not host.unfinished())
    finally:
        os.kill(paused, signal.SIGCONT)
    try:
        eventually(lambda: " down after " in host.log.read_text())
    finally:
        os.kill(host.supervisors[0].pid, signal.SIGCONT)
    assert "declared dead" in host.log.read_text()
    host.drain()
    if fault is None:
        verdict(host, [job_id])
        assert host.spool.find(job_id).name.claims == 2
    else:
        with pytest.raises(AssertionError, match=r"several places|records"):
            verdict(host, [job_id])


@pytest.mark.parametrize("fault", [None, "no-self-stop"])
def test_a_paused_workers_job_is_stopped_before_another_starts_it(
    host: Host, fault: str | None
) -> None:
    """No two attempts at once; without the supervisor's watch there would be."""
    host.make_spool(lease=3.0, beat=0.3)
    lock, clash = host.folder / "lock", host.folder / "clash"
    host.submit_many(
        1,
        f'exec 9> {lock}; flock -n 9 || echo clash >> {clash}; [ "$WM_ATTEMPT" != 1 ] || sleep 600',
    )
    host.start(rigs=fault or "")
    eventually(host.starts.exists)
    (paused,) = host.worker_pids()
    os.kill(paused, signal.SIGSTOP)
    try:
        host.start()
        eventually(lambda: not host.unfinished(), PATIENCE)
    finally:
        os.kill(paused, signal.SIGCONT)
    assert clash.exists() == (fault is not None)
