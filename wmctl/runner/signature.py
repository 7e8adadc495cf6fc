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
        if not self.open:
            wrong += [f"{name[:60]!r} is unknown" for name in args if name not in known]
        if wrong:
            raise BadInput(
                f"the args do not fit {self}: {', '.join(wrong)}",
                hint="pass each parameter with -a NAME=VALUE, or skip this check with --no-check",
            )
