"""What a worker believes it holds, for comparison with its folder in `running/`."""

import threading
from collections.abc import Iterable

from wmctl.spool import Claim, Entry, Spool


class Held:
    """File names in `running/<worker>/`. Used by several threads.

    One is expected from before the claim's rename until after the one that ends the claim.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, bool] = {}

    def expect(self, file: str) -> bool:
        """A rename into the folder is about to be tried; False if we hold that very claim."""
        with self._lock:
            if file in self._files:
                return False
            self._files[file] = False
        return True

    def confirm(self, claim: Claim) -> None:
        """It worked."""
        with self._lock:
            self._files[claim.name.file] = True

    def drop(self, file: str) -> None:
        """It failed, or the claim has ended."""
        with self._lock:
            self._files.pop(file, None)

    def snapshot(self) -> dict[str, bool]:
        """The names, and whether their claim is certain."""
        with self._lock:
            return dict(self._files)

    def __len__(self) -> int:
        with self._lock:
            return len(self._files)


def compare(spool: Spool, worker: str, held: Held) -> tuple[list[Entry], set[str]]:
    """What is in the folder that we do not hold (a lost reply), and what we hold that is not."""
    before = held.snapshot()
    found: dict[str, Entry] = {entry.name.file: entry for entry in spool.claims_of(worker)}
    after = held.snapshot()
    extra = [entry for file, entry in found.items() if file not in before and file not in after]
    certain = (file for file, sure in before.items() if sure and after.get(file))
    return extra, _really_missing(spool, worker, (file for file in certain if file not in found))


def _really_missing(spool: Spool, worker: str, files: Iterable[str]) -> set[str]:
    """One listing is no proof: a second, re-opened one must agree."""
    missing = set(files)
    if missing:
        missing -= {entry.name.file for entry in spool.claims_of(worker)}
    return missing
