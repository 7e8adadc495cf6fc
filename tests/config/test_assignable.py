"""Which jobs may have which tags: Windmill's grammar, and what the rules refuse."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmctl.config.assignable import DEFAULT_TAGS, Listed, TagRules, listed

#: The grammar as Windmill has it.
GRAMMAR = re.compile(r"^([\w-]+)\(((?:[\w-]+\+)*[\w-]+|(?:\^[\w-]+)+)\)\Z")
WORKSPACES = ("default", "prod", "a", "b", "a-b", "research", "sales")


def rules(*texts: str, **more: object) -> TagRules:
    """The rules of a list."""
    custom = tuple(listed(text, f"tags.yaml:{line}") for line, text in enumerate(texts, 2))
    return TagRules(custom, **more)  # type: ignore[arg-type]


def allowed(found: TagRules, tag: str) -> set[str]:
    """The workspaces whose jobs may have a tag."""
    return {name for name in WORKSPACES if found.refusal(tag, name) is None}


@pytest.mark.parametrize(
    ("text", "tag", "workspaces", "but"),
    [
        ("gpu", "gpu", None, False),
        ("gpu(a)", "gpu", ("a",), False),
        ("gpu(a+b)", "gpu", ("a", "b"), False),
        ("gpu(^a)", "gpu", ("a",), True),
        ("gpu(^a^b)", "gpu", ("a", "b"), True),
        ("my-gpu_2(a-b+c_d)", "my-gpu_2", ("a-b", "c_d"), False),
    ],
)
def test_the_grammar(text: str, tag: str, workspaces: tuple[str, ...] | None, but: bool) -> None:
    """Only these, or all but these."""
    assert listed(text, "o") == Listed(text, tag, workspaces, but, "o")


@pytest.mark.parametrize(
    "text",
    [
        "foo()", "bar(^)", "invalid(custom+format", "gpu(a,b)", "gpu (a)", "gpu(a) ", "gpu(a+)",
        "gpu(+a)", "gpu(a++b)", "gpu(a^b)", "gpu(^a+b)", "gpu(^^a)", "(a)", "gpu(a.b)", "gpu((a))",
        "gpu(a)(b)", "gpu(a)\n", "x.y(a)", "normal-$workspace(a)", "$args[x](a)", "a:b/c(a)",
    ],
)  # fmt: skip
def test_what_does_not_match_is_a_plain_tag(text: str) -> None:
    """Verbatim, and for all workspaces."""
    assert listed(text) == Listed(text, text)
    if "$" not in text:
        assert allowed(rules(text), text) == set(WORKSPACES)


@given(st.text(alphabet="ab-_()^+ .$é\n", max_size=14) | st.text(max_size=8))
def test_any_text_is_an_item(text: str) -> None:
    """The grammar decides alone; of a restricted tag nothing is lost."""
    found = listed(text)
    match = GRAMMAR.match(text)
    if match is None:
        assert found == Listed(text, text)
        return
    assert found.workspaces
    names = f"^{'^'.join(found.workspaces)}" if found.but else "+".join(found.workspaces)
    assert f"{found.tag}({names})" == text


@given(st.lists(st.sampled_from(WORKSPACES), min_size=1, max_size=4, unique=True), st.booleans())
def test_only_these_and_all_but_these(names: list[str], but: bool) -> None:
    """They are each other's opposite."""
    text = "".join(f"^{name}" for name in names) if but else "+".join(names)
    mine = set(names)
    assert allowed(rules(f"gpu({text})"), "gpu") == (set(WORKSPACES) - mine if but else mine)


def test_without_rules_every_tag_is_free() -> None:
    """Except what is none: the unexpanded, and the spelling of the list."""
    assert allowed(rules(), "anything") == set(WORKSPACES)
    for tag in ("normal-$workspace", "x-$args[a]", "gpu(research)", "gpu(^a)"):
        assert allowed(rules(), tag) == set()


