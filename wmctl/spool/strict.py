"""JSON read with suspicion: no duplicate keys, no NaN, no lone surrogates, bounded depth."""

import functools
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from wmctl.errors import BadInput

#: Deeper nesting than this is an attack or a mistake.
DEPTH = 200


def loads(text: str | bytes, what: str = "input", *, halves: bool = False) -> Any:
    """The value of a JSON text; BadInput says what is wrong and where.

    `halves`: texts may hold half a surrogate pair, as a job's result may.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode()
        if _could_be_deep(decoded):
            _check_depth(decoded)
        value = _decoder().decode(decoded)
        if not halves and "\\u" in decoded:
            dumps(value).encode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{what} is not UTF-8: byte {error.start}") from None
    except UnicodeEncodeError:
        raise BadInput(f"{what} holds half a surrogate pair, which is no text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadInput(f"{what} is not JSON: {error.msg} ({where})") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{what} is not JSON that wmctl accepts: {error}") from None
    return value


@functools.cache
def _decoder() -> json.JSONDecoder:
    """One for all: making it takes longer than reading a job file with it."""
    return json.JSONDecoder(
        parse_constant=_refuse_constant, parse_float=_float, object_pairs_hook=_object
    )


def loads_object(text: str | bytes, what: str = "input", *, halves: bool = False) -> dict[str, Any]:
    """As `loads`, for a text that must be a JSON object."""
    value = loads(text, what, halves=halves)
    if not isinstance(value, dict):
        raise BadInput(f"{what} is JSON, but not an object: it is {_kind(value)}")
    return value


def dumps(value: Any) -> str:
    """Compact JSON; keys in the order they have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _kind(value: object) -> str:
    names: Mapping[type, str] = {list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large for a number")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:60]!r} stands twice")
            seen.add(key)
    return found


def _could_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > DEPTH


def _check_depth(text: str) -> None:
    depth, quoted, escaped = 0, False, False
    for char in text:
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            if depth > DEPTH:
                raise ValueError(f"nested deeper than {DEPTH}")
        elif char in "]}":
            depth -= 1
