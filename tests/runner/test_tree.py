"""Finding and ending process trees, with real processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wmctl.runner import proc, tree

#: Starts, twice forked and in a session of its own, a process that ignores TERM; waits until it
#: is there and prints its pid.
ESCAPE = """
pipe=$(mktemp -u) && mkfifo "$pipe"
(setsid bash -c 'trap "" TERM; echo $$ >"$0"; exec sleep 1000' "$pipe" >/dev/null 2>&1 &)
read -r pid <"$pipe"; rm "$pipe"; echo "$pid"
"""


def alive(pid: int) -> bool:
    found = proc.read(pid)
    return found is not None and not found.dead


def gone_within(pids: list[int], seconds: float) -> bool:
    """Waits for other people's processes, of whose end nobody sends us word."""
    until = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def bash(script: str, *, session: bool = True) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        ["bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=session,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def numbers(process: "subprocess.Popen[str]", count: int) -> list[int]:
    assert process.stdout
    return [int(process.stdout.readline()) for _ in range(count)]


def script(text: str, *args: str, env: dict[str, str] | None = None) -> str:
    """Run Python code in a process of its own, where subreaper and children are its alone."""
    head = "import os, subprocess, sys\nfrom wmctl.runner import proc, tree\n"
    code = head + f"ESCAPE = {ESCAPE!r}\n" + textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, **(env or {})},
        cwd=Path(tree.__file__).parents[2],
    )
    return done.stdout


def test_a_name_of_brackets_and_newlines_is_read(tmp_path: Path) -> None:
    name = ") S 1 1 (\n("
    (tmp_path / name).symlink_to("/bin/sleep")
    process = subprocess.Popen([tmp_path / name, "1000"], start_new_session=True)
    with process:
        try:
            found = proc.read(process.pid)
            assert found
            assert (found.pid, found.name, found.parent) == (process.pid, name, os.getpid())
            assert (found.group, found.session, found.dead) == (process.pid, process.pid, False)
            assert process.pid in proc.snapshot()
        finally:
            process.kill()


def test_who_is_not_there_is_none_and_who_has_ended_is_dead() -> None:
    with bash("exit 0") as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found = proc.read(process.pid)
        assert found
        assert found.dead
        process.wait()
        assert proc.read(process.pid) is None


def test_a_process_whose_first_thread_ended_is_not_dead() -> None:
    code = """
        import ctypes, threading, time
        threading.Thread(target=lambda: (print("x", flush=True), time.sleep(1000))).start()
        ctypes.CDLL(None).pthread_exit(None)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE
    )
    with process:
        try:
            assert process.stdout
            process.stdout.readline()
            until = time.monotonic() + 5
            while "Z" not in Path(f"/proc/{process.pid}/stat").read_text():
                assert time.monotonic() < until
            assert alive(process.pid)
        finally:
            process.kill()


def test_descendants_are_found_at_any_depth() -> None:
    with bash("bash -c 'sleep 1000 & echo $!; wait' & echo $!; wait") as process:
        below = set(numbers(process, 2))
        assert set(tree.descendants(process.pid)) >= below
        assert process.pid not in tree.descendants(process.pid)
        tree.kill_tree(process.pid, keep_root=True)
        assert gone_within(list(below), 1)


def test_a_reused_pid_is_left_alone() -> None:
    with bash("echo $$; read") as process:
        numbers(process, 1)
        table = proc.snapshot()
        real = table[process.pid]
        tree.signal_all(table, [real._replace(start=real.start - 1)], signal.SIGKILL)
        assert process.poll() is None
        tree.signal_all(table, [real], signal.SIGKILL)
        assert process.wait(5) == -signal.SIGKILL


def test_others_of_the_same_group_are_spared() -> None:
    with bash("sleep 1000 & echo $!; sleep 1000 & echo $!; read") as process:
        one, two = numbers(process, 2)
        table = proc.snapshot()
        tree.signal_all(table, [table[one]], signal.SIGKILL)
        assert gone_within([one], 1)
        assert alive(two)
        assert process.poll() is None
        tree.signal_all(table, [table[two], table[process.pid]], signal.SIGKILL)
        assert gone_within([two], 1)


def test_what_cannot_be_killed_is_told_and_not_waited_for_long() -> None:
    real = proc.read(os.getpid())
    assert real
    stranger = real._replace(start=1)
    started = time.monotonic()
    killed = tree.kill_all(lambda _: [stranger], patience=0.2)
    assert killed == tree.Killed([], [stranger])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("subreaper", [True, False])
def test_an_escaped_process_is_ours_only_with_the_subreaper(subreaper: bool) -> None:
    found, pid, killed = script(
        f"""
        tree.become_subreaper(on={subreaper})
        pid = int(subprocess.run(["bash", "-c", ESCAPE], stdout=-1, start_new_session=True).stdout)
        print(pid in tree.descendants(os.getpid()), pid, tree.kill_descendants())
        assert not proc.has_children()
        """
    ).split()
    try:
        assert (found, killed) == (("True", "1") if subreaper else ("False", "0"))
        assert alive(int(pid)) is not subreaper
    finally:
        if not subreaper:
            os.kill(int(pid), signal.SIGKILL)


def test_kill_descendants_keeps_whom_it_is_told_to_keep() -> None:
    printed = script(
        """
        tree.become_subreaper()
        worker = subprocess.Popen(["bash", "-c", "sleep 1000 >&- & echo $!; read; exit 7"],
                                  stdin=-1, stdout=-1, text=True)
        child = int(worker.stdout.readline())
        other = subprocess.Popen(["sleep", "1000"])
        subprocess.run(["bash", "-c", ESCAPE], stdout=-1, start_new_session=True)
        print(tree.kill_descendants({worker.pid}), child in tree.descendants(os.getpid()))
        worker.communicate("\\n")
        print(worker.returncode, tree.kill_descendants())
        other.returncode = -9
        """
    )
    assert printed.split() == ["2", "True", "7", "1"]


def test_reaping_takes_orphans_and_leaves_the_end_of_others_to_them() -> None:
    printed = script(
        """
        tree.become_subreaper()
        mine = subprocess.Popen(["bash", "-c", "exit 5"])
        kept = subprocess.Popen(["bash", "-c", "exit 6"], start_new_session=True)
        for process in (mine, kept):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        text = subprocess.run(["bash", "-c", "(sleep 0.05 & echo $!)"], stdout=-1,
                              start_new_session=True).stdout
        os.waitid(os.P_PID, int(text), os.WEXITED | os.WNOWAIT)
        print(proc.reap_orphans({kept.pid}), proc.read(int(text)), mine.wait(), kept.wait())
        stolen = subprocess.Popen(["bash", "-c", "exit 6"], start_new_session=True)
        os.waitid(os.P_PID, stolen.pid, os.WEXITED | os.WNOWAIT)
        print(proc.reap_orphans(), stolen.wait())
        """
    )
    assert printed.splitlines() == ["1 None 5 6", "1 0"]  # the second is what `keep` prevents


#: A worker: subreaper, with one escaped process and one that is still below its parent.
WORKER = """
import subprocess, sys
from wmctl.runner import tree
tree.become_subreaper()
subprocess.run(["bash", "-c", sys.argv[1]], start_new_session=True)
child = subprocess.Popen(["bash", "-c", "trap '' TERM; sleep 1000 & echo $!; wait"],
                         start_new_session=True)
