"""The rules about tags as a worker enforces them at claim: read by time, so that no claim waits.

What cannot be read leaves the last good rules in force; a worker that never had any claims nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from wmctl.config import shared
from wmctl.config.assignable import FILE, UNREADABLE, Listed, TagRules
from wmctl.errors import MalformedJob, WmctlError
from wmctl.spool import Job, Name
from wmctl.spool.store import Store

log = logging.getLogger("wmctl.worker")

#: What the quarantine says of a job that may not have its tag.
REASON = "tag-not-allowed"
#: Seconds between two looks: on this machine, and where a look is a call to a server.
_SOON, _LATE = 2.0, 5.0


class Rules:
    """The rules of a spool as one worker knows them."""

    def __init__(
        self,
        store: Store,
        environ: Mapping[str, str],
        runner_tags: Iterable[str],
        custom: Sequence[Listed] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._environ = environ
        self._runner_tags = tuple(runner_tags)
        self._custom = custom
        self._clock = clock
        self._look_at = float("-inf")
        self._stamp: object = ()
        self._rules: TagRules | None = None
        self._trouble: str | None = None

    def hindrance(self) -> str | None:
        """Why nothing may be claimed now; None: something may. Asked before each claim."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + (_LATE if self._store.synchronous else _SOON)
            self._look()
        return None if self._rules is not None else f"{UNREADABLE}: {self._trouble}"

    def must_be_known(self) -> None:
        """ConfigError if they are wrong: for a worker that shall not wait until they are mended."""
        self._load()

    def check(self, name: Name, job: Job) -> None:
        """MalformedJob for a job that may not have the tag that it was claimed by."""
        why = None if self._rules is None else self._rules.refusal(name.tag, job.workspace)
        if why is not None:
            raise MalformedJob(
                f"{why}; the job is of the workspace {job.workspace!r}", reason=REASON
            )

    def _look(self) -> None:
        try:
            stamp = self._stamps()
            if self._rules is not None and stamp == self._stamp:
                self._trouble = None
                return
            rules = self._load()
        except WmctlError as error:
            self._tell(error.message)
            return
        if self._rules is not None:
            log.info("the rules about tags were read again")
        # One that changed since it was looked at is read once more at the next look.
        self._rules, self._stamp, self._trouble = rules, stamp, None

    def _load(self) -> TagRules:
        return TagRules.load(self._store, self._environ, self._runner_tags, self._custom)

    def _stamps(self) -> object:
        """What changes with the rules; groups matter only where nothing else may be used."""
        own = shared.stamp(self._store, FILE)
        if self._rules is None or not self._rules.only_known:
            return own
        groups = (f"groups/{name}{shared.SUFFIX}" for name in shared.names(self._store, "groups"))
        return (own, *((one, shared.stamp(self._store, one)) for one in groups))

    def _tell(self, problem: str) -> None:
        """In the log, once."""
        kept = "the rules read before stay in force" if self._rules else "nothing is claimed"
        if problem != self._trouble:
            log.error("%s, %s: %s", UNREADABLE, kept, problem)
        self._trouble = problem
