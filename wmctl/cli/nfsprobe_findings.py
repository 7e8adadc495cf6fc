"""What two hosts found out about a mount, in plain words, and whether it is fit. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wmctl.cli import nfsprobe_options, nfsprobe_tests
from wmctl.cli.finding import Finding
from wmctl.errors import WmctlError
from wmctl.spool.probe.examine import Examined

Facts = Mapping[str, Any]

#: Seconds that a host's clock may differ from the file server's without being mentioned.
_SKEW = 2.0
#: A lease below this (seconds) may end while a server restarts.
_LEASE = 120.0
#: Milliseconds above which making a file durable is slow.
_SLOW = 250.0


def judge(found: Examined) -> list[Finding]:
    """All findings of a test, the verdict last."""
    try:
        findings = list(_findings(found))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # What the other side wrote is data from elsewhere, of any kind.
        findings = [
            Finding(
                "hosts", "fault", f"the other side's answers make no sense ({error})",
                "use the same version of wmctl on all hosts",
                "the other side's answers make no sense", untested=True,
            )
        ]  # fmt: skip
    return [*findings, _verdict(findings)]


def why_not(own: Facts | None, error: WmctlError) -> list[Finding]:
    """What is known without a second host, and why there was none."""
    findings = list(_alone([own])) if own is not None else []
    findings.append(
        Finding(
            "hosts" if own is not None else "spool", "fault", error.message, error.hint or "",
            error.message, untested=own is not None,
        )
    )  # fmt: skip
    return [*findings, _verdict(findings)]


def _findings(found: Examined) -> Iterator[Finding]:
    sides = [answers["facts"] for answers in (found.mine, found.peers) if "facts" in answers]
    yield from _alone(sides)
    if len(sides) == 2:
        yield from _hosts(*sides)
        yield from _users(found)
    if found.stopped is not None:
        yield _stopped(found)
        return
    yield from nfsprobe_tests.findings(found)


def _alone(sides: Sequence[Facts]) -> Iterator[Finding]:
    """What needs no test between the two."""
    yield from nfsprobe_options.findings(sides)
    yield _lease(sides[0])
    yield _clock(sides)
    yield _sync(sides)


def _lease(own: Facts) -> Finding:
    lease = float(own["lease"])
    where = f"{own['root']}, lease {lease:g} s"
    if own["network"] and lease < _LEASE:
        return Finding(
            "spool", "note", f"{where}: a restart of the file server may take longer",
            f"stop all workers, then set it to {_LEASE:g} or more in {own['root']}/spool.json",
            f"its lease of {lease:g} s is short",
        )  # fmt: skip
    return Finding("spool", "ok", where)


def _hosts(mine: Facts, peers: Facts) -> Iterator[Finding]:
    if mine["spool"] != peers["spool"]:
        yield Finding(
            "spool", "fault", "the two hosts see different files spool.json",
            "", "the two hosts do not see the same spool.json",
        )  # fmt: skip
    here, there = str(mine["host"]), str(peers["host"])
    if mine["boot_id"] == peers["boot_id"]:
        yield Finding(
            "hosts", "fault", f"both sides ran on one host, {here}: a test of this command only",
            "run the other side on another host", "both sides ran on one host", untested=True,
        )  # fmt: skip
    elif here != there:
        yield Finding("hosts", "ok", f"{here} (this one) and {there}")
    elif mine["nfs"].startswith("4") and mine["unique_id"] == peers["unique_id"]:
        yield Finding(
            "hosts", "fault",
            f"both hosts are called {here}: to an NFS 4 server they are one client, and each"
            " takes the other's open files away",
            "give each a name of its own, or its own nfs4_unique_id; then mount anew",
            f"both hosts are called {here}",
        )  # fmt: skip
    else:
        yield Finding(
            "hosts", "note", f"both hosts are called {here}", "give each a name of its own",
            f"nobody can tell the two hosts apart, both are called {here}",
        )  # fmt: skip


def _users(found: Examined) -> Iterator[Finding]:
    """Whether a file's owner is the same user for both hosts and for the server."""
    mine, peers = found.mine["facts"], found.peers["facts"]
    wrong = [text for side in (mine, peers) if (text := _squashed(side))]
    for side, viewer, seen in (
        (peers, mine, found.mine.get("met", {}).get("uid")),
        (mine, peers, found.peers.get("met", {}).get("uid")),
    ):
        if seen is not None and seen != side["seen_as"]:
            wrong.append(
                f"what {side['host']} sees as uid {side['seen_as']}'s, {viewer['host']} sees"
                f" as uid {seen}'s"
            )
    if mine["uid"] != peers["uid"] and mine["private"]:
        wrong.append(
            f"uid {mine['uid']} ran this on {mine['host']}, uid {peers['uid']} on {peers['host']};"
            " the spool is one user's"
        )
    if not wrong:
        who = f"uid {mine['uid']}"
        if mine["uid"] != peers["uid"]:
            who += f" on {mine['host']}, uid {peers['uid']} on {peers['host']}"
        yield Finding("users", "ok", f"{who}; both hosts agree whose files are whose")
        return
    yield Finding(
        "users", "fault" if mine["private"] else "note", "; ".join(wrong),
        "the same user names and numbers on all hosts; see root_squash, all_squash in exports(5),"
        " and idmapd(8)",
        "the hosts do not agree whose files are whose",
    )  # fmt: skip


