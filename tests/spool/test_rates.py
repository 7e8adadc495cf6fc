"""How many jobs ended lately: by tag, by window, and without looking at what cannot count."""

import os
import time
from pathlib import Path

import pytest

from wmctl.spool import Job, Spool, bucket, rates
from wmctl.spool.fs import Disk
from wmctl.testing.spool_contract import claim

WINDOWS = (30.0, 300.0, 86400.0)


class CountingStats(Disk):
    """Counts the looks at files."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def stat(self, path: str) -> os.stat_result:
        self.seen.append(path)
        return super().stat(path)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool.create(tmp_path / "spool")
    spool.join("w", {})
    return spool


def ended(spool: Spool, tag: str, ago: float, outcome: str = "success") -> str:
    """A job that ended so long ago; so did its bucket change last."""
    job_id = spool.submit(Job(kind="command", argv=("true",)), tag=tag)
    taken = claim(spool, "w", spool.find(job_id))
    assert taken is not None
    assert spool.finish(taken, outcome, {"result": 1})
    path = Path(spool.find(job_id).path)
    moment = path.stat().st_mtime - ago
    os.utime(path, (moment, moment))
    return job_id


def test_windows(spool: Spool) -> None:
    """Each job counts in all windows that it ended within, whatever its outcome."""
    ended(spool, "bash", 1)
    ended(spool, "bash", 100, "failure")
    ended(spool, "bash", 4000, "skipped")
    ended(spool, "gpu 2.v1.x", 100)
    ended(spool, "old", 90000)
    spool.submit(Job(kind="command", argv=("true",)), tag="waits")
    assert rates.ended(spool.store, WINDOWS, spool.now()) == {
        "bash": [1, 2, 3],
        "gpu 2.v1.x": [0, 1, 1],
        "old": [0, 0, 0],
    }


def test_what_cannot_count_is_not_looked_at(spool: Spool) -> None:
    """Of a bucket that has not changed within the shorter windows, only the folder is."""
    job_id = ended(spool, "bash", 4000)
    folder = spool.path / "completed" / bucket(job_id)
    stray = folder / "stray.success"
    stray.touch()

    def looked(ago: float) -> tuple[dict[str, list[int]], list[str]]:
        moment = spool.now() / 1e9 - ago
        os.utime(folder, (moment, moment))
        disk = CountingStats()
        opened = Spool.open(spool.path, disk=disk)
        now = opened.now()
        disk.seen.clear()
        return rates.ended(opened.store, WINDOWS, now), disk.seen

    assert looked(1) == ({"bash": [0, 0, 1]}, [str(folder), spool.find(job_id).path])
    assert looked(4000) == ({"bash": [0, 0, 1]}, [str(folder)])
    assert looked(90000) == ({}, [str(folder)])


class Vanishing(Disk):
    """What matches is gone when it is looked at, as if it had just been pruned."""

    def __init__(self, ending: str) -> None:
        self._ending = ending

    def stat(self, path: str) -> os.stat_result:
        if path.endswith(self._ending):
            raise FileNotFoundError(path)
        return super().stat(path)


def test_what_is_pruned_meanwhile_does_not_count(spool: Spool) -> None:
    """Neither a record nor a whole bucket, nor a file whose name holds no tag."""
    job_id = ended(spool, "bash", 1)
    folder = spool.path / "completed" / bucket(job_id)
    name = Path(spool.find(job_id).path).name
    (folder / name.replace("@bash", "@%zz")).touch()
    for ending, expected in ((".none", {"bash": [1, 1, 1]}), (folder.name, {}),
                             (name, {"bash": [0, 0, 0]})):  # fmt: skip
        store = Spool.open(spool.path, disk=Vanishing(ending)).store
        assert rates.ended(store, WINDOWS, spool.now()) == expected


def test_the_newest_jobs(spool: Spool) -> None:
    """By id, whatever their state; each once; of hours that are too old nothing is listed."""
    old = ended(spool, "bash", 1)
    aged = f"01{'0' * 6}{old[8:]}"
    path = Path(spool.find(old).path)
    target = spool.path / "completed" / bucket(aged) / path.name.replace(old, aged)
    target.parent.mkdir(parents=True)
    path.rename(target)
    ids = []
    for number in range(3):
        time.sleep(0.002)  # ids of one millisecond are in no order
        ids.append(spool.submit(Job(kind="command", argv=("true",)), tag="bash"))
        if number == 1:
            taken = claim(spool, "w", spool.find(ids[1]))
            assert taken is not None
            assert spool.finish(taken, "success", {"result": 1})
    wanted = ("queued", "success")

    def newest(most: int) -> list[str]:
        return [entry.id for entry in spool.newest(wanted, most)]

    assert newest(9) == [*reversed(ids), aged]
    assert newest(2) == [ids[2], ids[1]]
    assert [entry.id for entry in spool.newest(("queued",), 9)] == [ids[2], ids[0]]
    (
        spool.path / "queue/bash" / Path(spool.find(ids[0]).path).name.replace("_000_", "_9x9_")
    ).touch()
    assert newest(9) == [*reversed(ids), aged]
