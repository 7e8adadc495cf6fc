"""`--dry-run`: the jobs that would be queued, as JSON. Nothing is written."""

import json
from datetime import UTC, datetime
from typing import Any

from wmctl.cli import output
from wmctl.cli.submission import Ready
from wmctl.plugin import Job

SCHEMA = "wmctl.job-request/1"


def show(ready: Ready) -> None:
    """One JSON object; of --each a line for each job."""
    for job in ready.jobs:
        request = _request(ready, job, datetime.now(UTC))
        output.line(output.dumps(request, indent=None if ready.many else 2))


def _request(ready: Ready, job: Job, now: datetime) -> dict[str, Any]:
    """Where and when, then the job as its file would say it; what is not set is left out there.

    `due` of a length of time is what this host's clock says; the file server's will count.
    """
    written: dict[str, Any] = json.loads(job.to_json())
    due = None if ready.at is None else ready.at.moment(now).astimezone(UTC)
    first = {
        "schema": SCHEMA,
        "tag": ready.when_of(job).tag,
        "priority": ready.when.priority,
        "due": due and due.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "kind": job.kind,
        "language": job.language,
        "argv": list(job.argv),
        "args": dict(job.args),
    }
    if ready.if_exists is not None:
        first["if_exists"] = ready.if_exists
    return first | {key: value for key, value in written.items() if key not in first}
