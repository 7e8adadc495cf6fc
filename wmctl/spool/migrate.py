"""From an older format of the spool to this one, a number at a time. Nothing else may be at work.

Each step leaves the spool as the next number has it, and only then is the number written. A step
must bear to be done again: dying in it leaves the old number.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence

from wmctl.errors import SpoolBusy, SpoolFormat
from wmctl.spool import fs, strict, workers
from wmctl.spool.fs import Disk
from wmctl.spool.name import MAJOR
from wmctl.spool.settings import SETTINGS_FILE, read_settings
from wmctl.spool.store import Store

Step = Callable[[Store], None]
#: From each older format that was released to the one after it. Format 1 is the first.
STEPS: Mapping[int, Step] = {}


class Migration:
    """What would have to be done to the spool in `root`. SpoolFormat if there is no way."""

    def __init__(
        self,
        root: str,
        disk: Disk,
        *,
        steps: Mapping[int, Step] = STEPS,
        target: int = MAJOR,
    ) -> None:
        root = os.path.abspath(root)
        self.store = Store(root, read_settings(root, disk), disk)
        self.number = self.store.settings.format
        self.target = target
        self._steps = steps
        for number in self.numbers:
            if number not in steps:
                raise SpoolFormat(
                    f"{root} has format {number}; this wmctl cannot make format {number + 1} of it",
                    hint="install the version before this one, and migrate with that first",
                )

    @property
    def numbers(self) -> Sequence[int]:
        """The formats to be left behind, in order."""
        return range(self.number, self.target)

    def check(self) -> None:
        """SpoolBusy if anybody else may be at work: a worker, or what one has left claimed."""
        with fs.translated("look for workers"):
            joined = sorted(workers.joined(self.store))
        if joined:
            raise SpoolBusy(
                f"the spool is in use: {len(joined)} joined as workers ({', '.join(joined[:3])})",
                hint="let them end (TERM drains); what a dead one left, a worker of the old version"
                " takes back",
            )

    def run(self, told: Callable[[int], None] = lambda _: None) -> None:
        """Do it all; `told` hears of each number that was reached."""
        for number in self.numbers:
            self.check()
            with fs.translated(f"migrate the spool from format {number}"):
                self._steps[number](self.store)
                self._write(number + 1)
            told(number + 1)

    def _write(self, number: int) -> None:
        """Publish the new number, once all that it promises is on the disk."""
        store = self.store
        content = dataclasses.asdict(store.settings) | {"format": number}
        store.sync_all()
        path = store.path(SETTINGS_FILE)
        store.put((strict.dumps(content) + "\n").encode(), path)
        store.sync({store.root})
