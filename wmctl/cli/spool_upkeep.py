"""What `wmctl spool du` and `wmctl spool migrate` do."""

from collections.abc import Mapping

from wmctl.cli import output
from wmctl.cli.lists import show_facts, show_list
from wmctl.cli.session import Session
from wmctl.cli.sizes import size
from wmctl.cli.tables import Column, Item
from wmctl.cli.ticker import Ticker
from wmctl.errors import SpoolBusy
from wmctl.spool import Disk, fs, short
from wmctl.spool.migrate import Migration
from wmctl.spool.usage import Amount, Meter, Usage

_AMOUNTS = (
    Column("FILES", lambda item: f"{item['files']:,}"),
    Column("SIZE", lambda item: size(item["bytes"])),
)
_LOGS = (
    Column("LOG OF", lambda item: short(item["job"]) if output.on_terminal() else item["job"]),
    Column("SIZE", lambda item: size(item["bytes"])),
    Column("FILE", lambda item: item["path"]),
)


def show_usage(session: Session, format: str) -> None:
    """Measure, and print."""
    session.must_have_spool()
    ticker = Ticker()
    try:
        with fs.translated("measure the spool"):
            found = Meter(
                session.store, lambda so_far: ticker(lambda: f"{so_far.all.files:,} files")
            ).run()
    finally:
        ticker.end()
    facts = _facts(session.store.root, found)
    if format == "json":
        show_facts(facts, format)
        return
    output.line(f"{facts['path']}: {found.all.files:,} files, {size(found.all.bytes)}")
    for title, key in (("PART", "part"), ("TAG", "tag")):
        _table(facts[f"{key}s"], (_named(title, key), *_AMOUNTS))
    _table(facts["logs"], _LOGS)


def _named(title: str, key: str) -> Column:
    return Column(title, lambda item: str(item[key]))


def _table(items: list[Item], columns: tuple[Column, ...]) -> None:
    if items:
        output.line()
        show_list(items, "table", columns, key=None)


def _facts(root: str, found: Usage) -> Item:
    return {
        "schema": "wmctl.usage/1",
        "path": root,
        "files": found.all.files,
        "bytes": found.all.bytes,
        "parts": _amounts("part", found.parts),
        "tags": _amounts("tag", found.tags),
        "logs": [{"job": log.job, "bytes": log.bytes, "path": log.path} for log in found.logs],
    }


def _amounts(key: str, amounts: Mapping[str, Amount]) -> list[Item]:
    """The biggest first."""
    items = [{key: name, "files": one.files, "bytes": one.bytes} for name, one in amounts.items()]
    return sorted(items, key=lambda item: (-int(str(item["bytes"])), str(item[key])))


def migrate(session: Session, *, dry_run: bool) -> None:
    """Check, then do it, alone."""
    session.must_have_spool()
    found = Migration(str(session.settings.spool), Disk())
    root = found.store.root
    if not found.numbers:
        output.line(f"nothing to do: {root} has format {found.number}")
        return
    found.check()
    steps = " to ".join(map(str, [*found.numbers, found.target]))
    if dry_run:
        output.line(f"would migrate {root} from format {steps}")
        return
    _alone(found)
    output.line(f"migrated {root} from format {steps}")


def _alone(found: Migration) -> None:
    from filelock import FileLock, Timeout  # it is slow to import

    path = found.store.path("control", "migrate.lock")
    try:
        with FileLock(path, timeout=0, mode=found.store.settings.mode):
            found.run(lambda number: output.note(f"format {number} is reached"))
    except Timeout:
        raise SpoolBusy(f"somebody else migrates this spool ({path})", hint="wait") from None
