"""`wmctl group ls` and `show`: the worker groups of the spool."""

from typing import Annotated

import typer

from wmctl.cli import options as o
from wmctl.cli import output
from wmctl.cli.exits import NoSuchGroup
from wmctl.cli.group import examples
from wmctl.cli.groups_state import COLOURS, FIELDS, Groups
from wmctl.cli.lists import show_list
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.config import groups, shared
from wmctl.config.nearest import nearest

FORMATS = ("table", "wide", "json", "jsonl", "tsv", "id")
Name = Annotated[str, typer.Argument(metavar="GROUP", help="The name of a worker group.")]


def ls(
    ctx: typer.Context,
    format: Annotated[
        str, typer.Option("-o", "--output", metavar="FORMAT", help=f"{', '.join(FORMATS)}.")
    ] = "table",
    spool: o.SpoolOption = None,
) -> None:
    """List the worker groups.

    Those with a file, those that workers say they are in, and default. WORKERS are those alive,
    of those that should be (min_alive_workers_alert_threshold). WAITING are due jobs of the
    group's tags, RUNNING those that its workers hold. States: ok, no-worker, too-few, paused,
    wrong-file (wmctl group validate says what is wrong).
    """
    o.check_format(format, *FORMATS)
    session = session_of(ctx, spool=spool)
    found = Groups(session.spool) if session.has_spool else None
    show_list(
        [] if found is None else [found.item(name) for name in found.names],
        format, columns(wide=format == "wide"), key="group", ordered=True,
        colour=lambda item: COLOURS[item["state"]], fields=FIELDS if format == "tsv" else (),
    )  # fmt: skip


def columns(*, wide: bool) -> list[Column]:
    """What is shown of a group."""
    shown = [
        Column("GROUP", lambda one: one["group"]),
        Column("WORKERS", _workers),
        Column("STATE", lambda one: one["state"]),
        Column("TAGS", lambda one: ",".join(one["tags"]), shrink=1),
        Column("WAITING", lambda one: str(one["waiting"])),
        Column("RUNNING", lambda one: str(one["running"])),
    ]
    if wide:
        shown += [
            Column("LATER", lambda one: str(one["later"])),
            Column("PRIORITY", _priorities, shrink=2),
            Column("SLOTS", lambda one: str(one["slots"]) if one["slots"] else "-"),
            Column("SCRIPTS", _scripts),
            Column("REASON", _reason, shrink=3),
        ]
    return shown


def _workers(one: Item) -> str:
    alive, threshold = one["workers"], one["threshold"]
    return str(alive) if threshold is None else f"{alive}/{threshold}"


def _priorities(one: Item) -> str:
    return ",".join(f"{tag}={rank}" for tag, rank in one["priority_tags"].items()) or "-"


def _scripts(one: Item) -> str:
    every = one["periodic_interval"]
    told = ["init"] * one["init_script"] + ([f"every {every} s"] if every else [])
    return ", ".join(told) or "-"


def _reason(one: Item) -> str:
    if one["error"]:
        return str(one["error"])
    paused = one["paused"]
    if paused is None:
        return "-"
    by, why = paused.get("by") or "somebody", paused.get("reason")
    return f"paused by {by}" + (f": {why}" if why else "")


def show(
    ctx: typer.Context,
    name: Name,
    format: Annotated[
        str, typer.Option("-o", "--output", metavar="FORMAT", help="table, json or yaml.")
    ] = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Show a group, its file and its workers.

    As yaml it is the file and nothing else, as it stands.
    """
    o.check_format(format, "table", "json", "yaml")
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    found = Groups(session.spool)
    if name not in found.names:
        raise no_such(session, name)
    document = shared.read(session.store, groups.relative(name))
    if format == "yaml":
        output.JobStream(error=False).write(document.text if document else b"")
        return
    item = found.item(name)
    workers = [worker.name for worker in found.members(name)]
    if format == "json":
        said = {} if document is None or item["error"] else _said(document)
        output.line(output.dumps(item | {"names": workers, "config": said}, indent=2))
        return
    _tell(item, workers, document.text.decode(errors="replace") if document else "")


def _said(document: shared.Document) -> dict[str, object]:
    return groups.said(document.origin, document.text)


def _tell(item: Item, workers: list[str], text: str) -> None:
    facts = {
        "group": item["group"],
        "state": item["state"] if item["state"] in {"ok", "no-worker"} else _why(item),
        "workers": f"{_workers(item)}  {' '.join(workers)}".rstrip(),
        "tags": f"{', '.join(item['tags'])}{_source(item)}",
        "jobs": f"{item['waiting']} waiting, {item['later']} later, {item['running']} running",
        "file": item["file"] or "none: its workers have the default configuration",
    }
    for key, value in facts.items():
        output.line(f"{key.ljust(8)} {output.safe(value)}")
    if text:
        output.line()
    for line in text.splitlines():
        output.line(output.safe(f"  {line}", keep="\t"))


def _why(item: Item) -> str:
    reason = _reason(item)
    return str(item["state"]) if reason == "-" else f"{item['state']} ({reason})"


def _source(item: Item) -> str:
    return {"workers": "  (as its workers say)", "default": "  (the default ones)"}.get(
        item["tags_from"], ""
    )


def no_such(session: Session, name: str) -> NoSuchGroup:
    """There is no group of this name; the one that was meant."""
    meant = nearest(name, shared.names(session.store, groups.FOLDER))
    return NoSuchGroup(
        f"there is no worker group {name[:60]!r}",
        hint=f"did you mean {meant!r}?" if meant else f"to make it: wmctl group create {name[:60]}",
    )


EXAMPLES_LS = examples(
    "wmctl group ls",
    "wmctl group ls -o wide",
    "wmctl group ls -o json | jq -r '.[] | select(.state != \"ok\") | .group'",
)
EXAMPLES_SHOW = examples("wmctl group show gpu", "wmctl group show gpu -o yaml > gpu.yaml")
