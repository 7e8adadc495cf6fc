"""Every job file of a spool, looked at itself and not through wmctl's listings.

What must hold at every moment: each job lies in one place, is whole, and has the result that its
name promises. Reads only; on a spool in use a job in mid-rename may be seen twice or not at all.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from wmctl.errors import BadInput, WmctlError
from wmctl.spool import fs
from wmctl.spool import name as names
from wmctl.spool.fs import Disk, Trust
from wmctl.spool.ids import bucket
from wmctl.spool.job import JOB_CAP, from_json
from wmctl.spool.name import Name

_STATES = {
    "running": "running", "suspended": "suspended", "completed": "terminal", "held": "held",
    "quarantine": "quarantined", "keys": "key",
}  # fmt: skip
#: Where files are half-written.
_WRITTEN = "tmp"
#: The content is what counts here, not who may have written it.
_ANYBODY = Trust(None, 0)
#: Bytes of a result that are read; one is longer only if somebody else wrote it.
_RESULT_CAP = 128 << 20


@dataclass(frozen=True)
class Place:
    """One job file of a spool."""

    state: str
    name: Name
    path: str


@dataclass
class Audit:
    """Every job file of a spool and what is wrong with it."""

    places: dict[str, list[Place]] = field(default_factory=dict)
    tmp: list[str] = field(default_factory=list)
    #: (job, sentence)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What is wrong, as sentences."""
        return [text for _, text in self.wrong]

    def state(self, job_id: str) -> str | None:
        """Where the job is; the outcome if it is finished."""
        found = self.places.get(job_id)
        return None if not found else found[0].name.outcome or found[0].state


def audit(root: str | os.PathLike[str], disk: Disk | None = None) -> Audit:
    """Look at every file of a spool."""
    found = Audit()
    look(found, os.fspath(root), disk or Disk())
    return found


def look(found: Audit, root: str, disk: Disk) -> None:
    """Fill in what is there."""
    for place in _places(root, disk):
        found.places.setdefault(place.name.id, []).append(place)
    found.tmp += [entry.path for entry in _walk(f"{root}/{_WRITTEN}", disk, folders=True)]
    for job_id, places in found.places.items():
        if len(places) > 1:
            several = ", ".join(place.path for place in places)
            found.wrong.append((job_id, f"{job_id} is in several places: {several}"))
        for place in places:
            found.wrong += ((job_id, text) for text in _wrong(root, place, disk))


def _walk(folder: str, disk: Disk, *, folders: bool = False) -> Iterator["os.DirEntry[str]"]:
    """Everything below a folder; the folders themselves only if asked for."""
    below = [folder]
    while below:
        for entry in disk.scan(below.pop()):
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                below.append(entry.path)
            if folders or not is_folder:
                yield entry


def _places(root: str, disk: Disk) -> Iterator[Place]:
    for queue in disk.scan(f"{root}/queue"):
        try:
            tag = names.decode_tag(queue.name)
        except BadInput:
            continue
        for entry in _walk(queue.path, disk):
            name = names.parse(entry.name, tag)
            if name is not None:
                yield Place("queued", name, entry.path)
    for top, state in _STATES.items():
        for entry in _walk(f"{root}/{top}", disk):
            name = names.parse(entry.name)
            if name is not None:
                yield Place(state, name, entry.path)


def _wrong(root: str, place: Place, disk: Disk) -> Iterator[str]:
    name = place.name
    if (place.state == "terminal") != (name.outcome is not None):
        yield f"{place.path}: an outcome belongs into completed/ and only there"
    if place.state == "terminal" and f"/completed/{bucket(name.id)}/" not in place.path:
        yield f"{place.path}: the wrong bucket"
    if place.state != "quarantined":
        try:
            from_json(fs.read_checked(disk, place.path, JOB_CAP, _ANYBODY))
        except (WmctlError, OSError) as error:
            yield f"{place.path}: {error}"
    if name.outcome not in {None, "canceled"}:
        path = f"{root}/results/{bucket(name.id)}/{name.id}.{name.claims}.json"
        try:
            record = json.loads(fs.read_checked(disk, path, _RESULT_CAP, _ANYBODY))
        except (WmctlError, OSError, ValueError) as error:
            yield f"{place.path}: no whole result ({error})"
        else:
            if record["outcome"] != name.outcome:
                yield f"{place.path}: its result says {record['outcome']}"