child.wait()
"""


@pytest.mark.parametrize("state", ["hangs", "stopped"])
@pytest.mark.parametrize("keep_root", [True, False])
def test_the_whole_tree_of_a_worker_is_killed(state: str, keep_root: bool) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, ESCAPE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(tree.__file__).parents[2],
    )
    with worker:
        pids = numbers(worker, 2)
        if state == "stopped":
            worker.send_signal(signal.SIGSTOP)
        killed = tree.kill_tree(worker.pid, keep_root=keep_root, grace=0.05)
        assert not any(alive(pid) for pid in pids)
        assert killed >= len(pids)
        if state == "stopped" or not keep_root:
            worker.kill()
            assert worker.wait(5) < 0


def test_orphans_of_another_parent_are_found_by_their_session() -> None:
    with bash(ESCAPE + "read") as process:
        (pid,) = numbers(process, 1)
        assert tree.kill_tree(process.pid, keep_root=True) == 0
        assert alive(pid)
        assert tree.kill_tree(process.pid, keep_root=False, sessions=[pid]) == 2
        assert not alive(pid)


def test_a_fork_bomb_is_ended() -> None:
    # Four generations and no more, so that a failing test does not end the machine.
    bomb = "f() { ((++n > 4)) && exec sleep 1000; for _ in 1 2 3; do f & done; sleep 1000; }"
    code = """
        import time
        tree.become_subreaper()
        bomb = subprocess.Popen(["bash", "-c", sys.argv[1]], start_new_session=True)
        until = time.monotonic() + 20
        while len(tree.descendants(bomb.pid)) < 60 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        print(tree.kill_descendants() >= 60, time.monotonic() - began < 5)
        print(len(tree.descendants(os.getpid())))
        bomb.returncode = -9
    """
    assert script(code, f"trap '' TERM; {bomb}; f").split() == ["True", "True", "0"]


def test_leftovers_are_known_by_their_environment() -> None:
    mark = f"wk-test-{os.getpid()}"
    cleared = "setsid env -i sleep 1000 & echo $!; sleep 1000 & echo $!; read"
    process = subprocess.Popen(
        ["bash", "-c", ESCAPE + cleared],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "WM_WORKER": mark},
    )
    with process:
        pids = [process.pid, *numbers(process, 3)]
        assert sorted(tree.leftovers(mark)) == sorted(pids)
        assert tree.leftovers(mark + "x") == tree.leftovers(mark[:-1]) == []
        assert tree.kill_leftovers(mark) == 4
        assert tree.leftovers(mark) == []
        assert process.wait(5) == -signal.SIGKILL
        assert gone_within(pids, 1)


def test_a_rescuer_that_is_itself_a_leftover_spares_itself() -> None:
    printed = script(
        """
        own = subprocess.Popen(["sleep", "1000"])
        print(tree.kill_leftovers("wk-outer"), own.poll())
        own.kill()
        own.wait()
        """,
        env={"WM_WORKER": "wk-outer"},
    )
    assert printed.split() == ["0", "None"]
