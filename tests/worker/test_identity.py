"""Who a worker is on this host: its name, its folder, its lock."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from wmctl.errors import ConfigError
from wmctl.worker import identity


def test_a_name_is_windmills_and_new_every_time() -> None:
    names = {identity.new_name("gpu") for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert re.fullmatch(r"wk-gpu-[A-Za-z0-9]{1,30}-[a-z0-9]{5}", name)


@pytest.mark.parametrize(
    ("group", "label"),
    [("a/../b", "ab"), ("x" * 80, "x" * 30), ("", "default"), ("žluť", "lu"), ("a_b", "a_b")],
)
def test_a_name_is_safe_as_a_file_name(group: str, label: str) -> None:
    assert identity.new_name(group).startswith(f"wk-{label}-")


def test_a_machine_has_a_boot_id_and_a_pid_namespace() -> None:
    assert len(identity.boot_id()) == 36
    assert identity.boot_id() == identity.boot_id()
    assert identity.pid_namespace().startswith("pid:[")


def test_the_work_folder_is_this_users_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = identity.work_folder({"WINDMILL_DIR": str(tmp_path)})
    finally:
        os.umask(old)
    assert folder == tmp_path / f"wmctl-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert identity.work_folder({"WINDMILL_DIR": str(tmp_path)}) == folder


@pytest.mark.parametrize("what", ["open", "link", "file"])
def test_a_work_folder_that_others_could_have_laid_is_refused(tmp_path: Path, what: str) -> None:
    """Everybody may write in /tmp, and wait there for somebody else's jobs."""
    folder = tmp_path / f"wmctl-{os.geteuid()}"
    if what == "open":
        folder.mkdir()
        folder.chmod(0o777)
    elif what == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to("elsewhere")
    else:
        folder.write_text("")
    with pytest.raises(ConfigError):
        identity.work_folder({"WINDMILL_DIR": str(tmp_path)})


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    lock = identity.LifeLock(tmp_path, "wk-a")
    with pytest.raises(OSError, match="temporarily unavailable"):
        identity.LifeLock(tmp_path, "wk-a")
    lock.release()
    assert not lock.path.exists()


def test_a_lock_can_be_left_behind_as_the_proof_of_a_death(tmp_path: Path) -> None:
    """Who goes with claims in hand lets others see at once that it is gone."""
    lock = identity.LifeLock(tmp_path, "wk-a")
    beat = {
        "boot_id": identity.boot_id(),
        "pid_namespace": identity.pid_namespace(),
        "lock": str(lock.path),
    }
    assert not identity.proven_dead(tmp_path, "wk-a", beat)
    lock.release(keep=True)
    assert identity.proven_dead(tmp_path, "wk-a", beat)


def test_jobs_do_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = identity.LifeLock(tmp_path, "wk-a")
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        child.stdout.readline()
        lock.release()
        identity.LifeLock(tmp_path, "wk-a").release()
    finally:
        child.communicate(b"\n")


def test_forgetting_removes_the_lock_and_the_job_folders(tmp_path: Path) -> None:
    lock = identity.LifeLock(tmp_path, "wk-a")
    (tmp_path / "wk-a" / "job" / "shared").mkdir(parents=True)
    (tmp_path / "wk-b").mkdir()
    identity.forget(tmp_path, "wk-a")
    assert not lock.path.exists()
    assert not (tmp_path / "wk-a").exists()
    assert (tmp_path / "wk-b").exists()
    identity.forget(tmp_path, "wk-never-seen")


@pytest.mark.parametrize("name", ["locks", ".", "..", ""])
def test_forgetting_what_is_no_worker_removes_nothing(tmp_path: Path, name: str) -> None:
    lock = identity.LifeLock(tmp_path / "work", "wk-a")
    identity.forget(tmp_path / "work", name)
    assert lock.path.exists()
