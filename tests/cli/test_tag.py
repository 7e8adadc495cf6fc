"""`wmctl tag`: what the list says, how it is changed, and which tags nobody serves."""

import json
from multiprocessing.pool import ThreadPool

import pytest

from tests.cli.conftest import Call
from wmctl.config.assignable import DEFAULT_TAGS
from wmctl.config.shared import edit
from wmctl.config.tagedit import added, texts
from wmctl.spool import Spool


def group(spool: Spool, name: str, text: str) -> None:
    """A worker group's file."""
    file = spool.path / "groups" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)


def listing(call: Call, *words: str) -> dict[str, dict[str, object]]:
    """The items of `tag ls` by what the list says."""
    code, out, err = call("tag", "ls", "-o", "json", *words)
    assert (code, err) == (0, "")
    return {item["rule"]: item for item in json.loads(out)}


def test_what_there_is(call: Call, spool: Spool) -> None:
    """Default tags, custom ones, those of groups; whose they are and who serves them."""
    call("tag", "add", "-q", "gpu(research+vision)", "high(^sales)", "normal-$workspace")
    group(spool, "gpu", "worker_tags: [gpu, normal-prod, tpu]\n")
    spool.join("w1", {"tags": ["bash", "gpu"], "state": "idle"})
    spool.join("w2", {"tags": ["gpu"], "state": "draining"})
    found = listing(call)
    assert {one for one, item in found.items() if item["kind"] == "default"} == set(DEFAULT_TAGS)
    custom = {one: item["tag"] for one, item in found.items() if item["kind"] == "custom"}
    assert custom == {
        "gpu(research+vision)": "gpu", "high(^sales)": "high",
        "normal-$workspace": "normal-$workspace",
    }  # fmt: skip
    gpu = found["gpu(research+vision)"]
    assert [gpu[key] for key in ("workspaces", "but", "groups", "workers", "origin")] == [
        ["research", "vision"], False, ["gpu"], 1, "tags.yaml:2",
    ]  # fmt: skip
    assert found["normal-$workspace"]["groups"] == ["gpu"]
    assert found["high(^sales)"]["covered"] is False
    assert {one for one, item in found.items() if item["kind"] == "group"} == {"tpu", "normal-prod"}
    assert "gpu(research+vision)" not in listing(call, "--workspace", "sales")
    assert "normal-prod" not in listing(call, "--workspace", "sales")
    assert "normal-prod" in listing(call, "--workspace", "prod")
    table = call("tag", "ls")[1]
    assert "research,vision" in table
    assert "all but sales" in table
    assert "each its own" in table


def test_changes_keep_the_file(call: Call, spool: Spool) -> None:
    """Comments too; what is there is not added twice, and what is not there is told."""
    file = spool.path / "tags.yaml"
    file.write_text("# ours\ncustom_tags: # sorted\n- a  # first\n- b\nonly_known_tags: no\n")
    file.chmod(0o600)
    code, out, _ = call("tag", "add", "a", "c", "gpu(x)")
    assert (code, out) == (0, "a  was there\nc  added\ngpu(x)  added\n")
    assert file.read_text() == (
        "# ours\ncustom_tags: # sorted\n- a  # first\n- b\n- c\n- gpu(x)\nonly_known_tags: no\n"
    )
    assert call("tag", "rm", "b", "gpu")[:2] == (0, "b  removed\ngpu(x)  removed\n")
    before = file.read_text()
    code, out, err = call("tag", "rm", "a", "cc")
    assert (code, out) == (66, "")
    assert "did you mean 'c'?" in err
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gpu(a.b)", "is a plain tag of that name"),
        ("foo()", "is a plain tag of that name"),
        ("open(x)", "is in the list without workspaces too"),
    ],
)
def test_what_may_not_have_been_meant(call: Call, given: str, told: str) -> None:
    """It is done, and said."""
    call("tag", "add", "-q", "open")
    code, _, err = call("tag", "add", given)
    assert code == 0
    assert told in err


