"""`wmctl metrics`: read by Prometheus's own parser, and true to what the files say."""

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.conftest import Call
from wmctl.spool import Job, Name, Spool, new_id
from wmctl.spool.name import due_after

PAGE = Path(__file__).parents[2] / "docs/how-to/alerts-and-metrics.md"


def samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels in the order of their names."""
    return {
        (one.name, *(one.labels[key] for key in sorted(one.labels))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def scene(spool: Spool) -> None:
    said = {
        "tags": ["bash"], "groups": ["default"], "state": "busy", "job": new_id(),
        "uptime": 12.5, "occupancy": [1.0, 0.5, 0.25], "memory_usage": 1000,
        "executions": {'od"d\ntag\\': [1, 0.5], "bash": [3, 4.5]},
    }  # fmt: skip
    spool.join("wk-default-lab-00001", said)
    spool.join("wk-default-lab-00002", said)
    os.utime(spool.path / "workers/wk-default-lab-00002", (time.time() - 3600,) * 2)
    spool.join("wk-old-lab-00003", {"tags": ["gpu"], "group": "old", "executions": [1]})
    for _ in range(3):
        spool.submit(Job(language="bash", code=":"), tag="bash")
    spool.submit(Job(language="bash", code=":"), tag="bash", delay=3600)
    name = Name(due_after(0, spool.now()), 0, new_id(), "gpu", claims=1)
    (spool.path / "running/wk-default-lab-00001" / name.file).write_bytes(b"{}")
    (spool.path / "groups/gpu.yaml").write_text("min_alive_workers_alert_threshold: 2\n")
    (spool.path / "groups/gpu.yaml").chmod(0o600)


def test_what_is_told_is_so(spool: Spool, call: Call) -> None:
    scene(spool)
    code, out, err = call("metrics")
    assert (code, err) == (0, "")
    found = samples(out)
    me = ("default", "wk-default-lab-00001")
    expected = {
        ("worker_started", *me): 1,
        ("worker_uptime", *me): 12.5,
        ("worker_busy", *me): 1,
        ("worker_busy", "old", "wk-old-lab-00003"): 0,
        ("worker_execution_count", "default", "bash", me[1]): 3,
        ("worker_execution_count", "default", 'od"d\ntag\\', me[1]): 1,
        ("worker_execution_duration_count", "default", "bash", me[1]): 3,
        ("worker_execution_duration_sum", "default", "bash", me[1]): 4.5,
        ("worker_execution_duration_counter", "default", "bash", me[1]): 4.5,
        ("wmctl_worker_occupancy", "default", "5m", me[1]): 0.5,
        ("queue_count", "bash"): 3,
        ("queue_running_count", "gpu"): 1,
        ("wmctl_queue_later_count", "bash"): 1,
        ("wmctl_group_alive_workers", "default"): 1,
        ("wmctl_group_min_alive_workers", "gpu"): 2,
        ("wmctl_alert", "workers", "workers of gpu", "gpu"): 1,
        ("wmctl_status",): 1,
    }
    assert {key: found.get(key) for key in expected} == expected
    status = json.loads(call("status", "-o", "json")[1])
    assert found["queue_count", "bash"] == status["tags"][0]["waiting"]


def test_a_dead_worker_is_in_it_no_more(spool: Spool, call: Call) -> None:
    scene(spool)
    text = call("metrics")[1]
    assert "wk-default-lab-00002" not in text
    assert samples(text)["wmctl_dead_workers",] == 1


def test_every_metric_is_on_the_page_and_no_other(spool: Spool, call: Call) -> None:
    scene(spool)
    named = set(re.findall(r"^# TYPE (\w+)", call("metrics")[1], re.MULTILINE))
    page = PAGE.read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)", page, re.MULTILINE))
    assert {name for name in told if not name.startswith("WMCTL_ALERT")} >= named
    listed = page.partition("## Metrics")[2].partition("## What is not given")[0]
    assert set(re.findall(r"^\| `(\w+)", listed, re.MULTILINE)) == named


def test_textfile_is_whole_or_not_there(spool: Spool, call: Call, tmp_path: Path) -> None:
    scene(spool)
    path = tmp_path / "wmctl.prom"
    path.write_text("old\n")
    assert call("metrics", "--textfile", str(path)) == (0, "", "")
    assert samples(path.read_text())["queue_count", "bash"] == 3
    assert path.read_text().endswith("\n")
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(os.listdir(tmp_path)) == ["spool", "wmctl.prom"]
    code, out, err = call("metrics", "--textfile", "no/such/folder/x.prom")
    assert (code, out) == (74, "")
    assert "cannot write no/such/folder/x.prom" in err


def test_without_the_package_it_says_how_to_get_it(
    spool: Spool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.exposition", None)
    code, out, err = call("metrics")
    assert (code, out) == (78, "")
    assert "pip install 'wmctl[metrics]'" in err
