"""What may come of a job that was just queued and should be known now: nobody runs it, no space.

Said on standard error wherever that leads: cron mails it. Looking must cost a submit next to
nothing, and what goes wrong with it is not the news.
"""

from contextlib import suppress
from itertools import islice
from shlex import quote

from wmctl.cli import output
from wmctl.cli.exits import NoWorker
from wmctl.cli.serving import serves, start_hint, tags_of
from wmctl.cli.session import Session
from wmctl.cli.submission import Ready
from wmctl.config.values import Floor
from wmctl.errors import SpoolError
from wmctl.spool.beats import workers
from wmctl.spool.fskind import FileSystem, detect
from wmctl.spool.store import Store

#: A submit reads no more beats than this; then it is not for it to say that nobody serves a tag.
_BEATS = 50
#: Of --each as many tags are looked after.
_TAGS = 5
#: Seconds; what is to run later may find workers then.
_SOON = 60.0


def warn(session: Session, ready: Ready) -> None:
    """Say what is amiss with the spool or the job's folder."""
    store = session.store
    with suppress(SpoolError, OSError):
        _tell_space(store, session.settings.min_free)
        if ready.job.cwd is not None:
            _tell_folder(ready.job.cwd, store.root)


def warn_unserved(session: Session, ready: Ready) -> None:
    """Say that no live worker serves the tag of a job that could run now."""
    if ready.job.hold or ready.job.after or ready.when.due or ready.when.delay > _SOON:
        return
    store = session.store
    with suppress(SpoolError, OSError):
        for tag in ready.tags[:_TAGS]:
            if not _served(store, tag, _BEATS):
                output.note(
                    f"queued, but no live worker serves the tag {_named(store, tag)}",
                    hint=_hint(store, tag),
                )


def must_be_served(session: Session, ready: Ready) -> None:
    """NoWorker if no live worker serves the tag; of --each at the first line with such a tag."""
    if ready.tagging is not None:
        ready.tagging.on_new = lambda tag: _must_be_served(session, tag)
    if ready.tagging is None or not ready.many:
        _must_be_served(session, ready.when.tag)


def _must_be_served(session: Session, tag: str) -> None:
    store = session.store
    if not session.has_spool or not _served(store, tag):
        raise NoWorker(
            f"nothing was queued: no live worker serves the tag {_named(store, tag)}",
            hint=_hint(store, tag),
        )


def _hint(store: Store, tag: str) -> str:
    """How to get a worker, or why the one that is there does nothing."""
    lease = store.settings.lease
    if any(beat.alive(lease) and tag in tags_of(beat) for beat in islice(workers(store), _BEATS)):
        return f"a worker has the tag and claims nothing now; see: wmctl why {quote(tag)}"
    return start_hint(tag, store)


def _named(store: Store, tag: str) -> str:
    """The tag, and the one that may have been meant."""
    from wmctl.cli.tags import did_you_mean  # only where nobody serves it

    return f"{tag!r}{did_you_mean(store, tag)}"


def _served(store: Store, tag: str, most: int | None = None) -> bool:
    """Whether a live worker serves the tag, or there are more workers than may be looked at."""
    count = 0
    for beat in islice(workers(store), most):
        count += 1
        if beat.alive(store.settings.lease) and serves(beat, tag):
            return True
    return count == most


def _tell_space(store: Store, floor: Floor) -> None:
    free, total = store.disk.space(store.root)
    if free < floor.of(total):
        output.note(
            f"little space is left for the spool: {free / (1 << 20):,.0f} MiB, "
            f"{free / total:.1%} of its disk ({store.root})",
            hint="remove old finished jobs with: wmctl prune   the limit is the setting min_free",
        )


def _tell_folder(folder: str, root: str) -> None:
    """Of a command whose folder other hosts may not have, though they see the spool."""
    spool = detect(root)
    if spool.network and (note := folder_note(folder, detect(folder), spool)):
        output.note(note, hint="name a folder that they all have with: -C FOLDER")


def folder_note(folder: str, here: FileSystem, spool: FileSystem) -> str | None:
    """What is amiss with the folder of a command, if anything."""
    if here.network or not spool.network:
        return None
    return (
        f"the command is to run in {folder}, on a disk of this host ({here.kind});"
        f" workers of other hosts share the spool ({spool.kind}) and not that"
    )