@pytest.mark.parametrize("given", ["", "a\nb", "x" * 130])
def test_what_can_be_no_tag(call: Call, spool: Spool, given: str) -> None:
    """Nothing is changed."""
    assert call("tag", "add", "good", given)[0] == 65
    assert not (spool.path / "tags.yaml").exists()


def test_a_broken_file_is_not_changed(call: Call, spool: Spool) -> None:
    """File and line are told."""
    file = spool.path / "tags.yaml"
    file.write_text("custom_tags: [a]\ncustom_tag: b\n")
    file.chmod(0o600)
    for words in (("add", "c"), ("rm", "a"), ("ls",), ("check",)):
        code, _, err = call("tag", *words)
        assert code == 78
        assert "tags.yaml:2" in err
    assert file.read_text() == "custom_tags: [a]\ncustom_tag: b\n"


def test_check(call: Call, spool: Spool) -> None:
    """The tags whose jobs would never run; exit 1 while there are any."""
    call("tag", "add", "-q", "gpu(research)", "normal-$workspace")
    code, out, err = call("tag", "check")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()[1:]] == sorted(
        {*DEFAULT_TAGS, "gpu", "normal-$workspace"}
    )
    assert "would never run" in err
    group(spool, "default", "")
    spool.join("w1", {"tags": ["normal-prod"], "state": "idle"})
    spool.join("w2", {"tags": ["gpu"], "state": "idle", "only": "x"})
    code, out, _ = call("tag", "check", "-o", "json")
    assert (code, [item["tag"] for item in json.loads(out)]) == (1, ["gpu"])
    group(spool, "gpu", "worker_tags: [gpu]\n")
    assert call("tag", "check")[:2] == (
        0, "every default and custom tag is served by a group or a live worker\n",
    )  # fmt: skip
    assert call("tag", "check", "-o", "json")[:2] == (0, "[]\n")
    group(spool, "bad", "worker_tag: [x]\n")
    code, out, err = call("tag", "check")
    assert (code, out) == (1, "")
    assert "bad.yaml:1" in err


def test_default_tags_of_workspaces_are_checked(call: Call, spool: Spool) -> None:
    """They are what jobs get."""
    file = spool.path / "tags.yaml"
    file.write_text("default_tags_per_workspace: yes\ndefault_tags_workspaces: [prod]\n")
    file.chmod(0o600)
    group(spool, "default", "")
    _, out, _ = call("tag", "check", "-o", "id")
    assert out.split() == sorted(f"{tag}-prod" for tag in DEFAULT_TAGS)
    file.write_text("default_tags_per_workspace: yes\n")
    _, out, _ = call("tag", "check", "-o", "id")
    assert out.split() == sorted(f"{tag}-$workspace" for tag in DEFAULT_TAGS)


def test_two_editors_lose_nothing_of_each_others(spool: Spool) -> None:
    """Each adds tags of its own at the same time."""

    def add(number: int) -> None:
        edit(
            spool.store, "tags.yaml",
            lambda now: added("tags.yaml", (now or b"").decode(), [f"t{number}"]).encode(),
        )  # fmt: skip

    with ThreadPool(4) as pool:
        pool.map(add, range(12))
    found = texts("tags.yaml", (spool.path / "tags.yaml").read_text())
    assert sorted(found) == sorted(f"t{number}" for number in range(12))


def test_retry_asks_the_rules_too(call: Call, spool: Spool) -> None:
    """They may have changed since the job was submitted."""
    job_id = call("submit", "-l", "bash", "-c", ":", "-t", "gpu")[1].strip()
    spool.cancel(job_id)
    assert call("retry", job_id)[0] == 0
    call("tag", "add", "-q", "gpu(research)")
    code, out, err = call("retry", job_id)
    assert (code, out) == (65, "")
    assert "is of the workspace research alone" in err
