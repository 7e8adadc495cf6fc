"""Work in the background of a screen: once, or again and again; its keys never wait for it."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from wmctl.errors import WmctlError

R = TypeVar("R")
#: A look that takes long is followed by a pause so many times as long.
_SHARE = 3.0


class Repeated(Generic[R]):
    """Does `work` every so many seconds, in a thread of its own, and tells when there is news."""

    def __init__(self, work: Callable[[], R], seconds: float, tell: Callable[[], None]) -> None:
        self._work = work
        self._seconds = seconds
        self._tell = tell
        self._asked = threading.Event()
        self._over = False
        #: What came of it last, how often it was done, and what broke it for good.
        self.latest: R | None = None
        self.count = 0
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="look", daemon=True)
        self._thread.start()

    def now(self) -> None:
        """Do it at once."""
        self._asked.set()

    def end(self) -> None:
        """No more. What is under way is not waited for: it may hang with the file server."""
        self._over = True
        self._asked.set()

    def _run(self) -> None:
        while not self._over:
            began = time.monotonic()
            try:
                self.latest = self._work()
            except BaseException as error:  # noqa: BLE001 - told by the one who shows it
                self.failure = error
                self._tell()
                return
            self.count += 1
            self._tell()
            took = time.monotonic() - began
            self._asked.wait(max(self._seconds, _SHARE * took))
            self._asked.clear()


def once(work: Callable[[], str], told: Callable[[str], None]) -> None:
    """Do something, and pass on the line that says what came of it."""

    def run() -> None:
        try:
            told(work())
        except WmctlError as error:
            told(error.message)
        except Exception as error:  # noqa: BLE001 - the screen goes on
            told(f"unexpected {type(error).__name__}: {error}")

    threading.Thread(target=run, name="act", daemon=True).start()
