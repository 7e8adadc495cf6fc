"""What a worker serves: every line of Windmill's order of precedence, and its known traps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wmctl import config
from wmctl.config import served
from wmctl.config.groups import Group, parse
from wmctl.config.served import Served
from wmctl.config.shared import Document
from wmctl.errors import ConfigError

RUNNERS = ("bash", "python3")
Resolve = Callable[..., Served]


def group(name: str, text: str) -> Group:
    return parse(name, Document(text.encode(), "v", f"{name}.yaml"))


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """`resolve(environ, {group: text}, option=…, file=…)`: as the worker does it."""

    def resolve(
        environ: dict[str, str] | None = None,
        texts: dict[str, str] | None = None,
        option: str | None = None,
        file: str | None = None,
        runners: tuple[str, ...] = RUNNERS,
    ) -> Served:
        environ = {"HOME": str(tmp_path), **(environ or {})}
        if file is not None:
            (tmp_path / "c.yaml").write_text(file)
            environ["WMCTL_CONFIG"] = str(tmp_path / "c.yaml")
        settings = config.load(
            {"worker.tags": option}, environ=environ, folder=tmp_path, system=tmp_path / "none"
        ).worker
        files = [group(name, text) for name, text in (texts or {}).items()]
        return served.resolve(settings, [one for one in files if one.name in settings.groups],
                              runners)  # fmt: skip

    return resolve


GPU = {"WORKER_GROUP": "gpu"}
FORCE, WM, OWN = "FORCE_WORKER_TAGS", "WORKER_TAGS", "WMCTL_WORKER_TAGS"


@pytest.mark.parametrize(
    ("environ", "texts", "option", "file", "tags", "origin"),
    [
        # 5. Nobody says anything: the tags that can run here.
        ({}, {}, None, None, "bash python3", "built in"),
        ({}, {"default": ""}, None, None, "bash python3", "built in"),
        ({}, {"default": "cache_clear: 1"}, None, None, "bash python3", "built in"),
        # 4. WORKER_TAGS, and below it this machine's file.
        ({}, {}, None, "worker: {tags: [f]}", "f", ":1"),
        ({WM: "a,b"}, {}, None, "worker: {tags: [f]}", "a b", WM),
        (GPU | {WM: "a"}, {"gpu": ""}, None, None, "a", WM),
        # An empty variable is not set.
        ({WM: ""}, {}, None, None, "bash python3", "built in"),
        # 3. Dedicated workers serve just these.
        (GPU | {WM: "a"}, {"gpu": "dedicated_worker: w:f/x"}, None, None, "w:f/x", "gpu.yaml:1"),
        # 2. The group's tags win over WORKER_TAGS (#4681) and over dedicated_worker…
        (GPU | {WM: "a"}, {"gpu": "worker_tags: [g]"}, None, None, "g", "group gpu (gpu.yaml:1)"),
        (GPU, {"gpu": "dedicated_worker: w:f/x\nworker_tags: [g]"}, None, None, "g", ":2"),
        (GPU, {"gpu": "worker_tags: [g]"}, None, "worker: {tags: [f]}", "g", "gpu.yaml:1"),
        # …but those of `default` are added to it (#2348).
        ({}, {"default": "worker_tags: [d]"}, None, None, "d", "default.yaml:1"),
        ({WM: "a"}, {"default": "worker_tags: [d]"}, None, None, "a d", WM),
        ({WM: "d,a"}, {"default": "worker_tags: [d]"}, None, None, "d a", "default.yaml:1"),
        ({}, {"default": "worker_tags: [d]"}, None, "worker: {tags: [f]}", "f d", ":1"),
        ({WM: "a"}, {"default": "worker_tags: []"}, None, None, "a", WM),
        # wmctl's own variable and the option win over the group…
        (GPU | {OWN: "o"}, {"gpu": "worker_tags: [g]"}, None, None, "o", OWN),
        ({OWN: "o"}, {"default": "worker_tags: [d]"}, None, None, "o", OWN),
        (GPU | {OWN: "o"}, {"gpu": "worker_tags: [g]"}, "p", None, "p", "option"),
        # 1. …and FORCE_WORKER_TAGS over all.
        ({FORCE: "x", WM: "a", OWN: "o"}, {"default": "worker_tags: [d]"}, "p", None, "x", FORCE),
        (GPU | {FORCE: "x"}, {"gpu": "dedicated_worker: w:f/x"}, None, None, "x", FORCE),
        # A group that has no file has the default configuration.
        ({"WORKER_GROUP": "new"}, {}, None, None, "bash python3", "built in"),
        ({"WORKER_GROUP": "new", WM: "a"}, {"gpu": "worker_tags: [g]"}, None, None, "a", WM),
        # Several groups: what each alone would give.
        ({"WORKER_GROUP": "a,b"}, {"a": "worker_tags: [x, y]", "b": "worker_tags: [y, z]"},
         None, None, "x y z", "a.yaml:1"),
        ({"WORKER_GROUP": "gpu,default", WM: "w"},
         {"gpu": "worker_tags: [g]", "default": "worker_tags: [d]"}, None, None, "g w d",
         "gpu.yaml:1"),
        ({"WORKER_GROUP": "gpu,default"}, {"gpu": "worker_tags: [g]"}, None, None,
         "g bash python3", "gpu.yaml:1"),
        ({"WORKER_GROUP": "a,b"}, {"a": "dedicated_worker: w:f/x", "b": "worker_tags: [y]"},
         None, None, "w:f/x y", "a.yaml:1"),
    ],
)  # fmt: skip
def test_who_listens(
    resolve: Resolve,
    environ: dict[str, str],
    texts: dict[str, str],
    option: str | None,
    file: str | None,
    tags: str,
    origin: str,
) -> None:
    """The tags in the order in which they were written, and what says so of the first."""
    found = resolve(environ, texts, option, file)
    assert list(found.tags) == tags.split()
    assert list(found.origins) == list(found.tags)
    assert any(origin in told for told in found.origins.values())


@pytest.mark.parametrize(
    ("environ", "texts", "runners", "message"),
    [
        (GPU, {"gpu": "worker_tags: []"}, RUNNERS, "gpu.yaml:1: worker_tags is empty"),
        ({}, {"default": "worker_tags: []"}, RUNNERS, "default.yaml:1: worker_tags is empty"),
        ({}, {}, (), "no tag that this worker could serve (built in)"),
        ({WM: ","}, {}, RUNNERS, "no tag that this worker could serve (WORKER_TAGS)"),
        ({FORCE: ","}, {}, RUNNERS, "no tag that this worker could serve (FORCE_WORKER_TAGS)"),
        ({WM: "a-$workspace"}, {}, RUNNERS, "WORKER_TAGS: 'a-$workspace' is a tag of jobs"),
        ({OWN: "gpu(a)"}, {}, RUNNERS, "WMCTL_WORKER_TAGS: 'gpu(a)' says who may use"),
    ],
)
def test_nothing_to_serve(
    resolve: Resolve,
    environ: dict[str, str],
    texts: dict[str, str],
    runners: tuple[str, ...],
    message: str,
) -> None:
    """#4267: a worker without tags does not sit there in silence."""
    with pytest.raises(ConfigError) as caught:
        resolve(environ, texts, runners=runners)
    assert message in caught.value.message
    assert caught.value.hint


