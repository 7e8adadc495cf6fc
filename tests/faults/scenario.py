"""What a fault scenario is: a story that ends in a tally, in a short and a long form.

A module of scenarios defines `SCENARIOS`. Each also runs with one protection switched off
(`without`): then its tally must be bad, or the scenario proves nothing.
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.host import Host

MEMORY = Path("/dev/shm")


@dataclass
class Tally:
    """What a story came to. `lost` and `doubled` count acknowledged jobs."""

    #: Faults that were injected: kills, cuts, refused calls.
    faults: int = 0
    jobs: int = 0
    lost: int = 0
    doubled: int = 0
    #: Promises of any other kind that were broken, one sentence each.
    problems: list[str] = field(default_factory=list)
    #: A figure worth a column: "slowest rescue 1.2 s".
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.problems)

    def expect(self, kept: bool, otherwise: str) -> None:
        """Note a broken promise."""
        if not kept:
            self.problems.append(otherwise)

    def add(self, other: "Tally") -> None:
        """Count another story's tally in."""
        self.faults += other.faults
        self.jobs += other.jobs
        self.lost += other.lost
        self.doubled += other.doubled
        self.problems += other.problems


class Ground:
    """Where one story takes place: folders, hosts and randomness of its own, all cleared away.

    `without` names the protection that is switched off ("" = none): for controls.
    """

    def __init__(
        self, seed: int, *, without: str = "", said: Callable[[str], None], tells: bool = True
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.without = without
        #: Tell how far the story is; long ones do so every few seconds.
        self.said = said
        #: Whether its hosts print their logs in the end.
        self.tells = tells
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def later(self, undo: Callable[[], object]) -> None:
        """Something to be done when the story is over, however it ends; last in, first out."""
        self._stack.callback(undo)

    def folder(self, *, memory: bool = False) -> Path:
        """A new folder, on a disk or in memory, removed with all that is in it."""
        where = MEMORY if memory and MEMORY.is_dir() else None
        return Path(
            self._stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="wmctl-fault-", dir=where, ignore_cleanup_errors=True
                )
            )
        )

    def host(self, *, memory: bool = False, journal: bool = True) -> Host:
        """A user's home with the real `wmctl`; its processes are killed at the end."""
        host = Host(self.folder(memory=memory))
        host.tells = self.tells
        if journal:
            host.environ["WMCTL_JOURNAL"] = str(host.folder / "journal")
        self.later(host.close)
        return host


@dataclass(frozen=True)
class Scenario:
    """One row of the table."""

    #: As in the project's list of goals: "G1".
    goal: str
    #: One word, for the command line: "kill".
    name: str
    #: What happens, for the table.
    title: str
    #: The story; the number says how much of it (kills, cuts, rounds…).
    run: Callable[[Ground, int], Tally]
    #: 0: other tests tell it in short.
    short: int
    long: int
    #: The protection whose loss the control shows, and how much of the story that takes.
    control: str
    control_size: int
    #: Programs that it cannot do without; "root": the rights of root.
    needs: tuple[str, ...] = ()

    def lacks(self) -> list[str]:
        """What is missing here."""
        return [
            each
            for each in self.needs
            if (os.geteuid() != 0 if each == "root" else shutil.which(each) is None)
        ]


@contextmanager
def ground(seed: int, *, without: str = "", quiet: bool = True) -> Iterator[Ground]:
    """Somewhere to run a story."""

    def said(text: str) -> None:
        if not quiet:
            print(f"  {text}", flush=True)

    with Ground(seed, without=without, said=said, tells=quiet) as made:
        yield made


def play(
    scenario: Scenario, size: int, seed: int, *, without: str = "", quiet: bool = True
) -> tuple[Tally, float]:
    """Run a story; what it came to, and the seconds that it took."""
    started = time.monotonic()
    with ground(seed, without=without, quiet=quiet) as made:
        tally = scenario.run(made, size)
    return tally, time.monotonic() - started


def heading() -> Iterator[str]:
    """The head of the table as `docs/explanation/reliability.md` carries it."""
    yield "| goal | scenario | faults | jobs | lost | doubled | other | seconds |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"


def row(scenario: Scenario, tally: Tally, seconds: float) -> str:
    """One line of it."""
    title = f"{scenario.title}; {tally.note}" if tally.note else scenario.title
    return (
        f"| {scenario.goal} | {title} | {tally.faults:,} | {tally.jobs:,} | {tally.lost} |"
        f" {tally.doubled} | {len(tally.problems)} | {seconds:.0f} |"
    )
