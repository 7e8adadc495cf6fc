"""What `wmctl doctor --nfs` makes of the facts of two hosts: words, status, verdict. Pure."""

from typing import Any

import pytest

from wmctl.cli.nfsprobe_findings import judge, why_not
from wmctl.errors import WmctlError
from wmctl.spool.probe.examine import Examined

MISSED = {"listed": False}


def facts(host: str, side: str, **changes: Any) -> dict[str, Any]:
    return {
        "protocol": 1, "version": "1", "host": host, "boot_id": f"boot of {host}",
        "unique_id": "", "root": "/mnt/sp", "kind": "nfs 4.2", "network": True,
        "source": "nas:/sp", "nfs": "4.2", "options": ["vers=4.2", "hard", "local_lock=none"],
        "lease": 120.0, "private": True, "spool": "same", "uid": 7, "seen_as": 7,
        "sync": 2.5, "clock": 0.01, "side": side, **changes,
    }  # fmt: skip


def answers(host: str, side: str, changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a sound side says; `changes` by step."""
    even = [number for number in range(100) if (number % 2 == 0) == (side == "a")]
    names = [f"{number:04d}.{'a' if number % 2 == 0 else 'b'}" for number in range(100)]
    said = {
        "facts": facts(host, side),
        "met": {"uid": 7},
        "seen": {
            "made": [0, 1000, 2000, 3000, 4000],
            "seen": {str(at): at * 1000 + 30_000 for at in range(5)},
            "stat": None, "events": 0,
        },
        "race": {"won": even, "tried": list(range(100)), "errors": {}},
        "end": {"looked": 8_000_000, "stat": False, "opened": True, "listed": True,
                "touched": True, "won": names},
    }  # fmt: skip
    return {step: {**content, **changes.get(step, {})} for step, content in said.items()}


def examined(mine: dict[str, Any] | None = None, peers: dict[str, Any] | None = None) -> Examined:
    return Examined(answers("one", "a", mine or {}), answers("two", "b", peers or {}))


def verdict(found: Examined) -> tuple[str, str]:
    last = judge(found)[-1]
    assert last.what == "verdict"
    return last.status, last.detail


def test_a_fit_mount() -> None:
    status, detail = verdict(examined())
    assert (status, detail.split(",")[0]) == ("ok", "this mount is fit for wmctl")
    said = {found.what: found.detail for found in judge(examined())}
    assert said["new names"] == (
        "listed by the other host after 0.03 s, at worst 0.03 s; a stat did not see one for"
        " 8.00 s, until its folder was opened, which is what wmctl does"
    )
    assert said["rename"].endswith("each won by exactly one host (one 50, two 50)")


def of(**changes: Any) -> dict[str, Any]:
    return {"facts": changes}


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        (of(options=["hard", "soft"]), "fault", "it is mounted soft (one)"),
        (of(options=["softerr"]), "fault", "it is mounted soft (one)"),
        (of(options=["ro", "hard"]), "fault", "it is mounted read-only (one)"),
        (of(options=["hard", "nocto"]), "fault", "it is mounted nocto (one)"),
        (of(options=["hard", "noac", "sync"]), "note", "it is slowed down by noac"),
        (of(options=["hard", "acdirmax=0"]), "note", "it is slowed down by noac"),
        (of(options=["hard", "sync"]), "note", "it is slowed down by sync"),
        (of(options=["hard", "acregmax=600"]), "note", "it remembers attributes for long (one)"),
        (of(options=["hard", "softreval"]), "note", "softreval shows old things"),
        (of(options=["hard", "nolock"]), "note", "file locks do not reach other hosts (one)"),
        (of(options=["local_lock=all"]), "note", "file locks do not reach other hosts (one)"),
        (of(nfs="3"), "note", "NFS 4.1 or later would be better (one)"),
        (of(nfs="4.0"), "note", "NFS 4.1 or later would be better (one)"),
        (of(nfs="", kind="fuse.sshfs"), "note", "wmctl is tested on NFS only"),
        (of(nfs="", kind="gfs", network=False), "fault", "wmctl takes gfs for a disk of one host"),
        (of(lease=60.0), "note", "its lease of 60 s is short"),
        (of(clock=-3600.4), "note", "the clock of one is -3600 s off"),
        (of(sync=900.0), "note", "it is slow"),
        (of(spool="other"), "fault", "the two hosts do not see the same spool.json"),
        (of(host="two"), "fault", "both hosts are called two"),
        (of(host="two", unique_id="x"), "note", "nobody can tell the two hosts apart"),
        (of(host="two", nfs="3"), "note", "nobody can tell the two hosts apart"),
        (of(seen_as=65534), "fault", "the hosts do not agree whose files are whose"),
        (of(uid=8), "fault", "the hosts do not agree whose files are whose"),
        (of(uid=0, seen_as=65534, private=False), "note", "the hosts do not agree"),
        ({"met": {"uid": 65534}}, "fault", "the hosts do not agree whose files are whose"),
        ({"race": {"won": list(range(100))}}, "fault", "a rename had two winners"),
        ({"race": {"won": []}}, "fault", "renames do not do what they say"),
        ({"race": {"errors": {"EIO": 1}}}, "fault", "renames do not do what they say"),
        ({"race": {"tried": [10**6] * 100}}, "note", "the renames of the two hosts hardly met"),
        ({"end": {"won": []}}, "fault", "renames do not do what they say"),
        ({"end": {"opened": False}}, "fault", "one does not see new names of the other host"),
        ({"end": MISSED | {"touched": False}}, "fault", "one does not see new names"),
        ({"end": MISSED}, "note", "a job may stay unseen until the next one comes"),
        ({"seen": {"seen": {}}}, "fault", "new names of one host are not seen by the other"),
        ({"seen": {"seen": {str(at): 3_000_000 for at in range(5)}}}, "note", "are seen late"),
    ],
)
def test_what_is_wrong_is_in_the_verdict(changes: dict[str, Any], status: str, why: str) -> None:
    found = verdict(examined(changes))
    assert found[0] == status
    assert why in found[1]
    begin = "this mount is not fit for wmctl: " if status == "fault" else "this mount is fit"
    assert found[1].startswith(begin)


def test_a_fault_says_what_to_do() -> None:
    for changes in (of(options=["soft"]), of(seen_as=1), {"race": {"won": []}}):
        [fault] = [item for item in judge(examined(changes)) if item.status == "fault"][:-1]
        assert fault.remedy


def test_one_host_is_no_test_of_a_mount() -> None:
    status, detail = verdict(examined(of(boot_id="boot of two")))
    assert (status, detail.split(":")[0]) == ("fault", "it is not known whether this mount is fit")


def test_a_known_fault_wins_over_what_is_not_known() -> None:
    found = verdict(examined(of(boot_id="boot of two", options=["soft"])))
    assert found == ("fault", "this mount is not fit for wmctl: it is mounted soft (one)")


def test_events_are_told_of_either_way() -> None:
    for changes, said in (
        ({"seen": {"events": 3}}, "inotify told of"),
        ({"seen": {"events": None}}, "inotify could not be asked"),
    ):
        [events] = [item for item in judge(examined(changes)) if item.what == "events"]
        assert events.status == "ok"
        assert events.detail.startswith(said)


def test_no_other_host() -> None:
    found = why_not(facts("one", "a"), WmctlError("no other host came", hint="call one"))
    assert [item.what for item in found] == [
        "file system", "export", "spool", "clock", "sync", "hosts", "verdict",
    ]  # fmt: skip
    assert found[-1].detail == "it is not known whether this mount is fit: no other host came"


def test_not_even_a_spool() -> None:
    found = why_not(None, WmctlError("there is none"))
    assert [(item.what, item.status) for item in found] == [
        ("spool", "fault"),
        ("verdict", "fault"),
    ]
