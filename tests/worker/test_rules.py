"""Rules about tags at claim: what somebody wrote by hand never runs where it may not."""

import json
import logging
import threading
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.worker.bench import Bench, Clock, eventually
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed
from wmctl.spool import Spool
from wmctl.spool.ids import new_id
from wmctl.worker.rules import REASON, Rules

RULES = """\
custom_tags: [gpu(research), secret(^sales), normal-$workspace, big]
only_known_tags: true
"""
#: Folder in queue/, workspace, and whether the folder's name is a tag at all. None may run.
TRICKS = [
    ("gpu", "sales", True),
    ("gpu", "Research", True),
    ("gpu", "default", True),
    ("gpu/later", "sales", True),
    ("secret", "sales", True),
    ("other", "research", True),
    ("GPU", "research", True),
    ("gpu%20", "research", True),
    ("gpu%28research%29", "research", True),
    ("gpu%28%5Esales%29", "research", True),
    ("gpu%00", "research", False),
    ("%67pu", "sales", False),
    ("gpu%2d", "sales", False),
    ("normal-prod", "sales", True),
    ("normal-prod", "prod-", True),
    ("normal-%24workspace", "prod", True),
    ("normal-%24args%5Bx%5D", "prod", True),
    ("normal-%24{workspace}", "prod", False),
    ("%24workspace", "bash", True),
    ("bash-prod", "prod", True),
]


def by_hand(spool: Spool, folder: str, workspace: str, **more: object) -> str:
    """A job file as a shell script would put it there; its id."""
    job_id = new_id()
    place = Path(spool.path) / "queue" / folder
    place.mkdir(parents=True, exist_ok=True)
    job = {"language": "counted", "code": ":", "workspace": workspace, "tag": "bash", **more}
    file = place / f"20200101T000000.000000Z_000_{job_id}_0.0.0.v1.json"
    file.write_text(json.dumps(job))
    file.chmod(0o600)
    return job_id


def counted(bench: Bench) -> list[str]:
    """A runner that only remembers what it ran."""
    ran: list[str] = []

    def run(ctx: RunContext) -> Completed:
        ran.append(ctx.id)
        return Completed()

    bench.direct("counted", run)
    return ran


def rules_of(bench: Bench, clock: Callable[[], float] | None = None) -> Rules:
    more = {} if clock is None else {"clock": clock}
    return Rules(bench.spool.store, {}, ["bash"], **more)


def write(bench: Bench, text: str) -> None:
    file = bench.spool.path / "tags.yaml"
    aside = file.with_suffix(".new")
    aside.write_text(text)
    aside.chmod(0o600)
    aside.replace(file)


def everything_served(found: list[tuple[str, str, bool]]) -> dict[str, int]:
    """What a worker would serve that lets itself be fooled by every folder."""
    from urllib.parse import unquote

    tags = (unquote(folder.partition("/")[0]) for folder, _, known in found if known)
    return dict.fromkeys(tags, 0) | {"bash": 0}


def test_five_hundred_files_that_break_a_rule_run_no_time(bench: Bench) -> None:
    """And with the check switched off they run, so that this test would see it."""
    ran = counted(bench)
    write(bench, RULES)
    tricks = list(islice(cycle(TRICKS), 500))
    ids = {by_hand(bench.spool, folder, name): known for folder, name, known in tricks}
    good = [by_hand(bench.spool, *one) for one in (("gpu", "research"), ("bash", "x"))]
    good += [by_hand(bench.spool, *one) for one in (("secret", "prod"), ("normal-a-b", "a-b"))]
    tags = everything_served(TRICKS) | {"normal-a-b": 0}
    rules = rules_of(bench)
    bench.run(tags=tags, check=rules.check, hindrance=rules.hindrance)
    assert sorted(ran) == sorted(good)
    for job_id, known in ids.items():
        if known:
            entry = bench.entry(job_id)
            assert entry.state == "quarantined"
            why = bench.spool.reason(entry)
            assert why is not None
            assert why["reason"] == REASON, why
    folders = {folder for folder, _, known in TRICKS if not known}
    left = [file for one in folders for file in (bench.spool.path / "queue" / one).iterdir()]
    assert len(left) == sum(not known for known in ids.values())


def test_the_control_runs_them_all(bench: Bench) -> None:
    """Without the check whatever a worker's tags lead to is run."""
    ran = counted(bench)
    write(bench, RULES)
    ids = [by_hand(bench.spool, folder, name) for folder, name, known in TRICKS if known]
    bench.run(tags=everything_served(TRICKS))
    assert sorted(ran) == sorted(ids)


