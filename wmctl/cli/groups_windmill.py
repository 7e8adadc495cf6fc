"""`wmctl group import` and `export`: the file of `wmill worker-groups pull|push`."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from wmctl.cli import confirm, inputs, output
from wmctl.cli import options as o
from wmctl.cli.exits import NoSuchFile
from wmctl.cli.group import examples
from wmctl.cli.groups_check import parsed
from wmctl.cli.groups_ls import no_such
from wmctl.cli.session import session_of
from wmctl.config import groups, shared, windmill
from wmctl.config.windmill import Imported
from wmctl.config.yamldump import document
from wmctl.errors import ConfigError
from wmctl.spool.store import Store

Yes = Annotated[bool, typer.Option("-y", "--yes", help="Replace groups that are there.")]
DryRun = Annotated[bool, typer.Option("-n", "--dry-run", help="Only say what would be done.")]


def import_(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A file of Windmill's; - is stdin.")
    ],
    yes: Yes = False,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Take worker groups over from Windmill.

    From what wmill worker-groups pull has written: a list of name and config,
    instance_configs.yaml by name. All of it is checked before any group is changed; of those
    that are there and different you are asked, or give -y. Keys without a use here are kept for
    export; rows of alerts are left out. Other groups stay.
    """
    session = session_of(ctx, spool=spool)
    session.makes_spool = not dry_run
    origin = "standard input" if file == "-" else file
    found = windmill.read(origin, inputs.named(file, "the file"))
    for note in found.notes:
        output.note(note)
    texts = _texts(origin, found)
    store = session.store
    states = {name: _state(store, name, found) for name in texts}
    if dry_run:
        for name, state in states.items():
            output.line(f"{name}  {state}")
        return
    changed = [name for name, state in states.items() if state == "changed"]
    told = f"{confirm.counted(len(changed), 'group')} would be replaced: {', '.join(changed)}"
    if changed and not confirm.ask(f"{told}; go on?", refusal=told, yes=yes):
        return
    for name, state in states.items():
        if state != "the same":
            _put(store, name, texts[name])
        if not quiet:
            output.line(f"{name}  {state}")


def _put(store: Store, name: str, text: bytes) -> None:
    shared.edit(store, groups.relative(name), lambda _: text)


def _texts(origin: str, found: Imported) -> dict[str, bytes]:
    """The files of the groups; ConfigError if one could be none."""
    texts = {}
    for name, said in found.groups.items():
        text = f"# Worker group {name}, taken over from {Path(origin).name}.\n{document(said)}"
        parsed(name, f"{origin}: group {name}", text.encode())
        texts[name] = text.encode()
    return texts


def _state(store: Store, name: str, found: Imported) -> str:
    """What importing a group does."""
    with contextlib.suppress(ConfigError):
        now = shared.read(store, groups.relative(name))
        if now is None:
            return "created"
        if groups.said(now.origin, now.text) == found.groups[name]:
            return "the same"
    return "changed"


def export(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[GROUP]...", help="Only these groups.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("-o", "--file", metavar="FILE", help="Write a file instead of stdout."),
    ] = None,
    spool: o.SpoolOption = None,
) -> None:
    """Write worker groups as Windmill has them.

    For wmill worker-groups push: a list of name and config. wmill looks for it in
    instance_configs.yaml. Keys that only wmctl has (slots) are in it too: Windmill keeps what
    it has no use for.
    """
    session = session_of(ctx, spool=spool)
    store = session.store
    there = shared.names(store, groups.FOLDER) if session.has_spool else []
    found = {}
    for name in names or there:
        document_ = shared.read(store, groups.relative(name))
        if document_ is None:
            raise no_such(session, name)
        parsed(name, document_.origin, document_.text)
        found[name] = groups.said(document_.origin, document_.text)
    text = windmill.dump(found)
    if file is None or file == "-":
        output.JobStream(error=False).write(text.encode())
        return
    try:
        Path(file).write_text(text)
    except OSError as error:
        raise NoSuchFile(f"{file} cannot be written: {error.strerror}") from None


EXAMPLES_IMPORT = examples(
    "wmctl group import instance_configs.yaml",
    "wmctl group import instance_configs.yaml -n",
    "wmctl group import - -y < instance_configs.yaml",
)
EXAMPLES_EXPORT = examples(
    "wmctl group export -o instance_configs.yaml", "wmctl group export gpu | less"
)
