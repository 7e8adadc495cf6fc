"""Real workers under a real supervisor: killed, stopped, drained, abandoned."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import PATIENCE, Bench, alive, eventually, none_alive
from wmctl.runner import tree
from wmctl.spool import Beat, Settings, Spool
from wmctl.testing.spool_contract import audit
from wmctl.worker.guard import Guard
from wmctl.worker.supervisor import Supervisor
from wmctl.worker.worker import Worker

ROOT = Path(__file__).parents[2]
LEASE, BEAT = 3.0, 0.5
#: At the first attempt it starts what escapes (in another session, its parent gone), says which
#: attempt it is, and waits for ever.
ESCAPING = """
if [ "$WM_ATTEMPT" = 1 ]; then
  (setsid bash -c 'trap "" TERM HUP INT; exec sleep 600' & echo $! >> {pids})
  sleep 601 & echo $! >> {pids}
fi
echo $$ >> {pids}
echo "$WM_ATTEMPT" > {pipe}
if [ "$WM_ATTEMPT" = 1 ]; then wait; fi
"""


class Site:
    """A spool with a short lease, and supervisors of its own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.spool = Spool.create(bench.folder / "quick", Settings(lease=LEASE, beat=BEAT))
        self.started: list[subprocess.Popen[bytes]] = []
        self.pipe = bench.folder / "pipe"
        self.pids = bench.folder / "pids"
        self.log = bench.folder / "log"
        os.mkfifo(self.pipe)
        # Kept open for reading, so that a job never waits in vain for a reader.
        self._reader = os.open(self.pipe, os.O_RDWR | os.O_CLOEXEC)

    def start(self, **wanted: Any) -> subprocess.Popen[bytes]:
        text = json.dumps(
            {"spool": str(self.bench.spool.path), "work": str(self.bench.folder / "work"), **wanted}
        )
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.supervised", text],
                cwd=ROOT, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def submit_escaping(self) -> str:
        return self.bench.submit(ESCAPING.format(pids=self.pids, pipe=self.pipe))

    def hear(self) -> str:
        """What a job says through the pipe; waits for it."""
        os.set_blocking(self._reader, True)
        return os.read(self._reader, 4096).decode().strip()

    def job_pids(self) -> list[int]:
        return [int(pid) for pid in self.pids.read_text().split()]

    def beat(self) -> Beat:
        """The one worker's beat, once there is one with its process id."""

        def look() -> Beat | None:
            beats = [beat for beat in self.bench.spool.workers() if beat.content.get("pid")]
            return beats[0] if len(beats) == 1 else None

        found: Beat = eventually(look)
        return found

    def worker_pid(self) -> int:
        return int(self.beat().content["pid"])

    def close(self) -> None:
        print(self.log.read_text() if self.log.exists() else "")  # shown if the test failed
        for process in self.started:
            if process.poll() is None:
                tree.kill_tree(process.pid, keep_root=False)
            process.wait()
        if self.pids.exists():
            for pid in self.job_pids():
                if alive(pid) and _is_ours(pid):
                    os.kill(pid, signal.SIGKILL)
        os.close(self._reader)


def _is_ours(pid: int) -> bool:
    try:
        return b"WM_JOB_ID" in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


@pytest.fixture
def site(bench: Bench) -> Iterator[Site]:
    made = Site(bench)
    yield made
    made.close()


def took(action: Callable[[], Any], until: Callable[[], Any]) -> float:
    action()
    started = time.monotonic()
    eventually(until)
    return time.monotonic() - started


# kill -9 of a worker.


def test_a_killed_worker_is_replaced_and_its_job_runs_again(site: Site) -> None:
    job_id = site.submit_escaping()
    supervisor = site.start()
    assert site.hear() == "1"
    worker, first = site.worker_pid(), site.job_pids()
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    assert eventually(lambda: none_alive(first), 2.0)
    assert site.hear() == "2"
    assert time.monotonic() - killed < 3.0
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert site.bench.entry(job_id).name.lost == 1
    assert site.worker_pid() != worker
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(PATIENCE) == 0
    assert eventually(lambda: none_alive(site.job_pids()), 2.0)
    assert site.bench.spool.joined() == set()
    audit(site.bench.spool.path).must_hold([job_id])


