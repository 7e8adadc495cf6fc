"""`wmctl alerts`: see, check and tell what an operator is to be told of."""

from typing import Annotated, Any

import typer

from wmctl.cli import alerting, exits, inputs, output
from wmctl.cli import options as o
from wmctl.cli.alerting import Alert
from wmctl.cli.confirm import counted
from wmctl.cli.group import examples, new_app
from wmctl.cli.grouptags import GroupTags
from wmctl.cli.lists import age, show_list
from wmctl.cli.reasons import Reasons
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item
from wmctl.config import alerts as config
from wmctl.config.alerts import Alerts, Command
from wmctl.config.shared import Document
from wmctl.runner.quiet import run_quietly
from wmctl.spool import Spool, told

SCHEMA = "wmctl.alert/1"
#: Seconds that a command may take.
TIMEOUT = 60.0
_DAY = 86400.0

app = new_app(no_args_is_help=True)


@app.callback()
def callback() -> None:
    """What somebody is to be told of: too many jobs wait for a tag, a group has too few workers.

    The file alerts.yaml of the spool says when and how; the threshold of a group stands in the
    group's file, min_alive_workers_alert_threshold. A crontab or a timer runs wmctl alerts check.
    """


@app.command("ls", epilog=examples("wmctl alerts ls", "wmctl alerts ls -o json"))
def ls(ctx: typer.Context, format: o.Output = "table", spool: o.SpoolOption = None) -> None:
    """List the alerts: what each counts, and whether it fires. Tells nobody."""
    o.check_format(format, "table", "json", "jsonl", "tsv")
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    opened = session.spool
    alerts = config.load(opened.store)
    ages = told.ages(opened.store)
    items = [_facts(one, ages.get(told.digest(one.key))) for one in found(opened, alerts)]
    if not items and format == "table":
        output.note("there are no alerts", hint=_HINT)
        return
    show_list(items, format, COLUMNS, key=None, colour=_colour)


@app.command(
    "check",
    epilog=examples(
        "wmctl alerts check",
        "wmctl alerts check -n",
        "*/5 * * * * wmctl alerts check    # cron mails what is printed",
        "*/5 * * * * wmctl alerts check --command 'mail -s wmctl ops'",
    ),
)
def check(
    ctx: typer.Context,
    command: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Run this, by the shell, and not what the file says."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Run nothing, only print what would be told.")
    ] = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Tell of each alert that fires, once within its cooldown, whichever hosts look.

    What is told is printed, and given to the command: as JSON on its standard input and as
    variables WMCTL_ALERT_NAME, _KIND (jobs or workers), _OF (the tag or group), _COUNT,
    _THRESHOLD, _TEXT and WMCTL_SPOOL. It has a minute. One that fails is told of on stderr, and
    the next check tries again. Exit 1 while an alert fires.
    """
    session = session_of(ctx, spool=spool)
    session.must_have_spool()
    opened = session.spool
    alerts = config.load(opened.store)
    if command is None and not dry_run and alerts.has_commands and opened.settings.mode & 0o070:
        config.must_be_ours(opened.store, alerts)
    firing = [one for one in found(opened, alerts) if one.fires]
    for one in firing:
        if dry_run:
            output.line(output.safe(one.text))
            continue
        own = one.command if command is None else ("/bin/sh", "-c", command)
        _tell(opened, one._replace(command=own), quiet=quiet)
    if not dry_run:
        cooldowns = (row.alert_cooldown_seconds for row in alerts.rows)
        told.forget(opened.store, max(_DAY, alerts.alert_cooldown_seconds, *cooldowns))
    if firing:
        raise typer.Exit(exits.FAULTS)


@app.command("validate", epilog=examples("wmctl alerts validate", "wmctl alerts validate new.yaml"))
def validate(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A file that may become alerts.yaml; -.")
    ] = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Say whether alerts.yaml, or a file that is to become it, is right. Exit 78 if not."""
    if file is None:
        session = session_of(ctx, spool=spool)
        session.must_have_spool()
        alerts = config.load(session.store)
    else:
        alerts = config.parse(Document(inputs.named(file, "the alerts"), "", file))
    if not quiet:
        output.line(f"{counted(len(alerts.rows), 'alert')}, no fault")


def found(spool: Spool, alerts: Alerts) -> list[Alert]:
    """All alerts, as they are now; a group whose file is wrong is told of."""
    reasons, groups = Reasons(spool), GroupTags(spool.store)
    queues = alerting.Queues(spool, reasons.now, alerts)
    every = alerting.evaluate(spool, reasons, alerts, groups, queues)
    for fault in groups.faults:
        output.note(fault.message, hint=fault.hint)
    return every


def _tell(spool: Spool, alert: Alert, *, quiet: bool) -> None:
    """Tell of one, if nobody has lately."""
    path = told.claim(spool.store, alert.key, alert.cooldown)
    if path is None:
        return
    if not quiet:
        output.line(output.safe(alert.text))
    if alert.command is None:
        return
    code, text = run_quietly(
        alert.command, output.dumps(_facts(alert, None)) + "\n", TIMEOUT, _environ(spool, alert)
    )
    if code == 0:
        return
    told.withdraw(spool.store, path)
    last = text.strip().splitlines()[-1:] or ["it said nothing"]
    output.note(
        f"nobody was told of the alert {alert.name!r}: its command ended with {code}: {last[0]}",
        hint=f"it was: {_shown(alert.command)}",
    )


def _environ(spool: Spool, alert: Alert) -> dict[str, str]:
    values = {
        "NAME": alert.name, "KIND": alert.kind, "OF": alert.of, "COUNT": str(alert.number),
        "THRESHOLD": str(alert.threshold), "TEXT": alert.text,
    }  # fmt: skip
    told_as = {f"WMCTL_ALERT_{name}": value for name, value in values.items()}
    return {"WMCTL_SPOOL": str(spool.path), **told_as}


def _shown(command: Command) -> str:
    from shlex import join  # only on the way out

    return command[2] if command[:2] == ("/bin/sh", "-c") else join(command)


def _facts(alert: Alert, seconds: float | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        **alert.facts(),
        "command": None if alert.command is None else list(alert.command),
        "told_age": None if seconds is None else round(max(seconds, 0.0), 3),
    }


def _colour(item: Item) -> str:
    return "red" if item["fires"] else "green"


def _rule(item: Item) -> str:
    if item["kind"] == "workers":
        return f"< {item['threshold']}"
    return f">= {item['threshold']}" + (f" for {age(item['seconds'])}" if item["seconds"] else "")


_HINT = "docs/how-to/alerts-and-metrics.md shows an alerts.yaml"
COLUMNS = (
    Column("ALERT", lambda one: one["name"], shrink=1),
    Column("STATE", lambda one: "firing" if one["fires"] else "ok"),
    Column("OF", lambda one: f"{one['kind']} of {one['of']}", shrink=2),
    Column("NOW", lambda one: str(one["count"])),
    Column("RULE", _rule),
    Column("COOLDOWN", lambda one: age(one["cooldown"])),
    Column("TOLD", lambda one: "" if one["told_age"] is None else age(one["told_age"])),
)
