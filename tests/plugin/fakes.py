"""Plugins made on the spot: real modules on sys.path, named by sources."""

from pathlib import Path
from textwrap import dedent

from wmctl.plugin.discover import Source

RUNNER = """
from wmctl.plugin import hookimpl


class Fake:
    def __init__(self, name, tag, extensions):
        self.name, self.tag, self.extensions = name, tag, extensions

    def health(self, tools):
        return None

    def check(self, code, args, tools):
        pass

    def plan(self, ctx):
        raise NotImplementedError


@hookimpl
def wmctl_register_runners(register):
    for name, tag, extensions in {runners!r}:
        register(Fake(name, tag, extensions))
"""


def source(name: str, value: str | None = None, distribution: str = "wmctl-third") -> Source:
    """An entry point; its module has its name unless said otherwise."""
    return Source(name, value or name, distribution, "1.0")


def own(name: str) -> Source:
    """An entry point of wmctl's own distribution."""
    return source(name, distribution="wmctl")


def module(folder: Path, name: str, text: str) -> None:
    """A module that can be imported from `folder`."""
    (folder / f"{name}.py").write_text(dedent(text))


def with_runners(folder: Path, name: str, *runners: tuple[str, str, tuple[str, ...]]) -> None:
    """A plugin module that registers these runners: name, tag, extensions."""
    module(folder, name, RUNNER.replace("{runners!r}", repr(list(runners))))
