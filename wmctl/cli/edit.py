"""A job in the user's editor, with visudo's manners: what is wrong is told, and asked again.

The code, if there is any, is a file of its own beside one with all else as JSON.
"""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from wmctl.cli import output
from wmctl.cli.editor import again, can_ask, open_editor
from wmctl.cli.inputs import text_of
from wmctl.cli.session import Session
from wmctl.errors import BadInput
from wmctl.plugin import Runner
from wmctl.spool import Job, When, strict

#: The fields that can be changed; `argv` and `cwd` of a command only.
_FIELDS = ("name", "timeout", "retries", "args")
_WHERE = ("tag", "priority")
_COMMAND = ("argv", "cwd")


class _Texts(NamedTuple):
    """What the files hold."""

    code: str | None
    rest: str


def edited(session: Session, job: Job, when: When) -> tuple[Job, When] | None:
    """The job as the user left it; None if nothing was changed or all was taken away."""
    runner = session.plugins.runner_for_language(job.runner)
    before = _texts_of(job, when)
    with tempfile.TemporaryDirectory(prefix="wmctl-edit-") as folder:
        rest, code = Path(folder, "job.json"), Path(folder, f"code{_ending(runner)}")
        files = [rest] if before.code is None else [code, rest]
        rest.write_text(before.rest)
        if before.code is not None:
            code.write_text(before.code)
        while True:
            open_editor(files, otherwise="nothing is queued")
            try:
                after = _read(rest, code if before.code is not None else None)
                if after == before or not after.rest.strip() or after.code == "":
                    output.note("nothing was changed: nothing is queued")
                    return None
                made = _job_of(job, when, after)
                runner.check(made[0].code or "", made[0].args, session.tools)
            except BadInput as error:
                if not _again(error):
                    return None
            else:
                return made


def _texts_of(job: Job, when: When) -> _Texts:
    content: dict[str, Any] = {name: getattr(when, name) for name in _WHERE}
    names = (*_FIELDS, *_COMMAND) if job.argv else _FIELDS
    content |= {name: getattr(job, name) for name in names}
    return _Texts(job.code, output.dumps(content, indent=2) + "\n")


def _read(rest: Path, code: Path | None) -> _Texts:
    return _Texts(
        None if code is None else text_of(code.read_bytes(), "the code"),
        text_of(rest.read_bytes(), rest.name),
    )


def _job_of(job: Job, when: When, texts: _Texts) -> tuple[Job, When]:
    """BadInput if the texts make none."""
    content = strict.loads_object(texts.rest, "job.json")
    known = (*_WHERE, *_FIELDS, *_COMMAND) if job.argv else (*_WHERE, *_FIELDS)
    for name in content:
        if name not in known:
            raise BadInput(f"job.json: {name!r} cannot be changed", hint=f"use {', '.join(known)}")
    where = {name: content.pop(name, getattr(when, name)) for name in _WHERE}
    if not isinstance(where["tag"], str) or not isinstance(where["priority"], int):
        raise BadInput("job.json: tag must be a text, priority a whole number")
    if isinstance(argv := content.get("argv"), list):
        if not all(isinstance(word, str) for word in argv):
            raise BadInput("job.json: argv must be a list of texts")
        content["argv"] = tuple(argv)
    elif argv is not None:
        raise BadInput("job.json: argv must be a list of texts")
    return job.but(**content, code=texts.code), When(**where)


def _ending(runner: Runner) -> str:
    return next(iter(runner.extensions), ".txt")


def _again(error: BadInput) -> bool:
    """Tell what is wrong; whether the user wants to put it right. Raises it where nobody is."""
    if not can_ask():
        raise error
    output.note(error.message, hint=error.hint)
    if again("what now? [e]dit again, or e[x]it without queueing [e] "):
        return True
    output.note("nothing is queued")
    return False
