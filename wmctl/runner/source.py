"""Reading a signature out of source text without a parser of the language.

Blank out what is not code, then match brackets: for languages with C's comments and strings.
"""

import re

_PAIRS = {"(": ")", "[": "]", "{": "}"}
#: After these a slash begins a regular expression, not a division (JavaScript).
_BEFORE_REGEX = set("(,=:[!&|?{};+-*%~^<>")
_WORD_BEFORE_REGEX = re.compile(r"\b(?:return|typeof|case|in|of|await|yield|throw)$")
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_GENERIC_CALL = re.compile(r"<[\w\s,.\[\]<>|{}:;?&]*>\s*\(")


def blanked(text: str, *, javascript: bool = False) -> str:
    """`text` with comments and literals as blanks: same length, same lines, brackets now count.

    Backquotes hold raw text, with `javascript` a template; there regular expressions are
    literals too.
    """
    out: list[str] = []
    at, before = 0, ""
    while at < len(text):
        end = _literal_end(text, at, before, javascript=javascript)
        if end > at:
            out.append(re.sub(r"[^\n]", " ", text[at:end]))
            # Behind a literal a slash divides; a comment changes nothing.
            before += " " if _COMMENT.match(text, at) else '"'
            at = end
        else:
            out.append(text[at])
            before = (before + text[at])[-12:]
            at += 1
    return "".join(out)


def closing(text: str, at: int) -> int:
    """Where the bracket that opens at `at` of a blanked text closes; -1 if it does not."""
    expected: list[str] = []
    for position in range(at, len(text)):
        char = text[position]
        if char in _PAIRS:
            expected.append(_PAIRS[char])
        elif char in ")]}":
            if not expected or expected.pop() != char:
                return -1
            if not expected:
                return position
    return -1


def split_list(text: str, *, angles: bool = False) -> list[str]:
    """The items between the commas of a blanked text, trimmed, no empty ones.

    With `angles`, `<…>` of types and generic calls are brackets too; `=>` and `<` in a default
    value are not.
    """
    items, start, depth, angle, in_default = [], 0, 0, 0, False
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif angles and char == "<" and (not in_default or _GENERIC_CALL.match(text, at)):
            angle += 1
        elif angles and char == ">" and angle and text[at - 1] != "=":
            angle -= 1
        elif char == "=" and not depth and not angle and text[at + 1 : at + 2] != ">":
            in_default = True
        elif char == "," and not depth and not angle:
            items.append(text[start:at])
            start, in_default = at + 1, False
    items.append(text[start:])
    return [item.strip() for item in items if item.strip()]


def _literal_end(text: str, at: int, before: str, *, javascript: bool) -> int:
    """Where the comment or literal that begins at `at` ends; `at` if none begins there."""
    char = text[at]
    if char == "/":
        comment = _COMMENT.match(text, at)
        if comment:
            return comment.end()
        regex = _REGEX.match(text, at) if javascript and _may_begin_regex(before) else None
        return regex.end() if regex else at
    if char in "\"'":
        return _quoted_end(text, at)
    if char == "`":
        return _template_end(text, at) if javascript else _raw_end(text, at)
    return at


def _may_begin_regex(before: str) -> bool:
    code = before.rstrip()
    return not code or code[-1] in _BEFORE_REGEX or bool(_WORD_BEFORE_REGEX.search(code))


def _quoted_end(text: str, at: int) -> int:
    """Behind the closing quote; a string that is never closed ends with its line."""
    quote, position = text[at], at + 1
    while position < len(text) and text[position] != "\n":
        if text[position] == quote:
            return position + 1
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _raw_end(text: str, at: int) -> int:
    end = text.find("`", at + 1)
    return len(text) if end < 0 else end + 1


def _template_end(text: str, at: int) -> int:
    """Behind the closing backquote; `${…}` may hold strings and templates again."""
    position, depth = at + 1, 0
    while position < len(text):
        char = text[position]
        if char == "\\" and not depth:
            position += 1
        elif not depth and char == "`":
            return position + 1
        elif not depth and text.startswith("${", position):
            depth, position = 1, position + 1
        elif depth and char in "\"'":
            position = _quoted_end(text, position) - 1
        elif depth and char == "`":
            position = _template_end(text, position) - 1
        elif depth:
            depth += (char == "{") - (char == "}")
        position += 1
    return len(text)
