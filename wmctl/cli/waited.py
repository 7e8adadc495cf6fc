"""`submit --wait`: the ends of the jobs that were just queued."""

from wmctl.cli import exits, output
from wmctl.cli.follow import Follower
from wmctl.cli.logfile import LogReader
from wmctl.cli.session import Session
from wmctl.cli.wait import WELL, deadline_of, tell_trouble
from wmctl.spool import Entry, Spool


def wait_for(session: Session, ids: list[str], timeout: str | None, *, quiet: bool) -> int:
    """The highest of their exit codes. `quiet`: what a job wrote is shown only if it failed."""
    spool, deadline = session.spool, deadline_of(timeout)
    code = exits.OK
    try:
        for job_id in ids:
            entry = Follower(spool, spool.find(job_id)).until_rest(deadline)
            code = max(code, exits.of_job(entry.state, spool.record(entry)))
            if quiet and entry.state not in WELL:
                _show_log(spool, entry)
            tell_trouble(spool, entry, logs=len(ids) == 1 and not quiet)
    except KeyboardInterrupt:
        words = " ".join(ids[:20]) if len(ids) <= 20 else "-"
        output.note("no longer waiting; the jobs go on", hint=f"wait again: wmctl wait {words}")
        raise
    return code


def _show_log(spool: Spool, entry: Entry) -> None:
    stream = output.JobStream(error=True)
    for piece in LogReader(spool, split=False).read(entry):
        stream.write(piece.data)
    stream.end_line()
