"""Workers on the command line: by name, by a unique beginning or ending, by `*`, or by group."""

from fnmatch import fnmatchcase
from typing import Annotated, NamedTuple

import typer

from wmctl.cli import confirm, output
from wmctl.cli.exits import NoSuchWorker, UsageError
from wmctl.cli.lists import show_list
from wmctl.cli.worker_columns import columns
from wmctl.cli.worker_state import Worker, in_order, workers_of
from wmctl.config.nearest import nearest
from wmctl.errors import BadInput
from wmctl.spool import Spool

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WORKER]...",
        help="Names, or unique beginnings or endings of them; * and ? stand for any characters.",
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("-g", "--group", metavar="GROUP", help="All workers of this group."),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask, however many they are.")]
DryRun = Annotated[
    bool, typer.Option("-n", "--dry-run", help="Only show which workers these are; do nothing.")
]


class Chosen(NamedTuple):
    """Which workers were asked for, and whether one by one."""

    workers: list[Worker]
    named: bool


def choose(
    spool: Spool,
    names: list[str] | None,
    groups: list[str] | None,
    *,
    verb: str,
    done: str,
    yes: bool = False,
    dry_run: bool = False,
) -> list[Worker]:
    """The workers to act upon, none if somebody said no or only wanted to see them.

    `done`: what then has been done to them, as in `not drained`.
    """
    chosen = fitting(workers_of(spool), names, groups, verb)
    if dry_run:
        show_list(
            [one.facts() for one in chosen.workers], "table", columns(wide=False),
            key="worker", ordered=True,
        )  # fmt: skip
        return []
    if chosen.named or len(chosen.workers) < 2:
        return chosen.workers
    many = confirm.counted(len(chosen.workers), "worker")
    agreed = confirm.ask(f"{verb} {many}?", refusal=f"these are {many}: not {done}", yes=yes)
    return chosen.workers if agreed else []


def fitting(
    workers: list[Worker], names: list[str] | None, groups: list[str] | None, verb: str
) -> Chosen:
    """Those that were asked for; NoSuchWorker at the first name that nobody has."""
    if not names and not groups:
        raise UsageError(
            f"which workers are meant by {verb}?",
            hint=f"wmctl worker {verb} WORKER…, or -g GROUP; wmctl worker ls lists them",
        )
    known = {one.name: one for one in workers}
    found: dict[str, Worker] = {}
    for word in names or ():
        found |= {one.name: one for one in named(known, word)}
    for group in groups or ():
        members = [one for one in workers if group in one.groups and one.alive]
        if not members:
            output.note(f"no worker of the group {group!r} is alive")
        found |= {one.name: one for one in members}
    patterns = bool(groups) or any(map(_is_pattern, names or ()))
    return Chosen(in_order(found.values()), not patterns)


def find(spool: Spool, word: str) -> Worker:
    """The one worker that a word names."""
    if _is_pattern(word):
        raise UsageError(f"{word!r} may fit several workers; this command takes one")
    return named({one.name: one for one in workers_of(spool)}, word)[0]


def named(known: dict[str, Worker], word: str) -> list[Worker]:
    """The worker of this name, or those that a pattern fits."""
    if word in known:
        return [known[word]]
    if _is_pattern(word):
        found = [one for name, one in known.items() if fnmatchcase(name, word)]
        if found:
            return found
        raise NoSuchWorker(f"no worker's name fits {word!r}", hint="wmctl worker ls lists them")
    found = [one for name, one in known.items() if word and name.startswith(word)]
    found += [one for name, one in known.items() if word and name.endswith(word)]
    if not found:
        raise NoSuchWorker(f"there is no worker {word!r}", hint=_hint(word, list(known)))
    if len({one.name for one in found}) > 1:
        some = ", ".join(sorted({one.name for one in found})[:4])
        raise BadInput(f"{word!r} fits several workers: {some}", hint="give more of the name")
    return found[:1]


def _is_pattern(word: str) -> bool:
    return any(char in word for char in "*?[")


def _hint(word: str, known: list[str]) -> str:
    ends = {name.rpartition("-")[2]: name for name in known}
    meant = nearest(word, known) or ends.get(nearest(word, ends) or "")
    return f"did you mean {meant}?" if meant else "wmctl worker ls -o wide lists them"