def test_the_job_does_not_run_twice_at_once(site: Site) -> None:
    """What the dead worker's job left is killed before anybody runs it again."""
    lock = site.bench.folder / "lock"
    job_id = site.bench.submit(
        f'exec 9> {lock}; flock -n 9 || exit 3; echo "$WM_ATTEMPT" > {site.pipe};'
        ' [ "$WM_ATTEMPT" -gt 2 ] || sleep 600'
    )
    site.start()
    for attempt in ("1", "2"):
        assert site.hear() == attempt
        os.kill(site.worker_pid(), signal.SIGKILL)
    assert site.hear() == "3"
    assert eventually(lambda: site.bench.state(job_id) == "success")


def test_other_workers_and_their_jobs_do_not_notice(site: Site) -> None:
    quiet = site.bench.submit(f"echo quiet > {site.pipe}; sleep 600")
    site.start(count=2)
    assert site.hear() == "quiet"
    loud = site.submit_escaping()
    assert site.hear() == "1"
    beats = eventually(lambda: _both_busy(site))
    os.kill(beats[loud], signal.SIGKILL)
    assert site.hear() == "2"
    assert eventually(lambda: site.bench.state(loud) == "success")
    assert site.bench.state(quiet) == "running"
    assert site.bench.entry(quiet).name.claims == 1


def _both_busy(site: Site) -> dict[str, int] | None:
    """Which job runs in which process, once two of them do."""
    found = {
        beat.content["job"]: beat.content["pid"]
        for beat in site.bench.spool.workers()
        if beat.content.get("job")
    }
    return found if len(found) == 2 else None


def test_a_job_that_kills_its_worker_is_held_in_the_end(site: Site) -> None:
    """Poison: three lives are enough; the others of its tag go on."""
    poison = site.bench.submit("kill -9 $PPID; sleep 600")
    site.start(impatient=True)
    assert eventually(lambda: site.bench.state(poison) == "held")
    good = site.bench.submit()
    assert eventually(lambda: site.bench.state(good) == "success")
    reason = site.bench.spool.reason(site.bench.entry(poison))
    assert reason is not None
    assert "lost" in reason["reason"]


def test_a_worker_that_cannot_start_is_tried_again_with_patience(site: Site) -> None:
    """At once the first time, then after longer and longer pauses; never in a busy loop."""
    broken = site.bench.work / "broken"
    broken.touch()
    supervisor = site.start()

    def attempts() -> int:
        return site.log.read_text().count("RuntimeError: broken on purpose")

    eventually(lambda: attempts() >= 2)
    assert attempts() <= 4
    broken.unlink()
    job_id = site.bench.submit()
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert supervisor.poll() is None


# A worker that stands still.


