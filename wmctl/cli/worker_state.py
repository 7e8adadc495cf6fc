"""What a worker's beat says, as people and machines see it: its state, its groups, its figures.

Workers of older versions say less: what they do not say is None here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from wmctl.errors import MalformedJob, SpoolError
from wmctl.spool import Beat, Settings, Spool

SCHEMA = "wmctl.worker/1"
#: In the order of a worker's life. The last two are what readers make of a beat that is late.
STATES = ("starting", "init", "idle", "busy", "draining", "paused", "stale", "dead")
COLOURS = {
    "starting": "grey", "init": "yellow", "idle": "green", "busy": "blue", "draining": "yellow",
    "paused": "yellow", "stale": "red", "dead": "red",
}  # fmt: skip
#: A worker that missed so many beats is stale.
MISSED = 3
#: What a beat says, by the names that it has there; keys are only ever added.
_SAID = (
    "host", "pid", "job", "jobs_executed", "started_at", "only", "version", "ok", "failed",
    "occupancy", "memory", "memory_usage", "vcpus", "last_job", "last_job_workspace", "isolation",
    "slot", "reason", "by", "restarts",
)  # fmt: skip


class Worker(NamedTuple):
    """One worker at one moment."""

    name: str
    #: One of `STATES`.
    state: str
    content: Mapping[str, Any]
    #: Seconds since its last beat, by the file server's clock.
    age: float
    #: False where only its folder of claims is left.
    beats: bool = True

    @property
    def alive(self) -> bool:
        """Whether it may still be at work."""
        return self.state != "dead"

    @property
    def groups(self) -> tuple[str, ...]:
        """Its worker groups, the first one first."""
        return groups_of(self.content)

    @property
    def tags(self) -> tuple[str, ...]:
        """What it serves."""
        tags = self.content.get("tags")
        return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()

    @property
    def job(self) -> str | None:
        """The id of the job that it runs."""
        job = self.content.get("job")
        return job if isinstance(job, str) else None

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "schema": SCHEMA,
            "worker": self.name,
            "state": self.state,
            "tags": list(self.tags),
            "beat_age": round(self.age, 3) if self.beats else None,
            "group": ",".join(self.groups) or None,
            **{key: self.content.get(key) for key in _SAID},
            "groups": list(self.groups),
        }


def workers_of(spool: Spool) -> list[Worker]:
    """All of them, the living first, then by group and name."""
    beats = spool.workers()
    found = [of_beat(beat, spool.settings) for beat in beats]
    known = {worker.name for worker in found}
    silent = (_silent(spool, name) for name in spool.joined() - known)
    return in_order([*found, *(worker for worker in silent if worker is not None)])


def in_order(workers: Iterable[Worker]) -> list[Worker]:
    """The living first, then by group and name."""
    return sorted(workers, key=lambda one: (not one.alive, one.groups, one.name))


def of_beat(beat: Beat, settings: Settings) -> Worker:
    """A worker as its beat describes it."""
    return Worker(beat.worker, state_of(beat, settings), beat.content, beat.age)


def state_of(beat: Beat, settings: Settings) -> str:
    """What it says of itself, unless its beat is late. The age of a beat is no proof of a death."""
    if not beat.alive(settings.lease):
        return "dead"
    if beat.age > MISSED * settings.beat:
        return "stale"
    said = beat.content.get("state")
    return said if said in STATES else "starting"


def groups_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups that a beat names; one of an older version names a single one."""
    groups = content.get("groups")
    if isinstance(groups, list):
        return tuple(name for name in groups if isinstance(name, str))
    group = content.get("group")
    return tuple(group.split(",")) if isinstance(group, str) and group else ()


def _silent(spool: Spool, name: str) -> Worker | None:
    """A worker without a beat: it is about to write the first one, or all but its claims is gone.

    None if it has come or gone meanwhile.
    """
    store = spool.store
    try:
        if spool.read_beat(name) is not None:
            return None
        changed = store.disk.stat(store.path("running", name)).st_mtime_ns
    except (MalformedJob, SpoolError):
        return Worker(name, "stale", {"reason": "its beat cannot be read"}, 0.0, beats=False)
    except OSError:
        return None
    age = (spool.now() - changed) / 1e9
    state = "starting" if age < spool.settings.lease else "dead"
    return Worker(name, state, {}, max(age, 0.0), beats=False)
