"""Which live workers serve a tag, as their beats say."""

from collections.abc import Iterator

from wmctl.spool import Beat, Spool


def serving(spool: Spool, tag: str) -> list[Beat]:
    """The live workers that would claim a job of this tag."""
    return [beat for beat in live(spool) if tag in tags_of(beat)]


def live(spool: Spool) -> Iterator[Beat]:
    """The workers whose beat is younger than the lease."""
    lease = spool.settings.lease
    return (beat for beat in spool.workers() if beat.alive(lease))


def tags_of(beat: Beat) -> list[str]:
    """The tags a worker serves; one that runs a single tree of jobs serves none."""
    tags = beat.content.get("tags")
    if beat.content.get("only") or not isinstance(tags, list):
        return []
    return [tag for tag in tags if isinstance(tag, str)]
