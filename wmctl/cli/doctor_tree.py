"""What `wmctl doctor` finds in the spool's tree: modes, owners, leftovers; and how it mends them.

Mended is only what is understood: modes, folders that are missing, what a prune would remove
anyway, markers that nobody will look at. Jobs are left to the workers.
"""

from collections import defaultdict
from collections.abc import Iterator
from math import inf

from wmctl.cli.confirm import counted
from wmctl.cli.finding import Finding
from wmctl.cli.lists import between
from wmctl.cli.session import Session
from wmctl.cli.sizes import size
from wmctl.cli.ticker import Ticker
from wmctl.spool import modes, stale
from wmctl.spool.modes import Flaw
from wmctl.spool.store import Store

_FIX = "wmctl doctor --fix"


def permissions(session: Session, *, fix: bool) -> Iterator[Finding]:
    """Owner and mode of every file and folder."""
    store = session.store
    ticker = Ticker()
    try:
        found: dict[str, list[Flaw]] = defaultdict(list)
        count = 0
        for flaw in modes.flaws(store, lambda number: ticker(lambda: f"{number:,} files")):
            found[flaw.kind].append(flaw)
            count += 1
    finally:
        ticker.end()
    if not count:
        top = session.spool.path.stat()
        mode, owner = top.st_mode & 0o7777, top.st_uid
        yield Finding(
            "permissions", "ok", f"mode {mode:04o}, owner {owner}; so is all that is in it"
        )
    for kind, flaws in found.items():
        mended = [flaw for flaw in flaws if fix and modes.mend(store, flaw)]
        left = [flaw for flaw in flaws if flaw not in mended]
        if mended:
            yield Finding("permissions", "fixed", _told(kind, mended))
        if left:
            yield Finding("permissions", "fault", _told(kind, left), _remedy(store, left[0]))


def _told(kind: str, flaws: list[Flaw]) -> str:
    """`3 files: others may write to it; the first is …`."""
    path = flaws[0].path.removesuffix("/.")
    return f"{kind}: {path}" if len(flaws) == 1 else f"{len(flaws)} files: {kind}; first {path}"


def _remedy(store: Store, flaw: Flaw) -> str:
    if flaw.mode is not None:
        return f"{_FIX}   (as its owner or root); or: chmod {flaw.mode:o} {flaw.path}"
    if "uid" in flaw.kind:
        return f"no worker believes it: find out who made it, remove it or chown it: {flaw.path}"
    if "write" in flaw.kind:
        return (
            f"look at what it holds, for others may have changed it; then: chmod go-w {flaw.path}"
        )
    if "group" in flaw.kind:
        return f"chgrp -R --reference={store.root} {store.root}"
    return "wmctl never makes such a thing; find out who did"


def layout(session: Session, *, fix: bool) -> Iterator[Finding]:
    """Folders that are missing, and things that are nothing of wmctl's."""
    store = session.store
    for name in modes.missing(store):
        if fix:
            modes.make(store, name)
        yield Finding(
            "layout", "fixed" if fix else "note", f"the folder {name}/ was missing"
            if fix else f"the folder {name}/ is missing", "" if fix else _FIX,
        )  # fmt: skip
    for path in (*modes.strangers(store), *stale.unknown_pauses(store)):
        yield Finding("layout", "note", f"{path} is nothing that wmctl knows", "move it elsewhere")


def leftovers(session: Session, *, fix: bool) -> Iterator[Finding]:
    """What a prune would remove, and markers for nobody."""
    spool = session.spool
    done = spool.prune(inf, dry=not fix, told=lambda _: None)
    rubbish = [
        counted(number, what)
        for number, what in (
            (done.orphans, "orphan"),
            (done.blobs, "unused blob"),
            (done.leftovers, "leftover"),
        )
        if number
    ]  # fmt: skip
    if rubbish:
        text = f"{', '.join(rubbish)}; {size(done.bytes)}"
        yield _leftover(text, fix=fix, hint=f"the next prune removes them; or: {_FIX}")
    if done.failed:
        what = counted(done.failed, "thing")
        yield Finding("leftovers", "note", f"{what} could not be looked at or removed")
    markers = list(stale.stale(session.store))
    for kind in sorted({marker.what for marker in markers}):
        same = [marker for marker in markers if marker.what == kind]
        gone = fix and not [one for one in same if not stale.remove(session.store, one)]
        yield _leftover(f"{len(same)} x {kind}; first {same[0].path}", fix=gone, hint=_FIX)


def _leftover(text: str, *, fix: bool, hint: str) -> Finding:
    if fix:
        return Finding("leftovers", "fixed", f"removed: {text}")
    return Finding("leftovers", "note", text, hint)


def pauses(session: Session) -> Iterator[Finding]:
    """Tags whose jobs wait because somebody said so, perhaps long ago."""
    for tag, why in session.spool.pauses().items():
        at, by = why.get("at"), why.get("by")
        since = between(at, None) if isinstance(at, str) else ""
        told = " ".join(filter(None, (f"by {by}" if by else "", f"{since} ago" if since else "")))
        reason = f": {why['reason']}" if why.get("reason") else ""
        text = f"the tag {tag!r} was paused {told}{reason}"
        yield Finding("queue", "note", text, f"wmctl queue resume {tag}")
