"""`$workspace` and `$args[…]`: what comes in, how, and that nothing is expanded twice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.config.dynamic import expand, is_dynamic, pattern
from wmctl.errors import BadInput

ARGS: dict[str, Any] = {
    "s": "text", "n": 3, "f": 1.5, "no": False, "none": None, "list": [1, "a"],
    "a": {"b": {"c": "deep"}, "n": None, "list": [{"c": 1}]}, "x-y": "dash", "trick": "$workspace",
    "again": "$args[s]", "empty": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("normal-$workspace", "normal-prod"),
        ("$workspace-$workspace", "prod-prod"),
        ("$workspacex", "prodx"),
        ("foo-$args[s]", "foo-text"),
        ("$args[n]$args[f]", "31.5"),
        ("$args[no]", "false"),
        ("$args[none]", "null"),
        ("$args[list]", '[1,"a"]'),
        ("$args[a.b]", '{"c":"deep"}'),
        ("$args[a.b.c]", "deep"),
        ("$args[a.n]", "null"),
        ("x$args[missing]y", "xy"),
        ("$args[s.t]", ""),
        ("$args[a.missing.c]", ""),
        ("$args[list.0]", ""),
        ("$args[a.list.0.c]", ""),
        ("$args[x-y]", "dash"),
        ("$args[trick]", "$workspace"),
        ("$args[again]", "$args[s]"),
        ("$$workspace", "$prod"),
        ("$Workspace $arg[s] ${workspace}", "$Workspace $arg[s] ${workspace}"),
    ],
)
def test_expanded(text: str, expanded: str) -> None:
    """Strings bare, other values as JSON, what is missing empty; no lists; once."""
    assert expand(text, "prod", ARGS) == expanded


@pytest.mark.parametrize(
    "text", ["$args[]", "$args[a..b]", "$args[a", "$args[.a]", "x-$args[a b]", "$args[$args[s]]"]
)
def test_what_names_no_arg(text: str) -> None:
    """It is a mistake, not a tag."""
    with pytest.raises(BadInput, match="which arg"):
        expand(text, "prod", ARGS)


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_text_without_a_reference_stays(text: str, workspace: str, args: dict[str, str]) -> None:
    """Whatever it holds."""
    if not is_dynamic(text):
        assert expand(text, workspace, args) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_an_arg_comes_in_as_it_is(value: Any) -> None:
    """Nothing in it is looked at again."""
    wanted = value if isinstance(value, str) else json.dumps(
        value, ensure_ascii=False, separators=(",", ":")
    )  # fmt: skip
    assert expand("a-$args[v]-z", "prod", {"v": value}) == f"a-{wanted}-z"


@given(
    st.text(alphabet="ab-$.", max_size=8), st.sampled_from(["prod", "a-b", "x.y"]), st.text("ab.-")
)
def test_a_pattern_fits_what_it_was_expanded_to(rest: str, workspace: str, value: str) -> None:
    """In the own workspace and in any."""
    template = f"{rest}$workspace-$args[v]{rest}"
    made = expand(template, workspace, {"v": value})
    assert pattern(template, workspace).fullmatch(made)
    assert pattern(template, None).fullmatch(made)
