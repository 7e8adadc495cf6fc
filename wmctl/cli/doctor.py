"""`wmctl doctor`: what could keep jobs from running here. Changes nothing, unless told to fix."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from wmctl.cli import doctor_groups, doctor_tree, exits
from wmctl.cli import options as o
from wmctl.cli.confirm import counted
from wmctl.cli.exits import UsageError
from wmctl.cli.finding import Finding, show
from wmctl.cli.group import one_command
from wmctl.cli.lists import age
from wmctl.cli.problems import problem_of
from wmctl.cli.session import Session, session_of
from wmctl.config import alerts
from wmctl.errors import WmctlError
from wmctl.spool import fskind

#: A file server whose clock is further off (seconds) confuses people who compare times.
_SKEW = 5.0
#: Less free space than this (bytes) stops submits soon.
_SPACE = 256 << 20
#: How long `--nfs` waits for the other host.
_WAIT = "60s"


def doctor(
    ctx: typer.Context,
    nfs: Annotated[
        bool, typer.Option("--nfs", help="Test a shared spool between this host and another.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Start the other side of --nfs there, by ssh."),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long --nfs waits for it [default: 60s]."),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Repair what is safe: modes, missing folders, leftovers."),
    ] = False,
    meet: Annotated[str | None, typer.Option(metavar="NAME", hidden=True)] = None,
    format: o.Output = "table",
    spool: o.SpoolOption = None,
) -> None:
    """Check configuration, spool, file system, clock, workers, runners' tools and plugins.

    Exit 1 if there is a fault. A missing tool is a note: its jobs wait for a worker that has it.
    --fix says what it did, and leaves alone what it does not understand; jobs of dead workers are
    taken back by the living ones.
    With --nfs instead: is this mount fit for workers on several hosts? Type it on two of them.
    """
    o.check_format(format, "table", "json", "jsonl", "tsv")
    session = session_of(ctx, spool=spool)
    if not nfs:
        if host is not None or wait is not None or meet is not None:
            raise UsageError("--host and --wait are for --nfs", hint="wmctl doctor --nfs")
        findings = list(examine(session, fix=fix))
    elif fix:
        raise UsageError("--nfs changes nothing, so it goes without --fix")
    else:
        from wmctl.cli import nfsprobe  # rarely used

        if meet is not None:
            nfsprobe.take_part(session, meet)
            return
        seconds = o.seconds(wait or _WAIT, "--wait")
        findings = nfsprobe.probe(session, host=host, wait=seconds)
    show(findings, format)
    if any(found.status == "fault" for found in findings):
        raise typer.Exit(exits.FAULTS)


def examine(session: Session, *, fix: bool = False) -> Iterator[Finding]:
    """All findings; one part that fails does not keep the others from being looked at."""
    tree = [_named(part, fix=fix) for part in (_permissions, _layout, _leftovers)]
    inside = (*tree, _space, _clock, doctor_groups.groups_, _alerts, _workers, _pauses, _aside)
    usable = True
    for part in (_config, _spool, *inside, _runners, _plugins):
        if part in inside and not (usable and session.has_spool):
            continue
        try:
            yield from part(session)
        except WmctlError as error:
            yield Finding(part.__name__.strip("_"), "fault", error.message, error.hint or "")
            usable = usable and part not in (_config, _spool)
            if part is _config:
                return


def _config(session: Session) -> Iterator[Finding]:
    settings = session.settings
    sources = sorted(set(settings.origins.values()) - {"built in"})
    yield Finding("config", "ok", f"from: {', '.join(sources)}" if sources else "all built in")


def _spool(session: Session) -> Iterator[Finding]:
    if not session.has_spool:
        path = session.settings.spool
        yield Finding("spool", "ok", f"{path} is not there yet; the first job makes it")
        return
    spool = session.spool
    system = spool.file_system()
    kind = system.kind
    if system.network:
        kind = f"{fskind.title(system, fskind.mount(str(spool.path)))}, seen by other hosts"
    where = f"{spool.path} (from: {session.settings.origins['spool']})"
    yield Finding("spool", "ok", f"{where}, format {spool.settings.format}")
    if system.network and spool.settings.lease < 2 * 60:
        yield Finding(
            "file system", "note", f"{kind}; the lease is only {spool.settings.lease:g} s",
            "make spools on network file systems with: wmctl init FOLDER; then: wmctl doctor --nfs",
        )  # fmt: skip
    elif system.network:
        yield Finding("file system", "note", kind, "test it between two hosts: wmctl doctor --nfs")
    else:
        yield Finding("file system", "ok", kind)


def _named(
    part: Callable[..., Iterator[Finding]], *, fix: bool
) -> Callable[[Session], Iterator[Finding]]:
    """A part that may mend what it finds."""

    def examined(session: Session) -> Iterator[Finding]:
        return part(session, fix=fix)

    examined.__name__ = part.__name__
    return examined


def _permissions(session: Session, *, fix: bool) -> Iterator[Finding]:
    yield from doctor_tree.permissions(session, fix=fix)
    path = session.spool.path
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("permissions", "fault", f"you may not write to {path}")


def _layout(session: Session, *, fix: bool) -> Iterator[Finding]:
    return doctor_tree.layout(session, fix=fix)


def _leftovers(session: Session, *, fix: bool) -> Iterator[Finding]:
    return doctor_tree.leftovers(session, fix=fix)


def _alerts(session: Session) -> Iterator[Finding]:
    found = alerts.load(session.store)
    if found.text:
        yield Finding("alerts", "ok", f"{counted(len(found.rows), 'alert')} in {alerts.FILE}")


def _pauses(session: Session) -> Iterator[Finding]:
    return doctor_tree.pauses(session)


def _space(session: Session) -> Iterator[Finding]:
    found = os.statvfs(session.spool.path)
    free = found.f_bavail * found.f_frsize
    few = free < _SPACE or (found.f_files and found.f_favail < 10_000)
    detail = f"{free >> 20} MiB and {found.f_favail} files free"
    yield Finding("disk", "fault" if few else "ok", detail, "make room" if few else "")


def _clock(session: Session) -> Iterator[Finding]:
    # Adding zero makes a zero of what is rounded to one below it.
    skew = round(session.spool.now() / 1e9 - time.time(), 1) + 0.0
    detail = f"the file server's clock differs by {skew:+.1f} s"
    if abs(skew) > _SKEW:
        yield Finding("clock", "note", detail, "jobs run by the file server's; keep both by NTP")
    else:
        yield Finding("clock", "ok", detail)


def _workers(session: Session) -> Iterator[Finding]:
    from wmctl.cli.serving import tags_of

    spool = session.spool
    lease = spool.settings.lease
    beats = spool.workers()
    alive = [beat for beat in beats if beat.alive(lease)]
    served = {tag for beat in alive for tag in tags_of(beat)}
    waiting = {entry.name.tag for entry in spool.entries(["queued"])}
    yield Finding("workers", "ok", f"{len(alive)} alive; tags: {' '.join(sorted(served)) or '-'}")
    for beat in beats:
        if not beat.alive(lease):
            yield Finding(
                "workers", "note", f"{beat.worker} has not beaten for {age(beat.age)}",
                "the next worker takes its jobs back",
            )  # fmt: skip
    for worker in sorted(spool.joined() - {beat.worker for beat in beats}):
        yield Finding(
            "workers", "note", f"{worker} left its folder of claims, and no beat",
            "the next worker takes its jobs back, a lease after it has seen that",
        )  # fmt: skip
    for tag in sorted(waiting - served):
        yield Finding(
            "queue", "note", f"jobs wait for the tag {tag!r}, which no live worker serves",
            f"wmctl worker start --tags {tag}",
        )  # fmt: skip


def _aside(session: Session) -> Iterator[Finding]:
    """Jobs that only a person brings further."""
    found = Counter(entry.state for entry in session.spool.entries(["quarantined", "held"]))
    states = [state for state in ("quarantined", "held") if found[state]]
    if states:
        detail = ", ".join(f"{found[state]} {state}" for state in states)
        options = " ".join(f"-s {state}" for state in states)
        yield Finding("jobs", "note", detail, f"see them and why: wmctl ps {options}")


def _runners(session: Session) -> Iterator[Finding]:
    from wmctl.cli.serve import unhealthy  # the worker package is heavy

    runners = session.plugins.runners()
    ill = unhealthy(session, runners)
    for name, runner in runners.items():
        if name in ill:
            yield Finding(f"runner {name}", "note", *problem_of(ill[name]))
        else:
            yield Finding(f"runner {name}", "ok", f"serves the tag {runner.tag}")


def _plugins(session: Session) -> Iterator[Finding]:
    from wmctl.cli.plugin import plugin_facts

    for item in plugin_facts(session):
        if item["problems"]:
            yield Finding(
                f"plugin {item['name']}", "fault", "; ".join(item["problems"]),
                f"report it to the makers of {item['distribution']}, or uninstall that",
            )  # fmt: skip


app = one_command(
    doctor,
    "wmctl doctor",
    "wmctl doctor --fix",
    "wmctl doctor -o json | jq '.[] | select(.status != \"ok\")'",
    "wmctl doctor --nfs",
    "wmctl doctor --nfs --host build2",
)
