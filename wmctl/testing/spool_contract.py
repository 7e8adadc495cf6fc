"""What must hold of every spool at every moment, and a suite that a spool on any disk must pass.

`audit` looks at the files themselves, not through wmctl's listings; `drain` does what the next
worker would do. `SpoolContract` is for whoever puts a spool on another disk or file system.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from wmctl.spool import Claim, Disk, Entry, Job, Name, Settings, Spool
from wmctl.spool import audit as auditing


class Audit(auditing.Audit):
    """What `wmctl spool check` sees, as an assertion."""

    def must_hold(self, acknowledged: Iterable[str] = ()) -> None:
        """AssertionError unless each of these jobs is in one place and nothing is wrong."""
        lost = [job_id for job_id in acknowledged if job_id not in self.places]
        assert not lost, f"acknowledged and lost: {lost}"
        assert not self.wrong, self.problems


def audit(root: str | os.PathLike[str]) -> Audit:
    """Look at every file of a spool."""
    found = Audit()
    auditing.look(found, os.fspath(root), Disk())
    return found


def anything(name: Name, job: Job) -> None:
    """A claim's check that lets every job run."""
    del name, job


def claim(spool: Spool, worker: str, entry: Entry) -> Claim | None:
    """Claim a job that was seen waiting."""
    return spool.claim(worker, entry.name, entry.path, anything)


def drain(spool: Spool, worker: str = "drainer", idle: Callable[[], None] = lambda: None) -> None:
    """Be the next worker, all others being dead: rescue, then run what waits to a success.

    Jobs that wait for others come after them. `idle` is called where none could run: let time pass.
    """
    for dead in sorted(spool.joined()):
        spool.rescue(dead)
    spool.join(worker, {})
    sweep = spool.sweeper()
    sweep()
    while waiting := list(spool.entries(["queued"])):
        claims = [taken for entry in waiting if (taken := claim(spool, worker, entry))]
        for taken in claims:
            spool.finish(taken, "success", {"result": worker})
        if not claims:
            idle()
        sweep()
    assert spool.leave(worker)


class SpoolContract:
    """Subclass it, override `make`, and run it with pytest."""

    def make(self, path: Path) -> Spool:
        """A new spool at a path that does not exist."""
        return Spool.create(path, Settings())

    def job(self, **fields: object) -> Job:
        """A small job."""
        return Job(kind="command", argv=("true",)).but(**fields)

    def test_a_job_goes_from_submit_to_a_record(self, tmp_path: Path) -> None:
        """The promise in its plainest form."""
        spool = self.make(tmp_path / "spool")
        job_id = spool.submit(self.job(), tag="bash")
        spool.join("w", {})
        taken = claim(spool, "w", spool.find(job_id))
        assert taken is not None
        assert spool.finish(taken, "success", {"result": 42})
        record = spool.record(spool.find(job_id))
        assert record is not None
        assert record["result"] == 42
        audit(spool.path).must_hold([job_id])

    def test_one_of_two_claimers_wins(self, tmp_path: Path) -> None:
        """And the other is told so."""
        spool = self.make(tmp_path / "spool")
        entry = spool.find(spool.submit(self.job(), tag="bash"))
        for worker in ("one", "two"):
            spool.join(worker, {})
        assert claim(spool, "one", entry) is not None
        assert claim(spool, "two", entry) is None

    def test_a_rescued_claim_publishes_nothing(self, tmp_path: Path) -> None:
        """The source of the rename is the fence."""
        spool = self.make(tmp_path / "spool")
        job_id = spool.submit(self.job(), tag="bash")
        spool.join("late", {})
        late = claim(spool, "late", spool.find(job_id))
        assert late is not None
        assert spool.rescue("late") == [(job_id, "queued")]
        assert not spool.finish(late, "failure", {"result": "late"})
        drain(spool)
        assert spool.find(job_id).state == "success"
        audit(spool.path).must_hold([job_id])

    def test_many_jobs_come_in_their_order(self, tmp_path: Path) -> None:
        """A batch is acknowledged in the order of its jobs."""
        spool = self.make(tmp_path / "spool")
        ids = list(spool.submit_all((self.job(name=str(n)) for n in range(20)), tag="bash"))
        assert [spool.job(spool.find(job_id)).name for job_id in ids] == [str(n) for n in range(20)]

    def test_a_canceled_job_does_not_run(self, tmp_path: Path) -> None:
        """Cancel takes a waiting job at once."""
        spool = self.make(tmp_path / "spool")
        job_id = spool.submit(self.job(), tag="bash")
        assert spool.cancel(job_id, by="me", reason="enough") == "canceled"
        drain(spool)
        assert spool.find(job_id).state == "canceled"

    def test_a_finished_job_can_be_pruned(self, tmp_path: Path) -> None:
        """Nothing of it is left."""
        spool = self.make(tmp_path / "spool")
        job_id = spool.submit(self.job(), tag="bash")
        drain(spool)
        assert spool.prune(0).jobs == 1
        assert spool.locate(job_id) is None
