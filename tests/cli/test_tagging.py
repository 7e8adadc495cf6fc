"""Tags of new jobs: expanded from workspace and args, checked by the spool's rules."""

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import Call
from wmctl.spool import Spool

RULES = """\
custom_tags:
  - gpu(research)
  - normal-$workspace
  - big
"""
SCRIPT = ("-l", "bash", "-c", 'size="${1:-none}"')


def rules(spool: Spool, text: str = RULES) -> None:
    """What the spool says about tags."""
    (spool.path / "tags.yaml").write_text(text)
    (spool.path / "tags.yaml").chmod(0o600)


def tag_of(spool: Spool, job_id: str) -> str:
    return spool.find(job_id.strip()).name.tag


def tagged(call: Call, spool: Spool, tag: str | None, *words: str) -> str:
    """The tag of a job that was accepted."""
    given = () if tag is None else ("-t", tag)
    code, out, err = call("submit", *SCRIPT, *given, *words)
    assert code == 0, err
    return tag_of(spool, out)


@pytest.mark.parametrize(
    ("tag", "words", "made"),
    [
        ("normal-$workspace", ("--workspace", "prod"), "normal-prod"),
        ("normal-$workspace", (), "normal-default"),
        ("size-$args[size]", ("-a", "size=big"), "size-big"),
        ("size-$args[size]", ("-a", "size:=3"), "size-3"),
        ("size-$args[a.b]", ("-d", '{"a":{"b":"c"}}', "--no-check"), "size-c"),
        ("size-$args[size]", ("-a", "size=$workspace-", "--workspace", "p"), None),
        ("x$args[missing]", ("-d", "{}", "--no-check"), "x"),
        ("gpu(research)", ("--workspace", "research"), "gpu"),
        ("gpu(^sales)", (), "gpu"),
    ],
)
def test_expanded(
    call: Call, spool: Spool, tag: str, words: tuple[str, ...], made: str | None
) -> None:
    """Without any rule; what an arg brings in is not expanded again, and so is no tag."""
    if made is not None:
        assert tagged(call, spool, tag, *words) == made
        return
    code, out, err = call("submit", *SCRIPT, "-t", tag, *words)
    assert (code, out) == (65, "")
    assert "was not expanded" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-t", "gpu"), "the tag 'gpu' is of the workspace research alone (tags.yaml:2)"),
        (("-t", "gpu", "--workspace", "sales"), "the job is of the workspace 'sales'"),
        (("-t", "gpu(research)"), "'gpu(research)' is of the workspace research alone"),
        (("-t", "gpu(default)"), "the tag 'gpu' is of the workspace research alone"),
        (("-t", "normal-prod"), "here it would be 'normal-default'"),
        (("-t", "normal-$args[size]", "-a", "size=prod"), "'normal-prod' is another workspace's"),
        (("-t", "$args[size]", "-a", "size=gpu"), "the tag 'gpu' is of"),
        (("-t", "$args[size]", "-a", "size="), "comes to nothing"),
        (("-t", "$args[]"), "does not say which arg"),
        (("-t", "$args[size]", "-a", "size=a\nb"), "control character"),
    ],
)
def test_refused(call: Call, spool: Spool, words: tuple[str, ...], told: str) -> None:
    """With the rule's place and what to do; nothing is queued."""
    rules(spool)
    code, out, err = call("submit", *SCRIPT, *words)
    assert (code, out) == (65, "")
    assert told in err
    assert list(spool.entries()) == []
    code, _, err = call("run", *SCRIPT, *words)
    assert code == 65
    assert told in err


