"""Spools of every released format are read by this version, and worked on."""

import json
import shutil
from pathlib import Path

import pytest

from tests.spool.golden.make import HERE, LOG, make
from wmctl.spool import STATES, Spool
from wmctl.spool import submit as submitting
from wmctl.spool.creation import FOLDERS
from wmctl.testing.spool_contract import audit, drain

FORMATS = sorted(path.name for path in HERE.glob("v*") if path.is_dir())


def restored(version: str, memory: Path) -> Spool:
    """git keeps no empty folders, modes or time stamps."""
    root = memory / version
    shutil.copytree(HERE / version, root, copy_function=shutil.copy)
    for folder in FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    (root / "running" / "wk-default-host-00000").mkdir(exist_ok=True)
    for path in (root, *root.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return Spool.open(root)


@pytest.mark.parametrize("version", FORMATS)
def test_everything_in_it_is_found(version: str, memory: Path) -> None:
    spool = restored(version, memory)
    expected = json.loads((HERE / f"{version}.json").read_text())
    assert {what["state"] for what in expected.values()} == set(STATES)
    assert {entry.id: entry.state for entry in spool.entries()} == {
        job_id: what["state"] for job_id, what in expected.items()
    }
    for job_id, what in expected.items():
        entry = spool.find(job_id)
        name = entry.name
        assert (name.tag, name.due, name.priority, name.claims, name.attempt) == (
            what["tag"], what["due"], what["priority"], what["claims"], what["attempt"],
        )  # fmt: skip
        if "job" in what:
            job = spool.job(entry)
            assert json.loads(job.to_json()) == what["job"]
            assert spool.args(job) == what["args"]
            assert spool.code(job) == what["code"]
        assert spool.record(entry) == what.get("record")
        if "reason" in what:
            reason = spool.reason(entry)
            assert reason is not None
            assert {key: reason[key] for key in reason if key != "at"} == what["reason"]
        if "record" in what or what["state"] == "running":
            log, errors = spool.log_paths(entry)
            assert (log.read_bytes(), errors.read_bytes()) == (LOG, b"6 11\n")
    assert [beat.worker for beat in spool.workers()] == ["wk-default-host-00000"]


@pytest.mark.parametrize("version", FORMATS)
def test_it_can_be_worked_on(version: str, memory: Path) -> None:
    spool = restored(version, memory)
    expected = json.loads((HERE / f"{version}.json").read_text())
    (keyed,) = (j for j, what in expected.items() if what.get("job", {}).get("key") == "nightly")
    job = spool.job(spool.find(keyed))
    assert spool.submit(job, tag="bash") == keyed
    for entry in list(spool.entries(["suspended"])):
        assert spool.wake(entry)
    for entry in list(spool.entries(["held"])):
        assert spool.unhold(entry)
    drain(spool)
    found = audit(spool.path)
    found.must_hold(expected)
    ends = {"success", "failure", "canceled", "skipped", "quarantined"}
    assert {found.state(job_id) for job_id in expected} == ends
    assert list((spool.path / "queue").rglob("*.v2.json")), "a newer job is for a newer worker"
    assert spool.prune(0).jobs == len(expected) - 1


def test_the_newest_one_is_what_this_version_writes(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes the format makes a new golden spool, and keeps the old ones."""
    monkeypatch.setattr(submitting, "new_id", submitting.new_id)
    make(memory / "now")
    golden = HERE / FORMATS[-1]
    files = {str(path.relative_to(golden)) for path in golden.rglob("*") if path.is_file()}
    now = memory / "now"
    assert {str(path.relative_to(now)) for path in now.rglob("*") if path.is_file()} == files
    for name in files:
        if "/cancel/" not in name and not name.endswith(".reason"):  # these say when
            assert (now / name).read_bytes() == (golden / name).read_bytes(), name
