"""Choosing jobs: filters, their order, and that each is told once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wmctl.cli.exits import UsageError
from wmctl.cli.selector import Selector, moment
from wmctl.spool import OUTCOMES, STATES, WAITING, Job, Settings, Spool, listing
from wmctl.spool.store import Store


def job(name: str = "", **more: object) -> Job:
    """A command that is never run."""
    return Job(kind="command", argv=("true",), name=name, **more)  # type: ignore[arg-type]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool.create(tmp_path / "spool", Settings(durability="none"))


def names(spool: Spool, selector: Selector, **more: object) -> list[str]:
    """The names of the jobs that fit."""
    return [found.name for found in selector.views(spool, **more)]  # type: ignore[arg-type]


def test_each_filter(spool: Spool) -> None:
    """Any value of one filter, each of several; a name or a glob; a label with its value or not."""
    spool.submit(job("etl 1", labels=("team=a", "nightly"), created_by="ann"), tag="bash")
    spool.submit(job("etl 2", labels=("team=b",), created_by="bob", workspace="w"), tag="gpu")
    spool.submit(job("[x]", key="k"), tag="gpu")
    assert names(spool, Selector()) == ["etl 1", "etl 2", "[x]"]
    for selector, wanted in (
        (Selector(tags=("bash",)), ["etl 1"]),
        (Selector(tags=("bash", "gpu"), users=("bob",)), ["etl 2"]),
        (Selector(names=("etl*",)), ["etl 1", "etl 2"]),
        (Selector(names=("[x]",)), ["[x]"]),
        (Selector(labels=("team",)), ["etl 1", "etl 2"]),
        (Selector(labels=("team=a",)), ["etl 1"]),
        (Selector(labels=("team=a", "nightly")), ["etl 1"]),
        (Selector(labels=("team=a", "team=b")), []),
        (Selector(labels=("tea",)), []),
        (Selector(keys=("k",)), ["[x]"]),
        (Selector(workspaces=("w",)), ["etl 2"]),
        (Selector(states=("running",)), []),
    ):
        assert names(spool, selector) == wanted, selector


def test_states(spool: Spool) -> None:
    """Without any the command's own; `-a` all; said ones are meant whatever else is."""
    first, _ = (spool.submit(job(name), tag="t") for name in ("ended", "waits"))
    spool.cancel(first)
    assert names(spool, Selector()) == ["waits"]
    assert names(spool, Selector(all=True)) == ["ended", "waits"]
    assert names(spool, Selector(), default=OUTCOMES) == ["ended"]
    assert names(spool, Selector(states=("canceled",)), default=WAITING) == ["ended"]


def test_times(spool: Spool) -> None:
    """`since` and `until` are about the submission."""
    spool.submit(job("old"), tag="t")
    time.sleep(0.01)
    between = time.time()
    time.sleep(0.01)
    spool.submit(job("new"), tag="t")
    assert names(spool, Selector(since=between)) == ["new"]
    assert names(spool, Selector(until=between)) == ["old"]
    for entry in spool.entries(WAITING):
        spool.cancel(entry.id)
    assert names(spool, Selector(since=between, all=True)) == ["new"]


def test_what_a_moment_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """So long ago, a date, a date and time here or in a zone, or seconds since 1970."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert abs(moment("1h30m", "--since") - (time.time() - 5400)) < 5
        assert moment("@1795444416", "--since") == 1795444416
        assert moment("2026-11-23T09:00", "--since") == moment("2026-11-23T08:00Z", "--since")
        assert moment("2026-11-23", "--since") == moment("2026-11-22T23:00Z", "--since")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    for text in ("soon", "", "2026-13-01", "2026-11-23T25:00", "@x"):
        with pytest.raises(UsageError, match="--since"):
            moment(text, "--since")


def test_order_and_memory_do_not_depend_on_each_other(spool: Spool) -> None:
    """However few names may be kept at once, all jobs come once and oldest first."""
    ids = list(spool.submit_all((job() for _ in range(60)), tag="t"))
    for job_id in ids[::3]:
        spool.cancel(job_id)
    for entry in list(spool.entries({"queued"}))[:10]:
        spool.hold(entry, "wait")
    for at_once in (1, 7, 60, 1000):
        found = [one.id for one in listing.in_order(spool.store, STATES, "", at_once)]
        assert found == sorted(ids), at_once
    ended = [one.id for one in listing.in_order(spool.store, OUTCOMES, "", 7)]
    assert ended == sorted(ids[::3])


def test_a_job_that_moves_meanwhile_is_told_once(spool: Spool) -> None:
    """Whatever is ended between two steps of the listing: none is missing, none comes twice."""
    ids = sorted(spool.submit_all((job() for _ in range(40)), tag="t"))
    found = []
    for number, entry in enumerate(listing.in_order(spool.store, STATES, "", 7)):
        found.append(entry.id)
        spool.cancel(ids[(number * 7 + 3) % 40])
    assert found == ids


def test_strange_names_do_no_harm(spool: Spool) -> None:
    """Files of other names, folders in queues, tags that are none."""
    wanted = spool.submit(job("good"), tag="a b")
    for path in ("queue/%zz", "queue/t/deeper", "completed/2026112300/aa", "completed/x/y"):
        (spool.path / path).mkdir(parents=True)
    long = "x" * 23 + "_000_" + "z" * 40 + "_0.0.0.v1.json"
    ended = f"{long}.success"
    for path in (
        "queue/t/short", f"queue/t/{long}", f"queue/%zz/{long}", f"held/{long}",
        f"completed/2026112300/aa/{ended}", f"completed/x/y/{ended}",
    ):  # fmt: skip
        (spool.path / path).write_text("{}")
    inner = next(iter(spool.entries({"queued"})))
    assert [one.id for one in spool.in_order(STATES)] == [wanted] == [inner.id]
    for at_once in (1, 2):
        assert [one.id for one in listing.in_order(spool.store, STATES, "", at_once)] == [wanted]


def test_listing_is_lazy(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first finished job comes before the names of later hours are read."""
    spool.cancel(spool.submit(job(), tag="t"))
    (spool.path / "completed/2999010100/aa").mkdir(parents=True)
    seen: list[str] = []
    scan = type(spool.store.disk).scan

    def watched(self: object, path: str) -> Iterator[object]:
        seen.append(path)
        return scan(self, path)  # type: ignore[arg-type]

    monkeypatch.setattr(type(spool.store.disk), "scan", watched)
    next(spool.in_order(STATES))
    assert isinstance(spool.store, Store)
    assert not any("2999010100" in path for path in seen)
