"""The `wmctl` command itself: the list of commands, and the one place where errors become exits."""

import errno
import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from wmctl.cli import exits, output, streams
from wmctl.cli.group import Lazy, LazyGroup, new_app
from wmctl.cli.session import Session, session_of
from wmctl.errors import WmctlError


def _lazy(module: str, help_line: str, *, takes_tail: bool = False) -> Lazy:
    return Lazy(f"wmctl.cli.{module}", help_line, takes_tail)


class Root(LazyGroup):
    """All commands of wmctl and of its plugins."""

    table: Mapping[str, Lazy] = {
        "init": _lazy("init", "Make a spool: the folder that is the queue."),
        "submit": _lazy("submit", "Queue a job and print its id.", takes_tail=True),
        "run": _lazy("run", "Run a job: log, result and exit code are yours.", takes_tail=True),
        "wait": _lazy("wait", "Wait for jobs and exit with their code."),
        "ps": _lazy("ps", "List jobs."),
        "show": _lazy("show", "Everything about one job."),
        "logs": _lazy("logs", "Print what a job wrote."),
        "result": _lazy("result", "Print a job's result."),
        "why": _lazy("why", "Say why a job, or a tag's jobs, do not run."),
        "status": _lazy("status", "Say on one screen whether all is well."),
        "alerts": _lazy("alerts", "Tell somebody when too much waits or too few workers live."),
        "metrics": _lazy("metrics", "Print what a spool does as Prometheus text."),
        "stats": _lazy("stats", "Count jobs and measure their times."),
        "top": _lazy("top", "Watch groups, workers, tags and jobs live."),
        "cancel": _lazy("cancel", "Cancel jobs."),
        "kill": _lazy("kill", "Send a signal to running jobs."),
        "retry": _lazy("retry", "Queue jobs again that have ended."),
        "hold": _lazy("hold", "Put waiting jobs aside for a person."),
        "unhold": _lazy("unhold", "Let held jobs wait in their queues again."),
        "quarantine": _lazy("quarantine", "See and sort out what could not be run."),
        "tag": _lazy("tag", "List tags, and say which workspaces may use them."),
        "queue": _lazy("queue", "See, pause, move and purge what waits under a tag."),
        "prune": _lazy("prune", "Remove finished jobs by age."),
        "group": _lazy("groups", "Make and change worker groups, the same for all hosts."),
        "worker": _lazy("worker", "Start, list, drain and stop workers."),
        "service": _lazy("service", "Keep workers running: write a unit of systemd."),
        "plugin": _lazy("plugin", "List the installed plugins."),
        "spool": _lazy("spool", "Where the spool is and what is in it."),
        "doctor": _lazy("doctor", "Check tools, spool, plugins and clock."),
        "bench": _lazy("bench", "Measure how fast your spool is."),
        "config": _lazy("config", "The settings, and where they come from."),
        "help": _lazy("help", "Show the help of a command, or of a topic."),
        "completion": _lazy("completion", "Print the completion script of a shell."),
        "version": _lazy("version", "Print the version."),
    }

    def plugin_commands(self, _ctx: Any) -> Mapping[str, tuple[str, Callable[[], Any]]]:
        """The commands that plugins add."""
        commands = session_of(_ctx).plugins.commands(frozenset(self.table))
        return {name: (found.help, found.loader) for name, found in commands.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Give the words after `--` back to commands that have no own use for them."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            self._try_program(ctx, args)
        name, command, rest = super().resolve_command(ctx, args)
        session = session_of(ctx)
        if session.tail is not None and not (name in self.table and self.table[name].takes_tail):
            rest, session.tail = [*rest, "--", *session.tail], None
        return name, command, rest

    def known(self, ctx: Any) -> list[str]:
        """The programs too."""
        from wmctl.cli import external  # as below

        return [*super().known(ctx), *external.names()]

    def _try_program(self, ctx: Any, args: list[str]) -> None:
        """Where the name is that of a program `wmctl-NAME`, it takes over."""
        from wmctl.cli import external  # of no use to most calls

        program = external.program_of(args[0])
        if program is not None:
            session = session_of(ctx, spool=ctx.params.get("spool"))
            tail = [] if session.tail is None else ["--", *session.tail]
            external.hand_over(session, program, [*args[1:], *tail])


root = new_app(cls=Root, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        from wmctl import __version__

        output.line(f"wmctl {__version__}")
        raise typer.Exit


@root.callback(
    epilog="\b\nExamples:\n  wmctl run hello.py -a name=ann\n  wmctl submit -c 'make all' -l bash\n"
    "  wmctl worker start -n 2\n  wmctl ps -a\n\n"
    "wmctl COMMAND --help tells more about a command. Topics, shown by wmctl help TOPIC:\n"
    "exit-codes, formats, times, environment, selectors."
)
def wmctl(
    ctx: typer.Context,
    spool: Annotated[
        str | None, typer.Option("--spool", metavar="FOLDER", help="The spool [env: WMCTL_SPOOL].")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Windmill's workers without a server and without a database: a folder is the queue."""
    session_of(ctx, spool=spool)


def run(words: list[str]) -> int:
    """Run one command line; the exit code. Nothing escapes from here."""
    words, tail = split(words)
    session = Session(tail)
    try:
        code = _call(words, session)
        streams.flush()
    except BaseException as error:  # noqa: BLE001 - the last frame before the user
        code = _report(error, session)
    streams.abandon()
    return code


def split(words: list[str]) -> tuple[list[str], list[str] | None]:
    """The words before and after the first `--`, which typer would swallow."""
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _call(words: list[str], session: Session) -> int:
    command = typer.main.get_command(root)
    code = command.main(args=words, prog_name="wmctl", standalone_mode=False, obj=session)
    return code if isinstance(code, int) else exits.OK


def _report(error: BaseException, session: Session) -> int:
    """Say what went wrong, on stderr, where that can be written; the exit code."""
    try:
        if os.environ.get("WMCTL_DEBUG") == "1" and not isinstance(error, SystemExit):
            import traceback  # only where somebody asked

            output.plain_note("".join(traceback.format_exception(error)))
        return _explain(error, session)
    except exits.OutputClosed:
        return exits.BROKEN_PIPE
    except exits.OutputFailed:
        return exits.of_error(error, job_codes=session.job_codes)


def _explain(error: BaseException, session: Session) -> int:
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else exits.FAULTS
        case exits.OutputClosed():
            return exits.BROKEN_PIPE
        case KeyboardInterrupt():
            return exits.INTERRUPTED
        case WmctlError():
            output.note(error.message, hint=error.hint)
        case _ if callable(show := getattr(error, "show", None)):
            if type(error).__name__ == "NoArgsIsHelpError":
                show()
            else:
                _explain_usage(error)
        case _:
            _unexpected(error)
    return exits.of_error(error, job_codes=session.job_codes)


def _explain_usage(error: Any) -> None:
    """A usage error of typer's, in the form of all others."""
    context = getattr(error, "ctx", None)
    hints = [_usage_hint(error)]
    if context is not None and hints == [None]:
        hints.append(" ".join(context.get_usage().split()).replace("Usage:", "usage:", 1))
    hints.append(f"{context.command_path if context else 'wmctl'} --help tells more")
    message = str(error.format_message()).rstrip(".")
    output.note(message[:1].lower() + message[1:], hint="\n  ".join(filter(None, hints)))


def _usage_hint(error: Any) -> str | None:
    """The option that was meant; and of more words than FILE for `run` or `submit`, what they are.

    An error that names options itself names up to three, in no order of likeness.
    """
    if options := getattr(error, "possibilities", None):
        from wmctl.config.nearest import nearest  # only on the way out

        error.possibilities = None
        return f"did you mean {nearest(str(error.option_name), options, 0.0)}?"
    found = re.search(r"unexpected extra argument\S* \((.*)\)", str(error))
    name = getattr(getattr(error, "ctx", None), "info_name", None)
    if found is None or name not in {"run", "submit"}:
        return None
    return (
        f"an arg of the script is given as: -a NAME={found[1].partition(' ')[0]}   a whole command"
        f" as: wmctl {name} -- COMMAND…"
    )


def _unexpected(error: BaseException) -> None:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        output.note(f"the disk is full: {error}")
        return
    output.note(
        f"unexpected {type(error).__name__}: {error}",
        hint="this is a fault of wmctl; WMCTL_DEBUG=1 shows where. Please report it with that"
        " text and with the output of: wmctl doctor",
    )
