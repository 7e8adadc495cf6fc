"""Which live workers serve a tag, as their beats say, and the note for who waits for none."""

import time
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

from wmctl.cli import output

if TYPE_CHECKING:  # `submit` asks too, and needs no more of the spool than it has
    from wmctl.spool import Beat, Entry, Spool
    from wmctl.spool.store import Store

#: Seconds between looks for somebody who serves a tag.
ASK_AGAIN = 3.0
_PATIENCE = 2.0
#: What a worker's beat says while it claims nothing, whatever waits.
_NO_MORE = {"draining", "paused", "init"}
#: The same where only trouble is to be told: a job that waits so long for nobody is that.
_QUIET = 60.0


def serving(spool: "Spool", tag: str) -> "list[Beat]":
    """The live workers that would claim a job of this tag."""
    return [beat for beat in live(spool) if tag in tags_of(beat)]


def live(spool: "Spool") -> "Iterator[Beat]":
    """The workers whose beat is younger than the lease."""
    lease = spool.settings.lease
    return (beat for beat in spool.workers() if beat.alive(lease))


def serves(beat: "Beat", tag: str) -> bool:
    """Whether a worker, if it lives, will claim jobs of a tag; not while it drains, say."""
    if beat.content.get("state") in _NO_MORE or beat.content.get("only"):
        return False
    # The beat of one with very many tags has no room for them.
    return tag in tags_of(beat) or beat.content.get("cut") is True


def tags_of(beat: "Beat") -> list[str]:
    """The tags a worker serves; one that runs a single tree of jobs serves none."""
    tags = beat.content.get("tags")
    if beat.content.get("only") or not isinstance(tags, list):
        return []
    return [tag for tag in tags if isinstance(tag, str)]


class Watch:
    """Tells people who wait, once for each tag, that nobody serves it."""

    def __init__(self, spool: "Spool", *, quiet: bool = False) -> None:
        self._spool = spool
        self._told: set[str] = set()
        # A worker that has just been started is not told of.
        self._ask_at = time.monotonic() + (_QUIET if quiet else _PATIENCE)

    def __call__(self, entry: "Entry") -> None:
        """Called while a job waits."""
        tag, now = entry.name.tag, time.monotonic()
        if entry.state != "queued" or tag in self._told or now < self._ask_at:
            return
        self._ask_at = now + ASK_AGAIN
        if not self._served(entry):
            self._told.add(tag)
            tell_unserved(entry, start_hint(tag, self._spool.store))

    def _served(self, entry: "Entry") -> bool:
        """By a worker for its tag, or by one that was started for this job alone."""
        return any(
            entry.name.tag in tags_of(beat) or beat.content.get("only") == entry.id
            for beat in live(self._spool)
        )


def tell_unserved(entry: "Entry", hint: str, why: str = "") -> None:
    """That a job waits, and what to do."""
    more = f", and {why}" if why else ""
    tag = entry.name.tag
    output.note(
        f"job {entry.id} waits: no live worker serves the tag {tag!r}{more}",
        hint=hint,
    )


def start_hint(tag: str, store: "Store") -> str:
    """How to get a worker for a tag."""
    if has_groups(store):
        from wmctl.cli.grouptags import GroupTags, start  # a submit asks too

        return f"start a worker with: {start(tag, GroupTags(store).having(tag))}"
    return f"start a worker with: wmctl worker start --tags {quote(tag)}"


def has_groups(store: "Store") -> bool:
    """Whether there is any file of a worker group."""
    return any(True for _ in store.disk.scan(store.path("groups")))
