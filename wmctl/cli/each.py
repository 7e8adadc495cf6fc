"""`--each`: a job for each line. A JSON object is args, any other line the first arg."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wmctl.cli import inputs
from wmctl.cli.source import Source
from wmctl.errors import BadInput
from wmctl.plugin import Job, Signature, Tools
from wmctl.spool import strict


def lines_of(text: str) -> Iterable[bytes]:
    """The lines of FILE, or of standard input as they come."""
    if text == "-":
        return sys.stdin.buffer
    return inputs.read_file(text, "--each").splitlines()


def jobs_of(
    lines: Iterable[bytes], source: Source, job: Job, finish: Callable[[Job], Job]
) -> Iterator[Job]:
    """The jobs, in the lines' order, each finished; empty lines are passed over."""
    first = FirstParameter(source)
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            text = inputs.text_of(raw.rstrip(b"\r\n"), "it")
            made = finish(_job(text, job, first))
        except BadInput as error:
            raise BadInput(f"--each line {number}: {error.message}", hint=error.hint) from None
        yield made


def _job(text: str, job: Job, first: "FirstParameter") -> Job:
    if text.lstrip().startswith("{"):
        return job.but(args={**job.args, **strict.loads_object(text, "it")})
    if job.argv:
        return job.but(argv=_filled(job.argv, text))
    return job.but(args={**job.args, first.name: text})


def _filled(argv: tuple[str, ...], text: str) -> tuple[str, ...]:
    """`{}` in the command becomes the line; without one the line is added at the end."""
    if any("{}" in word for word in argv):
        return tuple(word.replace("{}", text) for word in argv)
    return (*argv, text)


class FirstParameter:
    """The name of a script's first parameter, found out when a line needs it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._name: str | None = None

    @property
    def name(self) -> str:
        """BadInput if the script has none, or its runner cannot tell."""
        if self._name is None:
            signature = signature_of(self._source)
            if signature is None or not signature.parameters:
                raise BadInput(
                    "the script has no parameter that a plain line could be given to",
                    hint='write each line as a JSON object: {"name": "value"}',
                )
            self._name = signature.parameters[0].name
        return self._name


class Checker:
    """Whether args fit a script. The runner is asked once; then its signature is enough."""

    def __init__(self, source: Source, tools: Tools) -> None:
        self._source = source
        self._tools = tools
        self._signature: Signature | None = None

    def __call__(self, args: Mapping[str, Any]) -> None:
        """BadInput if they do not."""
        # Names that begin so are Windmill's own and mean something to the runner.
        if self._signature is not None and not any(name.startswith("_") for name in args):
            self._signature.check(args)
        else:
            self._source.runner.check(self._source.code, args, self._tools)
            self._signature = signature_of(self._source)

    def texts(self, texts: Mapping[str, str]) -> None:
        """BadInput if one of these plain texts is given to a parameter that takes none."""
        # Windmill's own names may say that main is not the entry.
        own = any(name.startswith("_") for name in texts)
        found = None if own else signature_of(self._source)
        if found is not None:
            found.check_texts(texts)


def signature_of(source: Source) -> Signature | None:
    """The script's parameters, if its runner can read them from the text."""
    read = getattr(source.runner, "signature", None)
    found = read(source.code) if read is not None else None
    return found if isinstance(found, Signature) else None