def _squashed(side: Facts) -> str:
    uid, seen = side["uid"], side["seen_as"]
    if uid == seen:
        return ""
    cause = " (root_squash)" if uid == 0 else ""
    nobody = ", nobody" if seen in {65534, 4294967294, -2} else ""
    return f"what uid {uid} makes on {side['host']} belongs to uid {seen}{nobody}{cause}"


def _clock(sides: Sequence[Facts]) -> Finding:
    # Adding zero makes a zero of what is rounded to one below it.
    told = [f"{side['host']} {round(float(side['clock']), 1) + 0.0:+.1f} s" for side in sides]
    off = [side for side in sides if abs(float(side["clock"])) > _SKEW]
    detail = f"ahead of the file server: {', '.join(told)}; wmctl does not compare host clocks"
    if not off:
        return Finding("clock", "ok", detail)
    names = " and ".join(str(side["host"]) for side in off)
    worst = max((float(side["clock"]) for side in off), key=abs)
    return Finding(
        "clock", "note", detail, f"set the clock of {names} by NTP: people compare times of logs",
        f"the clock of {names} is {worst:+.0f} s off",
    )  # fmt: skip


def _sync(sides: Sequence[Facts]) -> Finding:
    told = [f"{side['host']} {float(side['sync']):g} ms" for side in sides]
    detail = f"to make one small file durable, with its folder: {', '.join(told)}"
    slow = [side for side in sides if float(side["sync"]) > _SLOW]
    if not slow:
        return Finding("sync", "ok", detail)
    return Finding(
        "sync", "note", detail, "each submit and each finished job takes that, and more",
        "it is slow",
    )  # fmt: skip


def _stopped(found: Examined) -> Finding:
    error = found.stopped
    during = f" during {found.step}" if found.step else ""
    message = error.message if error is not None else ""
    peer = found.peers.get("facts", {}).get("host")
    who = f" (it is {peer})" if peer is not None else ""
    return Finding(
        "hosts", "fault", f"{message}{during}{who}",
        (error.hint if error is not None else None) or "look what happened there; then again",
        f"{message}{during}", untested=True,
    )  # fmt: skip


def _verdict(findings: list[Finding]) -> Finding:
    """All of it in one sentence."""
    faults = [found for found in findings if found.status == "fault"]
    wrong = [found.why for found in faults if not found.untested]
    unknown = [found.why for found in faults if found.untested]
    notes = [found.why for found in findings if found.status == "note" and found.why]
    if wrong:
        return Finding("verdict", "fault", f"this mount is not fit for wmctl: {'; '.join(wrong)}")
    if unknown:
        return Finding(
            "verdict", "fault", f"it is not known whether this mount is fit: {'; '.join(unknown)}"
        )
    if notes:
        return Finding("verdict", "note", f"this mount is fit for wmctl, but {'; '.join(notes)}")
    return Finding("verdict", "ok", "this mount is fit for wmctl, as far as two clients can see")
