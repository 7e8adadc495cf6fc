"""Bash scripts: parameters from lines such as `name="$1"`, three places for the result."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmctl.plugin import (
    BadInput,
    Exit,
    Outcome,
    Parameter,
    Plan,
    RunContext,
    Signature,
    Tools,
    failed,
    json_text,
    last_line,
    outcome_of,
    run_quietly,
)

#: `x="$1"`, `x="${1}"`, `x="${1:-default}"`, from the first column on.
_PARAMETER = re.compile(
    r'^(\w+)="\$(?:(\d{1,3})|\{(\d{1,3})(:-.*)?\})"[ \t]*(?:#.*)?\r?$', re.MULTILINE
)
_HINT = (
    'an arg is declared by a line of its own: name="$1" or name="${1:-default}";'
    " --no-check skips this check"
)
_INSTALL = "apt-get install bash"
#: What the kernel takes as one argument, in bytes (MAX_ARG_STRLEN, less the NUL at its end).
_ARG_CAP = (128 << 10) - 1


class BashRunner:
    """Runs `bash -- ./main.sh args…` in the job's folder."""

    name = "bash"
    tag = "bash"
    extensions: tuple[str, ...] = (".sh", ".bash")

    def health(self, tools: Tools) -> str | None:
        """None if there is a bash."""
        return tools.problem("bash", "BASH_PATH", _INSTALL)

    def signature(self, code: str) -> Signature:
        """The parameters in the order of their numbers."""
        ordered = sorted(_numbered(code), key=lambda one: one[0])
        return Signature(tuple(parameter for _, parameter in ordered), "script", hint=_HINT)

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """Refuse what bash cannot parse and args that the script does not name."""
        if "\0" in code:
            raise BadInput("the script is not text: it holds a NUL character")
        bash = tools.find("bash", "BASH_PATH")
        if bash is not None:
            status, output = run_quietly([str(bash), "-n"], code)
            if status not in {0, 124, 127}:
                raise BadInput(f"the script does not parse: {_readable(output, bash)}")
        if args is not None:
            self.signature(code).check(args)

    def plan(self, ctx: RunContext) -> Plan | Outcome:
        """Write main.sh and pass the args by position."""
        bash = ctx.tools.need("bash", "BASH_PATH", _INSTALL)
        words = _positional(ctx.code, ctx.args)
        for number, word in enumerate(words, 1):
            if "\0" in word or len(word.encode(errors="replace")) > _ARG_CAP:
                return failed(
                    "BadArgs",
                    f"argument {number} holds a NUL character or is longer than {_ARG_CAP >> 10}"
                    " KiB, which a program cannot be given; read it from ./args.json instead",
                )
        # On the first line, so that bash's messages name the lines that the author knows.
        with open(f"{ctx.folder}/main.sh", "wb") as file:
            file.write(f"set -e; {ctx.code}".encode(errors="replace"))
        return Plan(
            argv=[str(bash), "--", "./main.sh", *words],
            env=ctx.env,
            outcome=lambda exit_: _outcome(exit_, ctx.folder),
        )


def _numbered(code: str) -> list[tuple[int, Parameter]]:
    found = []
    for name, plain, braced, default in _PARAMETER.findall(code):
        number = int(plain or braced)
        if number:
            found.append((number, Parameter(name, required=not default)))
    return found


def _positional(code: str, args: Mapping[str, Any]) -> list[str]:
    """Texts as they are, other values as JSON, "" for what is absent."""
    numbered = _numbered(code)
    words = [""] * max((number for number, _ in numbered), default=0)
    for number, parameter in reversed(numbered):
        if parameter.name in args:
            value = args[parameter.name]
            words[number - 1] = value if isinstance(value, str) else json_text(value)
    return words


def _outcome(exit_: Exit, folder: Path) -> Outcome:
    return outcome_of(
        exit_,
        folder / "result.json",
        text_file=folder / "result.out",
        default=last_line(exit_.tail),
    )


def _readable(output: str, bash: Path) -> str:
    """Bash's own words without the path of bash before each line."""
    lines = [line.removeprefix(f"{bash}: ") for line in output.strip().splitlines()]
    return "; ".join(lines[:3])
