"""`wmctl service`: units of systemd that keep workers running."""

import os
import shutil
import sys
from typing import Annotated

import typer

from wmctl.cli import exits, output
from wmctl.cli import options as o
from wmctl.cli.group import examples, new_app
from wmctl.cli.lists import show_list
from wmctl.cli.service_files import facts, finish, folder, is_own, own, systemctl, write
from wmctl.cli.service_unit import Unit, file_name
from wmctl.cli.session import Session, session_of
from wmctl.cli.tables import Column
from wmctl.config import BUILT_IN
from wmctl.config.values import duration

app = new_app(no_args_is_help=True)

System = Annotated[
    bool | None,
    typer.Option(
        "--system/--user",
        help="Of the machine, or of your own manager; root must say which [default: --user].",
    ),
]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of the unit [default: wmctl, or wmctl-GROUP].")
]
Group = Annotated[
    str | None, typer.Option("-g", "--group", metavar="GROUP", help="The workers' group.")
]
Count = Annotated[str | None, typer.Option("-n", "--count", metavar="N", help="How many workers.")]
Tags = Annotated[str | None, typer.Option(metavar="A,B", help="The tags they serve.")]
Grace = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="A stop ends jobs that still run then [default: never]."),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="With --system [default: whose the spool is]."),
]


@app.callback()
def callback() -> None:
    """Units of systemd that keep workers running, after a crash and after a reboot.

    A stop drains: running jobs are finished. Workers that end because their group was changed are
    started again. No secret is written into a unit.
    """


@app.command(
    "print", epilog=examples("wmctl service print -n 4", "wmctl service print --system -g gpu")
)
def print_(
    ctx: typer.Context, group: Group = None, count: Count = None, tags: Tags = None,
    grace: Grace = None, system: System = None, user: As = None, spool: o.SpoolOption = None,
) -> None:  # fmt: skip
    """Print the unit that wmctl service install would write, and write nothing."""
    session = _session(ctx, group, count, tags, grace, spool)
    of_system = system if system is not None else os.geteuid() == 0
    output.line(_unit(session, system=of_system, user=user).text().rstrip("\n"))


@app.command(
    "install",
    epilog=examples(
        "wmctl service install -n 4",
        "wmctl service install -g gpu -n 2 --now",
        "sudo wmctl service install --system --as jobs --spool /srv/jobs -n 8 --now",
    ),
)
def install(
    ctx: typer.Context, group: Group = None, count: Count = None, tags: Tags = None,
    grace: Grace = None, system: System = None, user: As = None, name: Name = None,
    now: Annotated[
        bool, typer.Option("--now", help="Enable and start it, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Replace a different one.")] = False,
    quiet: o.Quiet = False, spool: o.SpoolOption = None,
) -> None:  # fmt: skip
    """Write the unit, and say which commands start it. It is not started without --now.

    A unit of that name with other content is only replaced with -y.
    """
    session = _session(ctx, group, count, tags, grace, spool)
    of_system = _is_system(system)
    unit = _unit(session, system=of_system, user=user)
    path = folder(system=of_system) / file_name(unit.groups, name)
    write(path, unit.text(), yes=yes, quiet=quiet)
    commands = [
        systemctl(of_system, "daemon-reload"),
        systemctl(of_system, "enable", path.name),
        # A start would not take what has changed; a restart waits for jobs, and we do not.
        systemctl(of_system, "restart", "--no-block", path.name),
    ]
    if not of_system:
        commands.append(["loginctl", "enable-linger"])
    finish(commands, now=now, quiet=quiet)


@app.command("ls", epilog=examples("wmctl service ls", "wmctl service ls -o json"))
def ls(ctx: typer.Context, format: o.Output = "table") -> None:
    """List the units that wmctl service install has written, and whether they run."""
    del ctx
    o.check_format(format)
    items = [facts(path, system=system) for path, system in own()]
    if not items and format == "table":
        output.note("no unit of wmctl's is here", hint="wmctl service install writes one")
        return
    show_list(items, format, COLUMNS, key="unit")


@app.command("rm", epilog=examples("wmctl service rm wmctl", "wmctl service rm wmctl-gpu --now"))
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As wmctl service ls shows it.")],
    system: System = None,
    now: Annotated[bool, typer.Option("--now", help="Stop and disable it first.")] = False,
    quiet: o.Quiet = False,
) -> None:
    """Remove a unit that wmctl service install has written. A stop drains."""
    of_system = _is_system(system)
    path = folder(system=of_system) / file_name((), name)
    if not is_own(path):
        raise exits.NoSuchFile(
            f"{path} is not there, or wmctl service did not write it", hint="wmctl service ls"
        )
    commands = [
        systemctl(of_system, "disable", "--now", "--no-block", path.name),
        systemctl(of_system, "daemon-reload"),
    ]
    if now:
        finish(commands[:1], now=True, quiet=quiet)
    try:
        path.unlink()
    except OSError as error:
        raise exits.OutputFailed(f"cannot remove {path}: {error.strerror}") from None
    if not quiet:
        output.line(output.safe(f"removed {path}"))
    finish(commands[1:] if now else commands, now=now, quiet=quiet)


def _session(
    ctx: typer.Context, group: str | None, count: str | None, tags: str | None,
    grace: str | None, spool: str | None,
) -> Session:  # fmt: skip
    flags = {"worker.group": group, "worker.count": count, "worker.tags": tags}
    session = session_of(ctx, spool=spool, **flags)
    if grace is not None:
        o.checked(grace, "--grace", duration)
        session.flag("worker.grace", grace)
    return session


def _unit(session: Session, *, system: bool, user: str | None) -> Unit:
    settings = session.settings
    where = os.path.abspath(settings.spool)
    grace = session.flags.get("worker.grace")
    if user is not None and not system:
        raise exits.UsageError("--as is for units of the machine", hint="add --system")
    return Unit(
        program=_program(),
        spool=where,
        path=_path(),
        groups=settings.worker.groups,
        workers=None if settings.origins["worker.count"] == BUILT_IN else settings.worker.count,
        tags=(settings.worker.tags or ()) if session.flags.get("worker.tags") else (),
        grace=None if grace is None else (grace, duration(grace)),
        system=system,
        user=(user or _owner(where)) if system else None,
    )


def _program() -> tuple[str, ...]:
    """This wmctl, as it was called: a link to it outlives an upgrade."""
    called = sys.argv[0]
    if os.path.basename(called) == "wmctl" and (found := shutil.which(called)):
        return (os.path.abspath(found),)
    return (sys.executable, "-m", "wmctl")


def _path() -> str:
    """What is on PATH now, without what depends on the folder that one is in."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys(one for one in folders if one.startswith("/")))


def _owner(spool: str) -> str | None:
    """Whose the spool is: a private one is nobody else's; root is nobody to name."""
    import pwd

    try:
        owner = os.stat(spool).st_uid
        return pwd.getpwuid(owner).pw_name if owner else None
    except (OSError, KeyError):
        return None


def _is_system(system: bool | None) -> bool:
    """What root means is not guessed: a unit of the machine starts at every boot."""
    if system is None and os.geteuid() == 0:
        raise exits.UsageError(
            "you are root: a unit of the whole machine, or of root's own manager?",
            hint="add --system, or --user",
        )
    return bool(system)


def _or_unknown(key: str) -> Column:
    return Column(key.upper(), lambda one: one[key] or "unknown")


COLUMNS = (
    Column("UNIT", lambda one: one["unit"]),
    Column("OF", lambda one: one["of"]),
    _or_unknown("active"),
    _or_unknown("enabled"),
    Column("PATH", lambda one: one["path"], shrink=1),
)
