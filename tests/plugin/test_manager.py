"""Loading: one by one, in order, no further than needed; what is broken is named."""

import sys
from pathlib import Path

import pytest

from tests.plugin.fakes import module, own, source, with_runners
from wmctl.errors import BadInput
from wmctl.plugin.manager import Plugins

REGISTERS = """
from wmctl.plugin import hookimpl

@hookimpl
def wmctl_register_runners(register):
    """


def problems(plugins: Plugins) -> list[str]:
    """All faults as text."""
    return [str(fault) for fault in plugins.broken()]


def test_a_runner_is_found_by_name_ending_and_file(folder: Path) -> None:
    """`-l fake`, `-l fk`, and the longest ending of a file's name."""
    with_runners(folder, "a", ("fake", "fake", (".fk",)), ("longer", "longer", (".x.fk",)))
    plugins = Plugins([source("a")])
    assert plugins.runner_for_language("fake").name == "fake"
    assert plugins.runner_for_language("fk").name == "fake"
    assert plugins.runner_for_file("dir.x/some.fk").name == "fake"
    assert plugins.runner_for_file("some.x.fk").name == "longer"
    assert plugins.runner_for_file("some.y.fk").name == "fake"


def test_no_more_is_loaded_than_answers(folder: Path) -> None:
    """A plugin that comes later is not imported for a file that an earlier one takes for sure."""
    with_runners(folder, "first", ("one", "one", (".one",)))
    with_runners(folder, "later", ("two", "two", (".two", ".b.one")))
    plugins = Plugins([own("first"), source("later")])
    assert plugins.runner_for_file("a.one").name == "one"
    assert "later" not in sys.modules
    # Here a later one could know a longer ending, and does.
    assert plugins.runner_for_file("a.b.one").name == "two"
    assert "later" in sys.modules


def test_a_language_loads_its_own_plugin_first(folder: Path) -> None:
    """Among wmctl's own, the entry point with the language's name."""
    with_runners(folder, "first", ("one", "one", ()))
    with_runners(folder, "second", ("second", "second", ()))
    assert Plugins([own("first"), own("second")]).runner_for_language("second").name == "second"
    assert "first" not in sys.modules


@pytest.mark.parametrize("name", ["notes.txt", "Makefile", ".bashrc"])
def test_an_unknown_ending_says_what_there_is(folder: Path, name: str) -> None:
    """The hint lists the runners with their endings."""
    with_runners(folder, "a", ("fake", "fake", (".fk",)))
    with pytest.raises(BadInput) as caught:
        Plugins([source("a")]).runner_for_file(name)
    assert "fake .fk" in (caught.value.hint or "")


def test_a_missing_runner_names_broken_plugins(folder: Path) -> None:
    """It may be the one that was meant."""
    module(folder, "a", "import nothing_that_exists\n")
    with pytest.raises(BadInput) as caught:
        Plugins([source("a")]).runner_for_language("fake")
    assert "broken: a" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("import nothing_that_exists", "No module named 'nothing_that_exists'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        (
            REGISTERS + "register(object())",
            "is not a word",
        ),
        (
            REGISTERS + "raise RuntimeError('no')",
            "RuntimeError: no",
        ),
    ],
)
def test_a_broken_plugin_is_named_and_harms_nobody(folder: Path, text: str, part: str) -> None:
    """Whatever its code raises, the others work."""
    module(folder, "bad", text)
    with_runners(folder, "good", ("fake", "fake", (".fk",)))
    plugins = Plugins([source("bad", distribution="evil"), source("good")])
    assert plugins.runner_for_file("x.fk").name == "fake"
    (problem,) = problems(plugins)
    assert problem.startswith("plugin bad (evil 1.0): ")
    assert part in problem


@pytest.mark.parametrize(
    ("runner", "part"),
    [
        (("bash", "other", (".other",)), "runner 'bash' is already that of bash (wmctl 1.0)"),
        (("other", "bash", (".other",)), "tag 'bash' is already that of bash (wmctl 1.0)"),
        (("other", "other", (".o", ".sh")), "extension '.sh' is already that of bash (wmctl 1.0)"),
        (("other", "other", (".o", ".o")), "extension '.o' is already that of third"),
    ],
)
def test_collisions(folder: Path, runner: tuple[str, str, tuple[str, ...]], part: str) -> None:
    """The first keeps it; nothing of the other is used."""
    with_runners(folder, "bash", ("bash", "bash", (".sh",)), ("command", "bash", ()))
    with_runners(folder, "third", runner)
    plugins = Plugins([own("bash"), source("third")])
    assert part in problems(plugins)[0]
    assert set(plugins.runners()) == {"bash", "command"}


def test_two_runners_of_one_plugin_may_share_a_tag(folder: Path) -> None:
    """The control of the test above."""
    with_runners(folder, "bash", ("bash", "bash", (".sh",)), ("command", "bash", ()))
    assert problems(Plugins([own("bash")])) == []


def test_the_same_entry_point_name_twice(folder: Path) -> None:
    """The second is not even loaded, but not passed over in silence."""
    with_runners(folder, "good", ("bash", "bash", ()))
    with_runners(folder, "thief", ("thief", "thief", ()))
    plugins = Plugins([source("bash", "good", "wmctl"), source("bash", "thief", "evil")])
    assert problems(plugins) == [
        "plugin bash (evil 1.0): entry point 'bash' is already that of bash (wmctl 1.0)"
    ]
    assert "thief" not in sys.modules


def test_a_broken_plugin_reserves_nothing(folder: Path) -> None:
    """What it wanted is free for those that come later."""
    module(folder, "bad", "raise ImportError\n")
    with_runners(folder, "half", ("fake", "fake", (".fk", ".fk")))
    with_runners(folder, "good", ("fake", "fake", (".fk",)))
    plugins = Plugins([source("bad"), source("half"), source("good")])
    assert plugins.runner_for_file("x.fk").name == "fake"


COMMANDS = """
from wmctl.plugin import hookimpl

@hookimpl
def wmctl_register_commands(register):
    for name in {names}:
        register(name, "Help of " + name, lambda: print)
"""


def test_commands(folder: Path) -> None:
    """wmctl's own names are not for plugins; the first plugin keeps a name."""
    module(folder, "a", COMMANDS.format(names=["hello", "submit"]))
    module(folder, "b", COMMANDS.format(names=["hello"]))
    plugins = Plugins([source("a"), source("b")])
    found = plugins.commands(frozenset({"submit"}))
    assert {name: command.source.name for name, command in found.items()} == {"hello": "a"}
    assert problems(plugins) == [
        "plugin a (wmctl-third 1.0): command 'submit' is already that of wmctl",
        "plugin b (wmctl-third 1.0): command 'hello' is already that of a (wmctl-third 1.0)",
    ]


def test_an_object_can_be_the_plugin(folder: Path) -> None:
    """`module:object`, its methods are the hooks."""
    module(
        folder,
        "objects",
        """
        from wmctl.plugin import hookimpl

        class It:
            @hookimpl
            def wmctl_register_commands(self, register):
                register("made", "", lambda: print)

        class Box:
            it = It()
        """,
    )
    plugins = Plugins([source("o", "objects:Box.it")])
    assert list(plugins.commands()) == ["made"]
    assert problems(plugins) == []
