"""`retention.yaml` of a spool: how long finished jobs are kept, by how they ended, and how much.

What it does not say is as `spool.json` says. A file that cannot be read keeps everything.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import NamedTuple

from wmctl.config import shared, values
from wmctl.config.keys import Found
from wmctl.config.yamltree import Table, Text, parse
from wmctl.errors import BadInput
from wmctl.spool.broom import Retention
from wmctl.spool.settings import SETTINGS_FILE
from wmctl.spool.store import Store

FILE = "retention.yaml"


class Kept(NamedTuple):
    """A spool's retention, and where each of its values comes from."""

    retention: Retention
    #: By key: `file:line`, or `spool.json`.
    origins: Mapping[str, str]


def load(store: Store) -> Kept:
    """What the spool's files say; ConfigError for a file that cannot be believed."""
    document = shared.read(store, FILE)
    found: Mapping[str, Found] = {}
    if document is not None:
        found = parse(document.origin, document.text, SCHEMA)
    kept = Retention.of(store.settings.retention)
    origins = {name: store.path(SETTINGS_FILE) for name in KEYS}
    return Kept(
        replace(kept, **{name: one.value for name, one in found.items()}),
        origins | {name: one.origin for name, one in found.items()},
    )


def _size(text: str) -> int:
    size = values.size(text)
    if size < 1 << 20:
        raise BadInput(f"{text!r} is less than 1 MiB", hint="write 500M or 20G; without it: no end")
    return size


SCHEMA = Table(
    {
        item.name: Text(_size if item.name == "max_bytes" else values.positive)
        for item in fields(Retention)
    }
)
KEYS = tuple(SCHEMA.fields)
