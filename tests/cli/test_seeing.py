"""ps, show, logs, result, wait, status and stats: what they say of real jobs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Wmctl
from tests.host import Host, eventually
from wmctl.cli import jobcolumns, tables
from wmctl.cli.details import details
from wmctl.cli.exits import UsageError
from wmctl.cli.follow import Follower, Group
from wmctl.cli.ids import find_view
from wmctl.cli.jobview import FIELDS
from wmctl.cli.logfile import LogReader, errors_of, tail_of
from wmctl.cli.ps import jobs
from wmctl.cli.result import pick, steps_of
from wmctl.cli.selector import Selector
from wmctl.cli.stats import quantile, stats_of
from wmctl.spool import Claim, Job, Settings, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool with one worker that nobody is behind."""
    made = Spool.create(tmp_path / "spool", Settings(durability="none"))
    made.join("wk-a", {"tags": ["t"], "state": "idle", "host": "hosta"})
    return made


def job(name: str = "", **more: object) -> Job:
    """A command that is never run."""
    return Job(kind="command", argv=("true",), name=name, **more)  # type: ignore[arg-type]


def claim(spool: Spool, job_id: str) -> Claim:
    """Take a job that waits, and begin its log."""
    entry = spool.find(job_id)
    found = spool.claim("wk-a", entry.name, entry.path, lambda _name, _job: None)
    assert found is not None
    os.close(spool.open_log(found))
    return found


def finish(spool: Spool, job_id: str, outcome: str = "success", **record: object) -> None:
    """Run a job, so to speak."""
    facts: dict[str, Any] = {
        "worker": "wk-a", "started_at": "2026-11-23T09:00:00.000Z",
        "completed_at": "2026-11-23T09:00:02.000Z", "exit_code": 0, "result": None,
    }  # fmt: skip
    spool.finish(claim(spool, job_id), outcome, facts | record)


# ps


def test_fields_and_columns(spool: Spool) -> None:
    """A list tells what it promises, and each name is understood; a wrong one lists them all."""
    spool.submit(job("a"), tag="t")
    (facts,) = jobs(spool, Selector())
    assert list(facts) == ["schema", *FIELDS]
    assert jobcolumns.fields_of("ID, exit,User,time", "-c") == (
        "id", "exit_code", "created_by", "time",
    )  # fmt: skip
    for text in ("x", "id,,x", ""):
        with pytest.raises(UsageError) as caught:
            jobcolumns.fields_of(text, "--columns")
        assert "prio" in str(caught.value.hint)
    for field in (*FIELDS, "age", "time"):
        (column,) = jobcolumns.columns_of([field])
        assert isinstance(column.cell(facts), str)
        needed = jobcolumns.needed([field])
        (less,) = jobs(spool, Selector(), needed)
        assert column.cell(less) == column.cell(facts) or field == "age"


def test_sorted_by_any_column(spool: Spool) -> None:
    """What has no value comes last either way."""
    for name, priority in (("b", 3), ("c", 1), ("", 2)):
        spool.submit(job(name), tag="t", priority=priority)
    every = list(jobs(spool, Selector()))
    assert [one["name"] for one in jobcolumns.in_order(every, *jobcolumns.order_of("name"))] == [
        "b", "c", "",
    ]  # fmt: skip
    assert [one["name"] for one in jobcolumns.in_order(every, *jobcolumns.order_of("-name"))] == [
        "c", "b", "",
    ]  # fmt: skip
    back = jobcolumns.in_order(every, *jobcolumns.order_of("-prio"))
    assert [one["priority"] for one in back] == [3, 2, 1]


def test_a_table_streams_and_widens() -> None:
    """The first rows come before the last are asked for; later ones are whole, too."""
    asked = 0

    def items() -> Any:
        nonlocal asked
        for number in range(1000):
            asked += 1
            yield {"a": "x" * (50 if number == 700 else 3), "b": "end"}

    columns = [
        tables.Column("A", lambda item: item["a"]),
        tables.Column("B", lambda item: item["b"]),
    ]
    lines = tables.lines(items(), columns)
    assert next(lines) == "A    B"
    assert next(lines) == "xxx  end"
    assert asked < 300
    rest = list(lines)
    assert rest[699] == "x" * 50 + "  end"
    assert rest[698] == "xxx  end"
    assert next(tables.lines(items(), columns, titles=False)) == "xxx  end"


