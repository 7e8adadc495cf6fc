"""Keys of a file changed from the shell: what is not changed stays as it was written."""

import random

import pytest
import yaml

from wmctl.config import assign, groups, yamldump, yamledit
from wmctl.errors import BadInput

FILE = """\
# The GPU machines.
# Ask ann first.

worker_tags: [gpu]  # all of them

# Not before the driver is there.
init_bash: |
  nvidia-smi
  # a comment of the script's

env_vars_static:
  # which
  CUDA: 010
  B: x   # why
# about slots
slots:
- {CUDA_VISIBLE_DEVICES: 0}
cache_clear: 1
# the end
"""


def after(text: str, *words: str, unset: tuple[str, ...] = ()) -> str:
    values = groups.said("gpu.yaml", text.encode())
    made = [*map(assign.assignment, words), *map(assign.removal, unset)]
    changes = assign.changes(groups.SCHEMA, values, made)
    read = lambda data: groups.said("gpu.yaml", data)  # noqa: E731 - as the command has it
    return yamledit.changed("gpu.yaml", text.encode(), changes, read).decode()


@pytest.mark.parametrize(
    ("word", "old", "new"),
    [
        ("worker_tags=gpu,on", "[gpu]  # all", '[gpu, "on"]  # all'),
        ("worker_tags+=gpu-large,gpu", "[gpu]  # all", "[gpu, gpu-large]  # all"),
        ("cache_clear=2", "cache_clear: 1", "cache_clear: 2"),
        ("slots.1.CUDA_VISIBLE_DEVICES=1", "- {CUDA_VISIBLE_DEVICES: 0}\n",
         '- {CUDA_VISIBLE_DEVICES: "0"}\n- {CUDA_VISIBLE_DEVICES: "1"}\n'),
        ("env_vars_static.C=a b", "  # which\n  CUDA: 010\n  B: x   # why\n",
         '  CUDA: "010"\n  B: x\n  C: a b\n'),
        ("init_bash=echo hi", "|\n  nvidia-smi\n  # a comment of the script's\n", "echo hi\n"),
        ("init_bash=a\nb\n", "  nvidia-smi\n  # a comment of the script's\n", "  a\n  b\n"),
    ],
)  # fmt: skip
def test_only_the_changed_key_is_written_anew(word: str, old: str, new: str) -> None:
    assert old in FILE
    assert after(FILE, word) == FILE.replace(old, new)


def test_new_keys_come_at_the_end() -> None:
    found = after(FILE, "priority_tags.gpu=5", "autoscaling.integration.type=script")
    assert found == FILE + (
        "priority_tags:\n  gpu: 5\nautoscaling:\n  integration:\n    type: script\n"
    )
    assert after("", "cache_clear=1") == "cache_clear: 1\n"
    assert after("# only this", "cache_clear=1") == "# only this\ncache_clear: 1\n"


def test_removing() -> None:
    assert after(FILE, unset=("worker_tags",)) == FILE.replace(
        "worker_tags: [gpu]  # all of them\n", ""
    )
    assert "CUDA:" not in after(FILE, unset=("env_vars_static.CUDA",))
    assert "env_vars_static" not in after(FILE, unset=("env_vars_static.CUDA", "env_vars_static.B"))
    assert "slots:" not in after(FILE, unset=("slots.0",))
    assert after(FILE, unset=("init_bash", "cache_clear")).count("#") == 8
    assert after("cache_clear: 1", unset=("cache_clear",)) == ""


