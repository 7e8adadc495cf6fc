"""`tags.yaml` of a spool: the rules about tags, as a person wrote them."""

from collections.abc import Mapping, Sequence
from typing import Any

from wmctl.config import Settings, shared
from wmctl.config.assignable import FILE, Listed, TagRules, listed
from wmctl.config.keys import Found
from wmctl.config.values import plain, words, yes_or_no
from wmctl.config.yamltree import Many, Table, Text, parse
from wmctl.errors import BadInput, ConfigError
from wmctl.spool.job import check_workspace
from wmctl.spool.name import encode_tag
from wmctl.spool.store import Store

VARIABLE = "CUSTOM_TAGS"


def tag_text(text: str) -> str:
    """An item of the list, as it stands; BadInput for what can be no tag."""
    encode_tag(listed(plain(text)).tag)
    return text


def _workspace(text: str) -> str:
    check_workspace(text)
    return text


SCHEMA = Table(
    {
        "custom_tags": Many(Text(tag_text), located=True),
        "default_tags_per_workspace": Text(yes_or_no),
        "default_tags_workspaces": Many(Text(_workspace)),
        "only_known_tags": Text(yes_or_no),
    }
)


def load(
    store: Store | None,
    environ: Mapping[str, str],
    runner_tags: frozenset[str],
    other: Sequence[Listed] | None,
) -> TagRules:
    """The rules; `other`: the list where the file has none, in place of CUSTOM_TAGS."""
    found = {} if store is None else read(store)
    only_known = bool(_value(found, "only_known_tags", False))
    return TagRules(
        custom=_custom(found, environ, other),
        runner_tags=runner_tags,
        group_tags=group_tags(store) if only_known and store is not None else frozenset(),
        per_workspace=bool(_value(found, "default_tags_per_workspace", False)),
        per_workspace_of=_value(found, "default_tags_workspaces", None),
        only_known=only_known,
    )


def read(store: Store) -> dict[str, Found]:
    """What the file says, by key; nothing where there is none."""
    document = shared.read(store, FILE)
    return {} if document is None else parse(document.origin, document.text, SCHEMA)


def of_settings(settings: Settings) -> tuple[Listed, ...]:
    """The list of this machine's settings."""
    origin = settings.origins["custom_tags"]
    return tuple(listed(text, origin) for text in settings.custom_tags)


def _custom(
    found: Mapping[str, Found], environ: Mapping[str, str], other: Sequence[Listed] | None
) -> tuple[Listed, ...]:
    if "custom_tags" in found:
        items = found["custom_tags"].value
        return tuple(listed(item.value, item.origin.rpartition("/")[2]) for item in items)
    if other is not None:
        return tuple(other)
    try:
        return tuple(listed(tag_text(one), VARIABLE) for one in words(environ.get(VARIABLE, "")))
    except BadInput as error:
        raise ConfigError(f"{VARIABLE}: {error.message}", hint=error.hint) from None


def group_tags(store: Store) -> frozenset[str]:
    """What the workers of all groups serve; ConfigError if one of them cannot be read."""
    from wmctl.config import groups  # only where nothing else may be used

    tags: set[str] = set()
    for found in groups.load_all(store).values():
        if isinstance(found, ConfigError):
            raise found
        tags.update(found.tags)
    return frozenset(tags)


def _value(found: Mapping[str, Found], key: str, otherwise: Any) -> Any:
    return found[key].value if key in found else otherwise
