"""How much waits under a tag: by names alone, and the same as what parsing each name says."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wmctl.spool import Name, Spool, counts, new_id
from wmctl.spool.name import due_after, parse
from wmctl.testing.faults import CountingDisk, FakeClock

NOW = 1_800_000_000_000_000_000


def fill(spool: Spool, count: int, seed: int) -> list[Name]:
    """Jobs of all kinds in a queue, and what is none; those that are."""
    dice = random.Random(seed)
    queue = spool.path / "queue/bash"
    names = []
    for number in range(count):
        due = due_after(dice.choice([-900, -300, -60, 0, 60]) + dice.random(), NOW)
        name = Name(due, dice.choice([0, 0, 7, 100]), new_id(), "bash", claims=number % 3)
        names.append(name)
        folder = queue / dice.choice(["", "deep", "deep/er"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name.queued).touch()
    for strange in ("README", "x" * 80, names[0].queued + ".bak", f"_{names[0].queued}"[:-1]):
        (queue / strange).touch()
    return names


def test_counting_is_what_parsing_says(memory: Path) -> None:
    for seed in range(5):
        spool = Spool.create(memory / str(seed))
        names = fill(spool, 60, seed)
        limit = due_after(0, NOW)
        due = [name for name in names if name.due <= limit]
        first = min(due, key=lambda name: (-name.priority, name.due, name.id))
        found = spool.queue("bash", NOW, [60, 300])
        assert found == counts.Queue(
            len(due),
            len(names) - len(due),
            first.id,
            min(name.due for name in due),
            tuple(sum(n.due <= due_after(-s, NOW) for n in names) for s in (60, 300)),
        )
        ranks = sorted(due, key=lambda name: (-name.priority, name.due, name.id))
        for at, name in enumerate(ranks):
            assert counts.ahead(spool.store, name, limit) == at


def test_an_empty_queue(memory: Path) -> None:
    spool = Spool.create(memory / "spool")
    assert spool.queue("none", NOW, [60]) == counts.Queue(0, 0, None, None, (0,))


def test_counting_looks_at_no_file(memory: Path) -> None:
    spool = Spool.create(memory / "spool")
    queue = spool.path / "queue/bash"
    queue.mkdir()
    for _ in range(50):
        (queue / Name(due_after(0, NOW), 0, new_id(), "bash").queued).touch()
    disk = CountingDisk(FakeClock())
    watched = Spool.open(spool.path, disk=disk)
    before = len(disk.calls)
    assert watched.queue("bash", NOW).due == 50
    assert [call.name for call in disk.calls[before:]] == ["scan"]


def test_names_of_every_age_are_read_alike() -> None:
    """The cuts of a name that counting makes are those of the grammar."""
    moment = datetime(1, 1, 1, tzinfo=UTC)
    for days in (0, 800_000, 3_000_000):
        due = (moment + timedelta(days=days)).strftime("%Y%m%dT%H%M%S.%fZ").rjust(23, "0")
        name = Name(due, 42, new_id(), "bash", 1, 2, 3)
        assert parse(name.queued, "bash") == name
        assert name.queued[counts._PRIORITY] == "042"
        assert name.queued[counts._ID] == name.id
        assert name.queued[counts._DUE] == due