def test_ranks(resolve: Resolve) -> None:
    """Of the tags that are served, wherever they come from; the first group's word counts."""
    texts = {
        "a": "worker_tags: [x, y]\npriority_tags: {x: 5, other: 9}",
        "b": "worker_tags: [z]\npriority_tags: {x: 7, z: 3}",
    }
    found = resolve({"WORKER_GROUP": "a,b"}, texts)
    assert found.tags == {"x": 5, "y": 0, "z": 3}
    assert found.differences == (
        "the priority of the tag 'x' differs between the groups a, b: a's is used, 5",
    )
    assert resolve({"WORKER_GROUP": "a", FORCE: "other"}, texts).tags == {"other": 9}


EVERYTHING = """\
init_bash: group init
periodic_script_bash: group periodic
periodic_script_interval_seconds: 120
additional_python_paths: [/group]
pip_local_dependencies: [group]
env_vars_static: {A: group}
env_vars_allowlist: [B, C]
cache_clear: 4
slots: [{D: "0"}, {D: "1"}]
"""
VARIABLES = {
    "INIT_SCRIPT": "own init",
    "PERIODIC_BASH_SCRIPT": "own periodic",
    "PERIODIC_BASH_SCRIPT_INTERVAL_SECONDS": "60",
    "ADDITIONAL_PYTHON_PATHS": "/a:/b",
    "PIP_LOCAL_DEPENDENCIES": "own,two",
    "WHITELIST_ENVS": "B,E",
}


def others(found: Served) -> tuple[object, ...]:
    return (
        found.init_bash, found.periodic_bash, found.periodic_interval, found.python_paths,
        found.pip_local, found.env_static, found.env_allow, found.cache_clear, found.slots,
    )  # fmt: skip


NOTHING = (None, None, None, (), (), {}, (), 0, ())
OWN_VALUES = (
    "own init", "own periodic", 60, ("/a", "/b"), ("own", "two"), {}, ("B", "E"), 0, (),
)  # fmt: skip
GROUPS = (
    "group init", "group periodic", 120, ("/group",), ("group",), {"A": "group"}, ("B", "C"), 4,
    ({"D": "0"}, {"D": "1"}),
)  # fmt: skip


