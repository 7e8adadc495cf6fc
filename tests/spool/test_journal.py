"""The journal says what was done, and its reader finds every kind of broken promise."""

import os
from pathlib import Path

import pytest

from tests.spool.scenes import SCENES, finished, job, queued
from wmctl.errors import BadInput
from wmctl.spool import Spool
from wmctl.spool.audit import audit
from wmctl.spool.history import DOUBLED, LOST, ORDER, examine
from wmctl.spool.journal import Event, Journal, read_journal
from wmctl.testing.spool_contract import claim, drain

#: What each scene's verb leaves in the journal; a scene that is not here notes nothing.
NOTED = {
    "submit": ["submit"],
    "submit-blob": ["submit"],
    "submit-batch": ["submit"] * 9,
    "submit-tags": ["submit"] * 3,
    "submit-keyed": ["submit"],
    "submit-replacing": ["submit", "cancel"],
    "claim": ["claim"],
    "claim-torn": ["quarantine"],
    "claim-canceled": ["cancel"],
    "finish": ["finish"],
    "finish-batch": ["finish"] * 5,
    "retry": ["retry"],
    "release": ["release"],
    "suspend": ["suspend"],
    "suspend-canceled": ["suspend", "cancel"],
    "wake": ["wake"],
    "cancel-queued": ["cancel"],
    "cancel-suspended": ["cancel"],
    "cancel-held": ["cancel"],
    "hold": ["hold"],
    "hold-suspended": ["hold"],
    "unhold": ["unhold"],
    "reschedule": ["reschedule"],
    "move": ["move"],
    "move-canceled": ["move", "cancel"],
    "cancel-seen": ["cancel"],
    "rescue": ["rescue", "rescue"],
    "rescue-to-held": ["hold"],
    "rescue-canceled": ["rescue", "cancel"],
    "submit-after": ["submit"],
    "submit-after-ended": ["submit", "wake"],
    "submit-after-keyed": ["submit"],
    "submit-held": ["submit"],
    "submit-limited": ["submit", "submit", "submit", "wake"],
    "finish-awaited": ["finish", "cancel", "wake", "wake", "cancel"],
    "cancel-awaited": ["cancel", "cancel"],
    "unhold-awaiting": ["unhold", "cancel"],
    "claim-no-slot": ["suspend"],
    "finish-limited": ["finish", "wake"],
    "retry-limited": ["retry", "wake"],
    "prune": ["prune"] * 6,
}


def journaled(root: Path, folder: Path, **options) -> Spool:
    spool = Spool.open(root, **options)
    spool.store.journal = Journal(str(folder))
    return spool


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_verb_notes_what_it_did(scene, tmp_path):
    world = scene.build(tmp_path / "spool")
    spool = world.open()
    spool.store.journal = Journal(str(tmp_path / "journal"))
    scene.act(spool, world)
    events = list(read_journal(tmp_path / "journal"))
    assert [event.verb for event in events] == NOTED.get(scene.name, [])
    if not world.ill:
        assert examine(events, audit(world.root)) == []


def test_a_whole_life_is_in_order(tmp_path):
    Spool.create(tmp_path / "spool")
    spool = journaled(tmp_path / "spool", tmp_path / "journal")
    job_id = spool.submit(job(), tag="bash")
    spool.join("w", {})
    taken = claim(spool, "w", spool.find(job_id))
    assert taken is not None
    spool.note_start(taken)
    spool.rescue("w")
    drain(spool)
    events = list(read_journal(tmp_path / "journal"))
    assert [event.verb for event in events] == [
        "submit", "claim", "start", "rescue", "claim", "finish",
    ]  # fmt: skip
    assert {event.job for event in events} == {job_id}
    assert examine(events, audit(spool.path)) == []


def test_a_forked_process_writes_a_file_of_its_own(tmp_path):
    Spool.create(tmp_path / "spool")
    spool = journaled(tmp_path / "spool", tmp_path / "journal")
    spool.submit(job(), tag="bash")
    pid = os.fork()
    if pid == 0:
        spool.submit(job(), tag="bash")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    files = list((tmp_path / "journal").iterdir())
    assert len(files) == 2
    assert len(list(read_journal(tmp_path / "journal"))) == 2


def test_a_journal_that_cannot_be_written_harms_no_job(tmp_path):
    Spool.create(tmp_path / "spool")
    (tmp_path / "journal").write_text("a file in the folder's place")
    spool = journaled(tmp_path / "spool", tmp_path / "journal")
    assert spool.find(spool.submit(job(), tag="bash")).state == "queued"


