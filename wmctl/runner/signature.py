"""What a script's entry takes, and whether args fit; how that is read from code is the runner's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wmctl.errors import BadInput


@dataclass(frozen=True)
class Parameter:
    """One parameter. `kind` is whatever the runner needs to know of its type."""

    name: str
    required: bool = True
    kind: str = ""
    #: What the parameter takes where that cannot be a text: int, float, bool, list or dict.
    takes: str = ""

    def __str__(self) -> str:
        """As a person would write it."""
        return self.name if self.required else f"{self.name}=…"


@dataclass(frozen=True)
class Signature:
    """The parameters of a script's entry, in their order."""

    parameters: tuple[Parameter, ...]
    #: What the entry is called: `main`.
    entry: str = "main"
    #: True if it takes any other name too (`**kwargs`).
    open: bool = False
    #: How a parameter is declared, where people may not know; told when an arg has none.
    hint: str | None = None

    def __str__(self) -> str:
        """As a person would write it."""
        words = [*map(str, self.parameters), *(["**"] if self.open else [])]
        return f"{self.entry}({', '.join(words)})"

    def check(self, args: Mapping[str, Any]) -> None:
        """BadInput if something required is missing or something is unknown."""
        known = {parameter.name for parameter in self.parameters}
        wrong = [
            f"{parameter.name!r} is missing"
            for parameter in self.parameters
            if parameter.required and parameter.name not in args
        ]
        unknown = [] if self.open else [name for name in args if name not in known]
        wrong += [f"{name[:60]!r} is unknown" for name in unknown]
        if wrong:
            raise BadInput(
                f"the args do not fit {self}: {', '.join(wrong)}",
                hint=(self.hint if unknown else None)
                or "pass each parameter with -a NAME=VALUE, or skip this check with --no-check",
            )

    def check_texts(self, texts: Mapping[str, str]) -> None:
        """BadInput if a parameter that takes a number, say, was given as a plain text."""
        for parameter in self.parameters:
            if parameter.takes and parameter.name in texts:
                kind = parameter.takes
                value = _as_json(texts[parameter.name], kind)
                raise BadInput(
                    f"{parameter.name} takes {'an' if kind[0] in 'aeiou' else 'a'} {kind}:"
                    f" write -a {parameter.name}:={value}",
                    hint="NAME=VALUE gives a text, NAME:=VALUE gives JSON;"
                    " --no-check skips this check",
                )


#: What a value of each kind looks like in a shell; the first is tried for a text that is none.
_KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "int": ("3", (int,)),
    "float": ("1.5", (int, float)),
    "bool": ("true", (bool,)),
    "list": ("'[1, 2]'", (list,)),
    "dict": ("'{\"key\": 1}'", (dict,)),
}


def _as_json(text: str, kind: str) -> str:
    """The text itself where it is such a value in JSON, quoted for a shell; else an example."""
    import json  # only on the way out
    import shlex

    if text.startswith("@"):  # the content of a file
        return shlex.quote(text)
    example, types = _KINDS.get(kind, ("JSON", ()))
    text = text.lower() if kind == "bool" else text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return example
    fits = isinstance(found, types) and isinstance(found, bool) == (kind == "bool")
    return shlex.quote(text) if fits and len(text) <= 60 else example