def test_a_stopped_workers_job_is_killed_by_its_supervisor(site: Site) -> None:
    """Two thirds of the lease after its last beat; later it gives the job back as lost."""
    job_id = site.submit_escaping()
    site.start()
    assert site.hear() == "1"
    worker, first = site.worker_pid(), site.job_pids()
    os.kill(worker, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        assert eventually(lambda: none_alive(first), LEASE * 2 / 3 + 2.0)
        assert time.monotonic() - stopped > LEASE / 3
        assert site.bench.state(job_id) == "running"
    finally:
        os.kill(worker, signal.SIGCONT)
    assert site.hear() == "2"
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert site.bench.entry(job_id).name.lost == 1
    assert site.worker_pid() == worker
    audit(site.bench.spool.path).must_hold([job_id])


def test_without_the_watch_the_stopped_workers_job_goes_on(site: Site) -> None:
    """The control: nobody else would have killed it."""
    site.submit_escaping()
    site.start(fault="deaf")
    assert site.hear() == "1"
    worker = site.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    try:
        with pytest.raises(AssertionError, match="did not happen"):
            eventually(lambda: none_alive(site.job_pids()), LEASE * 2 / 3 + 1.0)
        assert all(map(alive, site.job_pids()))
    finally:
        os.kill(worker, signal.SIGCONT)


def test_a_stopped_worker_that_was_declared_dead_doubles_nothing(site: Site) -> None:
    """Another one runs the job; the first comes back, is fenced, and starts under a new name."""
    job_id = site.submit_escaping()
    site.start()
    assert site.hear() == "1"
    worker, name = site.worker_pid(), site.beat().worker
    os.kill(worker, signal.SIGSTOP)
    try:
        site.start(burst=False, work=str(site.bench.folder / "elsewhere"))
        assert site.hear() == "2"
        assert eventually(lambda: site.bench.state(job_id) == "success")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert eventually(lambda: not alive(worker))
    assert eventually(lambda: len(site.bench.spool.workers()) == 2)
    assert name not in site.bench.spool.joined()
    assert site.bench.entry(job_id).name.claims == 2
    audit(site.bench.spool.path).must_hold([job_id])


def test_an_idle_worker_survives_a_pause(site: Site) -> None:
    site.start()
    worker = site.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    eventually(lambda: "gave no sign of life" in site.log.read_text())
    job_id = site.bench.submit("echo again")
    os.kill(worker, signal.SIGCONT)
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert site.bench.entry(job_id).name.lost == 0


def test_a_supervisor_that_stood_still_goes_on(site: Site) -> None:
    """As after Ctrl-Z and fg: no signal came that would end it."""
    supervisor = site.start()
    before = site.worker_pid()
    for pid in (supervisor.pid, before):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LEASE)
    for pid in (before, supervisor.pid):
        os.kill(pid, signal.SIGCONT)
    job_id = site.bench.submit("echo again")
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert supervisor.poll() is None
    assert "finish their jobs" not in site.log.read_text()


# Signals.


@pytest.mark.parametrize("whom", ["supervisor", "group", "both"])
def test_term_drains(site: Site, whom: str) -> None:
    """Also if it reaches the worker directly, as `kill %1` and service managers have it."""
    release = site.bench.folder / "release"
    os.mkfifo(release)
    running = site.bench.submit(f"echo on > {site.pipe}; read -r _ < {release}")
    waiting = site.bench.submit()
    supervisor = site.start()
    assert site.hear() == "on"
    if whom == "both":
        os.kill(site.worker_pid(), signal.SIGTERM)
    (os.killpg if whom == "group" else os.kill)(supervisor.pid, signal.SIGTERM)
    eventually(lambda: site.beat().content["state"] == "draining")
    release.write_text("go\n")
    assert supervisor.wait(PATIENCE) == 0
    assert site.bench.state(running) == "success"
    assert site.bench.state(waiting) == "queued"
    assert site.bench.spool.joined() == set()


def test_the_terminals_stop_does_not_reach_the_workers(site: Site) -> None:
    """Ctrl-Z: a worker that stood still would lose its lease while its job goes on."""
    supervisor = site.start()
    sequence = eventually(lambda: site.beat().content.get("sequence"))
    os.killpg(supervisor.pid, signal.SIGTSTP)
    eventually(lambda: site.beat().content["sequence"] > sequence + 2)
    os.killpg(supervisor.pid, signal.SIGCONT)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_stops_and_gives_back_uncounted(site: Site, number: signal.Signals) -> None:
    job_id = site.submit_escaping()
    supervisor = site.start()
    assert site.hear() == "1"
    supervisor.send_signal(number)
    eventually(lambda: site.beat().content["state"] == "draining")
    assert site.bench.state(job_id) == "running"
    supervisor.send_signal(number)
    assert supervisor.wait(PATIENCE) == 0
    name = site.bench.entry(job_id).name
    assert (site.bench.state(job_id), name.lost, name.tries) == ("queued", 0, 0)
    assert none_alive(site.job_pids())
    assert site.bench.spool.joined() == set()


