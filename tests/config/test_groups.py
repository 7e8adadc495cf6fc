"""A group's file: what each key means, what is refused and where, and the strangest YAML."""

from pathlib import Path

import pytest

from wmctl.config import groups, shared
from wmctl.config.assignable import DEFAULT_TAGS
from wmctl.config.groups import Group
from wmctl.config.shared import Document
from wmctl.config.yamltree import CAP
from wmctl.errors import BadInput, ConfigError
from wmctl.spool import Settings
from wmctl.spool.fs import Disk
from wmctl.spool.store import Store

WHOLE = """\
# A comment.
worker_tags: [gpu, on, 3.10, "1:30"]
priority_tags: {gpu: 100, on: 0}
init_bash: |
  nvidia-smi
  # not a comment
periodic_script_bash: df -h
periodic_script_interval_seconds: 60
additional_python_paths: [/opt/lib]
pip_local_dependencies: [numpy, torch.*]
env_vars_static:
  CUDA: 010
  EMPTY: ""
env_vars_allowlist: [HOSTNAME]
cache_clear: 3
min_alive_workers_alert_threshold: 2
slots: [{CUDA_VISIBLE_DEVICES: 0}, {CUDA_VISIBLE_DEVICES: "1", B: x}]
autoscaling: {enabled: true, max_workers: 5, rate: 0.5, path: f/a, old: yes, none: null}
windmill: {native_mode: false}
"""


def parse(text: str | bytes, name: str = "gpu") -> Group:
    data = text.encode() if isinstance(text, str) else text
    return groups.parse(name, Document(data, "v", "gpu.yaml"))


def test_every_key() -> None:
    """Texts stay what was written; numbers are where Windmill has numbers."""
    found = parse(WHOLE)
    assert found == Group(
        name="gpu",
        worker_tags=("gpu", "on", "3.10", "1:30"),
        priority_tags={"gpu": 100, "on": 0},
        init_bash="nvidia-smi\n# not a comment\n",
        periodic_script_bash="df -h",
        periodic_script_interval_seconds=60,
        additional_python_paths=("/opt/lib",),
        pip_local_dependencies=("numpy", "torch.*"),
        env_vars_static={"CUDA": "010", "EMPTY": ""},
        env_vars_allowlist=("HOSTNAME",),
        cache_clear=3,
        min_alive_workers_alert_threshold=2,
        slots=({"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1", "B": "x"}),
        autoscaling={
            "enabled": True, "max_workers": 5, "rate": 0.5, "path": "f/a", "old": "yes",
            "none": None,
        },
        windmill={"native_mode": False},
    )  # fmt: skip
    assert found.origins["cache_clear"] == "gpu.yaml:15"
    assert found.where("cache_clear") == "group gpu (gpu.yaml:15)"


def test_what_is_absent_or_blank_is_not_set() -> None:
    """Windmill's trap (#5269): a stored empty script won over INIT_SCRIPT."""
    for text in ("", "# nothing\n", 'init_bash: ""\n', "init_bash: |\n  \n", "{}"):
        found = parse(text)
        assert found == Group(name="gpu"), text
        assert not found.sets("init_bash"), text
    assert parse("worker_tags: []").worker_tags == ()
    assert parse("cache_clear: 0").sets("cache_clear")