def test_ps_options(wmctl: Wmctl) -> None:
    """Columns in every format, no titles, an exit code for nothing, wide."""
    assert wmctl("ps", "--fail-empty").returncode == 1
    assert wmctl("ps", "-o", "tsv", "--columns", "id,state").stdout == "id\tstate\n"
    wmctl("submit", "-q", "-c", ":", "-l", "bash", "-N", "called", "-L", "a=b", "--hold")
    titled, row = wmctl("ps", "--columns", "name,state,reason").stdout.splitlines()
    assert (titled.split(), row.split()) == (
        ["NAME", "STATE", "REASON"],
        ["called", "held", "Held"],
    )
    assert wmctl("ps", "--no-headers", "--columns", "name").stdout == "called\n"
    assert wmctl("ps", "-o", "name").stdout == "called\n"
    assert json.loads(wmctl("ps", "-o", "jsonl", "--columns", "name,prio").stdout) == {
        "schema": "wmctl.job/1", "name": "called", "priority": 0,
    }  # fmt: skip
    assert wmctl("ps", "-o", "tsv", "--no-headers", "--columns", "name").stdout == "called\n"
    wide = wmctl("ps", "-o", "wide").stdout
    assert "LABELS" in wide
    assert "a=b" in wide
    assert wmctl("ps", "--columns", "nmae").returncode == 2
    assert wmctl("ps", "--watch", "-o", "json").returncode == 2


