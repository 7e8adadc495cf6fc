"""Waiting for workers: until they hold no job (`drain --wait`), until they beat (`ping`)."""

import time
from collections.abc import Iterable, Iterator

from wmctl.cli import output
from wmctl.cli.exits import StillPending
from wmctl.cli.ticker import Ticker
from wmctl.errors import MalformedJob
from wmctl.spool import Spool

#: Seconds between looks.
_SOON = 0.1
#: Whoever looks at many workers waits so many times as long as a look takes.
_SHARE = 5


def until_free(
    spool: Spool, names: Iterable[str], timeout: float | None, *, quiet: bool = False
) -> None:
    """Come back when none of these workers holds a job or may claim one; else StillPending."""
    left = list(names)
    deadline = None if timeout is None else time.monotonic() + timeout
    ticker = Ticker(quiet=quiet)
    try:
        while left := [name for name in left if not _is_free(spool, name)]:
            if deadline is not None and time.monotonic() >= deadline:
                raise StillPending(
                    f"{_some(left)} not done yet; the order stays",
                    hint=f"wmctl worker show {left[0]}",
                )
            ticker(lambda: f"waiting for {_some(left)}")
            time.sleep(_SOON * 2)
    finally:
        ticker.end()


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return output.safe(shown if len(names) < 4 else f"{shown} and {len(names) - 3} more")


def _is_free(spool: Spool, name: str) -> bool:
    """It is gone, or says that it claims no more and holds nothing.

    A dead one's jobs are for others to rescue, and then it is gone.
    """
    beat = next((one for one in spool.workers() if one.worker == name), None)
    if beat is None:
        return name not in spool.joined()
    return beat.content.get("state") == "paused" and not any(spool.claims_of(name))


def next_beats(
    spool: Spool, names: Iterable[str], timeout: float
) -> Iterator[tuple[str, float | None]]:
    """Each worker as it beats, and after how many seconds; at the end those that did not: None."""
    now = time.monotonic
    began = now()
    before = {name: _beat(spool, name) for name in names}
    while before and now() - began < timeout:
        looked = now()
        for name in list(before):
            beat = _beat(spool, name)
            if beat is not None and beat != before[name]:
                del before[name]
                yield name, now() - began
        time.sleep(max(_SOON, _SHARE * (now() - looked)) if before else 0)
    for name in before:
        yield name, None


def _beat(spool: Spool, name: str) -> bytes | None:
    try:
        return spool.read_beat(name)
    except MalformedJob:
        return None