def test_no_detour_leads_around_the_check(bench: Bench) -> None:
    """One that was held, that waited, or that a dead worker had, is checked when it is claimed."""
    ran = counted(bench)
    write(bench, RULES)
    spool = bench.spool
    spool.join("wk-ghost", {})
    ids = []
    for place in ("held", "suspended", "running/wk-ghost"):
        job_id = by_hand(spool, "gpu", "sales")
        (file,) = (spool.path / "queue/gpu").glob(f"*{job_id}*")
        moved = file.name.replace("_0.0.0.v1", f"_1.0.0@{quote('gpu')}.v1")
        file.rename(spool.path / place / moved)
        ids.append(job_id)
    spool.unhold(spool.find(ids[0]))
    spool.rescue("wk-ghost")
    rules = rules_of(bench)
    bench.run(tags={"gpu": 0}, check=rules.check, hindrance=rules.hindrance)
    assert ran == []
    assert [bench.state(one) for one in ids] == ["quarantined", "suspended", "quarantined"]


def test_rules_are_read_again_when_they_change(bench: Bench) -> None:
    """After two seconds, and not before: no claim looks at the disk."""
    ran = counted(bench)
    clock = Clock()
    rules = rules_of(bench, clock)
    assert rules.hindrance() is None
    options = {"tags": {"gpu": 0}, "check": rules.check, "hindrance": rules.hindrance}
    first = by_hand(bench.spool, "gpu", "sales")
    bench.run(**options)
    write(bench, RULES)
    second = by_hand(bench.spool, "gpu", "sales")
    bench.run(**options)
    assert ran == [first, second]
    clock.now += 2
    third = by_hand(bench.spool, "gpu", "sales")
    bench.run(**options)
    assert (ran, bench.state(third)) == ([first, second], "quarantined")
    (bench.spool.path / "tags.yaml").unlink()
    clock.now += 2
    fourth = by_hand(bench.spool, "gpu", "sales")
    bench.run(**options)
    assert ran == [first, second, fourth]


def test_unreadable_rules_leave_the_last_good_ones(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, and not at every look."""
    clock = Clock()
    write(bench, RULES)
    rules = rules_of(bench, clock)
    assert rules.hindrance() is None
    write(bench, "custom_tag: [gpu]\n")
    with caplog.at_level(logging.ERROR, "wmctl.worker"):
        for _ in range(3):
            clock.now += 2
            assert rules.hindrance() is None
    assert [one.message for one in caplog.records].count(caplog.messages[0]) == 1
    assert "stay in force" in caplog.messages[0]
    assert "tags.yaml:1" in caplog.messages[0]
    job_id = by_hand(bench.spool, "gpu", "sales")
    bench.run(tags={"gpu": 0}, check=rules.check, hindrance=rules.hindrance)
    assert bench.state(job_id) == "quarantined"


def test_without_ever_having_read_them_nothing_is_claimed(bench: Bench) -> None:
    """Until they can be read: then the worker goes on by itself."""
    ran = counted(bench)
    write(bench, "custom_tags: gpu\n")
    job_id, bad = by_hand(bench.spool, "gpu", "research"), by_hand(bench.spool, "gpu", "sales")
    clock = Clock()
    rules = rules_of(bench, clock)
    looked = threading.Event()

    def hindrance() -> str | None:
        found = rules.hindrance()
        looked.set()
        clock.now += 2
        return found

    worker = bench.worker(tags={"gpu": 0}, check=rules.check, hindrance=hindrance)
    with bench.running(worker):
        assert looked.wait(30)
        assert "must be a list" in (rules.hindrance() or "")
        assert bench.state(job_id) == "queued"
        write(bench, RULES)
        eventually(lambda: bench.state(job_id) == "success")
        eventually(lambda: bench.state(bad) == "quarantined")
    assert ran == [job_id]


def test_groups_count_where_nothing_else_may_be_used(bench: Bench) -> None:
    """A group that is made later makes its tags known; a broken one changes nothing."""
    clock = Clock()
    write(bench, "only_known_tags: true\n")
    rules = rules_of(bench, clock)
    options = {"tags": {"fpga": 0}, "check": rules.check, "hindrance": rules.hindrance}
    ran = counted(bench)
    refused = by_hand(bench.spool, "fpga", "x")
    bench.run(**options)
    assert bench.state(refused) == "quarantined"
    groups = bench.spool.path / "groups"
    groups.mkdir(exist_ok=True)
    file = groups / "fpga.yaml"
    file.write_text("worker_tags: [fpga]\n")
    file.chmod(0o600)
    clock.now += 2
    allowed = by_hand(bench.spool, "fpga", "x")
    bench.run(**options)
    (groups / "bad.yaml").write_text("worker_tag: [x]\n")
    clock.now += 2
    allowed_too = by_hand(bench.spool, "fpga", "x")
    bench.run(**options)
    assert ran == [allowed, allowed_too]