def test_a_file_that_has_no_lines_is_written_anew() -> None:
    """Its first comments stay."""
    found = after("# c\n{worker_tags: [a], cache_clear: 1}\n", "cache_clear=2")
    assert found == "# c\nworker_tags: [a]\ncache_clear: 2\n"
    assert after("---\ncache_clear: 1\n...\n", "init_bash=x") == "cache_clear: 1\ninit_bash: x\n"
    assert "\r\n" in after("worker_tags: [a]\r\ncache_clear: 1\r\n", "cache_clear=2")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("worker_tags", "is no change of a key"),
        ("=x", "is no change of a key"),
        ("worker_tag=a", "worker_tag=a: unknown key 'worker_tag'"),
        ("worker_tags=", "worker_tags=: says nothing"),
        ("worker_tags=a(b)", "worker_tags=a(b): 'a(b)' says who may use"),
        ("worker_tags=[a", "worker_tags=[a: is not YAML that fits"),
        ("worker_tags.x=a", "worker_tags.x=a: 'x' is no place in the list"),
        ("worker_tags.1=$workspace", "is a tag of jobs"),
        ("slots.2.A=1", "slots.2.A=1: '2' is no place in the list"),
        ("slots=a", "slots=a: is a list of mappings"),
        ("slots.0.A B=1", "'A B' is no name of a variable"),
        ("cache_clear=-1", "cache_clear=-1: '-1' is not a whole number"),
        ("cache_clear+=1", "cache_clear+=1: only a list can be added to"),
        ("cache_clear.x=1", "there is nothing below it that could be called 'x'"),
        ("env_vars_static=a", "env_vars_static=a: is a mapping"),
        ("env_vars_static={A: {b: c}}", "is not YAML that fits"),
        ("priority_tags.gpu=101", "priority_tags.gpu=101: 101 is not from 0 to 100"),
        ("periodic_script_interval_seconds=30", "30 is less than 60 seconds"),
        ("autoscaling.a=&x", "is not YAML that fits"),
    ],
)
def test_what_cannot_be_set(word: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        after(FILE, word)
    assert message in caught.value.message


def test_what_is_not_set_cannot_be_removed() -> None:
    with pytest.raises(BadInput, match=r"--unset env_vars_static.X: it is not set"):
        after(FILE, unset=("env_vars_static.X",))


def test_values_that_look_like_something_else() -> None:
    found = after(
        "", "priority_tags.gpu.large=7", "env_vars_static.A==x", "env_vars_static.B=",
        "env_vars_static.C=a: b # c", "autoscaling.enabled=true", "autoscaling.max_workers=5",
        "autoscaling.note='5'", "slots=[{A: 0}, {}]", "pip_local_dependencies=[]",
    )  # fmt: skip
    values = groups.said("x", found.encode())
    assert values["priority_tags"] == {"gpu.large": 7}
    assert values["env_vars_static"] == {"A": "=x", "B": "", "C": "a: b # c"}
    assert values["autoscaling"] == {"enabled": True, "max_workers": 5, "note": "5"}
    assert values["slots"] == ({"A": "0"}, {})
    assert values["pip_local_dependencies"] == ()


LETTERS = ["a", "on", "0", "1", ".", ":", " ", "#", "-", "'", '"', "\\", "\n", "\t", "é", "\u2028",
           "\x7f", "\U0001f600", "{", "]", "|", "%", "&", "no", "~", "\r", "\x85", "\ufeff",
           ]  # fmt: skip


def test_any_text_comes_back_as_it_was() -> None:
    """For us, and for a reader of YAML 1.1, in every place where a text can stand."""
    chance = random.Random(5)
    for _ in range(400):
        text = "".join(chance.choices(LETTERS, k=chance.randrange(8)))
        for value in (text, {text: text}, [text, text], [{"a": text}], {"a": {"b": [text]}}):
            dumped = yamldump.document({"key": value})
            assert yaml.safe_load(dumped) == {"key": value}, dumped
            assert "\n- " not in dumped or not isinstance(value, str)
        dumped = yamldump.rows([{"name": text, "config": {"init_bash": text, "n": [1, True]}}])
        assert yaml.safe_load(dumped)[0]["config"]["init_bash"] == text


def test_random_changes_of_a_file_keep_its_other_lines() -> None:
    """The comments of a key that was not changed are there, in their order."""
    chance = random.Random(6)
    words = ["worker_tags=a", "init_bash=x\ny\n", "env_vars_static.Z=1", "cache_clear=9",
             "slots=[]", "priority_tags.a=1"]  # fmt: skip
    for _ in range(60):
        chosen = chance.sample(words, chance.randrange(1, 4))
        found = after(FILE, *chosen)
        assert "# The GPU machines.\n# Ask ann first.\n" in found
        if "slots=[]" not in chosen and not [one for one in chosen if one.startswith("env")]:
            assert "  # which\n  CUDA: 010\n  B: x   # why\n# about slots\nslots:\n" in found
        again = after(found, "cache_clear=10", unset=("cache_clear",))
        assert "cache_clear" not in again
