"""What file system and mount options mean for a spool that several hosts share. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wmctl.cli.finding import Finding

Facts = Mapping[str, Any]
#: Seconds that a client may remember attributes, as long as nobody asks for more.
_USUAL_AGE = 60.0


class Rule(NamedTuple):
    """One thing about a mount that people should know."""

    applies: Callable[[Facts], bool]
    status: str
    detail: str
    remedy: str
    why: str


def _has(*names: str) -> Callable[[Facts], bool]:
    return lambda side: any(name in side["options"] for name in names)


def _value(side: Facts, name: str) -> float | None:
    for text in side["options"]:
        key, _, value = text.partition("=")
        if key == name and value.isdecimal():
            return float(value)
    return None


def _remembers_nothing(side: Facts) -> bool:
    return "noac" in side["options"] or _value(side, "acdirmax") == 0


def _remembers_long(side: Facts) -> bool:
    ages = (_value(side, name) for name in ("acregmax", "acdirmax"))
    return any(age is not None and age > _USUAL_AGE for age in ages)


def _locks_stay_here(side: Facts) -> bool:
    return "nolock" in side["options"] or any(
        text.startswith("local_lock=") and text != "local_lock=none" for text in side["options"]
    )


RULES = (
    Rule(
        _has("soft", "softerr"), "fault",
        "mounted `soft`: while the server is away a call fails, and may be carried out later",
        "mount it `hard`, the default: remove soft and softerr, then mount anew",
        "it is mounted soft",
    ),
    Rule(_has("ro"), "fault", "mounted read-only", "mount it rw", "it is mounted read-only"),
    Rule(
        lambda side: side["nfs"] == "3", "note",
        "NFS version 3 tells changes by time stamps: of two at one moment a host may miss the"
        " second until there is a third",
        "mount it with vers=4.2, where the server has it",
        "NFS 4.1 or later would be better",
    ),
    Rule(
        lambda side: side["nfs"] == "4.0", "note",
        "NFS version 4.0 works; from 4.1 on the server tells a repeated request from a new one",
        "mount it with vers=4.2, where the server has it",
        "NFS 4.1 or later would be better",
    ),
    Rule(
        _remembers_nothing, "note",
        "noac (or actimeo=0): each look asks the server; wmctl does not need that",
        "remove it, for speed", "it is slowed down by noac, which wmctl does not need",
    ),
    Rule(
        lambda side: "sync" in side["options"] and not _remembers_nothing(side), "note",
        "the client's sync: each write waits; wmctl syncs what must be durable",
        "remove it, for speed", "it is slowed down by sync, which wmctl does not need",
    ),
    Rule(
        _has("nocto"), "fault",
        "nocto: opening a folder or a file does not ask the server, so wmctl looks at old ones",
        "remove nocto, then mount anew", "it is mounted nocto",
    ),
    Rule(
        _remembers_long, "note",
        "attributes may be remembered for more than a minute: people and programs see old ones",
        "lower actimeo, acregmax and acdirmax", "it remembers attributes for long",
    ),
    Rule(
        _has("softreval"), "note",
        "softreval: while the server is away, looks are answered from memory",
        "remove softreval", "softreval shows old things while the server is away",
    ),
    Rule(
        _locks_stay_here, "note",
        "nolock (or local_lock): file locks do not reach other hosts. wmctl uses none there;"
        " other programs may",
        "remove it if others need locks", "file locks do not reach other hosts",
    ),
)  # fmt: skip


def findings(sides: Sequence[Facts]) -> Iterator[Finding]:
    """The file system of each side, and one finding for each rule that applies."""
    yield _file_system(sides)
    for rule in RULES:
        hosts = [str(side["host"]) for side in sides if rule.applies(side)]
        if hosts:
            where = " and ".join(dict.fromkeys(hosts))
            why = f"{rule.why} ({where})"
            yield Finding("mount", rule.status, f"{where}: {rule.detail}", rule.remedy, why)
    if all(side["nfs"] for side in sides):
        yield Finding(
            "export", "note",
            "no client can see whether the export is sync; with async a crash of the server"
            " loses jobs that were acknowledged",
            "on the server, exportfs -v must say sync",
        )  # fmt: skip


def _file_system(sides: Sequence[Facts]) -> Finding:
    told = dict.fromkeys(_described(side) for side in sides)
    detail = "; ".join(told)
    if len(told) > 1:
        described = [f"{side['host']}: {_described(side)}" for side in sides]
        detail = "; ".join(described)
    local = [side for side in sides if not side["network"]]
    if local and len({side["boot_id"] for side in sides}) > 1:
        kind = local[0]["kind"]
        return Finding(
            "file system", "fault",
            f"{detail}: wmctl takes {kind} for a disk of one host, and its workers wait for events"
            " of it, which other hosts' changes do not cause",
            "share the spool over NFS", f"wmctl takes {kind} for a disk of one host",
        )  # fmt: skip
    if local:
        return Finding("file system", "ok", f"{detail}: a disk of this host")
    if all(side["nfs"] for side in sides):
        return Finding("file system", "ok", detail)
    return Finding(
        "file system", "note", f"{detail}: wmctl is tested on NFS only", "",
        "of network file systems wmctl is tested on NFS only",
    )  # fmt: skip


def _described(side: Facts) -> str:
    options = [text for text in ("hard", "soft", "softerr") if text in side["options"]]
    words = " ".join([side["kind"], *(["of", side["source"]] if side["nfs"] else [])])
    return f"{words} ({', '.join(options)})" if options else words
