"""The spool: a folder is the queue, and where a job's file lies is the job's state.

    submit   tmp/ -> queue/<tag>/               claim    queue/ -> running/<worker>/, claims + 1
    finish   running/ -> completed/             release, retry, rescue    running/ -> queue/
    suspend  running/ -> suspended/             wake     suspended/ -> queue/
    hold     queue/ -> held/                    unhold   held/ -> queue/
    reschedule, move   queue/ -> queue/
    readmit  quarantine/ -> queue/              discard  quarantine/ -> trash/
    cancel   queue/, suspended/, held/ -> completed/     prune    completed/ -> gone

Each arrow is one rename, and its source is the fence: late worker, rescuer and canceler compete
for one name. Standard library only. The format is docs/reference/spool-format.md.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wmctl.spool.beats import Beat
    from wmctl.spool.claims import Claim, Staged
    from wmctl.spool.fs import Disk
    from wmctl.spool.ids import bucket, is_id, new_id, short
    from wmctl.spool.job import DEFAULT_WORKSPACE, Job
    from wmctl.spool.lookup import STATES, WAITING, Entry
    from wmctl.spool.name import OUTCOMES, Name, decode_tag, encode_tag
    from wmctl.spool.record import RESULT_CAP
    from wmctl.spool.settings import Settings
    from wmctl.spool.spool import Spool
    from wmctl.spool.submit import When

#: Where each public name lives. Loaded at first use: a submit needs a third of them.
_HOMES = {
    "beats": ("Beat",),
    "claims": ("Claim", "Staged"),
    "fs": ("Disk",),
    "ids": ("bucket", "is_id", "new_id", "short"),
    "job": ("DEFAULT_WORKSPACE", "Job"),
    "lookup": ("STATES", "WAITING", "Entry"),
    "name": ("OUTCOMES", "Name", "decode_tag", "encode_tag"),
    "record": ("RESULT_CAP",),
    "spool": ("Spool",),
    "settings": ("Settings",),
    "submit": ("When",),
}

__all__ = [
    "DEFAULT_WORKSPACE",
    "OUTCOMES",
    "RESULT_CAP",
    "STATES",
    "WAITING",
    "Beat",
    "Claim",
    "Disk",
    "Entry",
    "Job",
    "Name",
    "Settings",
    "Spool",
    "Staged",
    "When",
    "bucket",
    "decode_tag",
    "encode_tag",
    "is_id",
    "new_id",
    "short",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"wmctl.spool.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
