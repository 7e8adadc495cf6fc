"""Whether what a plugin brings can work; everything here raises PluginError with a sentence."""

import re
from importlib import import_module
from typing import Any

from wmctl.errors import PluginError
from wmctl.spool.name import encode_tag

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_EXTENSION = re.compile(r"(\.[A-Za-z0-9_+-]+)+", re.ASCII)


def resolve(value: str) -> Any:
    """The module or object that an entry point names."""
    module, _, attributes = value.partition(":")
    found: Any = import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def check_runner(runner: object) -> None:
    """PluginError unless the object is a runner (see `wmctl.runner.base.Runner`)."""
    what = f"runner {type(runner).__name__}"
    name, tag = getattr(runner, "name", None), getattr(runner, "tag", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{what}: name {name!r} is not a word of a-z 0-9 _")
    if not isinstance(tag, str):
        raise PluginError(f"{what}: tag {tag!r} is not a text")
    encode_tag(tag)
    extensions = getattr(runner, "extensions", None)
    if not isinstance(extensions, tuple) or not all(map(_is_extension, extensions)):
        raise PluginError(f"{what}: extensions {extensions!r} is not a tuple like ('.ts',)")
    for method in ("health", "check"):
        if not callable(getattr(runner, method, None)):
            raise PluginError(f"{what} has no method {method}()")
    if not callable(getattr(runner, "plan", None)) and not callable(getattr(runner, "run", None)):
        raise PluginError(f"{what} has neither plan() nor run()")


def _is_extension(text: object) -> bool:
    return isinstance(text, str) and _EXTENSION.fullmatch(text) is not None
