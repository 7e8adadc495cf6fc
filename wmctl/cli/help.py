"""`wmctl help`: help of a command, and topics that belong to none."""

from typing import Annotated, Any

import typer

from wmctl.cli import output
from wmctl.cli.exits import UsageError
from wmctl.cli.group import one_command
from wmctl.cli.topics import TOPICS, text_of
from wmctl.config.nearest import nearest


def show_help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND|TOPIC", help="A command, or one of the topics below."),
    ] = None,
) -> None:
    """Show the help of wmctl, of a command, or of a topic.

    Topics: exit-codes, formats, times, environment, selectors.
    """
    words = words or []
    if len(words) == 1 and words[0] in TOPICS:
        output.line(text_of(words[0]).rstrip("\n"))
        return
    _show(ctx.find_root(), words)


def _show(top: Any, words: list[str]) -> None:
    root = top.command
    if words:
        known = [*root.known(top), *TOPICS]
        if words[0] not in known:
            found = nearest(words[0], known)
            raise UsageError(
                f"there is no command and no topic {words[0]!r}",
                hint=f"did you mean wmctl help {found}?" if found else _all(),
            )
    root.main(args=[*words, "--help"], prog_name="wmctl", standalone_mode=False, obj=top.obj)


def _all() -> str:
    return f"topics: {', '.join(TOPICS)}; wmctl --help lists the commands"


app = one_command(
    show_help, "wmctl help submit", "wmctl help worker start", "wmctl help exit-codes"
)
