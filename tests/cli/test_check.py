"""`wmctl spool check`: short about what is well, exact about what is not."""

import json
import os
from pathlib import Path

import pytest

from wmctl.spool import Spool


@pytest.fixture
def spool(environ) -> Spool:
    return Spool.open(Path(environ["HOME"]) / ".local/state/wmctl/spool")


def submit(wmctl, **environ) -> str:
    done = wmctl("submit", "-c", "exit 3", "-l", "bash", env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_sound_spool(wmctl, spool):
    submit(wmctl)
    done = wmctl("spool", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"nothing is wrong with 1 job in {spool.path}\n"
    assert wmctl("spool", "check", "-o", "json").stdout == "[]\n"


def test_a_torn_job_file(wmctl, spool):
    job = submit(wmctl)
    path = Path(spool.find(job).path)
    path.write_bytes(path.read_bytes()[:-5])
    done = wmctl("spool", "check", "-o", "json")
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)
    assert (found["job"], found["kind"]) == (job, "file")
    assert str(path) in found["problem"]


def test_the_history_of_a_whole_life(wmctl, spool):
    job = submit(wmctl, WMCTL_JOURNAL="1")
    wmctl("worker", "start", "--burst", env={"WMCTL_JOURNAL": "1"})
    assert len(list((spool.path / "journal").iterdir())) == 2
    done = wmctl("spool", "check", "--history")
    assert done.returncode == 0, done.stdout
    os.unlink(spool.find(job).path)
    done = wmctl("spool", "check", "--history")
    assert done.returncode == 1
    assert f"{job}  lost  it was acknowledged and is nowhere" in done.stdout


def test_a_journal_in_a_folder_of_its_own(wmctl, spool, tmp_path):
    folder = {"WMCTL_JOURNAL": str(tmp_path / "journal")}
    submit(wmctl, **folder)
    assert not (spool.path / "journal").exists()
    assert wmctl("spool", "check", "--history", env=folder).returncode == 0


def test_no_journal_is_no_proof(wmctl):
    submit(wmctl)
    done = wmctl("spool", "check", "--history")
    assert done.returncode == 65
    assert "WMCTL_JOURNAL=1" in done.stderr


def test_off_nothing_is_written(wmctl, spool):
    submit(wmctl, WMCTL_JOURNAL="0")
    assert not (spool.path / "journal").exists()


def test_of_no_spool_nothing_is_said_to_be_well(wmctl, fresh):
    done = wmctl("spool", "check")
    assert done.returncode == 78
    assert f"there is no spool in {fresh}" in done.stderr
    assert not fresh.exists()
