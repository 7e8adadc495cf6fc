"""YAML read with suspicion: texts under known keys, each with the line where it stands.

No aliases, no tags, no duplicate keys, a cap on size and depth. Scalars are taken as they are
written, so that a tag `on` or a version `3.10` stays a text; what a text means, a schema says.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wmctl.config.keys import Found
from wmctl.errors import BadInput, ConfigError

if TYPE_CHECKING:
    import yaml

#: Bytes; a configuration that is longer is not one.
CAP = 256 << 10
DEPTH = 8
#: Characters of what is wrong, which may quote a whole script.
_TOLD = 300
_NULL = "tag:yaml.org,2002:null"
#: What a plain scalar of the YAML 1.2 core schema is, as far as JSON has it.
_WORDS: Mapping[str, Any] = {"null": None, "~": None, "": None, "true": True, "false": False}
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"
_BROKEN = r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}"


@dataclass(frozen=True)
class Text:
    """A single value."""

    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Many:
    """A list of single values, or of what else `item` says."""

    item: "Schema"
    #: Each item is a `Found`.
    located: bool = False


@dataclass(frozen=True)
class Names:
    """A mapping whose keys are the writer's own."""

    key: Callable[[str], Any]
    value: "Schema"


@dataclass(frozen=True)
class Table:
    """A mapping with these keys and no others. Its value is a `Found` for each that is there."""

    fields: Mapping[str, "Schema"]
    #: What other keys hold; None: there must be none.
    others: "Schema | None" = None
    #: A key without a value is as one that is not there; else it is an error.
    nulls: bool = False


@dataclass(frozen=True)
class Words:
    """A single text, or a list of them: `str` or `tuple[str, ...]`."""


@dataclass(frozen=True)
class Anything:
    """Kept as it stands: what JSON can say, plain scalars as YAML 1.2 reads them."""


Schema = Text | Many | Names | Table | Words | Anything


def parse(origin: str, text: bytes, schema: Table) -> dict[str, Found]:
    """The values of a file by key; ConfigError with file and line for what is not one."""
    root = compose(origin, text)
    return {} if root is None else _table(_Place(origin, "", root), schema)


def parse_rows(origin: str, text: bytes, schema: Table) -> list[dict[str, Found]]:
    """The same, of a file that is a list of such mappings."""
    root: Any = compose(origin, text)
    if root is not None and root.id != "sequence":
        raise wrong(origin, root.start_mark, "the file must be a list")
    return [_table(_Place(origin, "", row), schema) for row in (root.value if root else ())]


def compose(origin: str, text: bytes) -> "yaml.Node | None":
    """The nodes of a file that holds nothing strange; None where it says nothing."""
    import yaml  # only where a file exists: 20 ms

    if len(text) > CAP:
        raise ConfigError(f"{origin} is longer than {CAP} bytes")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise wrong(origin, event.start_mark, "anchors and aliases are not allowed")
            if getattr(event, "tag", None):
                raise wrong(origin, event.start_mark, "tags (!…) are not allowed")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH:
                raise wrong(origin, event.start_mark, f"nested deeper than {DEPTH}")
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise wrong(origin, error.problem_mark, error.problem or "not YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{origin} is not YAML: {' '.join(str(error).split())}") from None


def wrong(origin: str, mark: Any, what: str, hint: str | None = None) -> ConfigError:
    """The error that names file and line."""
    where = f"{origin}:{mark.line + 1}" if mark is not None else origin
    told = what if len(what) <= _TOLD else f"{what[:_TOLD]}…"
    return ConfigError(f"{where}: {told}", hint=hint)


class _Place(NamedTuple):
    """A node, in which file, and under which name (`worker.tags`)."""

    origin: str
    name: str
    node: Any

    @property
    def at(self) -> str:
        return f"{self.origin}:{self.node.start_mark.line + 1}"

    def wrong(self, what: str, hint: str | None = None) -> ConfigError:
        return wrong(self.origin, self.node.start_mark, what, hint)

    def called(self) -> str:
        return f"{self.name}: " if self.name else ""

    def below(self, name: str, node: Any) -> "_Place":
        return _Place(self.origin, f"{self.name}.{name}" if self.name else name, node)


def _value(place: _Place, schema: Schema) -> Any:
    match schema:
        case Text():
            return _parsed(place, schema.parse, _scalar(place))
        case Many():
            return _many(place, schema)
        case Names():
            return {
                _parsed(key, schema.key, key.node.value): _value(value, schema.value)
                for key, value in _pairs(place)
            }
        case Table():
            return _table(place, schema)
        case Words():
            if place.node.id == "sequence":
                return _many(place, Many(Text(str)))
            return _scalar(place)
        case Anything():
            return _plain(place)


def _table(place: _Place, schema: Table) -> dict[str, Found]:
    found = {}
    for key, value in _pairs(place):
        name = key.node.value
        known = schema.fields.get(name, schema.others)
        if known is None:
            raise _unknown(key, schema)
        if not (schema.nulls and value.node.tag == _NULL):
            found[name] = Found(_value(value, known), key.at)
    return found


def _many(place: _Place, schema: Many) -> tuple[Any, ...]:
    if place.node.id != "sequence":
        key = place.name.rpartition(".")[2]
        raise place.wrong(f"{place.called()}must be a list", f"write {key}: [a, b]")
    items = [_Place(place.origin, place.name, node) for node in place.node.value]
    values = ((item.at, _value(item, schema.item)) for item in items)
    return tuple(Found(value, at) if schema.located else value for at, value in values)


def _pairs(place: _Place) -> Iterator[tuple[_Place, _Place]]:
    """The members of a mapping: its keys, and what stands under each."""
    if place.node.id != "mapping":
        raise place.wrong(f"{place.name or 'the file'} must be a mapping")
    seen: set[str] = set()
    for key, value in place.node.value:
        if key.id != "scalar":
            raise wrong(place.origin, key.start_mark, "a key must be a text")
        at = place.below(key.value, key)
        if key.value in seen:
            raise at.wrong(f"{at.name!r} stands twice")
        seen.add(key.value)
        yield at, place.below(key.value, value)


def _scalar(place: _Place) -> str:
    if place.node.id != "scalar":
        raise place.wrong(f"{place.called()}must be a single value")
    if place.node.tag == _NULL:
        raise place.wrong(
            f"{place.called()}has no value", f"give {place.name} one or remove the line"
        )
    return str(place.node.value)


def _parsed(place: _Place, parser: Callable[[str], Any], text: str) -> Any:
    try:
        return parser(text)
    except BadInput as error:
        raise place.wrong(f"{place.called()}{error.message}", error.hint) from None


def _plain(place: _Place) -> Any:
    """A node as JSON has it; a text that was quoted stays one."""
    node = place.node
    if node.id == "mapping":
        return {key.node.value: _plain(value) for key, value in _pairs(place)}
    if node.id == "sequence":
        return [_plain(_Place(place.origin, place.name, item)) for item in node.value]
    text = str(node.value)
    if node.style in {"'", '"', "|", ">"}:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(_WHOLE, text):
        return int(text)
    return float(text) if re.fullmatch(_BROKEN, text) else text


def _unknown(place: _Place, schema: Table) -> ConfigError:
    from wmctl.config.nearest import nearest  # only on the way out

    above = place.name.removesuffix(place.node.value)
    known = [f"{above}{name}" for name in schema.fields]
    found = nearest(place.name, known, 0.5)
    hint = f"known are: {', '.join(sorted(known))}"
    return place.wrong(f"unknown key {place.name!r}", f"did you mean {found!r}?" if found else hint)
