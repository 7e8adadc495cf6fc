"""Two doctors that meet in a spool: messages from one to the other, and what they leave behind.

All of it lies in `control/doctor/<name>/`, which no worker looks at. What a killed doctor leaves is
not believed by the next one, which removes it. Each side has a file that grows: of all changes that
an NFS client may see late, the size of a file that it opens is not one.
"""

import contextlib
import errno
import time
from collections.abc import Mapping
from typing import Any

from wmctl.errors import WmctlError
from wmctl.spool import fs, strict
from wmctl.spool.fs import Trust
from wmctl.spool.store import Store

#: Seconds that a waiting side takes at most to notice who sat down.
WELCOME = 5.0
_POLL = 0.02
_CAP = 256 << 10
_SEAT = "b.seat"
_MAIL = ("a.mail", "b.mail")
_HERE, _SORRY, _BYE = "here", "sorry", "bye"
#: Folders of a meeting that the tests use.
FOLDERS = ("race", "won", "aside", "seen-a", "seen-b", "blind-a", "blind-b")


class Silent(WmctlError):
    """The other side did not come, or does not answer any more."""


class Left(Silent):
    """The meeting is over: the other side has removed it."""


class Meeting:
    """One side's end of a meeting: `a` called it, `b` came."""

    def __init__(self, store: Store, name: str, side: str) -> None:
        self.store = store
        self.disk = store.disk
        self.name = name
        self.side = side
        self.other = "b" if side == "a" else "a"
        self.folder = f"{folder_of_all(store)}/{name}"
        #: Seconds without a word after which the other side counts as gone.
        self.patience = 30.0
        self._said = b""

    @classmethod
    def make(cls, store: Store, name: str) -> "Meeting":
        """A meeting to which the other side may come. It appears whole."""
        made, aside = cls(store, name, "a"), store.temporary()
        try:
            store.mkdir(aside)
            for folder in FOLDERS:
                store.mkdir(f"{aside}/{folder}")
            for mail in _MAIL:
                _write(store, f"{aside}/{mail}")
            fs.move(store.disk, aside, made.folder, mine=True, make=lambda: _make_all(store))
        except OSError:
            _remove(store, aside)
            raise
        return made

    def path(self, *parts: str) -> str:
        """A path inside the meeting."""
        return "/".join((self.folder, *parts))

    # Messages.

    def send(self, step: str, content: Mapping[str, Any]) -> None:
        """Tell the other side something."""
        line = strict.dumps({"step": step, "content": dict(content)})
        self._said += line.encode() + b"\n"
        self.disk.overwrite(self.path(f"{self.side}.mail"), self._said)

    def receive(self, step: str, patience: float | None = None) -> dict[str, Any]:
        """What the other side says at this step."""
        end = time.monotonic() + (self.patience if patience is None else patience)
        while True:
            over = time.monotonic() > end  # looked at first: one look more after a stall
            heard = self._heard()
            if step in heard:
                return heard[step]
            if _SORRY in heard:
                raise Silent(f"the other side gave up: {heard[_SORRY].get('why')}")
            if over:
                raise Silent("the other side stopped answering")
            time.sleep(_POLL)

    def _heard(self) -> dict[str, dict[str, Any]]:
        """All that the other side has said; a line that is not whole yet is left for later."""
        path = self.path(f"{self.other}.mail")
        try:
            # Whose file it is, is one of the questions. It is believed for the report only.
            text = fs.read_checked(self.disk, path, _CAP, Trust(None, 0o002))
        except FileNotFoundError:
            raise Left("the other side left") from None
        except OSError as error:
            if error.errno != errno.ESTALE:  # what was cached is stale: it says nothing
                raise
            return {}
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        letters = [strict.loads_object(line, path) for line in lines]
        return {str(one.get("step")): _content(one) for one in letters}

    def peers_uid(self) -> int:
        """Whose file the other side's is, as this host sees it."""
        name = _SEAT if self.side == "a" else "a.mail"
        return self.disk.stat(self.path(name)).st_uid

    def give_up(self, why: str) -> None:
        """Tell the other side, if that is still possible, that nothing more will come."""
        with contextlib.suppress(OSError, WmctlError):
            self.send(_SORRY, {"why": why})

    # Coming and going.

    def sit(self) -> bool:
        """Take the other side's place; False if it is taken, or the meeting is over."""
        try:
            _write(self.store, self.path(_SEAT))
            if self.side == "b":
                self.send(_HERE, {})
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def came(self) -> bool:
        """Whether the other side has come."""
        return _HERE in self._heard()

    def taken(self) -> bool:
        """Whether somebody has taken the other side's place, as far as one who comes can see."""
        return fs.present(self.disk, self.path(_SEAT))

    def freshen(self) -> None:
        """Show that somebody waits here.

        To those, too, who missed it: NFS 3 tells changes by time stamps, and of two within one
        tick of the server's clock a client may never see the second, unless there is a third.
        """
        self.disk.touch(self.folder)
        self.disk.touch(folder_of_all(self.store))

    def age(self) -> float:
        """Seconds since somebody waited or did something here, on the file server's clock."""
        fd = self.disk.open_folder(self.folder)
        try:
            stamp = self.disk.stat_open(fd).st_mtime_ns
        finally:
            self.disk.close(fd)
        return (self.store.now() - stamp) / 1e9

    def close(self, *, alone: bool) -> None:
        """End the meeting; who called it removes it, or whoever is left `alone` in it."""
        with contextlib.suppress(OSError, WmctlError):
            if not alone:
                self.send(_BYE, {})
            if self.side == "a" and not alone:
                self.receive(_BYE, WELCOME)
        if self.side == "a" or alone:
            self.discard()

    def discard(self) -> None:
        """Remove the meeting and all that lies in it; what resists is left to the next doctor."""
        _remove(self.store, self.folder)
        with contextlib.suppress(OSError):  # others may have theirs in it
            self.disk.rmdir(folder_of_all(self.store))


def folder_of_all(store: Store) -> str:
    """Where the meetings are."""
    return store.path("control", "doctor")


def _content(letter: Mapping[str, Any]) -> dict[str, Any]:
    content = letter.get("content")
    return content if isinstance(content, dict) else {}


def _make_all(store: Store) -> None:
    with contextlib.suppress(FileExistsError):
        store.mkdir(folder_of_all(store))


def _write(store: Store, path: str) -> None:
    """An empty file; FileExistsError if it is there."""
    fs.write_new(store.disk, path, b"", store.settings.mode, sync=False)


def _remove(store: Store, folder: str) -> None:
    for path in (*(f"{folder}/{name}" for name in FOLDERS), folder):
        with contextlib.suppress(OSError):
            for item in list(store.disk.scan(path)):
                if not item.is_dir(follow_symlinks=False):
                    store.remove(item.path)
        with contextlib.suppress(OSError):
            store.disk.rmdir(path)
