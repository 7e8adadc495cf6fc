"""`wmctl group create`, `set` and `edit`: change a group's file, whoever else does so too."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from wmctl.cli import inputs, output
from wmctl.cli import options as o
from wmctl.cli.editor import again, can_ask, open_editor
from wmctl.cli.exits import UsageError
from wmctl.cli.group import examples
from wmctl.cli.groups_check import parsed, remarks_of
from wmctl.cli.groups_ls import Name, no_such
from wmctl.cli.session import session_of
from wmctl.config import assign, groups, shared, yamledit
from wmctl.config.assign import Assignment
from wmctl.config.shared import EditConflict
from wmctl.errors import BadInput, ConfigError, WmctlError
from wmctl.spool.store import Store

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Keys as in the file; A.B=… is B below A."),
]
Unset = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="KEY", help="Remove a key, or a part of one: A.B."),
]
_QUESTION = "what now? [e]dit again, or e[x]it without saving [e] "


def create(
    ctx: typer.Context,
    name: Name,
    words: Words = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Make a worker group; KEY=VALUE as for wmctl group set.

    Workers join it that are started with WORKER_GROUP=GROUP; those that were already so started
    take it over within seconds. Exit 65 if there is such a group.
    """
    session = session_of(ctx, spool=spool)
    session.makes_spool = True
    store, relative = session.store, _relative(name)
    assignments = _assignments(words, None)

    def change(text: bytes | None) -> bytes:
        if text is not None:
            raise BadInput(
                f"the worker group {name} is there already", hint=f"wmctl group set {name} KEY=…"
            )
        return _changed(store, name, f"# Worker group {name}.\n".encode(), assignments)

    shared.edit(store, relative, change)
    _told(store, name, "created", quiet=quiet)
    if not quiet:
        output.note(f"its workers are started with: WORKER_GROUP={name} wmctl worker start")


def set_(
    ctx: typer.Context,
    name: Name,
    words: Words = None,
    unset: Unset = None,
    quiet: o.Quiet = False,
    spool: o.SpoolOption = None,
) -> None:
    """Change keys of a group's file.

    Its workers on all hosts follow within seconds. KEY=VALUE sets, KEY+=A,B adds to a list,
    KEY-=A takes from it; KEY.NAME=VALUE is one member of a mapping, slots.0.NAME=VALUE of the
    first slot; KEY=@FILE takes the value from a file (@- is stdin). A list is A,B or [A, B], a
    mapping {A: 1}. All is checked before anything is changed. The lines of other keys, comments
    and order stay; comments inside a changed key go.
    """
    session = session_of(ctx, spool=spool)
    store, relative = session.store, _relative(name)
    assignments = _assignments(words, unset)
    if not assignments:
        raise UsageError(
            "nothing to change was given", hint=f"wmctl group set {name} worker_tags=a,b"
        )

    def change(text: bytes | None) -> bytes:
        if text is None:
            raise no_such(session, name)
        return _changed(store, name, text, assignments)

    shared.edit(store, relative, change)
    _told(store, name, "changed", quiet=quiet)


def _relative(name: str) -> str:
    return groups.relative(name)


def _assignments(words: list[str] | None, unset: list[str] | None) -> list[Assignment]:
    made = [assign.assignment(word) for word in words or ()]
    found = [one._replace(value=_content(one)) for one in made]
    return [*found, *map(assign.removal, unset or ())]


def _content(one: Assignment) -> str:
    """The value, or the content of the file that it names."""
    if not one.value.startswith("@"):
        return one.value
    what = f"the value of {'.'.join(one.path)}"
    return inputs.text_of(inputs.named(one.value[1:], what), what)


def _changed(store: Store, name: str, text: bytes, assignments: Sequence[Assignment]) -> bytes:
    """The text with the changes; an error if it is no group's before or after."""
    origin = store.path(_relative(name))
    said = groups.said(origin, text)
    changes = assign.changes(groups.SCHEMA, said, assignments)
    after = yamledit.changed(origin, text, changes, lambda data: groups.said(origin, data))
    parsed(name, origin, after)
    return after


