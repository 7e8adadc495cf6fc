"""Running a planned process to its end, with real processes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wmctl.runner import proc, process, tree
from wmctl.runner.base import Plan
from wmctl.runner.exit import Exit
from wmctl.runner.log import LogFile
from wmctl.runner.process import Limits, Stop, run

#: Holds the pipes, ignores TERM, twice forked, a session of its own; its pid goes to file `pid`.
ESCAPE = """
mkfifo fifo
(setsid bash -c 'trap "" TERM; echo $$ >fifo; exec sleep 1000' &)
read -r pid <fifo; rm fifo; echo "$pid" >pid
"""


@dataclass
class Job:
    """A job's folder, log and stop."""

    folder: Path
    stop: Stop
    log: LogFile

    @classmethod
    def make(cls, folder: Path) -> "Job":
        folder.mkdir(exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        fd = os.open(folder / "log", flags, 0o600)
        return cls(folder, Stop(), LogFile(fd, lambda: os.open(folder / "err", flags, 0o600)))

    def run(self, argv: Sequence[str], *, env: dict[str, str] | None = None, **more: Any) -> Exit:
        names = ("timeout", "grace", "linger", "oom_score_adj")
        limits = {name: more.pop(name) for name in names if name in more}
        plan = Plan(argv=argv, env={"PATH": os.environ["PATH"], **(env or {})}, **more)
        return run(
            plan,
            folder=self.folder,
            log=self.log,
            limits=Limits(limits.pop("timeout", None), "the job", **limits),
            stop=self.stop,
        )

    def bash(self, script: str, **more: Any) -> Exit:
        return self.run(["bash", "-c", script], **more)

    def text(self) -> str:
        return (self.folder / "log").read_text()

    def errors(self) -> str:
        text = (self.folder / "log").read_bytes()
        ranges = [line.split() for line in (self.folder / "err").read_text().splitlines()]
        return b"".join(text[int(start) : int(end)] for start, end in ranges).decode()

    def pid(self, name: str = "pid") -> int:
        """The pid that the job wrote down, as soon as it has."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            path = self.folder / name
            if path.exists() and (text := path.read_text()).endswith("\n"):
                return int(text)
            time.sleep(0.002)
        raise AssertionError(f"no file {name}: {self.text()}")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    made = Job.make(tmp_path)
    yield made
    made.log.close()


@pytest.fixture(autouse=True)
def subreaper() -> Iterator[None]:
    tree.become_subreaper()
    yield
    tree.become_subreaper(on=False)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every run gives back its file descriptors and collects its dead."""
    before = len(os.listdir("/proc/self/fd"))
    others = {p.pid for p in proc.adopted(proc.snapshot())}  # of tests that ran earlier
    yield
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the fixture's own log
    assert not [p for p in proc.adopted(proc.snapshot()) if p.dead and p.pid not in others]


def alive(pid: int) -> bool:
    found = proc.read(pid)
    return found is not None and not found.dead


def in_thread(call: Any) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


# -- how it ends


def test_exit_codes_and_signals(job: Job) -> None:
    assert job.bash("exit 0").ok
    assert job.bash("exit 3") == Exit(3)
    end = job.bash("kill -HUP $$")
    assert end == Exit(None, signal.SIGHUP)
    assert end.status == 129
    assert job.text() == ""


def test_both_streams_in_one_or_apart(job: Job) -> None:
    script = "echo out; echo err >&2; echo more"
    assert job.bash(script).tail == "out\nerr\nmore\n"
    assert not (job.folder / "err").exists()
    assert job.bash(script, split=True).tail == "out\nmore\n"
    assert job.errors() == "err\n"


def test_the_surroundings_are_those_of_the_plan(job: Job, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    script = "pwd; umask; env | grep ^X=; cat; ps -o sid= -p $$ | tr -d ' '; echo $$"
    end = job.bash(script, env={"X": "1"}, cwd=other, umask=0o27)
    lines = end.tail.splitlines()
    assert lines[:3] == [str(other), "0027", "X=1"]
    assert lines[3] == lines[4]
    assert job.bash("pwd").tail == f"{tmp_path}\n"


def test_no_signal_is_ignored_and_no_descriptor_inherited(job: Job) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        end = job.bash("grep SigIgn /proc/self/status; ls /proc/self/fd")
    finally:
        os.close(reader)
        os.close(writer)
    first, *fds = end.tail.splitlines()
    assert int(first.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert fds == ["0", "1", "2", "3"]  # 3 is ls's own


def test_the_job_dies_of_memory_before_the_worker(job: Job) -> None:
    script = "sleep 0.05; cat /proc/self/oom_score_adj"
    assert job.bash(script).tail == "1000\n"
    assert job.bash(script, oom_score_adj=700).tail == "700\n"
    own = Path("/proc/self/oom_score_adj").read_text()
    assert job.bash(script, oom_score_adj=None).tail == own


def test_what_a_job_started_at_once_is_killed_before_the_worker_too() -> None:
    """It was there before its parent had the score, so it inherited none."""
    script = "(sleep 1000 & wait) & echo; wait"
    with subprocess.Popen(
        ["bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as started:
        try:
            assert started.stdout is not None
            started.stdout.readline()
            until = time.monotonic() + 30
            while len(family := tree.descendants(started.pid)) < 2:
                assert time.monotonic() < until
            process._set_oom_score(started.pid, 700)
            for each in family:
                assert Path(f"/proc/{each}/oom_score_adj").read_text() == "700\n"
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            for each in sorted(family):
                with contextlib.suppress(ChildProcessError):  # nobody's of ours without a parent
                    os.waitpid(each, 0)


# -- what cannot be started


def test_a_program_that_is_not_there(job: Job) -> None:
    assert job.run(["no-such-program"]) == Exit(127)
    assert job.text() == "wmctl: no-such-program: no such program\n"


def test_a_script_without_its_interpreter(job: Job) -> None:
    path = job.folder / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o700)
    assert job.run(["./script"]) == Exit(127)
    assert "interpreter" in job.text()


@pytest.mark.parametrize("text", ["", "just text\n"])
def test_a_file_that_is_no_program(job: Job, text: str) -> None:
    path = job.folder / "file"
    path.write_text(text)
    assert job.run(["./file"]) == Exit(126)
    assert "Permission denied" in job.text()
    path.chmod(0o700)
    assert job.run(["./file"]) == Exit(126)


def test_a_folder_that_is_not_there_names_the_host(job: Job, tmp_path: Path) -> None:
    cwd = tmp_path / "gone"
    assert job.bash("exit 0", cwd=cwd) == Exit(126)
    assert str(cwd) in job.text()
    assert socket.gethostname() in job.text()


@pytest.mark.parametrize("argv", [["bash", "-c", "\0"], ["bash", "-c", "x" * (1 << 22)], []])
def test_words_that_no_program_can_be_given(job: Job, argv: list[str]) -> None:
    assert job.run(argv) == Exit(126)
    assert "cannot be started" in job.text()


# -- the log


def test_output_is_in_the_log_at_once(job: Job) -> None:
    os.mkfifo(job.folder / "fifo")
    thread = in_thread(lambda: job.bash("echo here; echo $$ >pid; read -r _ <fifo; echo there"))
    try:
        job.pid()
        until = time.monotonic() + 0.5
        while job.text() != "here\n":
            assert time.monotonic() < until
    finally:
        (job.folder / "fifo").write_text("go\n")
        thread.join()
    assert job.text() == "here\nthere\n"


def test_a_flood_is_drained_within_bounds(job: Job) -> None:
    script = "yes 'a line of a flood, of some forty bytes' | head -c 200000000; echo; echo end"
    end = job.bash(script)
    job.log.close()
    assert end.tail.endswith("\nend\n")
    assert len(job.text()) <= (16 << 20) + 1024
    assert job.text().endswith("\nend\n")
    assert job.log.dropped == pytest.approx(200_000_000 - (16 << 20), abs=8192)


def test_a_flood_needs_little_memory(tmp_path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from wmctl.runner.base import Plan
        from wmctl.runner.log import LogFile
        from wmctl.runner.process import Limits, Stop, run
        log = LogFile(os.open("log", os.O_RDWR | os.O_CREAT), lambda: -1)
        plan = Plan(["bash", "-c", "yes flood | head -c 400000000"], {"PATH": os.environ["PATH"]})
        run(plan, folder=Path(), log=log, limits=Limits(None, "the job"), stop=Stop())
        log.close()
        print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
    """
    root = Path(tree.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[1]) < 40_000


def test_a_full_disk_does_not_harm_the_job(tmp_path: Path) -> None:
    log = LogFile(os.open("/dev/full", os.O_RDWR), lambda: os.open("/dev/full", os.O_RDWR))
    made = Job(tmp_path, Stop(), log)
    end = made.bash("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo done; exit 4")
    log.close()
    assert (end.code, log.dropped, log.error is not None) == (4, 1_000_006, True)


# -- what is left behind


def test_background_children_may_finish_their_output(job: Job) -> None:
    assert job.bash("(sleep 0.3; echo late) & echo first") == Exit(0, tail="first\nlate\n")
    assert job.text() == "first\nlate\n"


def test_what_holds_the_pipes_is_waited_for_only_so_long(job: Job) -> None:
    began = time.monotonic()
    end = job.bash("(trap '' TERM; sleep 1000) & sleep 1000 & echo $! >pid", linger=0.2)
    assert end.code == 0
    assert 0.2 <= time.monotonic() - began < 1.5
    assert not alive(job.pid())
    assert job.text().startswith("wmctl: ended what the job left running: ")
    assert "sleep" in job.text()


def test_a_silent_background_child_is_not_waited_for(job: Job) -> None:
    began = time.monotonic()
    assert job.bash("sleep 1000 >/dev/null 2>&1 & echo $! >pid").ok
    assert time.monotonic() - began < 1
    assert not alive(job.pid())


def test_children_on_their_way_out_are_no_news(job: Job) -> None:
    for _ in range(20):
        assert job.bash("exec > >(cat); echo x; (sleep 0.002 >/dev/null &)").ok
    assert job.text() == "x\n" * 20


def test_an_escaped_process_ends_with_its_job_100_times(tmp_path: Path) -> None:
    for number in range(100):
        job = Job.make(tmp_path / str(number))
        assert job.bash(ESCAPE, linger=0.01).ok
        assert not alive(job.pid())
        job.log.close()


def test_without_the_subreaper_it_would_not(job: Job) -> None:
    tree.become_subreaper(on=False)
    assert job.bash(ESCAPE, linger=0.01).ok
    pid = job.pid()
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_other_children_of_the_process_are_spared(job: Job) -> None:
    """Those of before, and those that others start meanwhile in the worker's own session."""
    before = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    meanwhile: list[subprocess.Popen[bytes]] = []

    def other() -> None:
        job.pid("began")
        meanwhile.append(subprocess.Popen(["sleep", "1000"]))
        meanwhile.append(subprocess.Popen(["bash", "-c", "exit 9"]))
        os.waitid(os.P_PID, meanwhile[1].pid, os.WEXITED | os.WNOWAIT)
        (job.folder / "fifo").write_text("go\n")

    os.mkfifo(job.folder / "fifo")
    thread = in_thread(other)
    try:
        script = "echo $$ >began; read -r _ <fifo; rm fifo began" + ESCAPE
        assert job.bash(script, linger=0.01).ok
        thread.join()
        assert not alive(job.pid())
        assert before.poll() is None
        assert meanwhile[0].poll() is None
        assert meanwhile[1].wait() == 9
    finally:
        for process in (before, *meanwhile):
            process.kill()
            process.wait()


def test_two_runs_in_one_process_end_their_own(tmp_path: Path) -> None:
    long, short = Job.make(tmp_path / "long"), Job.make(tmp_path / "short")
    script = ESCAPE + "mkfifo hold; echo $$ >ready; read -r _ <hold"
    thread = in_thread(lambda: long.bash(script, env={"WM_JOB_ID": "1"}, linger=0.01))
    long.pid("ready")
    assert short.bash(ESCAPE, env={"WM_JOB_ID": "2"}, linger=0.01).ok
    assert not alive(short.pid())
    assert alive(long.pid())
    (long.folder / "hold").write_text("go\n")
    thread.join()
    assert not alive(long.pid())
    for job in (long, short):
        job.log.close()


def test_many_runs_at_once_mix_up_nothing(tmp_path: Path) -> None:
    ends: list[tuple[int, Exit]] = []

    def several(number: int) -> None:
        job = Job.make(tmp_path / str(number))
        for _ in range(15):
            end = job.bash(
                f"(true &); echo {number}; exit {number}", env={"WM_JOB_ID": str(number)}
            )
            ends.append((number, end))
        job.log.close()

    threads = [threading.Thread(target=several, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 90
    assert all(end == Exit(number, tail=f"{number}\n") for number, end in ends)


# -- limits and requests


def test_a_timeout_ends_it_and_says_so(job: Job) -> None:
    end = job.bash("echo hi; exec sleep 1000", timeout=0.2)
    assert end == Exit(None, signal.SIGTERM, killed="timeout", limit=0.2, tail="hi\n")
    assert end.status == 124
    assert job.text() == "hi\nwmctl: the job has run for 0.2 s, its limit: asked to end\n"


def test_who_does_not_end_when_asked_is_killed(job: Job) -> None:
    end = job.bash("trap '' TERM; while :; do sleep 0.05; done", timeout=0.2, grace=0.1)
    assert (end.signal, end.killed) == (signal.SIGKILL, "timeout")
    assert job.text().endswith("wmctl: not ended 0.1 s after being asked to: killed\n")


def test_the_grace_time_is_for_cleaning_up_and_its_output_is_kept(job: Job) -> None:
    script = "trap 'head -c 3000000 /dev/zero | tr \"\\0\" x; echo; echo bye; exit 7' TERM; "
    end = job.bash(script + "echo $$ >pid; while :; do sleep 0.01; done", timeout=0.3)
    assert (end.code, end.killed, end.status) == (7, "timeout", 124)
    assert end.tail == "bye\n"
    job.log.close()
    assert len(job.text()) > 3_000_000


def test_a_stopped_process_can_be_asked_to_end(job: Job) -> None:
    began = time.monotonic()
    assert job.bash("kill -STOP $$", timeout=0.2).killed == "timeout"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("why", ["canceled", "stopped", "lost"])
def test_a_request_ends_it_at_once(job: Job, why: str) -> None:
    asked: list[float] = []

    def ask() -> None:
        job.pid()
        asked.append(time.monotonic())
        job.stop.request(why)

    thread = in_thread(ask)
    end = job.bash("echo $$ >pid; exec sleep 1000")
    took = time.monotonic() - asked[0]
    thread.join()
    assert end.killed == why
    assert end.signal == (signal.SIGKILL if why == "lost" else signal.SIGTERM)
    assert took < 1


def test_who_was_stopped_before_does_not_start(job: Job) -> None:
    job.stop.request("canceled")
    assert job.bash("touch ran") == Exit(None, signal.SIGTERM, killed="canceled")
    assert not (job.folder / "ran").exists()


def test_the_first_reason_stands_but_lost_outranks_it(job: Job) -> None:
    def ask() -> None:
        job.pid()
        job.stop.request("canceled")
        job.stop.request("stopped")
        assert job.stop.why == "canceled"
        job.stop.request("lost")

    thread = in_thread(ask)
    began = time.monotonic()
    end = job.bash("trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done", grace=60)
    thread.join()
    assert (end.signal, end.killed) == (signal.SIGKILL, "lost")
    assert time.monotonic() - began < 5


def test_escaped_processes_end_within_a_second_of_a_cancel(tmp_path: Path) -> None:
    for number in range(20):
        job = Job.make(tmp_path / str(number))

        def ask(job: Job = job) -> None:
            job.pid()
            job.stop.request("canceled")

        thread = in_thread(ask)
        end = job.bash(f"trap '' TERM; {ESCAPE} while :; do sleep 0.05; done", grace=0.05)
        thread.join()
        assert end.killed == "canceled"
        assert not alive(job.pid())
        job.log.close()


def test_an_escaped_process_that_hears_term_shortens_the_grace_time(job: Job) -> None:
    script = ESCAPE.replace('trap "" TERM', 'trap "exit 0" TERM').replace("exec sleep", "sleep")
    began = time.monotonic()
    assert job.bash(script + "exec sleep 1000", timeout=0.3, grace=30).killed == "timeout"
    assert not alive(job.pid())
    assert time.monotonic() - began < 5


def test_lost_kills_although_the_run_hangs_in_its_log(tmp_path: Path) -> None:
    """A spool that hangs takes the run's own thread with it, but not the one that watches."""
    made = Job.make(tmp_path)
    hangs, goes_on = threading.Event(), threading.Event()

    class HangingLog(LogFile):
        def write(self, data: bytes, *, error: bool = False) -> None:
            del data, error
            hangs.set()
            goes_on.wait(20)

    log = HangingLog(os.open(os.devnull, os.O_RDWR), lambda: os.open(os.devnull, os.O_RDWR))
    hanging = Job(tmp_path, made.stop, log)
    ends: list[Exit] = []
    thread = in_thread(lambda: ends.append(hanging.bash(ESCAPE + "echo x; sleep 1000")))
    try:
        assert hangs.wait(20)
        made.stop.request("lost")
        assert not alive(made.pid())
        assert thread.is_alive()
    finally:
        goes_on.set()
        thread.join()
    assert ends[0].killed == "lost"
    made.log.close()
    log.close()


def test_a_request_after_the_end_changes_nothing(job: Job) -> None:
    """The process has ended by itself; only what it left behind is cut short."""

    def ask() -> None:
        pid = job.pid()
        while alive(pid):
            time.sleep(0.001)
        job.stop.request("canceled")

    thread = in_thread(ask)
    began = time.monotonic()
    end = job.bash("sleep 1000 & echo $$ >pid; exit 5", linger=30)
    thread.join()
    assert end == Exit(5)
    assert time.monotonic() - began < 5


def test_cancel_and_end_race_to_a_true_answer(tmp_path: Path) -> None:
    """Whoever was not signalled has its own code; whoever was, says so."""
    kinds = set()
    for number in range(60):
        job = Job.make(tmp_path / str(number))

        def ask(job: Job = job, delay: float = number % 20 * 0.0002) -> None:
            job.pid()
            time.sleep(delay)
            job.stop.request("canceled")

        thread = in_thread(ask)
        end = job.bash("echo $$ >pid; exit 3")
        thread.join()
        assert end in (
            Exit(3),
            Exit(3, killed="canceled"),
            Exit(None, signal.SIGTERM, killed="canceled"),
        )
        kinds.add(end.killed)
        job.log.close()
    assert kinds


def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C in a command that runs the job itself."""
    job = Job.make(tmp_path)

    class Interrupted(LogFile):
        def write(self, data: bytes, *, error: bool = False) -> None:
            del data, error
            raise KeyboardInterrupt

    log = Interrupted(os.open(os.devnull, os.O_RDWR), lambda: os.open(os.devnull, os.O_RDWR))
    with pytest.raises(KeyboardInterrupt):
        Job(tmp_path, Stop(), log).bash(ESCAPE + "echo x; sleep 1000")
    assert not alive(job.pid())
    job.log.close()
    log.close()


WALKS = """
import os, sys
from pathlib import Path
from wmctl.runner import process, tree
from wmctl.runner.base import Plan
from wmctl.runner.log import LogFile
from wmctl.runner.stop import Stop

tree.become_subreaper()
folder = Path(sys.argv[1])
walks, real = [], os.listdir
os.listdir = lambda path=".": walks.append(str(path)) or real(path)
for code in (":", "setsid sleep 60 > /dev/null 2>&1 &"):
    walks.clear()
    log = LogFile(os.open(folder / "log", os.O_WRONLY | os.O_CREAT), lambda: -1)
    limits = process.Limits(20.0, "the job")
    plan = Plan(["bash", "-c", code], dict(os.environ))
    process.run(plan, folder=folder, log=log, limits=limits, stop=Stop())
    log.close()
    print("/proc" in walks)
"""


def test_the_usual_end_costs_no_walk_of_proc(tmp_path: Path) -> None:
    """A walk takes longer than a trivial job; it is only for jobs that left something behind.

    In a process of its own: one that has other orphans must look whose they are. The second answer
    is the control: what is looked for is seen there.
    """
    done = subprocess.run(
        [sys.executable, "-c", WALKS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_importing_it_does_not_import_psutil() -> None:
    code = "import sys, wmctl.runner.process; sys.exit('psutil' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tree.__file__).parents[2])
