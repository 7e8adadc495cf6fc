"""`wmctl quarantine`: see and sort out what could not be run."""

from typing import Annotated

import typer

from wmctl.cli import chosen, confirm, exits, output
from wmctl.cli import options as o
from wmctl.cli.exits import UsageError
from wmctl.cli.group import examples, new_app
from wmctl.cli.ids import words_of
from wmctl.cli.lists import age, show_list
from wmctl.cli.session import session_of
from wmctl.cli.tables import Column, Item, shortened
from wmctl.errors import BadInput, JobNotFound
from wmctl.spool import is_id, quarantine, short
from wmctl.spool.quarantine import Stray
from wmctl.spool.store import Store

app = new_app(no_args_is_help=True)

#: Bytes of a file that are shown; no job is longer.
_MOST = 1 << 20
#: Lines of it on a terminal.
_LINES = 40
_WIDTH = 1000
_SHORTEST = 4

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Ids or files as ls shows them; - is stdin."),
]
All = Annotated[bool, typer.Option("-a", "--all", help="Everything in quarantine.")]


@app.callback()
def callback() -> None:
    """See and sort out what could not be run: unreadable, damaged or forbidden job files."""


COLUMNS = (
    Column("NAME", lambda item: _shown(item["name"])),
    Column("TAG", lambda item: item["tag"] or ""),
    Column("REASON", lambda item: item["reason"] or ""),
    Column("AGE", lambda item: age(item["age"])),
    Column("SIZE", lambda item: str(item["size"])),
    Column("MESSAGE", lambda item: item["message"] or "", shrink=1),
)


@app.command("ls", epilog=examples("wmctl quarantine ls", "wmctl quarantine ls -o json"))
def ls(ctx: typer.Context, format: o.Output = "table", spool: o.SpoolOption = None) -> None:
    """List what is in quarantine, and why; also files that have no job's name."""
    o.check_format(format)
    session = session_of(ctx, spool=spool)
    found = quarantine.strays(session.store) if session.has_spool else ()
    show_list((_facts(stray) for stray in found), format, COLUMNS, key="name")


@app.command(
    "show",
    epilog=examples("wmctl quarantine show 89abcdef", "wmctl quarantine show 89abcdef | jq ."),
)
def show(ctx: typer.Context, names: Names = None, spool: o.SpoolOption = None) -> None:
    """Show the reason (on stderr) and the content of what is in quarantine.

    On a terminal the first lines, with control characters written out; in a pipe all, as it is.
    """
    store = session_of(ctx, spool=spool).store
    for stray in _named(store, names, everything=False):
        output.plain_note(output.safe(_headline(stray)))
        _print(quarantine.content(store, stray, _MOST))


@app.command(
    "release", epilog=examples("wmctl quarantine release 89abcdef", "wmctl quarantine release -a")
)
def release(
    ctx: typer.Context,
    names: Names = None,
    everything: All = False,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Put jobs back into their queues that are fit to run by now.

    Each is read and checked first, as a worker would. Exit 1 if one is not fit; it stays.
    """
    store = session_of(ctx, spool=spool).store
    refused = False
    for stray in _agreed(store, names, "release", everything=everything, yes=yes, dry_run=dry_run):
        try:
            quarantine.readmit(store, stray)
        except BadInput as error:
            output.note(error.message, hint=error.hint)
            refused = True
        else:
            if not quiet:
                output.line(f"{_name(stray)}  queued")
    if refused:
        raise typer.Exit(exits.FAULTS)


@app.command("rm", epilog=examples("wmctl quarantine rm 89abcdef", "wmctl quarantine rm -a -y"))
def rm(
    ctx: typer.Context,
    names: Names = None,
    everything: All = False,
    yes: chosen.Yes = False,
    dry_run: chosen.DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Move what is in quarantine to the spool's trash, from where it is removed a day later."""
    store = session_of(ctx, spool=spool).store
    for stray in _agreed(store, names, "remove", everything=everything, yes=yes, dry_run=dry_run):
        where = quarantine.discard(store, stray)
        if not quiet:
            output.line(f"{_name(stray)}  in the trash for a day: {output.safe(where)}")


def _facts(stray: Stray) -> Item:
    why = stray.why
    return {
        "schema": "wmctl.quarantined/1",
        "name": _name(stray),
        "file": stray.path,
        "tag": stray.name.tag if stray.name else None,
        "reason": why.get("reason"),
        "message": why.get("message"),
        "age": round(stray.age, 3),
        "size": stray.size,
    }


def _name(stray: Stray) -> str:
    """What it is called on the command line: the job's id, or the file's name."""
    return stray.name.id if stray.name else stray.label


def _shown(name: str) -> str:
    return short(name) if is_id(name) and output.on_terminal() else name


def _named(store: Store, words: list[str] | None, *, everything: bool) -> list[Stray]:
    """What the words name, or everything; JobNotFound before anything is done."""
    if bool(words) == everything:
        raise UsageError(
            "give names or -a, not both" if words else "what in quarantine is meant?",
            hint="wmctl quarantine ls lists what there is",
        )
    found = list(quarantine.strays(store))
    if everything:
        return sorted(found, key=lambda stray: stray.label)
    chosen_ones = [_only(found, word) for word in words_of(words or ())]
    return list({stray.path: stray for stray in chosen_ones}.values())


def _only(found: list[Stray], word: str) -> Stray:
    fits = [stray for stray in found if word in {stray.label, _name(stray)}] or [
        stray
        for stray in found
        if stray.name is not None and len(word) >= _SHORTEST and _is_part(word, stray.name.id)
    ]
    if not fits:
        raise JobNotFound(f"nothing in quarantine is named {word}", hint="wmctl quarantine ls")
    if len(fits) > 1:
        raise BadInput(f"{word!r} fits {len(fits)} files in quarantine", hint="give more of it")
    return fits[0]


def _is_part(word: str, job_id: str) -> bool:
    digits, plain = word.lower().replace("-", ""), job_id.replace("-", "")
    return plain.endswith(digits) or plain.startswith(digits)


def _agreed(
    store: Store, words: list[str] | None, verb: str, *, everything: bool, yes: bool, dry_run: bool
) -> list[Stray]:
    found = _named(store, words, everything=everything)
    if dry_run:
        show_list(map(_facts, found), "table", COLUMNS, key=None)
        return []
    if not everything or len(found) < 2:
        return found
    many = confirm.counted(len(found), "file")
    agreed = confirm.ask(
        f"{verb} {many} from quarantine?",
        refusal=f"{many} in quarantine: none was {verb}d",
        yes=yes,
    )
    return found if agreed else []


def _headline(stray: Stray) -> str:
    why = stray.why
    reason = f"{why.get('reason') or 'unknown'}: {why.get('message') or 'no reason is kept'}"
    return f"{_name(stray)}  {reason} ({age(stray.age)} ago, {stray.size} bytes)"


def _print(data: bytes) -> None:
    if not output.on_terminal():
        stream = output.JobStream(error=False)
        stream.write(data)
        return
    lines = data.decode("utf-8", "replace").splitlines()
    for text in lines[:_LINES]:
        output.line(shortened(output.safe(text), _WIDTH))
    if len(lines) > _LINES:
        output.line(f"… {len(lines) - _LINES} more lines")