def test_the_tags_of_a_group() -> None:
    assert parse("").tags == DEFAULT_TAGS
    assert parse("worker_tags: [a]\ndedicated_worker: w:f/a").tags == ("a",)
    assert parse("dedicated_worker: w:f/a/b").tags == ("w:f/a/b",)
    both = "dedicated_worker: w:f/a\ndedicated_workers: [w:f/b, 'w:f/a', w:flow/f/c]"
    assert parse(both).tags == ("w:f/b", "w:f/a", "w:flow/f/c")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("worker_tag: [a]", ":1: unknown key 'worker_tag'", "did you mean 'worker_tags'?"),
        ("a: 1", ":1: unknown key 'a'", "known are:"),
        ("\nworker_tags: gpu", ":2: worker_tags: must be a list", "worker_tags: [a, b]"),
        ("worker_tags: [$workspace]", ":1: worker_tags: '$workspace' is a tag of jobs", "prod"),
        ("worker_tags: ['a-$args[x.y]']", ":1: worker_tags: 'a-$args[x.y]' is a tag of", "'a-x"),
        ("worker_tags:\n- a\n- gpu(a+b)", ":3: worker_tags: 'gpu(a+b)' says who", "wmctl tag add"),
        ("worker_tags: [gpu(^a)]", ":1: worker_tags: 'gpu(^a)' says who", "serve 'gpu' here"),
        ("worker_tags: ['']", ":1: worker_tags: a tag cannot be empty", ""),
        ("worker_tags: [null]", ":1: worker_tags: has no value", ""),
        ("worker_tags: [[a]]", ":1: worker_tags: must be a single value", ""),
        ("priority_tags: {a: 101}", ":1: priority_tags.a: 101 is not from 0 to 100", ""),
        ("priority_tags: {a: -1}", ":1: priority_tags.a: '-1' is not a whole number", ""),
        ("priority_tags: {a: 010}", ":1: priority_tags.a: '010' is not a whole number", ""),
        ("priority_tags: [a]", ":1: priority_tags must be a mapping", ""),
        ("cache_clear: 1_000", ":1: cache_clear: '1_000' is not a whole number", ""),
        ("cache_clear: 0x1", ":1: cache_clear: '0x1' is not a whole number", ""),
        ("cache_clear: ٣", ":1: cache_clear: '٣' is not a whole number", ""),
        ("cache_clear: 1:30", ":1: cache_clear: '1:30' is not a whole number", ""),
        ("cache_clear: true", ":1: cache_clear: 'true' is not a whole number", ""),
        ("cache_clear:", ":1: cache_clear: has no value", "remove the line"),
        (
            "init_bash: a\nperiodic_script_bash: b\nperiodic_script_interval_seconds: 59",
            ":3: periodic_script_interval_seconds: 59 is less than 60 seconds", "60 or more",
        ),
        ("init_bash: a\nperiodic_script_bash: b", ":2: periodic_script_bash needs", "300"),
        ("env_vars_static: {A B: c}", ":1: env_vars_static.A B: 'A B' is no name of a", ""),
        ("env_vars_static: {A: {b: c}}", ":1: env_vars_static.A: must be a single value", ""),
        ("env_vars_static: {A: 1, A: 2}", ":1: 'env_vars_static.A' stands twice", ""),
        ('env_vars_static: {A: "\\0"}', ":1: env_vars_static.A: a variable cannot hold", ""),
        ("env_vars_static: {'<<': a}", ":1: env_vars_static.<<: '<<' is no name", ""),
        ("slots: {A: 1}", ":1: slots: must be a list", ""),
        ("slots: [1]", ":1: slots must be a mapping", ""),
        ("dedicated_worker: f/a", ":1: dedicated_worker: 'f/a' names no script", "WORKSPACE:"),
        ("dedicated_worker: w:f/a\ndedicated_workers: [w:f/b]", ":1: dedicated_worker is not", ""),
        ("autoscaling: {a: 1, a: 2}", ":1: 'autoscaling.a' stands twice", ""),
        ("worker_tags: [a]\nworker_tags: [b]", ":2: 'worker_tags' stands twice", ""),
        ("- a", ":1: the file must be a mapping", ""),
        ("just text", ":1: the file must be a mapping", ""),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_its_line(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.message.startswith(f"gpu.yaml{message}")
    assert hint in (caught.value.hint or "")


BOMB = "a: &a [x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB.encode(),
        b"worker_tags: &a [a]\npip_local_dependencies: *a",
        b"worker_tags: !!python/object/apply:os.system [true]",
        b"worker_tags: !!set {a}",
        b"!!map {cache_clear: 1}",
        b"worker_tags:\n\t- a",
        b"worker_tags: [a\xff]",
        b"worker_tags: [a]\x00",
        b"worker_tags: [a]\x1b",
        "worker_tags: [a]".encode("utf-16-le"),
        b"\xfe\xff\xd8\x00",
        b"? [a, b]\n: c",
        b"? |\n  long\n: c",
        b"a: b: c",
        b"worker_tags: [",
        b"'",
        b"cache_clear: 1\n---\ncache_clear: 2",
        b"%YAML 3.0\n---\ncache_clear: x",
        b"{" * 5000,
        b"[" * 5000,
        b"- " * 5000,
        b"autoscaling: " + b"{a: " * 20 + b"}" * 20,
        b"#" * (CAP + 1),
        b"init_bash: |\n" + b"  x\n" * (1 << 18),
        b"cache_clear: " + b"9" * 10_000,
        b"worker_tags: [" + b"a" * 200 + b"]",
        b"=: <<",
        "worker_tags: ['a\u2028\x07']".encode(),
        "worker_tags: ['\ud800']".encode("utf-8", "surrogatepass"),
        b'"\\ud800": 1',
        b'env_vars_static: {A: "\\ud800"}',
    ],
)  # fmt: skip
def test_strange_yaml_is_refused_with_the_files_name(data: bytes) -> None:
    """Nothing of it hangs, is run, or comes out as anything but a sentence about this file."""
    with pytest.raises(ConfigError) as caught:
        parse(data)
    assert caught.value.message.startswith("gpu.yaml")
    assert len(caught.value.message) < 600


def test_yaml_that_looks_strange_and_is_not() -> None:
    assert parse("\ufeffcache_clear: 1\n".encode()).cache_clear == 1
    assert parse("cache_clear: 1\n".encode("utf-16")).cache_clear == 1
    assert parse("cache_clear: 1\r\nworker_tags: [a]\r\n").worker_tags == ("a",)
    assert parse('{"cache_clear": 1, "worker_tags": ["a"]}').worker_tags == ("a",)
    assert parse("%YAML 1.1\n---\ncache_clear: 1\n...\n").cache_clear == 1


@pytest.mark.parametrize("name", ["a", "gpu-2.large", "A_b", "-x", "_", "9" * 50])
def test_names(name: str) -> None:
    assert groups.relative(name) == f"groups/{name}.yaml"


@pytest.mark.parametrize("name", ["", ".a", "..", "a/b", "a b", "ä", "a\n", "9" * 51, "a\0", "٣"])
def test_no_names(name: str) -> None:
    with pytest.raises(BadInput, match="no name of a worker group"):
        groups.relative(name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(str(tmp_path / "spool"), Settings(durability="none"), Disk())


def test_all_groups_of_a_spool(store: Store) -> None:
    """A broken one hides no other."""
    put = {"gpu": b"worker_tags: [gpu]", "bad": b"x: 1", "a b": b""}
    for name, data in put.items():
        Path(store.path("groups", f"{name}.yaml")).write_bytes(data)
    found = groups.load_all(store)
    assert list(found) == ["a b", "bad", "gpu"]
    assert isinstance(found["gpu"], Group)
    for name in ("a b", "bad"):
        error = found[name]
        assert isinstance(error, ConfigError)
        assert f"{name}.yaml" in error.message
    assert groups.load(store, "none") is None


def test_a_group_that_was_removed_meanwhile(store: Store) -> None:
    shared.edit(store, groups.relative("gpu"), lambda _: b"cache_clear: 1")
    assert groups.load(store, "gpu") == Group(name="gpu", cache_clear=1)
    shared.discard(store, groups.relative("gpu"))
    assert groups.load_all(store) == {}
