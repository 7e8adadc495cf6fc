"""Changes of a file's keys as people write them in a shell: KEY=VALUE, KEY.NAME=VALUE, KEY+=A.

What a value may be, the schema of the file says; so these can say nothing that the file could not.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from wmctl.config.values import words
from wmctl.config.yamltree import Anything, Many, Names, Schema, Table, Text, parse
from wmctl.errors import BadInput, ConfigError

_FORM = r"(?P<key>[^=]+?)(?P<how>[+-]?=)(?P<value>.*)"
#: Longer lists than this are written into the file by hand.
_MOST = 1000


class Assignment(NamedTuple):
    """One change."""

    #: As it was written.
    word: str
    path: tuple[str, ...]
    #: `=`, `+=` or `-=`; "" removes.
    how: str
    value: str = ""


def assignment(word: str) -> Assignment:
    """`KEY=VALUE` and its kin."""
    found = re.fullmatch(_FORM, word, re.DOTALL)
    if found is None:
        raise BadInput(
            f"{word[:80]!r} is no change of a key",
            hint="write KEY=VALUE: worker_tags=a,b or env_vars_static.CUDA=1",
        )
    return Assignment(word, tuple(found["key"].strip().split(".")), found["how"], found["value"])


def removal(key: str) -> Assignment:
    """A key, or a part of one, that is to be no more."""
    return Assignment(key, tuple(key.strip().split(".")), "")


def changes(
    schema: Table, values: dict[str, Any], assignments: Sequence[Assignment]
) -> dict[str, Any]:
    """The keys that are another afterwards, with their values; None: it is removed.

    `values`: what the file sets by now.
    """
    after = dict(values)
    for one in assignments:
        key, *rest = one.path
        if key not in schema.fields:
            raise _unknown(schema, one, key)
        try:
            after[key] = _changed(schema.fields[key], after.get(key), rest, one)
        except BadInput as error:
            raise BadInput(f"{_shown(one)}: {error.message}", hint=error.hint) from None
    return {key: value for key, value in after.items() if value != values.get(key)}


def _shown(one: Assignment) -> str:
    word = one.word.partition("=")[0] if len(one.word) > 80 else one.word
    return f"--unset {word}" if one.how == "" else word


def _changed(schema: Schema, old: Any, path: Sequence[str], one: Assignment) -> Any:
    if not path and one.how == "":
        if old is None:
            raise BadInput("it is not set")
        return None
    match schema:
        case Many():
            return _in_list(schema, old or (), path, one)
        case Names():
            return _in_names(schema, old or {}, path, one)
        case Anything():
            return _in_anything(old, path, one)
    if path:
        raise BadInput(f"there is nothing below it that could be called {'.'.join(path)!r}")
    if one.how != "=":
        raise BadInput("only a list can be added to or taken from")
    assert isinstance(schema, Text)  # noqa: S101 - a Table stands nowhere in a table
    return schema.parse(one.value)


def _in_list(schema: Many, old: Sequence[Any], path: Sequence[str], one: Assignment) -> Any:
    if path:
        return _in_item(schema, old, path, one)
    items = _items(schema, one.value)
    if one.how == "+=":
        return (*old, *(item for item in items if item not in old))
    if one.how == "-=":
        return tuple(item for item in old if item not in items)
    return items


def _items(schema: Many, text: str) -> tuple[Any, ...]:
    if text.lstrip().startswith("["):
        return tuple(_whole(schema, text))
    if not isinstance(schema.item, Text):
        raise BadInput("is a list of mappings", hint='write it as one: [{A: "1"}, {A: "2"}]')
    found = tuple(map(schema.item.parse, words(text)))
    if not found:
        raise BadInput("says nothing", hint="--unset KEY removes a key; [] is an empty list")
    return tuple(dict.fromkeys(found))


def _in_item(schema: Many, old: Sequence[Any], path: Sequence[str], one: Assignment) -> Any:
    """`slots.0.NAME=…`: an item that is there, or the next one."""
    at = int(path[0]) if re.fullmatch("[0-9]{1,4}", path[0]) else -1
    if not 0 <= at <= min(len(old), _MOST):
        raise BadInput(f"{path[0]!r} is no place in the list", hint=f"0 to {len(old)}")
    items = [*old, None] if at == len(old) else list(old)
    items[at] = _changed(schema.item, items[at], path[1:], one)
    return tuple(item for item in items if item is not None) or None


def _in_names(schema: Names, old: dict[str, Any], path: Sequence[str], one: Assignment) -> Any:
    if not path:
        if one.how != "=" or not one.value.lstrip().startswith("{"):
            raise BadInput("is a mapping", hint="write KEY.NAME=VALUE, or all of it: KEY={A: 1}")
        return _whole(schema, one.value)
    deep = isinstance(schema.value, Anything)
    name, rest = (path[0], path[1:]) if deep else (".".join(path), ())
    value = _changed(schema.value, old.get(name), rest, one)
    after = {**old, schema.key(name): value}
    return {key: item for key, item in after.items() if item is not None or key != name} or None


def _in_anything(old: Any, path: Sequence[str], one: Assignment) -> Any:
    if not path:
        if one.how == "":
            return None
        return _whole(Anything(), one.value)
    below = dict(old) if isinstance(old, dict) else {}
    below[path[0]] = _changed(Anything(), below.get(path[0]), path[1:], one)
    return {key: item for key, item in below.items() if item is not None} or None


def _whole(schema: Schema, text: str) -> Any:
    """A value that is written as YAML has it on one line."""
    try:
        return parse("", f"_: {text}\n".encode(), Table({"_": schema}))["_"].value
    except ConfigError as error:
        message = re.sub(r"^:\d+: (?:_(?:\.|: ?| ))?", "", error.message)
        raise BadInput(f"is not YAML that fits: {message}", hint=error.hint) from None


def _unknown(schema: Table, one: Assignment, key: str) -> BadInput:
    from wmctl.config.nearest import nearest  # only on the way out

    found = nearest(key, schema.fields, 0.5)
    hint = f"known are: {', '.join(sorted(schema.fields))}"
    return BadInput(
        f"{_shown(one)}: unknown key {key[:60]!r}",
        hint=f"did you mean {found!r}?" if found else hint,
    )