def test_one_listed_twice() -> None:
    """Who may by either may."""
    assert allowed(rules("gpu(a)", "gpu(b)"), "gpu") == {"a", "b"}
    assert allowed(rules("gpu(a)", "gpu"), "gpu") == set(WORKSPACES)
    assert allowed(rules("bash(a)"), "bash") == {"a"}


def test_the_tag_of_a_workspace_is_its_own() -> None:
    """A listed `normal-$workspace` keeps others out, also one whose name begins the same."""
    found = rules("normal-$workspace")
    assert allowed(found, "normal-prod") == {"prod"}
    assert allowed(found, "normal-a-b") == {"a-b"}
    assert allowed(found, "normal-a") == {"a"}
    assert allowed(found, "normal-nobody") == set()
    assert allowed(found, "normal") == set(WORKSPACES)
    assert allowed(rules("normal-$workspace", "normal-prod"), "normal-prod") == set(WORKSPACES)
    assert allowed(rules("$workspace"), "bash") == set(WORKSPACES)
    both = rules("$workspace-$args[size]")
    assert allowed(both, "prod-small") == {"prod"}
    assert allowed(both, "a-b-small") == {"a", "a-b"}
    told = found.refusal("normal-prod", "sales")
    assert told
    assert "normal-$workspace in tags.yaml:2" in told
    assert "'normal-sales'" in told


def test_default_tags_per_workspace() -> None:
    """A default tag with a workspace's name is that workspace's, where they are on."""
    on = rules(per_workspace=True, runner_tags=frozenset({"ruby"}))
    assert on.default_tag("bash", "prod") == "bash-prod"
    for tag in ("bash", "ruby"):
        assert allowed(on, f"{tag}-prod") == {"prod"}
        assert allowed(on, tag) == set(WORKSPACES)
    some = rules(per_workspace=True, per_workspace_of=("prod",))
    assert [some.default_tag("bash", name) for name in ("prod", "a")] == ["bash-prod", "bash"]
    assert allowed(some, "bash-prod") == {"prod"}
    assert allowed(some, "bash-big") == set(WORKSPACES)
    assert "prod alone" in (some.refusal("bash-prod", "a") or "")
    assert rules().default_tag("bash", "prod") == "bash"


def test_only_known_tags() -> None:
    """Nothing but default, custom and group tags; a worker's own are always known."""
    found = rules(
        "big", "normal-$workspace", "s-$args[x]", only_known=True, group_tags=frozenset({"gpu"})
    )
    for tag in (*DEFAULT_TAGS, "big", "gpu", "s-3", "init_script", "periodic_script"):
        assert allowed(found, tag) == set(WORKSPACES), tag
    assert allowed(found, "normal-prod") == {"prod"}
    for tag in (
        "GPU",
        "gpu ",
        "gpu%",
        "bash-prod",
        "big(a)",
        "Bash",
        "\uff42ash",
        "gpu\u200b",
        "s",
    ):
        assert allowed(found, tag) == set(), tag
    assert "only_known_tags" in (found.refusal("other", "prod") or "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpu(a)", "'gpu' is of the workspace a alone (tags.yaml:2)"),
        ("gpu(a+b)", "'gpu' is of the workspaces a, b alone (tags.yaml:2)"),
        ("gpu(^sales)", "'gpu' is of all workspaces but sales (tags.yaml:2)"),
    ],
)
def test_a_refusal_says_where_the_rule_stands(text: str, told: str) -> None:
    """File and line."""
    assert told in (rules(text).refusal("gpu", "sales") or "")


@given(st.text(min_size=1, max_size=12), st.sampled_from(WORKSPACES))
def test_a_rule_about_one_tag_touches_no_other(tag: str, workspace: str) -> None:
    """Whatever the other is called."""
    found = rules("gpu(research)", "normal-$workspace")
    if tag != "gpu" and not tag.startswith("normal-"):
        assert found.refusal(tag, workspace) == rules().refusal(tag, workspace)
