"""What the tests between two hosts mean: renames, new names, events. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from wmctl.cli.finding import Finding
from wmctl.spool.probe.examine import Examined
from wmctl.spool.probe.sight import LONGEST, NAMES

Answers = Mapping[str, Mapping[str, Any]]

#: Two calls that begin within so many microseconds meet.
_MEET = 2000
#: The part of the races that must have met, and that each must have won, to mean something.
_ENOUGH = 0.05
#: Microseconds after which a new name is seen late.
_LATE = 2_000_000
_SECOND = 1e6


def findings(found: Examined) -> Iterator[Finding]:
    """One for each test."""
    yield _rename(found.mine, found.peers)
    yield _names(found.mine, found.peers)
    yield _events(found.mine, found.peers)


def _rename(mine: Answers, peers: Answers) -> Finding:
    """Whether exactly one of the two won each file, and has it where it moved it."""
    ours, theirs = set(mine["race"]["won"]), set(peers["race"]["won"])
    races = min(len(answers["race"]["tried"]) for answers in (mine, peers))
    both, nobody = ours & theirs, set(range(races)) - ours - theirs
    wrong = []
    if both:
        wrong.append(f"{len(both)} were won by both hosts")
    if nobody:
        wrong.append(f"{len(nobody)} by none")
    claimed = {f"{number:04d}.{side}" for side, won in _won(mine, peers) for number in won}
    there = [set(answers["end"]["won"]) for answers in (mine, peers)]
    if lost := [name for name in sorted(claimed) if any(name not in seen for seen in there)]:
        wrong.append(f"{len(lost)} that were won are not there")
    errors = {**mine["race"]["errors"], **peers["race"]["errors"]}
    if errors:
        wrong.append(f"errors: {', '.join(sorted(errors))}")
    score = f"{mine['facts']['host']} {len(ours)}, {peers['facts']['host']} {len(theirs)}"
    if wrong:
        why = "a rename had two winners" if both else "renames do not do what they say"
        return Finding(
            "rename", "fault", f"of {races} raced, {'; '.join(wrong)} ({score})",
            "run no workers there: two of them could run one job", why,
        )  # fmt: skip
    met = sum(
        abs(one - other) <= _MEET
        for one, other in zip(mine["race"]["tried"], peers["race"]["tried"], strict=True)
    )
    detail = f"{races} raced, {met} within 2 ms: each won by exactly one host ({score})"
    if min(met, len(ours), len(theirs)) < _ENOUGH * races:
        return Finding(
            "rename", "note", f"{detail}; that was hardly a race",
            "run it again when the hosts are less busy",
            "the renames of the two hosts hardly met",
        )  # fmt: skip
    return Finding("rename", "ok", detail)


def _won(*sides: Answers) -> Iterator[tuple[str, list[int]]]:
    for side in sides:
        yield str(side["facts"]["side"]), list(side["race"]["won"])


def _names(mine: Answers, peers: Answers) -> Finding:
    """How soon each host saw the other's new names."""
    delays: list[int] = []
    blind, hidden = [], []
    for looker, maker in ((mine, peers), (peers, mine)):
        seen, made = looker["seen"]["seen"], list(maker["seen"]["made"])
        host = looker["facts"]["host"]
        delays += [max(0, seen[str(at)] - made[at]) for at in range(NAMES) if str(at) in seen]
        if not looker["end"]["listed"]:
            hidden.append(host)
        if len(made) < NAMES:
            return Finding(
                "new names", "fault", f"the other host of {host} took too long to make {NAMES}"
                " names", "run it again when the hosts are less busy",
                "the hosts were too busy to make names", untested=True,
            )  # fmt: skip
        if not (looker["end"]["touched"] and looker["end"]["opened"]):
            how = "by its name" if looker["end"]["touched"] else "in a listing"
            return Finding(
                "new names", "fault", f"{host} does not see what the other host made {how}, even"
                " though it opens the folder first", "check the mount's options and the server",
                f"{host} does not see new names of the other host",
            )  # fmt: skip
        blind.append(_blind(looker, made[0]))
    if hidden:
        return Finding(
            "new names", "note", f"{' and '.join(hidden)} missed one until its folder changed"
            " again: NFS 3 tells changes by time stamps", "mount it with vers=4.2",
            "a job may stay unseen until the next one comes",
        )  # fmt: skip
    if unseen := 2 * NAMES - len(delays):
        return Finding(
            "new names", "fault", f"{unseen} of {2 * NAMES} were not in the other host's listings"
            f" for {_seconds(LONGEST // 1000)}", "check the mount's options and the server",
            "new names of one host are not seen by the other",
        )  # fmt: skip
    middle, worst = sorted(delays)[len(delays) // 2], max(delays)
    detail = (
        f"listed by the other host after {_seconds(middle)}, at worst {_seconds(worst)};"
        f" {_blindest(blind)}"
    )
    if worst > _LATE:
        return Finding(
            "new names", "note", detail, "jobs start and are seen that late; look for what is slow",
            "new names are seen late",
        )  # fmt: skip
    return Finding("new names", "ok", detail)


def _blind(looker: Answers, made: int) -> tuple[int, bool]:
    """How long (µs) a stat of a name that had been missing did not see it; True: at least so."""
    at = looker["seen"]["stat"]
    if at is not None:
        return max(0, at - made), False
    return max(0, looker["end"]["looked"] - made), not looker["end"]["stat"]


def _blindest(blind: list[tuple[int, bool]]) -> str:
    longest, still = max(blind)
    if not still:
        return f"a stat saw one after {_seconds(longest)}"
    return (
        f"a stat did not see one for {_seconds(longest)}, until its folder was opened,"
        " which is what wmctl does"
    )


def _seconds(microseconds: int) -> str:
    return f"{microseconds / _SECOND:.2f} s"


def _events(mine: Answers, peers: Answers) -> Finding:
    """Whether inotify told of the other host's names."""
    told = [answers["seen"]["events"] for answers in (mine, peers)]
    if None in told:
        return Finding("events", "ok", "inotify could not be asked; this user has no watch left")
    if any(told):
        return Finding("events", "ok", "inotify told of the other side's new names")
    return Finding(
        "events", "ok",
        "inotify told nothing of the other host's new names, as expected: wmctl polls here",
    )  # fmt: skip