def test_watching_in_a_pipe_tells_what_changes(
    wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    """A line for each job, one more when it changes, and a last one when it has left the list."""
    assert wmctl("submit", "-q", "-c", ":", "-l", "bash", "--hold").returncode == 0
    words = [sys.executable, "-m", "wmctl", "ps", "-w", "-o", "jsonl"]
    with subprocess.Popen(words, env=environ, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["state"], first["reason"]) == ("held", "Held")
        assert wmctl("cancel", "@1").returncode == 0
        assert json.loads(process.stdout.readline())["state"] == "canceled"
        process.terminate()


# show


def test_the_timeline_and_other_jobs(spool: Spool) -> None:
    """Submitted, each start with its log, the end; retries, children and who waits for it."""
    first = spool.submit(job("a", retries=1, created_by="ann"), tag="t")
    spool.retry(claim(spool, first), 0)
    waits = spool.submit(job(after=({"id": first, "on": "ok"},)), tag="t")
    child = spool.submit(job(parent=first, root=first), tag="t")
    finish(spool, first, "failure", exit_code=3)
    again = spool.submit(job(retry_of=first), tag="t")
    facts = details(spool, find_view(spool, first))
    assert facts["schema"] == "wmctl.job-details/1"
    told = [(one["event"], one.get("attempt")) for one in facts["timeline"]]
    assert told == [("submitted", None), ("started", 1), ("started", 2), ("failure", None)]
    start, over, end = facts["timeline"][1:]
    assert (start["ended"], start["claim"], over["claim"]) == ("failure", 1, 2)
    assert (over["worker"], end["exit_code"]) == ("wk-a", 3)
    assert all(Path(one["log"]).exists() for one in (start, over))
    assert (facts["children"], facts["retried_by"], facts["awaited_by"]) == (
        [child], [again], [waits],
    )  # fmt: skip
    assert facts["related_all"]
    assert details(spool, find_view(spool, first), related=1)["related_all"] is False
    assert details(spool, find_view(spool, child))["reasons"][0]["reason"] in {"Busy", "Priority"}


# logs


@pytest.mark.parametrize(
    ("lines", "error", "text"),
    [
        (1, None, "err 2\n"),
        (2, None, "out 2\nerr 2\n"),
        (9, None, "out 1\nerr 1\nout 2\nerr 2\n"),
        (0, None, ""),
        (1, True, "err 2\n"),
        (2, True, "err 1\nerr 2\n"),
        (1, False, "out 2\n"),
        (0, False, ""),
    ],
)
def test_the_last_lines_of_a_stream(
    spool: Spool, lines: int, error: bool | None, text: str
) -> None:
    """Of both or of one; also where the last line has no end."""
    log = spool.path / "x.log"
    errors_of(log).write_text("6 12\n18 24\n")
    for cut in (0, 1):
        log.write_text("out 1\nerr 1\nout 2\nerr 2\n"[: 24 - cut])
        reader = LogReader(spool, split=True)
        reader.begin(log, tail_of(log, lines, error))
        found = [one.data for one in reader.rest() if error in {None, one.error}]
        ends_there = text and error is not False
        assert b"".join(found).decode() == (text[: len(text) - cut] if ends_there else text)


def test_the_last_lines_of_a_long_log(tmp_path: Path) -> None:
    """Read from its end, over the seams of the pieces in which it is read."""
    log = tmp_path / "x.log"
    lines = [f"{number} {'x' * (number % 100)}\n" for number in range(20_000)]
    log.write_text("".join(lines))
    for count in (1, 3000, 19_999, 20_000, 30_000):
        assert log.read_text()[tail_of(log, count, None) :] == "".join(lines[-count:])


def test_logs_of_attempts_streams_and_several_jobs(tmp_path: Path) -> None:
    """With a real worker: a retried command, its streams, its attempts, and a selector."""
    host = Host(tmp_path)
    host.make_spool()
    host.tells = False
    done = host.wmctl(
        "submit", "--retries", "1", "--backoff", "0.1s", "-N", "two", "--", "sh", "-c",
        "echo out; sleep 0.1; echo err >&2; exit 3",
    )  # fmt: skip
    job_id = done.stdout.strip()
    host.start("-q")
    try:
        assert host.wmctl("wait", job_id).returncode == 3
        assert host.wmctl("logs", job_id).stdout == "out\nerr\n"
        assert host.wmctl("logs", "--stderr", job_id).stdout == "err\n"
        assert host.wmctl("logs", "--stdout", "-f", job_id).stdout == "out\n"
        both = host.wmctl("logs", "--attempt", "all", "--tail", "1", job_id).stdout
        assert both == "==> attempt 1 <==\nerr\n==> attempt 2 <==\nerr\n"
        missing = host.wmctl("logs", "--attempt", "3", job_id)
        assert (missing.returncode, missing.stdout) == (66, "")
        other = host.submit("printf 'no end'; exit 1")
        assert host.wmctl("wait", "-q", other).returncode == 1
        told = host.wmctl("logs", "--failed", "--tail", "1").stdout
        assert told == f"==> {job_id} two <==\nerr\n==> {other} printf 'no end'; exit 1 <==\nno end"
        assert host.wmctl("logs", "--failed", "--since", "2999-01-01").stdout == ""
        assert host.wmctl("logs").returncode == 2
    finally:
        host.close()


# result


def test_a_field_of_a_result() -> None:
    """Names, positions from both ends, quoted keys."""
    value = {"a": {"b": [1, {"c d": "x"}]}, "0": "zero"}
    for path, wanted in (
        ("a.b[0]", 1), (".a.b[-1]", {"c d": "x"}), ('a["b"][1]["c d"]', "x"), ("", value),
        ("[0]", "zero"),
    ):  # fmt: skip
        assert pick(value, steps_of(path)) == wanted
    for path in ("a.c", "a.b[2]", "a.b.c", "a.b[0].x"):
        with pytest.raises(LookupError):
            pick(value, steps_of(path))
    for path in ("a[", "a..", "a[x]", 'a["b'):
        with pytest.raises(UsageError):
            steps_of(path)


# wait


def test_the_first_of_several(spool: Spool) -> None:
    """Whichever it is."""
    ids = [spool.submit(job(), tag="t") for _ in range(3)]
    entries = [spool.find(job_id) for job_id in ids]
    finish(spool, ids[1])
    assert Group(spool, entries).until_one_rests().id == ids[1]


def test_waiting_wakes_what_nobody_else_wakes(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose turn came while nobody looked: its end was told by a worker that died then."""
    from wmctl.cli import follow
    from wmctl.spool import suspended

    monkeypatch.setattr(follow, "_RIPEN", 0.0)
    first = spool.submit(job(), tag="t")
    waits = spool.submit(job(after=({"id": first, "on": "ok"},)), tag="t")
    with monkeypatch.context() as dying:
        dying.setattr(suspended, "ended", lambda _store, _some: None)
        finish(spool, first, "failure")
    assert spool.find(waits).state == "suspended"
    ended = Follower(spool, spool.find(waits)).until_rest(time.monotonic() + 30)
    assert ended.state == "canceled"


def test_wait_takes_a_selector(wmctl: Wmctl) -> None:
    """What fits now; nothing to wait for is well."""
    assert wmctl("wait", "--all").returncode == 0
    assert wmctl("wait").returncode == 2
    wmctl("submit", "-q", "-c", ":", "-l", "bash", "-t", "gpu", "--hold")
    done = wmctl("wait", "-t", "gpu")
    assert done.returncode == 125
    assert "wmctl unhold" in done.stderr
    assert wmctl("wait", "--any", "-t", "bash").returncode == 0


# status and stats


def test_status_by_exit_code(wmctl: Wmctl, tmp_path: Path) -> None:
    """69 with no worker, 1 while something needs a person, else 0; the fix stands below."""
    done = wmctl("status")
    assert done.returncode == 69
    assert done.stdout.startswith("down: no worker is alive, and nothing waits\n")
    spool = Spool.open(tmp_path / "home/.local/state/wmctl/spool")
    spool.join("wk-a", {"tags": ["bash"], "state": "idle", "host": "hosta"})
    assert wmctl("status").returncode == 0
    wmctl("submit", "-q", "-c", ":", "-l", "bash", "-t", "gpu")
    wmctl("submit", "-q", "-c", ":", "-l", "bash", "--hold")
    done = wmctl("status")
    assert done.returncode == 1
    assert "\n! 1 job waits: no worker serves the tag 'gpu'" in done.stdout
    assert "\n    wmctl worker start --tags gpu\n" in done.stdout
    facts = json.loads(wmctl("status", "-o", "json").stdout)
    assert (facts["schema"], facts["status"]) == ("wmctl.status/1", "degraded")
    assert [one["problem"] for one in facts["problems"]] == ["NoWorker", "Held"]
    assert (facts["waiting"], facts["held"], facts["workers"]["states"]) == (1, 1, {"idle": 1})


def test_a_dead_worker_with_jobs_is_a_problem(wmctl: Wmctl, tmp_path: Path) -> None:
    """One without is not."""
    spool = Spool.open(tmp_path / "home/.local/state/wmctl/spool")
    spool.join("wk-a", {"tags": ["bash"], "state": "busy", "host": "hosta"})
    spool.join("wk-b", {"tags": ["bash"], "state": "idle", "host": "hostb"})
    long_ago = time.time() - 1000
    os.utime(spool.path / "workers/wk-a", (long_ago, long_ago))
    assert wmctl("status").returncode == 0
    job_id = spool.submit(job(), tag="bash")
    claim(spool, job_id)
    facts = json.loads(wmctl("status", "-o", "json").stdout)
    assert [one["problem"] for one in facts["problems"]] == ["DeadWorker"]


def test_stats(spool: Spool) -> None:
    """Counts and times of each group, and of all; what ended before is left out."""
    for outcome, name in (("success", "a"), ("success", "a"), ("failure", "b")):
        finish(spool, spool.submit(job(name), tag="t"), outcome)
    spool.cancel(spool.submit(job("b"), tag="u"))
    rows = {row["group"]: row for row in stats_of(spool, "tag", time.time() - 60)}
    assert set(rows) == {"t", "u", None}
    assert [rows["t"][key] for key in ("jobs", "success", "failure", "canceled")] == [3, 2, 1, 0]
    assert (rows["t"]["run_p50"], rows["t"]["run_max"]) == (2.0, 2.0)
    assert (rows["u"]["run_p50"], rows["u"]["canceled"]) == (None, 1)
    assert rows[None]["jobs"] == 4
    assert {row["group"] for row in stats_of(spool, "name", 0)} == {"a", "b", None}
    assert stats_of(spool, "tag", time.time() + 60)[0]["jobs"] == 0


def test_what_a_quantile_is() -> None:
    """The nearest rank: always a value that was measured."""
    values = [float(number) for number in range(1, 21)]
    assert [quantile(values, share) for share in (0.5, 0.95, 1.0)] == [10.0, 19.0, 20.0]
    assert quantile([7.0], 0.5) == 7.0
    assert quantile([], 0.5) is None


def test_ended_since_looks_only_where_something_changed(spool: Spool) -> None:
    """And finds what ended meanwhile, whenever it was submitted."""
    finish(spool, spool.submit(job(), tag="t"))
    eventually(lambda: spool.now() > 0)
    moment = spool.now()
    assert list(spool.ended(moment + 10**9)) == []
    (found,) = spool.ended(moment - 60 * 10**9)
    assert found[0].state == "success"
