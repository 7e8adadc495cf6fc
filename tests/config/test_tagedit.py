"""Changes to `tags.yaml`: the list says what it is to say, and a person's text stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wmctl.config.tagedit import added, removed, texts
from wmctl.config.tagfile import tag_text
from wmctl.errors import BadInput, ConfigError

COMMENTED = """\
# who may use what
default_tags_per_workspace: true  # since May
custom_tags:  # sorted
    # the big ones
    - gpu(research+vision)  # ask ann

    - big
    # the end
only_known_tags: no
"""


def test_comments_stay() -> None:
    """All of them when something is added; that of its own line when it is removed."""
    made = added("o", COMMENTED, ["normal-$workspace", "big", "a b"])
    new = "    - big\n    - normal-$workspace\n    - 'a b'\n"
    assert made == COMMENTED.replace("    - big\n", new)
    made, gone = removed("o", COMMENTED, ["gpu"])
    assert gone == ["gpu(research+vision)"]
    assert made == COMMENTED.replace("    - gpu(research+vision)  # ask ann\n", "")
    made, gone = removed("o", made, ["big"])
    assert (texts("o", made), gone) == ([], ["big"])
    assert "custom_tags: []  # sorted" in made
    assert texts("o", added("o", made, ["x"])) == ["x"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "custom_tags:\n  - x\n"),
        ("only_known_tags: yes", "only_known_tags: yes\ncustom_tags:\n  - x\n"),
        ("custom_tags: []\n", "custom_tags: [x]\n"),
        ("custom_tags: [a, 'b']  # c\n", "custom_tags: [a, 'b', x]  # c\n"),
        ("custom_tags: [\n  a,\n]\n", "custom_tags: [\n  a, x,\n]\n"),
        ("custom_tags:\n- a", "custom_tags:\n- a\n- x"),
        ("custom_tags:\n- é\n- ü # ö\n", "custom_tags:\n- é\n- ü # ö\n- x\n"),
    ],
)
def test_where_an_item_comes_to(before: str, after: str) -> None:
    """At the end of the list, in its own style."""
    assert added("o", before, ["x"]) == after
    assert removed("o", after, ["x"])[1] == ["x"]


def test_a_list_of_an_unusual_shape_is_left_to_an_editor() -> None:
    """Nothing is guessed."""
    with pytest.raises(ConfigError, match="cannot change"):
        removed("o", "custom_tags:\n-\n  a\n- b\n", ["a"])
    with pytest.raises(ConfigError, match="o:1"):
        added("o", "custom_tag: [a]\n", ["x"])


def _is_tag(text: str) -> bool:
    try:
        return bool(tag_text(text))
    except BadInput:
        return False


ITEMS = st.lists(
    st.text(alphabet="ab '\"#:-[]{},&*!|>%@`~?$()+^é", min_size=1, max_size=6).filter(_is_tag)
    | st.sampled_from(["null", "~", "true", "3", "gpu(a+b)", "x-$args[a.b]", "- a", "a: b"]),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip


@settings(max_examples=60)
@given(ITEMS, st.sampled_from(["", COMMENTED, "custom_tags: [big]\n"]))
def test_what_was_added_is_there_and_can_be_removed(items: list[str], text: str) -> None:
    """Whatever characters it has."""
    before = texts("o", text)
    made = added("o", text, items)
    assert texts("o", made) == [*before, *(item for item in items if item not in before)]
    assert removed("o", made, items)[1] == [one for one in texts("o", made) if one in items]
