"""The parameters of a function in TypeScript text, found by matching brackets, not by a parser."""

import re

from wmctl.plugin import Parameter, Signature, blanked, closing, split_list

_FUNCTION = r"(?<![\w$.])function\s*\*?\s*{}\s*(?=[<(])"
_CONSTANT = (
    r"(?<![\w$.])(?:const|let|var)\s+{}\s*(?::[^=]*)?=\s*"
    r"(?:async\b\s*)?(?:function\b\s*\*?\s*[\w$]*\s*)?(?=[<(])"
)
_PARAMETER = re.compile(
    r"(?P<name>[A-Za-z_$][\w$]*)\s*(?P<optional>\?)?\s*"
    r"(?::(?P<type>.*?))?(?P<default>(?<!=)=(?![=>]).*)?",
    re.DOTALL,
)


def signature(code: str, entry: str = "main") -> Signature | None:
    """The parameters in their order, `kind` "Date" for dates; None where the text is too clever."""
    text = blanked(code, javascript=True)
    listed = _parameter_list(text, entry)
    if listed is None:
        return None
    parameters = []
    for item in split_list(listed, angles=True):
        match = _PARAMETER.fullmatch(item)
        if match is None:
            return None
        if match["name"] != "this":
            parameters.append(_parameter(match))
    return Signature(tuple(parameters), entry)


def _parameter(match: re.Match[str]) -> Parameter:
    kinds = {kind.strip() for kind in (match["type"] or "").split("|")}
    optional = match["optional"] or match["default"] or "undefined" in kinds
    return Parameter(match["name"], not optional, "Date" if "Date" in kinds else "")


def _parameter_list(text: str, entry: str) -> str | None:
    """What stands between the brackets of the function at the top; of overloads the last."""
    found = None
    patterns = (form.format(re.escape(entry)) for form in (_FUNCTION, _CONSTANT))
    for match in (one for pattern in patterns for one in re.finditer(pattern, text)):
        before = text[: match.start()]
        if before.count("{") != before.count("}"):
            continue
        opens = _behind_generics(text, match.end())
        end = closing(text, opens) if text[opens : opens + 1] == "(" else -1
        if end > 0:
            found = text[opens + 1 : end]
    return found


def _behind_generics(text: str, at: int) -> int:
    """Where the next bracket opens, behind `<T extends X<Y>>` if that comes first."""
    depth = 0
    for position in range(at, len(text)):
        char = text[position]
        if char == "<":
            depth += 1
        elif char == ">" and text[position - 1] != "=":
            depth -= 1
        elif char == "(" and not depth:
            return position
    return len(text)
