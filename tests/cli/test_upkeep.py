"""quarantine, prune, doctor --fix, spool du and spool migrate: in this process, on a real spool."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from wmctl.errors import SpoolBusy, SpoolFormat
from wmctl.spool import Disk, Job, Settings, Spool, modes
from wmctl.spool.migrate import Migration
from wmctl.spool.store import Store
from wmctl.testing.spool_contract import audit, claim

WORKER = "wk-default-test-00000"
DAY = 86400


def submit(spool: Spool, code: str = ":", **fields: Any) -> str:
    return spool.submit(Job(language="bash", code=code, **fields), tag="bash")


def ended(spool: Spool, outcome: str = "success", log: bytes = b"") -> str:
    taken = claim(spool, WORKER, spool.find(submit(spool)))
    assert taken is not None
    fd = spool.open_log(taken)
    os.write(fd, log)
    os.close(fd)
    assert spool.finish(taken, outcome, {"exit_code": 1, "result": None})
    return taken.id


def older(path: Path, seconds: float) -> None:
    now = path.stat().st_mtime
    os.utime(path, (now - seconds, now - seconds))


def quarantined(spool: Spool, content: bytes | None = None, mode: int = 0o600) -> str:
    """A job that was found unfit."""
    job_id = submit(spool)
    path = Path(spool.find(job_id).path)
    if content is not None:
        path.write_bytes(content)
    path.chmod(mode)
    assert claim(spool, WORKER, spool.find(job_id)) is None
    assert spool.find(job_id).state == "quarantined"
    return job_id


def stray(spool: Spool, content: bytes = b"?") -> None:
    path = spool.path / "queue/bash/so me"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    older(path, 3600)
    assert spool.quarantine_stray(str(path), "bash")


# quarantine


def test_everything_in_quarantine_is_listed(call: Call, spool: Spool) -> None:
    job_id = quarantined(spool, b"no json")
    stray(spool)
    code, out, _ = call("quarantine", "ls", "-o", "json")
    items = json.loads(out)
    assert code == 0
    assert [item["reason"] for item in items] == ["malformed", "bad-name"]
    assert [item["tag"] for item in items] == ["bash", None]
    assert items[0]["name"] == job_id
    assert items[1]["name"].startswith("so%20me.")
    assert all(0 <= item["age"] < 600 for item in items)


def test_the_content_is_shown_as_it_is_in_a_pipe(call: Call, spool: Spool) -> None:
    job_id = quarantined(spool, b"no\x1b[31m json")
    code, out, err = call("quarantine", "show", job_id[-8:])
    assert (code, out) == (0, "no\x1b[31m json")
    assert "malformed" in err


def test_a_link_in_quarantine_is_not_followed(call: Call, spool: Spool) -> None:
    (spool.path / "quarantine/passwd").symlink_to("/etc/passwd")
    code, out, err = call("quarantine", "show", "passwd")
    assert (code, out) == (65, "")
    assert "not a regular file" in err
    assert call("quarantine", "rm", "passwd")[0] == 0
    assert Path("/etc/passwd").exists()
    assert (spool.path / "trash/passwd").is_symlink()


def test_what_is_fit_by_now_is_released(call: Call, spool: Spool) -> None:
    job_id = quarantined(spool, mode=0o666)
    code, out, err = call("quarantine", "release", job_id)
    assert (code, out) == (1, "")
    assert "others may write to it" in err
    Path(spool.find(job_id).path).chmod(0o600)
    assert call("quarantine", "release", job_id) == (0, f"{job_id}  queued\n", "")
    assert not list((spool.path / "quarantine").iterdir())
    assert claim(spool, WORKER, spool.find(job_id)) is not None


def test_what_is_no_job_stays(call: Call, spool: Spool) -> None:
    quarantined(spool, b"no json")
    stray(spool, b'{"language":"bash","code":":"}')
    code, out, err = call("quarantine", "release", "-a", "-y")
    assert (code, out) == (1, "")
    assert "not JSON" in err
    assert "no job's name" in err
    assert len(list((spool.path / "quarantine").iterdir())) == 4


def test_a_cancel_that_came_meanwhile_counts(call: Call, spool: Spool) -> None:
    job_id = quarantined(spool, mode=0o666)
    Path(spool.find(job_id).path).chmod(0o600)
    spool.cancel(job_id)
    call("quarantine", "release", job_id)
    assert spool.find(job_id).state == "canceled"


def test_rm_puts_it_into_the_trash_for_a_day(call: Call, spool: Spool) -> None:
    jobs = [quarantined(spool, b"no json"), quarantined(spool, b"[]")]
    older(Path(spool.find(jobs[0]).path), 10 * DAY)
    assert call("quarantine", "rm", "-a")[0] == 2
    assert call("quarantine", "rm", "-a", "-n")[0] == 0
    assert call("quarantine", "rm", "-a", "-y")[0] == 0
    assert not list((spool.path / "quarantine").iterdir())
    spool.prune()
    trash = spool.path / "trash"
    assert len(list(trash.iterdir())) == 4
    for path in trash.iterdir():
        older(path, 2 * DAY)
    spool.prune()
    assert not list(trash.iterdir())


# prune


def tree(spool: Spool) -> set[str]:
    return {str(path) for path in spool.path.rglob("*")}


def test_prune_shows_first_what_it_would_do(call: Call, spool: Spool) -> None:
    ended(spool)
    ended(spool, "failure", log=b"x" * 9000)
    before = tree(spool)
    code, out, _ = call("prune", "--older-than", "0s", "-n", "-o", "json")
    plan = json.loads(out)
    assert code == 0
    assert (plan["dry_run"], plan["jobs"]) == (True, 2)
    assert plan["states"] == {"success": 1, "failure": 1}
    assert plan["bytes"] > 9000
    code, out, err = call("prune", "--older-than", "0s")
    assert (code, out) == (2, "")
    assert "2 jobs (1 success, 1 failure)" in err
    assert tree(spool) == before
    code, out, _ = call("prune", "--older-than", "0s", "-y", "-o", "json")
    assert json.loads(out) == plan | {"dry_run": False}
    assert list(spool.entries()) == []


def test_prune_takes_only_these_states(call: Call, spool: Spool) -> None:
    good, bad = ended(spool), ended(spool, "failure")
    assert call("prune", "--older-than", "0s", "-s", "success", "-y", "-q") == (0, "", "")
    assert [entry.id for entry in spool.entries()] == [bad]
    assert good != bad
    assert call("prune", "-s", "running")[0] == 2


def test_nothing_to_prune_is_well(call: Call, spool: Spool) -> None:
    ended(spool)
    code, out, err = call("prune")
    assert (code, err) == (0, "")
    assert out.startswith("nothing to remove")


def test_a_dry_prune_changes_nothing_and_counts_the_rubbish_too(spool: Spool) -> None:
    (spool.path / "tmp/old").write_text("x")
    blob = spool.path / "blobs" / ("0" * 64)
    blob.write_text("x")
    for path in (spool.path / "tmp/old", blob):
        older(path, 3 * DAY)
    before = tree(spool)
    plan = spool.prune(dry=True)
    assert (plan.leftovers, plan.blobs) == (1, 1)
    assert tree(spool) == before
    assert not (spool.path / "control/pruned").exists()
    done = spool.prune()
    assert (done.leftovers, done.blobs) == (1, 1)


# doctor --fix


def findings(call: Call, *words: str) -> tuple[int, list[tuple[str, str, str]]]:
    code, out, _ = call("doctor", "-o", "json", *words)
    checks = {"permissions", "layout", "leftovers", "queue", "workers"}
    return code, [
        (item["check"], item["status"], item["detail"])
        for item in json.loads(out)
        if item["check"] in checks and item["status"] != "ok"
    ]


def test_doctor_mends_folders_and_not_what_others_may_have_written(
    call: Call, spool: Spool
) -> None:
    job_id = submit(spool)
    path = Path(spool.find(job_id).path)
    path.chmod(0o666)
    path.parent.chmod(0o777)
    for words, status in (((), "fault"), (("--fix",), "fixed")):
        code, found = findings(call, *words)
        assert code == 1  # the file, in either case
        kinds = {(kind, how) for kind, how, text in found if str(path.parent) in text}
        assert ("permissions", status) in kinds
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o666
    path.chmod(0o600)
    assert findings(call) == (0, [item for item in findings(call)[1] if item[1] == "note"])


def test_doctor_gives_a_group_its_bits(call: Call, tmp_path: Path, monkeypatch: Any) -> None:
    shared = Spool.create(tmp_path / "shared", Settings(file_mode="0660"))
    monkeypatch.setenv("WMCTL_SPOOL", str(shared.path))
    job_id = submit(shared)
    path = Path(shared.find(job_id).path)
    path.chmod(0o600)
    path.parent.chmod(0o770)  # without setgid
    code, found = findings(call)
    assert code == 1
    assert {text.partition(":")[0] for kind, _, text in found if kind == "permissions"} == {
        "the group may not use it", "what is made in it is not the group's",
    }  # fmt: skip
    findings(call, "--fix")
    assert path.stat().st_mode & 0o7777 == 0o660
    assert path.parent.stat().st_mode & 0o7777 == 0o2770


class ForeignDisk(Disk):
    """A disk on which the logs belong to somebody else."""

    def stat(self, path: str) -> os.stat_result:
        found = super().stat(path)
        if not path.endswith("/logs"):
            return found
        return os.stat_result((*found[:4], 4321, *found[5:]))


def test_foreign_owners_are_named_and_left_alone(spool: Spool) -> None:
    store = Store.open(str(spool.path), ForeignDisk())
    flaws = list(modes.flaws(store))
    assert flaws == [modes.Flaw("belongs to uid 4321", f"{spool.path}/logs")]
    assert not modes.mend(store, flaws[0])


def test_doctor_removes_what_is_stale_and_nothing_else(call: Call, spool: Spool) -> None:
    drain, signal = spool.path / "control/drain", spool.path / "control/signal"
    running = claim(spool, WORKER, spool.find(submit(spool)))
    assert running is not None
    gone = [drain / "wk-gone", signal / f"{ended(spool)}.1.00.aa", spool.path / "tmp/old"]
    kept = [
        drain / WORKER, signal / f"{running.id}.{running.name.claims}.00.bb",
        spool.path / "tmp/new", spool.path / "notes.txt",
    ]  # fmt: skip
    for path in (*gone, *kept):
        path.write_text("")
        older(path, 0 if path.name == "new" else 3 * DAY)
    (spool.path / "control/slots").rmdir()
    before = tree(spool)
    _, found = findings(call)
    assert tree(spool) - {f"{spool.path}/control/pruned"} == before
    assert {kind for kind, _, _ in found} == {"layout", "leftovers"}
    _, found = findings(call, "--fix")
    assert {status for kind, status, text in found if "notes.txt" not in text} == {"fixed"}
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert (spool.path / "control/slots").is_dir()
    audit(spool.path).must_hold([running.id])


def test_doctor_tells_of_pauses_and_lost_folders(call: Call, spool: Spool) -> None:
    spool.pause("gpu", "upgrade")
    (spool.path / "running/wk-lost").mkdir(mode=0o700)
    _, found = findings(call)
    assert any("the tag 'gpu' was paused" in text and "upgrade" in text for _, _, text in found)
    assert any("wk-lost left its folder" in text for _, _, text in found)


# spool du


def test_du_counts_every_file_once(call: Call, spool: Spool) -> None:
    ended(spool, log=b"x" * 20_000)
    submit(spool)
    (spool.path / "stray").write_text("x")
    code, out, _ = call("spool", "du", "-o", "json")
    facts = json.loads(out)
    files = [path for path in spool.path.rglob("*") if path.is_file()]
    assert code == 0
    assert facts["files"] == len(files)
    assert facts["bytes"] == sum(path.stat().st_blocks * 512 for path in files)
    for key in ("files", "bytes"):
        assert sum(part[key] for part in facts["parts"]) == facts[key]
    # Two job files, a result and a log.
    assert [(tag["tag"], tag["files"]) for tag in facts["tags"]] == [("bash", 4)]
    assert facts["logs"][0]["bytes"] >= 20_000
    assert "PART" in call("spool", "du")[1]


# spool migrate


def test_the_format_of_today_needs_nothing(call: Call, spool: Spool) -> None:
    code, out, _ = call("spool", "migrate")
    assert (code, out) == (0, f"nothing to do: {spool.path} has format 1\n")


def test_a_newer_or_damaged_spool_is_refused(call: Call, spool: Spool) -> None:
    path = spool.path / "spool.json"
    content = path.read_text()
    for text in (content.replace('"format":1', '"format":2'), "{", '{"format":true}'):
        path.write_text(text)
        code, out, err = call("spool", "migrate")
        assert (code, out) == (78, "")
        assert err.startswith("wmctl: ")
        assert path.read_text() == text


def test_an_older_format_is_brought_up_step_by_step(spool: Spool) -> None:
    done: list[int] = []

    def step(number: int) -> Any:
        def change(store: Store) -> None:
            assert json.loads((spool.path / "spool.json").read_text())["format"] == number
            done.append(number)
            if done == [1, 2]:
                raise OSError("power cut")
            store.put(b"new", store.path("groups", f"made-by-{number}"))

        return change

    def migration() -> Migration:
        return Migration(str(spool.path), Disk(), steps={1: step(1), 2: step(2)}, target=3)

    with pytest.raises(SpoolBusy, match="in use"):
        migration().run()
    assert spool.leave(WORKER)
    with pytest.raises(Exception, match="power cut"):
        migration().run()
    content = json.loads((spool.path / "spool.json").read_text())
    assert content["format"] == 2  # as far as it came
    with pytest.raises(SpoolFormat, match="format 1"):
        (spool.path / "spool.json").write_text(json.dumps(content | {"format": 1}))
        Migration(str(spool.path), Disk(), steps={}, target=2)
