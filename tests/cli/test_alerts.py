"""`wmctl alerts` and `wmctl status`: who is told of what, once, and what the one screen says."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from wmctl.cli import status_screen
from wmctl.spool import Job, Name, Spool, new_id, orders
from wmctl.spool.name import due_after

ROW = "- {name: backlog, tags_to_monitor: [bash, gpu], jobs_num_threshold: 2"


def configure(spool: Spool, text: str, file: str = "alerts.yaml") -> None:
    path = spool.path / file
    path.write_text(text)
    path.chmod(0o600)


def queue(spool: Spool, count: int, tag: str = "bash") -> None:
    for _ in range(count):
        spool.submit(Job(language="bash", code=":"), tag=tag)


def worker(spool: Spool, name: str, age: float = 0.0, **content: object) -> None:
    said = {"tags": ["bash"], "groups": ["default"], "state": "idle", "host": "lab", **content}
    spool.join(name, said)
    if age:
        os.utime(spool.path / "workers" / name, (time.time() - age,) * 2)


def facts(call: Call) -> dict:
    return json.loads(call("status", "-o", "json")[1])


def words(found: dict) -> list[str]:
    return [one["problem"] for one in found["problems"]]


# Alerts.


def test_somebody_is_told_once_within_the_cooldown(
    spool: Spool, call: Call, tmp_path: Path
) -> None:
    configure(
        spool,
        f"command: 'cat >> {tmp_path}/told; env | grep -c ^WMCTL_ALERT >> {tmp_path}/told'\n"
        f"alerts:\n{ROW}}}\n",
    )
    queue(spool, 1)
    assert call("alerts", "check") == (0, "", "")
    queue(spool, 1)
    text = "2 jobs wait for the tag 'bash'; backlog: 2 or more\n"
    assert call("alerts", "check", "-n") == (1, text, "")
    assert call("alerts", "check") == (1, text, "")
    told, count = (tmp_path / "told").read_text().splitlines()
    facts = json.loads(told)
    assert (facts["name"], facts["kind"], facts["of"], facts["count"]) == (
        "backlog", "jobs", "bash", 2,
    )  # fmt: skip
    assert count == "6"
    assert call("alerts", "check") == (1, "", ""), "nobody is told again"
    assert len((tmp_path / "told").read_text().splitlines()) == 2
    [one, other] = json.loads(call("alerts", "ls", "-o", "json")[1])
    assert one["fires"]
    assert one["told_age"] < 60
    assert (other["fires"], other["told_age"]) == (False, None)


def test_a_command_that_fails_is_told_of_and_tried_again(spool: Spool, call: Call) -> None:
    configure(spool, f"command: 'echo no mail here; exit 3'\nalerts:\n{ROW}}}\n")
    queue(spool, 2)
    for _ in range(2):
        code, _, err = call("alerts", "check", "-q")
        assert code == 1
        assert "its command ended with 3: no mail here" in err
    assert call("alerts", "check", "-q", "--command", "cat >/dev/null") == (1, "", "")
    assert call("alerts", "check", "-q") == (1, "", "")


def test_jobs_count_that_have_waited_long_enough(spool: Spool, call: Call) -> None:
    configure(spool, f"alerts:\n{ROW}, alert_time_threshold_seconds: 60}}\n")
    queue(spool, 5)
    assert call("alerts", "check")[0] == 0
    folder = spool.path / "queue/gpu"
    folder.mkdir()
    for age in (50, 70, 90):
        name = Name(due_after(-age, spool.now()), 0, new_id(), "gpu")
        (folder / name.queued).write_bytes(Job(language="bash", code=":").to_json())
    code, out, _ = call("alerts", "check")
    assert (code, out) == (
        1, "2 jobs wait for the tag 'gpu' for 1m00s or longer; backlog: 2 or more\n"
    )  # fmt: skip


def test_a_group_with_too_few_workers(spool: Spool, call: Call) -> None:
    configure(spool, "min_alive_workers_alert_threshold: 2\n", "groups/gpu.yaml")
    worker(spool, "wk-gpu-lab-00001", groups=["etl", "gpu"])
    worker(spool, "wk-gpu-lab-00002", age=3600, groups=["gpu"])
    worker(spool, "wk-gpu-lab-00003", groups=["gpu"], only="one job")
    text = "group gpu has 1 live worker, and is to have 2 or more\n"
    assert call("alerts", "check") == (1, text, "")
    worker(spool, "wk-gpu-lab-00004", groups=["gpu"])
    assert call("alerts", "check") == (0, "", "")


def test_a_shared_spool_s_commands_are_their_owner_s(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("init", "--shared", str(tmp_path / "shared"))[0] == 0
    shared = Spool.open(tmp_path / "shared")
    monkeypatch.setenv("WMCTL_SPOOL", str(shared.path))
    configure(shared, f"command: 'touch {tmp_path}/ran'\nalerts:\n{ROW}}}\n")
    (shared.path / "alerts.yaml").chmod(0o660)
    queue(shared, 2)
    code, _, err = call("alerts", "check")
    assert code == 78
    assert "others than you may write them" in err
    assert not (tmp_path / "ran").exists()
    assert call("alerts", "check", "-n")[0] == 1
    (shared.path / "alerts.yaml").chmod(0o644)
    assert call("alerts", "check")[0] == 1
    assert (tmp_path / "ran").exists()


def test_validate(spool: Spool, call: Call, tmp_path: Path) -> None:
    assert call("alerts", "validate")[:2] == (0, "0 alerts, no fault\n")
    (tmp_path / "new.yaml").write_text(f"alerts:\n{ROW}}}\n")
    assert call("alerts", "validate", "new.yaml")[:2] == (0, "1 alert, no fault\n")
    configure(spool, "alerts:\n- {name: a}\n")
    for command in ("validate", "check", "ls"):
        code, _, err = call("alerts", command)
        assert code == 78
        assert f"{spool.path}/alerts.yaml:2: an alert needs tags_to_monitor" in err


def test_doctor_knows_the_file(spool: Spool, call: Call) -> None:
    def finding(name: str) -> tuple[str, str]:
        found = json.loads(call("doctor", "-o", "json")[1])
        one = next(item for item in found if item["check"] == name)
        return one["status"], one["detail"]

    configure(spool, f"alerts:\n{ROW}}}\n")
    assert finding("alerts") == ("ok", "1 alert in alerts.yaml")
    assert finding("permissions")[0] == "ok"
    assert "nothing that wmctl knows" not in call("doctor")[1]
    (spool.path / "alerts.yaml").chmod(0o666)
    assert finding("permissions")[0] == "fault"
    configure(spool, "alert: []\n")
    status, detail = finding("alerts")
    assert status == "fault"
    assert "alerts.yaml:1: unknown key 'alert'" in detail


# Status.


def test_good_and_what_is_paused_is_a_note(spool: Spool, call: Call) -> None:
    queue(spool, 1)
    assert words(facts(call)) == ["NoWorker"], "the only worker serves nothing"
    worker(spool, "wk-default-lab-00001")
    assert facts(call)["status"] == "good"
    spool.pause("bash", "driver upgrade")
    orders.pause_group(spool.store, "default", by="ann", reason="night")
    code, out, _ = call("status")
    assert code == 0, out
    assert "- the tag 'bash' is paused by " in out
    assert "driver upgrade" in out
    assert "- the group default is paused by ann" in out
    assert "    wmctl group resume default" in out
    assert "groups   default 1 (paused)" in out


def test_each_problem_has_its_word_and_the_command_that_mends_it(spool: Spool, call: Call) -> None:
    configure(spool, "min_alive_workers_alert_threshold: 4\n", "groups/gpu.yaml")
    configure(spool, "worker_tag: []\n", "groups/bad.yaml")
    configure(spool, f"alerts:\n{ROW}}}\n")
    queue(spool, 2)
    queue(spool, 1, tag="nobody")
    worker(spool, "wk-default-lab-00001", age=spool.settings.beat * 4)
    worker(spool, "wk-gpu-lab-00002", state="init", tags=["gpu"], groups=["gpu"], last_job="0193",
           reason="init script failed (exit 3), next try in 8 s")  # fmt: skip
    worker(spool, "wk-default-lab-00003", age=3600)
    worker(spool, "wk-default-lab-00004", age=7200)
    for name in ("wk-default-lab-00003", "wk-default-lab-00004"):
        claim = Name(due_after(0, spool.now()), 0, new_id(), "bash", claims=1)
        (spool.path / "running" / name / claim.file).write_bytes(b"{}")
    found = facts(call)
    problems = {one["problem"]: one for one in found["problems"]}
    assert words(found) == [
        "DeadWorker", "StaleWorker", "InitScript", "NoWorker", "Alert", "Alert", "BadConfig",
    ]  # fmt: skip
    assert problems["DeadWorker"]["text"].startswith("2 workers (wk-default-lab-0000")
    assert problems["InitScript"]["fix"] == "wmctl logs 0193"
    assert "worker_tag" in problems["BadConfig"]["text"]
    assert [one["name"] for one in found["alerts"]] == ["workers of gpu", "backlog"]
    assert {one["group"]: one["alive"] for one in found["groups"]} == {"default": 1, "gpu": 1}
    assert found["status"] == "degraded"


def test_a_wrong_alerts_file_does_not_hide_the_rest(spool: Spool, call: Call) -> None:
    configure(spool, "nonsense: 1\n")
    found = facts(call)
    assert words(found) == ["BadConfig"]
    assert call("status")[0] == 1


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (80, 12)])
def test_it_is_one_screen_however_much_is_the_matter(
    size: tuple[int, int], spool: Spool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        queue(spool, 1, tag=f"tag-{number}")
    worker(spool, "wk-default-lab-00001")
    found = facts(call)
    assert len(found["problems"]) == 40
    whole = list(status_screen.screen(found))
    assert sum(line.startswith("! ") for line in whole) == 40
    monkeypatch.setattr(status_screen, "_size", lambda: size)
    lines = list(status_screen.screen(found))
    heights = sum(max(-(-len(line) // size[0]), 1) for line in lines)
    assert heights < max(size[1], 24)
    assert any(line.startswith("... and ") for line in lines)
    assert any(line.startswith("! ") for line in lines)
