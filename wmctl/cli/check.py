"""What `wmctl spool check` looks at and says."""

from collections.abc import Sequence

import typer

from wmctl.cli import exits, output
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session
from wmctl.cli.tables import Column, Item
from wmctl.errors import BadInput
from wmctl.spool.audit import Audit, audit
from wmctl.spool.history import Wrong, examine
from wmctl.spool.journal import Event, read_journal

COLUMNS = (
    Column("JOB", lambda item: item["job"]),
    Column("KIND", lambda item: item["kind"]),
    Column("PROBLEM", lambda item: item["problem"]),
)
#: Looks that must agree: a job on its way can be seen twice or not at all.
_LOOKS = 3


def check(session: Session, format: str, *, history: bool) -> None:
    """Print what is wrong; exit 1 if anything is."""
    session.must_have_spool()
    found, problems = _look(session, history=history)
    for _ in range(_LOOKS - 1):
        if not problems:
            break
        found, again = _look(session, history=history)
        problems = [item for item in again if item in problems]
    if problems or format != "table":
        show_list(problems, format, COLUMNS, key=None)
    else:
        output.line(f"nothing is wrong with {_jobs(found)} in {session.spool.path}")
    if problems:
        raise typer.Exit(exits.FAULTS)


def _look(session: Session, *, history: bool) -> tuple[Audit, list[Item]]:
    # First what was said, then what is there: the other way round a new job would be missing.
    events = _events(session) if history else []
    found = audit(session.spool.path)
    problems = [_item(job, "file", text) for job, text in found.wrong]
    problems += [_item(wrong.job, wrong.kind, _text(wrong)) for wrong in examine(events, found)]
    return found, problems


def _events(session: Session) -> Sequence[Event]:
    folder = session.journal_folder(session.store)
    events = list(read_journal(folder))
    if not events:
        raise BadInput(
            f"there is no journal in {folder}",
            hint="one is kept by commands and workers that run with WMCTL_JOURNAL=1",
        )
    return events


def _item(job: str, kind: str, text: str) -> Item:
    return {"schema": "wmctl.problem/1", "job": job, "kind": kind, "problem": text}


def _text(wrong: Wrong) -> str:
    return f"{wrong.text} (a power cut may explain this)" if wrong.after_power_cut else wrong.text


def _jobs(found: Audit) -> str:
    return "1 job" if len(found.places) == 1 else f"{len(found.places)} jobs"
