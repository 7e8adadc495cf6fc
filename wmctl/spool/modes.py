"""Owners and modes of everything in a spool, against what its settings say. Knows how to mend them.

A file that others may write to, or that belongs to somebody else, is not believed by any worker;
one that the group of a shared spool cannot read or write is of no use to it.
"""

import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wmctl.spool import fs, journal
from wmctl.spool.creation import FOLDERS
from wmctl.spool.settings import SETTINGS_FILE
from wmctl.spool.store import Store

#: What comes and goes there is not for others, or not made by these rules.
_LEFT_OUT = frozenset({"tmp", "trash", journal.FOLDER})
#: Configuration, beside the folder `groups`.
_FILES = {"alerts.yaml", "retention.yaml", "tags.yaml"}
_KNOWN = frozenset({folder.partition("/")[0] for folder in FOLDERS} | {SETTINGS_FILE} | _FILES)


class Flaw(NamedTuple):
    """One thing that is not as it should be."""

    #: In a few words, the same for all of a kind.
    kind: str
    path: str
    #: The mode that would put it right; None where only a person can.
    mode: int | None = None


def flaws(store: Store, told: Callable[[int], None] = lambda _: None) -> Iterator[Flaw]:
    """Look at everything but half-written files and the trash; `told` hears how much it was."""
    count = 0
    with fs.translated("look at the spool's files"):
        group = store.disk.stat(f"{store.root}/.").st_gid
        yield from _judged(store, f"{store.root}/.", group)
        for path in _all(store):
            count += 1
            told(count)
            yield from _judged(store, path, group)


def strangers(store: Store) -> Iterator[str]:
    """What lies in the spool's folder and is nothing of wmctl's."""
    with fs.translated("look at the spool's folder"):
        for item in store.disk.scan(store.root):
            if item.name not in _KNOWN | _LEFT_OUT:
                yield item.path


def missing(store: Store) -> list[str]:
    """The folders of a spool that this one lacks, those above first."""
    with fs.translated("look at the spool's folders"):
        return [name for name in FOLDERS if not fs.present(store.disk, store.path(name))]


def make(store: Store, name: str) -> None:
    """Make one that is missing."""
    with fs.translated("make a folder of the spool"):
        store.mkdir(store.path(name))
        store.sync({os.path.dirname(store.path(name))})


def mend(store: Store, flaw: Flaw) -> bool:
    """Put a mode right; False if that is for a person, or refused."""
    if flaw.mode is None:
        return False
    try:
        found = store.disk.stat(flaw.path)
        if stat.S_ISLNK(found.st_mode):
            return False  # it was exchanged meanwhile
        store.disk.chmod_path(flaw.path, flaw.mode)
    except OSError:
        return False
    return True


def _all(store: Store) -> Iterator[str]:
    below = [
        item.path
        for item in store.disk.scan(store.root)
        if item.name in _KNOWN - _LEFT_OUT and item.name != SETTINGS_FILE
    ]
    yield store.path(SETTINGS_FILE)
    yield from list(below)
    while below:
        for item in store.disk.scan(below.pop()):
            yield item.path
            if item.is_dir(follow_symlinks=False):
                below.append(item.path)


def _judged(store: Store, path: str, group: int) -> Iterator[Flaw]:
    try:
        found = store.disk.stat(path)
    except FileNotFoundError:
        return
    is_folder = stat.S_ISDIR(found.st_mode)
    if not is_folder and not stat.S_ISREG(found.st_mode):
        yield Flaw("neither a file nor a folder", path)
        return
    if store.trust.owners is not None and found.st_uid not in store.trust.owners:
        yield Flaw(f"belongs to uid {found.st_uid}", path)
        return
    settings = store.settings
    wanted = settings.folder_mode if is_folder else settings.mode
    mode = stat.S_IMODE(found.st_mode)
    if wanted & 0o070 and found.st_gid != group:
        yield Flaw(f"belongs to group {found.st_gid}, not {group}", path)
    elif mode & 0o022 & ~wanted:
        # A mended mode would have workers believe a file that others may have changed.
        yield Flaw("others may write to it", path, wanted if is_folder else None)
    elif missing_bits := wanted & ~mode:
        yield Flaw(_lacks(missing_bits), path, wanted)


def _lacks(bits: int) -> str:
    if bits & 0o700:
        return "its owner may not use it"
    return "the group may not use it" if bits & 0o070 else "what is made in it is not the group's"