def test_after_the_grace_time_it_stops_by_itself(site: Site) -> None:
    job_id = site.submit_escaping()
    supervisor = site.start(grace=0.2)
    assert site.hear() == "1"
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(PATIENCE) == 0
    assert site.bench.entry(job_id).name.lost == 0
    assert site.bench.state(job_id) == "queued"


def test_jobs_get_their_signals_as_usual(site: Site) -> None:
    """Also where whoever started the supervisor ignored them, as a shell does with `&`."""
    code = "kill -{} $$; echo still here"
    jobs = {number: site.bench.submit(code.format(number)) for number in (1, 2, 10, 15)}
    ignored = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)
    }
    try:
        supervisor = site.start(burst=True)
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)
    assert supervisor.wait(PATIENCE) == 0
    codes = {number: site.bench.record(job_id)["exit_code"] for number, job_id in jobs.items()}
    assert codes == {number: 128 + number for number in jobs}


def test_nohup_is_respected(site: Site) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        supervisor = site.start()
    finally:
        signal.signal(signal.SIGHUP, old)
    site.worker_pid()
    supervisor.send_signal(signal.SIGHUP)
    job_id = site.bench.submit()
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert supervisor.poll() is None


# The supervisor itself.


def test_a_killed_supervisors_workers_stop_their_jobs_and_go(site: Site) -> None:
    job_id = site.submit_escaping()
    supervisor = site.start()
    assert site.hear() == "1"
    worker = site.worker_pid()
    supervisor.kill()
    supervisor.wait()
    assert eventually(lambda: not alive(worker))
    assert eventually(lambda: none_alive(site.job_pids()))
    name = site.bench.entry(job_id).name
    assert (site.bench.state(job_id), name.lost) == ("queued", 1)
    assert site.bench.spool.joined() == set()


def test_both_killed_at_once_the_next_one_on_this_host_takes_over(site: Site) -> None:
    """No lease is waited for: the lock is free, and what is left of the job is killed first."""
    job_id = site.submit_escaping()
    supervisor = site.start()
    assert site.hear() == "1"
    worker, first = site.worker_pid(), site.job_pids()
    os.kill(supervisor.pid, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    supervisor.kill()
    supervisor.wait()
    site.start()
    started = time.monotonic()
    assert site.hear() == "2"
    assert time.monotonic() - started < LEASE
    assert none_alive(first)
    assert eventually(lambda: site.bench.state(job_id) == "success")
    assert site.bench.entry(job_id).name.lost == 1


def test_a_burst_of_several_workers_leaves_nothing(site: Site) -> None:
    jobs = [site.bench.submit() for _ in range(20)]
    supervisor = site.start(burst=True, count=3)
    assert supervisor.wait(PATIENCE) == 0
    audit(site.bench.spool.path).must_hold(jobs)
    assert {site.bench.state(job_id) for job_id in jobs} == {"success"}
    assert site.bench.spool.joined() == set()
    assert list((site.bench.work / "locks").iterdir()) == []


class Miser(Supervisor):
    """A machine that has no process to give, some times."""

    refusals = 3
    forks = 0

    def _fork(self, slot: Any) -> None:
        self.forks += 1
        if self.refusals and slot.failures:
            self.refusals -= 1
            raise BlockingIOError(11, "no more processes")
        super()._fork(slot)


def test_a_worker_that_cannot_be_forked_does_not_end_the_supervisor(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wmctl.worker.supervisor._TOO_SOON", 0.01)

    def make(_: Guard) -> Worker:
        raise SystemExit(3)

    def attempt() -> bool:
        supervisor = Miser(make, 1, 60.0)
        supervisor._slots[0].failures = 1
        supervisor._slots[0].start_at = 0.0
        supervisor._old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, supervisor._handled)  # type: ignore[assignment]
        for _ in range(10):
            supervisor.step(0.05)
        return supervisor.refusals == 0 and supervisor.forks > 3

    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            status = 0 if attempt() else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert bench
