"""The verdict over a spool after a story: what files and journal say, and who started."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.faults.scenario import Tally
from tests.host import Host
from wmctl.spool.audit import audit
from wmctl.spool.history import DOUBLED, LOST, examine, read_journal


def judge(
    root: Path, acknowledged: Iterable[str], *, journal: Path | None = None, faults: int = 0
) -> Tally:
    """Each acknowledged job must be in one place and published at most once."""
    jobs = set(acknowledged)
    tally = Tally(faults=faults, jobs=len(jobs))
    found = audit(root)
    tally.lost = len(jobs - found.places.keys())
    several = {job for job, places in found.places.items() if len(places) > 1}
    tally.problems += found.problems
    if journal is not None:
        verdict = examine(read_journal(journal), found)
        several |= {wrong.job for wrong in verdict if wrong.kind == DOUBLED}
        tally.lost = len(
            (jobs - found.places.keys()) | {wrong.job for wrong in verdict if wrong.kind == LOST}
        )
        tally.problems += [str(wrong) for wrong in verdict]
    tally.doubled = len(several)
    return tally


def judge_host(host: Host, acknowledged: Iterable[str], *, faults: int = 0) -> Tally:
    """As `judge`, with the journal of all its commands and the starts that its scripts noted."""
    jobs = list(acknowledged)
    journal = host.environ.get("WMCTL_JOURNAL")
    spool = host.spool
    tally = judge(
        spool.path, jobs, journal=Path(journal) if journal else None, faults=faults
    )  # fmt: skip
    for job_id, count in Counter(_starts(host)).items():
        if count > 1:
            tally.doubled += 1
            tally.problems.append(f"{job_id[0]}: attempt {job_id[1]} started {count} times")
    return tally


def all_finished(host: Host, tally: Tally) -> None:
    """Nothing waits, nothing is claimed, nothing lies in tmp/ any more."""
    found = audit(host.spool.path)
    left = [job for job in found.places if found.state(job) in {"queued", "running", "suspended"}]
    tally.expect(not left, f"left unfinished: {left[:5]}")
    tally.expect(not found.tmp, f"left in tmp/: {found.tmp[:5]}")


def _starts(host: Host) -> list[tuple[str, str]]:
    """Job and attempt of each start that a script noted (`Host.submit_many`)."""
    if not host.starts.exists():
        return []
    lines = host.starts.read_text().splitlines()
    return [(words[0], words[1]) for words in map(str.split, lines) if len(words) > 1]