def test_the_other_settings(resolve: Resolve) -> None:
    """Windmill's variables count where the group says nothing (#5269); wmctl's always."""
    assert others(resolve(GPU)) == NOTHING
    assert others(resolve(GPU | VARIABLES)) == OWN_VALUES
    assert others(resolve(GPU | VARIABLES, {"gpu": 'init_bash: ""\n'})) == OWN_VALUES
    assert others(resolve(GPU, {"gpu": EVERYTHING})) == GROUPS
    both = resolve(GPU | VARIABLES, {"gpu": EVERYTHING})
    assert others(both) == (*GROUPS[:6], ("B", "E", "C"), *GROUPS[7:])
    assert "INIT_SCRIPT is not used: init_bash of group gpu (gpu.yaml:1) wins" in both.notes
    above = {f"WMCTL_{name}": value for name, value in VARIABLES.items()}
    found = resolve(GPU | above, {"gpu": EVERYTHING})
    assert others(found)[:5] == OWN_VALUES[:5]
    assert "init_bash of group gpu (gpu.yaml:1) is not used: WMCTL_INIT_SCRIPT wins" in found.notes


def test_of_several_groups_the_first_ones_settings_win(resolve: Resolve) -> None:
    texts = {"gpu": "init_bash: a\ncache_clear: 4\n", "late": EVERYTHING}
    found = resolve({"WORKER_GROUP": "gpu,late"}, texts)
    assert (found.init_bash, found.cache_clear) == ("a", 4)
    assert found.env_static == {"A": "group"}
    assert found.differences[:1] == (
        "init_bash differs between the groups gpu and late: gpu's is used",
    )
    assert "slots is set by the group late, not by gpu: it is used" in found.differences
    assert not [text for text in found.differences if "cache_clear" in text]
    assert resolve({"WORKER_GROUP": "late,gpu"}, texts).init_bash == "group init"


def test_a_periodic_script_needs_its_interval(resolve: Resolve) -> None:
    """From wherever; an interval without a script is of no use, and no harm."""
    script = {"PERIODIC_BASH_SCRIPT": "df"}
    with pytest.raises(ConfigError, match="no interval"):
        resolve(script)
    both = resolve(script, {"default": "periodic_script_interval_seconds: 90"})
    assert (both.periodic_bash, both.periodic_interval) == ("df", 90)
    assert (
        resolve({}, {"default": "periodic_script_interval_seconds: 90"}).periodic_interval is None
    )
    variable = "PERIODIC_BASH_SCRIPT_INTERVAL_SECONDS"
    with pytest.raises(ConfigError, match=f"^{variable} .*: 59 is less than 60"):
        resolve({variable: "59"})


def test_what_restarts_a_worker(resolve: Resolve) -> None:
    """A changed script, cache_clear or dedicated worker; nothing that can change while it runs."""
    key = resolve(GPU, {"gpu": EVERYTHING}).restart_key
    same = "worker_tags: [n]\npriority_tags: {n: 1}\nmin_alive_workers_alert_threshold: 9\n"
    changed = EVERYTHING.replace("A: group", "A: other").replace("/group", "/n").replace("B,", "")
    assert resolve(GPU, {"gpu": same + changed}).restart_key == key
    for line in ("group init", "group periodic", "120", "cache_clear: 4"):
        other = EVERYTHING.replace(line, line.replace("120", "180").replace("4", "5") + "0")
        assert resolve(GPU, {"gpu": other}).restart_key != key, line
    assert resolve(GPU, {"gpu": EVERYTHING + "dedicated_worker: w:f/x"}).restart_key != key


def test_what_people_should_be_told(resolve: Resolve) -> None:
    """A group that is not there, and whatever is set and has no effect."""
    assert resolve({}).notes == ()
    assert "there is no group new in this spool" in resolve({"WORKER_GROUP": "new"}).notes[0]
    assert "wmctl group create new" in resolve({"WORKER_GROUP": "new"}).notes[0]
    texts = {"gpu": "worker_tags: [g]\ndedicated_worker: w:f/x"}
    told = resolve(GPU | {WM: "a"}, texts).notes
    assert told == (
        "group gpu (gpu.yaml:2): dedicated_workers adds no tags where worker_tags is set",
        "WORKER_TAGS is not used: worker_tags of group gpu (gpu.yaml:1) wins",
    )
    assert resolve({WM: "a"}, {"default": "worker_tags: [d]"}).notes == ()
    forced = resolve(GPU | {FORCE: "x"}, {"gpu": "worker_tags: [g]"}).notes
    assert forced == ("worker_tags of group gpu (gpu.yaml:1) is not used: FORCE_WORKER_TAGS wins",)


@pytest.mark.parametrize("text", ["a/b", ".a", ",", "a,b c", "x" * 51])
def test_a_group_that_could_be_no_file(resolve: Resolve, text: str) -> None:
    with pytest.raises(ConfigError, match=r"^WORKER_GROUP"):
        resolve({"WORKER_GROUP": text})


def test_each_group_counts_once(resolve: Resolve) -> None:
    found = resolve({"WORKER_GROUP": " a, b,a "}, {"a": "worker_tags: [x]"})
    assert list(found.tags) == ["x", "bash", "python3"]
    assert len(found.notes) == 1