def _told(store: Store, name: str, what: str, *, quiet: bool) -> None:
    if quiet:
        return
    output.line(f"{name}  {what}")
    for remark in remarks_of(store, name):
        output.note(remark)


def edit(
    ctx: typer.Context, name: Name, quiet: o.Quiet = False, spool: o.SpoolOption = None
) -> None:
    """Edit a group's file in VISUAL or EDITOR, as visudo does.

    You edit a copy. It takes the file's place when it is right and nobody else has changed the
    file meanwhile; else you are asked whether to edit it again. A wrong file is never saved; your
    text is kept aside, and its place is told.
    """
    session = session_of(ctx, spool=spool)
    store, relative = session.store, _relative(name)
    before = shared.read(store, relative)
    if before is None:
        raise no_such(session, name)
    folder = Path(tempfile.mkdtemp(prefix="wmctl-edit-"))
    copy = folder / f"{name}.yaml"
    copy.write_bytes(before.text)
    saved = _edited(store, name, before, copy)
    if saved is not None:
        copy.unlink()
        for other in folder.iterdir():
            other.unlink()
        folder.rmdir()
        if saved:
            _told(store, name, "changed", quiet=quiet)
        else:
            output.note("nothing was changed")


def _edited(store: Store, name: str, before: shared.Document, copy: Path) -> bool | None:
    """True: it was saved. False: nothing was changed. None: what was written stays in the copy."""
    based_on: str | None = before.version
    while True:
        open_editor([copy], otherwise=f"nothing is saved; what you wrote is in {copy}")
        text = copy.read_bytes()
        if text == before.text or not text.strip():
            return False
        try:
            parsed(name, str(copy), text)
            shared.replace(store, _relative(name), text, based_on)
        except (ConfigError, EditConflict) as error:
            if isinstance(error, EditConflict):
                based_on = _theirs(store, name, copy)
            if not _again(error, copy):
                return None
        else:
            return True


def _theirs(store: Store, name: str, copy: Path) -> str | None:
    """Put what somebody else has made of the file beside the copy; its version."""
    now = shared.read(store, _relative(name))
    theirs = copy.with_suffix(".theirs.yaml")
    theirs.write_bytes(now.text if now else b"")
    output.note(
        f"what it says now is in {theirs}"
        if now
        else f"somebody removed the group {name} meanwhile",
        hint="saving again puts your text in its place: take over from it what shall stay",
    )
    return now.version if now else None


def _again(error: WmctlError, copy: Path) -> bool:
    """Tell what is wrong; whether the user edits on. Raises it where nobody is there."""
    if not can_ask():
        raise type(error)(error.message, hint=f"nothing is saved; what you wrote is in {copy}")
    output.note(error.message, hint=error.hint)
    if again(_QUESTION, refused="a wrong file is never saved"):
        return True
    output.note(f"nothing is saved; what you wrote is in {copy}")
    return False


EXAMPLES_CREATE = examples(
    "wmctl group create gpu worker_tags=gpu",
    "wmctl group create gpu worker_tags=gpu,gpu-large min_alive_workers_alert_threshold=2",
    "wmctl group create reports init_bash=@init.sh",
)
EXAMPLES_SET = examples(
    "wmctl group set gpu worker_tags+=gpu-large priority_tags.gpu=50",
    "wmctl group set gpu slots.0.CUDA_VISIBLE_DEVICES=0 slots.1.CUDA_VISIBLE_DEVICES=1",
    "wmctl group set gpu env_vars_static.CUDA=1 --unset env_vars_static.OLD",
    "wmctl group set gpu init_bash=@init.sh",
)
EXAMPLES_EDIT = examples("wmctl group edit gpu", "VISUAL='code --wait' wmctl group edit gpu")
