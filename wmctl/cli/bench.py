"""`wmctl bench`: how fast the user's own spool is, beside the bare system calls."""

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from wmctl.cli import measured, output, streams
from wmctl.cli import options as o
from wmctl.cli.group import one_command
from wmctl.cli.lists import show_list
from wmctl.cli.measured import Figure
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column, Item
from wmctl.spool import Spool

_PREFIX = "bench-"
#: Seconds after which a scratch spool is that of a bench that was killed.
_STALE = 3600.0

COLUMNS = (
    Column("WHAT", lambda row: row["what"]),
    Column("WMCTL", lambda row: _shown(row, "wmctl")),
    Column("BARE", lambda row: _shown(row, "bare")),
    Column("TIMES", lambda row: f"{row['ratio']:.2f}"),
    Column("BARE IS", lambda row: row["bare_is"]),
)


def bench(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long it takes, about.")] = 16,
    format: o.Facts = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Measure your own spool: submits, claims, and how soon a waiting worker starts a job.

    It works in a scratch spool beside the jobs, on the same file system, that is removed
    afterwards; real jobs and workers see nothing of it. Beside each figure is what the bare system
    calls take in the same folder; TIMES says how many times as long wmctl takes.
    """
    o.check_format(format, "table", "json")
    session = session_of(ctx, spool=spool)
    session.makes_spool = True
    store = session.store
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if sys.stderr.isatty():
        output.note(f"measuring {store.root} for about {seconds:g} s; Ctrl-C ends it")
    with _scratch(store.root) as folder:
        made = Spool.create(folder, session.spool.settings)
        figures = list(_figures(made, seconds / 4))
    facts = _facts(session.spool, figures)
    if format == "json":
        output.line(output.dumps(facts, indent=2))
        return
    output.line(f"{facts['spool']}  {facts['file_system']}, durability {facts['durability']}")
    show_list(facts["figures"], format, COLUMNS, key=None)


def _figures(spool: Spool, seconds: float) -> Iterator[Figure]:
    """Each as it is measured."""
    for measure in (measured.one_by_one, measured.batched, measured.claimed):
        yield from filter(None, (measure(spool, seconds),))
    apart = Spool.create(f"{spool.path}/idle", spool.settings)
    with _worker(apart) as tag:
        found = measured.idle(apart, tag, seconds) if measured.ready(apart) else None
    if found is None:
        output.note("no worker came up: how soon it starts a job is not known")
    else:
        yield found


@contextmanager
def _scratch(root: str) -> Iterator[str]:
    """A folder in the spool's tmp/, where nobody looks for jobs; gone afterwards."""
    above = os.path.join(root, "tmp")
    for found in os.scandir(above):
        if found.name.startswith(_PREFIX) and time.time() - found.stat().st_mtime > _STALE:
            shutil.rmtree(found.path, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=above)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _worker(spool: Spool) -> Iterator[str]:
    """One worker of its own process for the scratch spool; the tag that it serves."""
    from wmctl.cli import serve  # the worker package is for this figure only
    from wmctl.worker.supervisor import ORPHANED, die_with_parent

    apart = Session()
    apart.flags = {"spool": str(spool.path), "worker.count": "1", "worker.tags": "bash"}
    supervisor = serve.supervisor_of(apart, serve.Limits())
    streams.flush()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            die_with_parent(ORPHANED, parent)
            serve.log_to_stderr(logging.ERROR)
            supervisor.run()
        finally:
            os._exit(0)
    try:
        yield (apart.settings.worker.tags or ("bash",))[0]
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _facts(spool: Spool, figures: list[Figure]) -> Item:
    return {
        "schema": "wmctl.bench/1",
        "spool": str(spool.path),
        "file_system": spool.file_system().kind,
        "durability": spool.settings.durability,
        "figures": [_row(figure) for figure in figures],
    }


def _row(figure: Figure) -> Item:
    """Rates in a second, times in seconds."""
    ours, bare = figure.ours, figure.bare
    if figure.rate:
        ours, bare = (round(1 / max(value, 1e-9), 1) for value in (ours, bare))
    return {
        "what": figure.what,
        "unit": "1/s" if figure.rate else "s",
        "wmctl": round(ours, 6),
        "bare": round(bare, 6),
        "ratio": round(figure.ours / max(figure.bare, 1e-9), 3),
        "count": figure.samples,
        "bare_is": figure.bare_is,
    }


def _shown(row: Item, side: str) -> str:
    value: float = row[side]
    return f"{value:,.0f}/s" if row["unit"] == "1/s" else f"{value * 1000:.1f} ms"


app = one_command(
    bench,
    "wmctl bench",
    "wmctl bench --seconds 60 --spool /nfs/team/spool",
    "wmctl bench -o json | jq '.figures[] | {what, wmctl, ratio}'",
)
