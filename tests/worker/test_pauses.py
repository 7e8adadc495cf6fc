"""A paused tag: its jobs wait, other tags' jobs do not, and they go on when it is resumed."""

from pathlib import Path

from tests.spool.scenes import job
from wmctl.spool import Spool
from wmctl.spool.head import Head
from wmctl.worker.pauses import Pauses


def test_a_paused_tag_is_not_served_until_it_is_resumed(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path / "spool")
    now = [0.0]
    tags = {"a/b": 0, "c": 0}
    pauses = Pauses(spool, clock=lambda: now[0])
    head = Head(spool.store, tags, clock=lambda: now[0])
    first, second = (spool.submit(job(), tag=tag) for tag in tags)

    def picked() -> set[str]:
        pauses.look()
        head.serve(pauses.left(tags))
        found = set()
        while pick := head.pick(spool.now()):
            assert pick.name
            found.add(pick.name.id)
        head.relist()
        return found

    assert picked() == {first, second}
    assert spool.pause("a/b", "the disk is changed")
    assert not spool.pause("a/b")
    assert picked() == {first, second}, "it is not looked at for each claim"
    now[0] += 5.0
    assert picked() == {second}
    assert spool.pauses()["a/b"]["reason"] == "the disk is changed"
    assert spool.resume("a/b")
    assert not spool.resume("a/b")
    now[0] += 5.0
    assert picked() == {first, second}


def test_a_name_that_is_no_tag_pauses_nothing(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path / "spool")
    (spool.path / "control/pause/%zz").touch()
    (spool.path / "control/pause/bash").write_text("not JSON")
    assert spool.pauses() == {"bash": {}}