def test_the_last_line_of_a_killed_writer_may_be_torn(tmp_path):
    Spool.create(tmp_path / "spool")
    spool = journaled(tmp_path / "spool", tmp_path / "journal")
    spool.submit(job(), tag="bash")
    (path,) = (tmp_path / "journal").iterdir()
    path.write_bytes(path.read_bytes() + b'{"verb":"cl')
    assert len(list(read_journal(tmp_path / "journal"))) == 1
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(BadInput, match=f"{path.name}:3"):
        list(read_journal(tmp_path / "journal"))


# The reader, with histories that must not be.


@pytest.fixture
def story(tmp_path):
    """A spool with one finished and one waiting job, and their true history."""
    from tests.spool.scenes import World
    from wmctl.spool import Settings
    from wmctl.testing.faults import FakeClock, FakeClockDisk

    world = World(tmp_path / "spool", FakeClock())
    spool = Spool.create(world.root, Settings(), disk=FakeClockDisk(world.clock))
    spool.store.journal = Journal(str(tmp_path / "journal"))
    finished(spool, world)
    queued(spool, world)
    return spool, list(read_journal(tmp_path / "journal")), world.acknowledged


def wrong(events, spool):
    return [(found.kind, found.job) for found in examine(events, audit(spool.path))]


def more(event: Event, **changes) -> Event:
    return event._replace(**changes)


def test_the_true_history_is_in_order(story):
    spool, events, _ = story
    assert wrong(events, spool) == []


def test_a_job_that_is_nowhere_is_lost(story):
    spool, events, (_, waiting) = story
    os.unlink(spool.find(waiting).path)
    assert wrong(events, spool) == [(LOST, waiting)]


def test_a_pruned_job_is_not_lost(story):
    spool, events, (done, _) = story
    os.unlink(spool.find(done).path)
    (finish,) = (event for event in events if event.verb == "finish")
    assert wrong([*events, more(finish, verb="prune")], spool) == []


def test_an_end_that_was_told_must_stand(story):
    spool, events, (done, _) = story
    path = Path(spool.find(done).path)
    path.rename(path.with_name(path.name.replace(".success", ".failure")))
    assert (LOST, done) in wrong(events, spool)
    assert (DOUBLED, done) in wrong(events, spool)


def test_an_end_that_was_told_twice_is_doubled(story):
    spool, events, (done, _) = story
    (finish,) = (event for event in events if event.verb == "finish")
    assert wrong([*events, finish], spool) == [(DOUBLED, done)]
    other = more(finish, claims=2, facts={"outcome": "failure"})
    assert (DOUBLED, done) in wrong([*events, other], spool)


def test_a_claim_has_one_holder(story):
    spool, events, (done, _) = story
    (taken,) = (event for event in events if event.verb == "claim")
    found = examine([*events, taken], audit(spool.path))
    assert [(item.kind, item.job, item.after_power_cut) for item in found] == [(ORDER, done, True)]


def test_an_attempt_starts_once_unless_it_was_given_back(story):
    spool, events, (_, waiting) = story
    (submit,) = (event for event in events if event.job == waiting)
    starts = [more(submit, verb="start", claims=claims) for claims in (1, 2)]
    assert wrong([*events, *starts], spool) == [(ORDER, waiting)]
    given_back = more(submit, verb="release", claims=1, facts={"lost": False})
    assert wrong([*events, *starts, given_back], spool) == []
    lost = more(submit, verb="release", claims=1, facts={"lost": True})
    assert wrong([*events, *starts, lost], spool) == [(ORDER, waiting)]


def test_what_has_ended_is_not_claimed_again(story):
    spool, events, (done, _) = story
    (finish,) = (event for event in events if event.verb == "finish")
    late = more(finish, verb="claim", claims=2, at=finish.at + 5, facts={})
    assert wrong([*events, late], spool) == [(ORDER, done)]
    elsewhere = more(late, boot="another machine, whose clock says nothing here")
    assert wrong([*events, elsewhere], spool) == []


def test_a_claim_may_be_noted_late(story):
    """Its claimer stood still after the rename; a later claim has ended the job meanwhile."""
    spool, events, (done, _) = story
    (finish,) = (event for event in events if event.verb == "finish")
    late = more(finish, verb="claim", claims=finish.claims - 1, at=finish.at + 5, facts={})
    assert wrong([*events, late], spool) == []
    started = more(late, verb="start")
    assert wrong([*events, started], spool) == [(ORDER, done)]