def test_refused_by_the_variable(call: Call, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUSTOM_TAGS counts where the spool has no list; a list, also an empty one, goes before."""
    monkeypatch.setenv("CUSTOM_TAGS", "gpu(research), big")
    code, _, err = call("submit", *SCRIPT, "-t", "gpu")
    assert code == 65
    assert "(CUSTOM_TAGS)" in err
    assert "wmctl tag ls" in err
    rules(spool, "custom_tags: []\n")
    assert tagged(call, spool, "gpu") == "gpu"


def test_broken_rules(call: Call, spool: Spool) -> None:
    """Nothing is submitted past rules that cannot be read."""
    rules(spool, "custom_tags: []\nonly_known_tag: yes\n")
    code, _, err = call("submit", *SCRIPT, "-t", "x")
    assert code == 78
    assert "tags.yaml:2: unknown key 'only_known_tag'" in err
    assert "did you mean 'only_known_tags'?" in err


def test_only_known_tags(call: Call, spool: Spool) -> None:
    """Default tags (of plugins too), custom ones, those of groups; no others."""
    rules(spool, f"{RULES}only_known_tags: true\n")
    (spool.path / "groups").mkdir(exist_ok=True)
    group = spool.path / "groups/fpga.yaml"
    group.write_text("worker_tags: [fpga]\n")
    group.chmod(0o600)
    for tag in (None, "big", "fpga", "python3", "normal-$workspace"):
        tagged(call, spool, tag)
    code, _, err = call("submit", *SCRIPT, "-t", "other")
    assert code == 65
    assert "only_known_tags" in err
    assert "did you mean 'fpga'?" in call("submit", *SCRIPT, "-t", "fgpa")[2]


def test_default_tags_per_workspace(call: Call, spool: Spool) -> None:
    """A job without a tag of its own gets its language's with its workspace's name."""
    rules(spool, "default_tags_per_workspace: true\ndefault_tags_workspaces: [prod]\n")
    assert tagged(call, spool, None, "--workspace", "prod") == "bash-prod"
    assert tagged(call, spool, None, "--workspace", "dev") == "bash"
    assert tagged(call, spool, "bash", "--workspace", "prod") == "bash"
    assert call("submit", *SCRIPT, "-t", "bash-prod", "--workspace", "dev")[0] == 65
    rules(spool, "default_tags_per_workspace: true\n")
    assert tagged(call, spool, None) == "bash-default"


def test_each_line_has_its_own_tag(call: Call, spool: Spool, tmp_path: object) -> None:
    """The ids come in the order of the lines; one that is refused is named, none of it queued."""
    lines = [json.dumps({"size": size}) for size in "abacb" * 5]
    file = spool.path.parent / "lines"
    file.write_text("\n".join(lines))
    words = ("submit", *SCRIPT, "--each", str(file), "-t")
    code, out, err = call(*words, "s-$args[size]")
    assert code == 0
    assert [tag_of(spool, one) for one in out.split()] == [f"s-{one}" for one in "abacb" * 5]
    assert err.count("no live worker serves the tag") == 3
    rules(spool, "custom_tags: [s-c(research)]\n")
    code, out, err = call(*words, "s-$args[size]")
    assert (code, out) == (65, "")
    assert "--each line 4: the tag 's-c' is of" in err
    code, out, err = call(*words, "s-$args[size]", "--require-worker", "--workspace", "research")
    assert (code, out) == (69, "")
    assert "no live worker serves the tag 's-a'" in err
    code, out, _ = call(*words, "s-$args[size]", "-n", "--workspace", "research")
    assert [json.loads(one)["tag"] for one in out.split("\n")[:3]] == ["s-a", "s-b", "s-a"]


def test_keys_are_expanded(call: Call, spool: Spool) -> None:
    """As tags are: the same workspace and arg make the same key."""
    words = ("submit", *SCRIPT, "--key", "k-$workspace-$args[size]", "-a")
    first, again, other = (call(*words, f"size={size}")[1] for size in "aab")
    assert first == again != other
    assert spool.job(spool.find(first.strip())).key == "k-default-a"
    assert call("submit", *SCRIPT, "--key", "$args[size]", "-a", "size=")[0] == 65


def test_priority(call: Call, spool: Spool) -> None:
    """From 0 to 100, and nothing else."""
    for given in ("0", "100"):
        code, out, _ = call("submit", *SCRIPT, "-p", given)
        assert (code, spool.find(out.strip()).name.priority) == (0, int(given))
    for given in ("101", "-1", "high", "1.5"):
        code, out, err = call("submit", *SCRIPT, "--priority", given)
        assert (code, out) == (2, "")
        assert "priority" in err


def test_a_plain_submit_knows_nothing_of_rules(spool: Spool, tmp_path: object) -> None:
    """Neither the modules nor YAML are loaded where no rule is."""
    code = (
        "import sys; from wmctl.cli.app import run; code = run(sys.argv[1:]);"
        "print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "submit", "--spool", str(spool.path), *SCRIPT],
        capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "wmctl.cli.submission" in loaded
    assert not loaded & {
        "wmctl.cli.tagging", "wmctl.config.assignable", "wmctl.config.dynamic",
        "wmctl.config.shared", "wmctl.config.groups", "wmctl.cli.grouptags", "yaml", "hashlib",
    }  # fmt: skip
