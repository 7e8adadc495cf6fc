"""`wmctl spool`: where it is, what is in it."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from wmctl.cli import kept, output
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_facts
from wmctl.cli.serving import live
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Item
from wmctl.spool import STATES, encode_tag, fskind

#: Seconds.
_DAY = 86400

app = new_app(no_args_is_help=True)


@app.callback()
def spool() -> None:
    """Where the spool is and what is in it."""


@app.command("path", epilog=examples("wmctl spool path", "wmctl spool path --tag gpu"))
def path(
    ctx: typer.Context,
    tag: Annotated[
        str | None, typer.Option("-t", "--tag", help="The folder of the jobs that wait for it.")
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Print the spool's folder, or the folder of one tag's queue."""
    folder = session_of(ctx, spool=spool).spool.path
    output.line(str(folder if tag is None else folder / "queue" / encode_tag(tag)))


@app.command("info", epilog=examples("wmctl spool info", "wmctl spool info -o json"))
def info(ctx: typer.Context, format: o.Facts = "table", spool: o.SpoolOption = None) -> None:
    """The spool's settings, its file system, and how many jobs it holds in each state."""
    o.check_format(format, "table", "json")
    session = session_of(ctx, spool=spool)
    facts = spool_facts(session)
    found = kept.of(session)
    if format == "json":
        facts["kept"] = None if found is None else kept.facts(found[0])
    else:
        facts = _with_units(facts)
        facts["retention"] = "unknown" if found is None else kept.sentence(found[0])
    show_facts(facts, format)


@app.command("check", epilog=examples("wmctl spool check", "wmctl spool check --history -o json"))
def check(
    ctx: typer.Context,
    history: Annotated[
        bool, typer.Option("--history", help="Also against the journal (WMCTL_JOURNAL).")
    ] = False,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Look at every file: each job in one place, whole, with its result. Changes nothing.

    With --history: no acknowledged job is missing, none was published twice. The spool may be in
    use: what is wrong in one look only was a job on its way. Exit 1 if anything is wrong.
    """
    from wmctl.cli import check as checking

    o.check_format(format, "table", "json", "jsonl", "tsv")
    checking.check(session_of(ctx, spool=spool), format, history=history)


@app.command("du", epilog=examples("wmctl spool du", "wmctl spool du -o json | jq .tags"))
def du(ctx: typer.Context, format: o.Facts = "table", spool: o.SpoolOption = None) -> None:
    """What the spool takes on the disk: by part, by tag, and its biggest logs."""
    from wmctl.cli import spool_upkeep  # rarely used, as the next one

    o.check_format(format, "table", "json")
    spool_upkeep.show_usage(session_of(ctx, spool=spool), format)


@app.command("migrate", epilog=examples("wmctl spool migrate -n", "wmctl spool migrate"))
def migrate(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would be done.")
    ] = False,
    spool: o.SpoolOption = None,
) -> None:
    """Bring a spool that an older wmctl made to this one's format.

    No worker may be at work. A newer spool is refused (exit 78), one in use too (exit 75).
    """
    from wmctl.cli import spool_upkeep

    spool_upkeep.migrate(session_of(ctx, spool=spool), dry_run=dry_run)


def _with_units(facts: Item) -> Item:
    """As people read it."""
    spans = ("lease", "beat")
    return {
        name: f"{value:g} s" if name in spans and value < _DAY
        else f"{value / _DAY:g} d" if name in spans
        else value
        for name, value in facts.items()
    }  # fmt: skip


def spool_facts(session: Session) -> Item:
    """The spool as a JSON object."""
    session.must_have_spool()
    opened = session.spool
    system = opened.file_system()
    counts = Counter(entry.state for entry in opened.entries())
    mounted = fskind.mount(str(opened.path)) if system.network else None
    return {
        "schema": "wmctl.spool/1",
        "path": str(opened.path),
        "origin": session.settings.origins["spool"],
        "file_system": fskind.title(system, mounted),
        "network": system.network,
        "mount_options": mounted.notable if mounted is not None and mounted.nfs else [],
        **asdict(opened.settings),
        "workers": sum(1 for _ in live(opened)),
        "jobs": {state: counts[state] for state in STATES if counts[state]},
    }
