"""`wmctl worker rm`: take a dead worker's jobs back and remove what is left of it."""

import logging
import os
import time
from collections.abc import Callable
from functools import partial

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.confirm import counted
from wmctl.cli.group import examples
from wmctl.cli.lists import age
from wmctl.cli.session import session_of
from wmctl.cli.ticker import Ticker
from wmctl.cli.worker_names import DryRun, Groups, Names, Yes, choose
from wmctl.cli.worker_state import Worker
from wmctl.spool import Spool

#: A lease is looked at so many times at least.
_LOOKS = 6
#: Seconds between two words to a person who waits.
_SLICE = 0.5


def rm(
    ctx: typer.Context,
    names: Names = None,
    group: Groups = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Remove dead workers. Jobs that they held wait in their queues again.

    A worker that is gone from this host is removed at once. One of another host is watched for a
    lease first, since a late beat alone proves nothing. Live workers, which any of this does too,
    are refused: exit 1.
    """
    opened = session_of(ctx, spool=spool).spool
    chosen = choose(opened, names, group, verb="rm", done="removed", yes=yes, dry_run=dry_run)
    removal = Removal(opened, quiet=quiet)
    if not removal.remove(chosen):
        raise typer.Exit(exits.FAULTS)


class Removal:
    """Removes workers, each as soon as it is surely dead."""

    def __init__(
        self,
        spool: Spool,
        *,
        quiet: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from wmctl.worker.identity import work_folder  # the worker package is for this command
        from wmctl.worker.rescuer import Rescuer

        # What the rescuer tells the log of a worker is said here in other words.
        logging.getLogger("wmctl.worker").addHandler(logging.NullHandler())
        self._spool = spool
        self._quiet = quiet
        self._sleep = sleep
        self._rescuer = Rescuer(spool, "", work_folder(os.environ))

    def remove(self, workers: list[Worker]) -> bool:
        """False if one of them lives."""
        refused = [one for one in workers if one.alive and not self._try(one.name)]
        for one in refused:
            hint = f"wmctl worker stop {one.name} ends a live one"
            output.note(self._refusal(one), hint=hint)
        lived = self._remove_dead([one.name for one in workers if not one.alive])
        return not (refused or lived)

    def _refusal(self, one: Worker) -> str:
        lease = age(self._spool.settings.lease)
        if one.state == "stale":
            return (
                f"worker {one.name} is stale, not dead: its last beat was {age(one.age)} ago, and"
                f" it has {lease} for the next one; not removed"
            )
        return f"worker {one.name} is {one.state}: not removed"

    def _remove_dead(self, names: list[str]) -> bool:
        """Look again and again until all are removed; True if one turned out to live."""
        settings = self._spool.settings
        pause = min(settings.beat, settings.lease / _LOOKS)
        began = time.monotonic()
        ticker = Ticker(quiet=self._quiet)
        lived = False
        left = [name for name in names if not self._try(name)]
        while left:
            slices = max(1, round(pause / _SLICE))
            for _ in range(slices):
                ticker(partial(self._told, len(left), began))
                self._sleep(pause / slices)
            left = [name for name in left if not self._try(name)]
            for name in filter(self._beats_again, list(left)):
                output.note(f"worker {name} lives after all: not removed")
                left.remove(name)
                lived = True
        ticker.end()
        return lived

    def _told(self, count: int, began: float) -> str:
        lease = self._spool.settings.lease
        seconds = time.monotonic() - began
        return output.safe(
            f"watching {counted(count, 'worker')} for {age(lease)} to be sure:"
            f" {age(min(seconds, lease))} so far"
        )

    def _beats_again(self, name: str) -> bool:
        return any(
            beat.worker == name and beat.alive(self._spool.settings.lease)
            for beat in self._spool.workers()
        )

    def _try(self, name: str) -> bool:
        """Remove it if it is surely dead."""
        if name not in self._spool.joined():
            self._say(f"{name}  is gone; another worker took its jobs over")
            return True
        rescued = self._rescuer.take_over(name)
        if rescued is None:
            return False
        if name in self._spool.joined():
            return False
        jobs = counted(rescued, "job")
        self._say(f"{name}  removed" + (f"; {jobs} taken back" if rescued else ""))
        return True

    def _say(self, text: str) -> None:
        if not self._quiet:
            output.line(output.safe(text))


EXAMPLES = examples(
    "wmctl worker rm lab-1", "wmctl worker rm 'wk-gpu-*' -n", "wmctl worker ls -s dead"
)
