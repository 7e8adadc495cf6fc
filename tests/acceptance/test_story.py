"""What the issue says must work, as a new user would try it."""

import os
import signal
import time

from tests.host import PATIENCE, Host, eventually


def test_exit_4_goes_round_trip(host: Host) -> None:
    """With nothing set up: the default spool is made by the first submit."""
    job_id = host.submit("exit 4")
    burst = host.wmctl("worker", "start", "--burst")
    assert burst.returncode == 0, burst.stderr
    assert host.wmctl("wait", job_id).returncode == 4
    host.environ["WMCTL_SPOOL"] = host.wmctl("spool", "path").stdout.strip()
    assert host.spool.find(job_id).state == "failure"
    assert host.spool.joined() == set()


def test_a_queued_job_is_canceled_and_never_runs(host: Host) -> None:
    host.make_spool()
    (job_id,) = host.submit_many(1, ":")
    assert host.wmctl("cancel", job_id).returncode == 0
    assert host.wmctl("worker", "start", "--burst").returncode == 0
    assert host.wmctl("wait", job_id).returncode == 143
    assert not host.starts.exists()


def test_a_running_job_is_canceled_at_once(host: Host) -> None:
    host.make_spool()
    pids = host.folder / "pids"
    job_id = host.submit(f"(setsid sleep 600 & echo $! >> {pids}); echo $$ >> {pids}; sleep 601")
    host.start()
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    asked = time.monotonic()
    assert host.wmctl("cancel", job_id).returncode == 0
    assert host.wmctl("wait", job_id).returncode == 143
    assert time.monotonic() - asked < 5.0 + 10.0  # a beat and the grace time; events are faster
    for pid in map(int, pids.read_text().split()):
        eventually(lambda pid=pid: not os.path.exists(f"/proc/{pid}"))
    later = host.submit("echo still here")
    assert host.wmctl("wait", later).returncode == 0


def test_a_second_term_stops_the_job_and_gives_it_back(host: Host) -> None:
    host.make_spool(lease=6.0, beat=0.5)
    (job_id,) = host.submit_many(1, '[ "$WM_ATTEMPT" = 2 ] || sleep 600')
    supervisor = host.start()
    eventually(host.starts.exists)
    for _ in range(2):
        supervisor.send_signal(signal.SIGTERM)
        eventually(
            lambda: (
                supervisor.poll() is not None
                or any(beat.content.get("state") == "draining" for beat in host.spool.workers())
            )
        )
    assert supervisor.wait(PATIENCE) == 0
    entry = host.spool.find(job_id)
    assert (entry.state, entry.name.lost, entry.name.tries) == ("queued", 0, 0)


def test_wait_sees_a_job_that_is_held_and_says_what_to_do(host: Host) -> None:
    """A job that kills its workers is held; whoever waits for it learns why."""
    host.make_spool(lease=6.0, beat=0.5)
    job_id = host.submit("kill -9 $PPID; sleep 600")
    host.start("-n", "2")
    waited = host.wmctl("wait", job_id)
    assert waited.returncode == 125
    assert "held" in waited.stderr
    fine = host.submit("echo fine")
    assert host.wmctl("wait", fine).returncode == 0
