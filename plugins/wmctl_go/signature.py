"""The parameters of `main` in Go text, found by matching brackets, not by a parser."""

import re

from wmctl.plugin import Parameter, Signature, blanked, closing, split_list

_MAIN = re.compile(r"^func\s+main\s*(?=\()", re.MULTILINE)
_NAMED = re.compile(r"([^\W\d]\w*)\s+(\S.*)", re.DOTALL)
_KEYWORDS = {"chan", "func", "interface", "map", "struct"}
#: Types whose zero value says that nothing was given.
_OPTIONAL = ("*", "...")


def has_main(code: str) -> bool:
    """Whether there is a function main at all."""
    return _MAIN.search(blanked(code)) is not None


def signature(code: str) -> Signature | None:
    """The parameters in their order; None if there is no main or they have no names."""
    text = blanked(code)
    match = _MAIN.search(text)
    end = closing(text, match.end()) if match else -1
    if match is None or end < 0:
        return None
    items = split_list(text[match.end() + 1 : end])
    if items and not _named(items[-1]):
        return None
    parameters: list[Parameter] = []
    kind = ""
    # `a, b string`: a name without a type has that of the next one.
    for item in reversed(items):
        named = _named(item)
        name, kind = (named[1], named[2]) if named else (item, kind)
        parameters.insert(0, Parameter(name, not kind.startswith(_OPTIONAL)))
    return Signature(tuple(parameters))


def _named(item: str) -> re.Match[str] | None:
    match = _NAMED.fullmatch(item)
    return match if match and match[1] not in _KEYWORDS else None
