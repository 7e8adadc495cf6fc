"""`wmctl doctor --nfs`: bring two hosts together on one spool, and let them test its mount."""

import contextlib
import os
import shlex
import threading
from pathlib import Path
from typing import Any

from wmctl import __version__
from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.finding import Finding
from wmctl.cli.nfsprobe_findings import judge, why_not
from wmctl.cli.session import Session
from wmctl.errors import SpoolNotFound, WmctlError
from wmctl.spool import fs, fskind
from wmctl.spool.probe import rendezvous
from wmctl.spool.probe.clock import ServerClock
from wmctl.spool.probe.examine import Examined, examine, facts
from wmctl.spool.probe.meeting import Meeting
from wmctl.spool.store import Store

#: What tells clients of one name apart, where somebody has set it.
_UNIQUE_IDS = (
    "/sys/fs/nfs/net/nfs_client/identifier",
    "/sys/module/nfs/parameters/nfs4_unique_id",
)
#: Seconds that the other side's command may take beyond the wait.
_LONG = 120.0


def probe(session: Session, *, host: str | None, wait: float) -> list[Finding]:
    """All that two hosts find out; the last finding is the verdict."""
    if host is not None and (not host or host.startswith("-")):
        raise UsageError(f"--host: {host!r} is no host")
    own: dict[str, Any] | None = None
    try:
        store = _store(session)
        own = own_facts(store)
        with fs.translated("meet in the spool"):
            rendezvous.sweep(store)
            if host is None:
                meeting = rendezvous.find(store, wait, lambda: _tell_waiting(store, wait))
            else:
                meeting = _Called(host, store.root, wait).meeting(store)
        return judge(examine(meeting, own, _tell_begin))
    except WmctlError as error:
        if os.geteuid() == 0 and isinstance(error.__cause__, PermissionError):
            error.hint = "over NFS root is mostly nobody (root_squash): run it as the spool's owner"
        return why_not(own, error)


def take_part(session: Session, name: str) -> None:
    """The other side, started by the first one's `--host`. That one prints what was found."""
    store = _store(session)
    own = own_facts(store)
    with fs.translated("meet in the spool"):
        meeting = rendezvous.answer(store, name)
    examine(meeting, own)


def own_facts(store: Store) -> dict[str, Any]:
    """What this host can say alone."""
    from wmctl.worker.identity import boot_id

    mounted = fskind.mount(store.root)
    system = fskind.detect(store.root)
    return {
        "version": __version__,
        "host": os.uname().nodename,
        "boot_id": boot_id(),
        "unique_id": _unique_id(),
        "root": store.root,
        "kind": fskind.title(system, mounted),
        "network": system.network,
        "source": mounted.source if mounted is not None else "",
        "nfs": mounted.nfs if mounted is not None else "",
        "options": mounted.notable if mounted is not None and mounted.nfs else [],
        "lease": store.settings.lease,
        "private": store.owner is not None,
        **facts(store, ServerClock(store)),
    }


def _store(session: Session) -> Store:
    if not session.has_spool:
        raise SpoolNotFound(
            f"there is no spool in {session.settings.spool} yet",
            hint="make one on the file system that is to be tested: wmctl init FOLDER",
        )
    store = session.store
    store.must_be_ours()
    return store


def _unique_id() -> str:
    for path in _UNIQUE_IDS:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = Path(path).read_text(encoding="ascii").strip()
            if text and text != "(null)":
                return text
    return ""


def _tell_waiting(store: Store, wait: float) -> None:
    command = shlex.join(["wmctl", "doctor", "--nfs", "--spool", store.root])
    output.note(
        f"waiting {wait:g} s for another host. Type there, with its own path of this spool:",
        hint=command,
    )


def _tell_begin(found: Examined) -> None:
    output.note(f"{found.peers['facts'].get('host')} is there; the test takes some ten seconds")


class _Called:
    """The other side as a command on another host, through ssh or what WMCTL_SSH names."""

    def __init__(self, host: str, root: str, wait: float) -> None:
        self._host, self._root, self._wait = host, root, wait
        self._ended: tuple[int, str] | None = None

    def meeting(self, store: Store) -> Meeting:
        """The meeting, once the other side is there; WmctlError if it cannot come."""
        return rendezvous.call(store, self._wait, self._check, begin=self._begin)

    def _begin(self, name: str) -> None:
        words = ["wmctl", "doctor", "--nfs", "--spool", self._root, "--meet", name]
        remote = os.environ.get("WMCTL_SSH") or "ssh"
        try:
            program = shlex.split(remote)
        except ValueError as error:
            raise UsageError(f"WMCTL_SSH: {remote!r} is no command: {error}") from None
        argv = [*program, self._host, shlex.join(words)]
        output.note(f"starting the other side: {shlex.join(argv)}")
        threading.Thread(target=self._run, args=(argv,), daemon=True).start()

    def _run(self, argv: list[str]) -> None:
        from wmctl.runner.quiet import run_quietly

        self._ended = run_quietly(argv, timeout=self._wait + _LONG, env=os.environ)

    def _check(self) -> None:
        if self._ended is None:
            return
        code, text = self._ended
        last = " ".join(text.split("\n")[-4:]).strip() or "it said nothing"
        raise WmctlError(
            f"the other side did not come: {self._host} ended with exit code {code}: {last}",
            hint="or type there yourself what doctor --nfs says without --host",
        )
