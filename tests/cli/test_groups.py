"""`wmctl group`: what people and programs get told, and that no change gets lost on the way."""

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Call
from wmctl.config import groups
from wmctl.spool import Job, Spool, orders

Edit = Callable[[str], None]


def path_of(spool: Spool, name: str) -> Path:
    return Path(spool.store.path("groups", f"{name}.yaml"))


@pytest.fixture
def gpu(call: Call, spool: Spool) -> Path:
    """The file of a group."""
    assert call("group", "create", "gpu", "worker_tags=gpu,gpu-large")[0] == 0
    return path_of(spool, "gpu")


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """What the user's editor does: Python, with `text` to be read and set, and `path`."""

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def set_editor(code: str) -> None:
        program = tmp_path / "editor.py"
        program.write_text(
            "import sys, pathlib\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
            f"{code}\npath.write_text(text)\n"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {program}")

    return set_editor


def test_create_set_and_show(call: Call, gpu: Path) -> None:
    code, out, _ = call(
        "group", "set", "gpu", "worker_tags-=gpu-large", "slots.0.CUDA_VISIBLE_DEVICES=0",
        "env_vars_static.CUDA=010", "priority_tags.gpu=50", "cache_clear=1",
    )  # fmt: skip
    assert (code, out) == (0, "gpu  changed\n")
    assert gpu.read_text() == (
        '# Worker group gpu.\nworker_tags: [gpu]\nslots:\n- {CUDA_VISIBLE_DEVICES: "0"}\n'
        'env_vars_static:\n  CUDA: "010"\npriority_tags:\n  gpu: 50\ncache_clear: 1\n'
    )
    code, out, _ = call("group", "set", "gpu", "-q", "--unset", "slots", "--unset", "cache_clear")
    assert (code, out) == (0, "")
    assert call("group", "show", "gpu", "-o", "yaml")[1] == gpu.read_text()
    found = json.loads(call("group", "show", "gpu", "-o", "json")[1])
    assert found["config"] == {
        "worker_tags": ["gpu"], "env_vars_static": {"CUDA": "010"}, "priority_tags": {"gpu": 50},
    }  # fmt: skip
    assert "worker_tags: [gpu]" in call("group", "show", "gpu")[1]


def test_values_from_files(call: Call, gpu: Path, tmp_path: Path) -> None:
    """A script is seldom one line."""
    (tmp_path / "init.sh").write_text("nvidia-smi\n# done\n")
    assert call("group", "set", "gpu", "init_bash=@init.sh")[0] == 0
    assert gpu.read_text().endswith("init_bash: |\n  nvidia-smi\n  # done\n")
    code, _, err = call("group", "set", "gpu", "init_bash=@none.sh")
    assert code == 66
    assert "the value of init_bash none.sh" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("create", "gpu"), 65, "the worker group gpu is there already"),
        (("create", ".a"), 65, "is no name of a worker group"),
        (("create", "new", "worker_tags=a(b)"), 65, "'a(b)' says who may use the tag 'a'"),
        (("create", "new", "periodic_script_bash=df"), 78, "needs periodic_script_interval"),
        (("set", "gpu"), 2, "nothing to change was given"),
        (("set", "gpu", "worker_tag=a"), 65, "did you mean 'worker_tags'?"),
        (("set", "gpu", "periodic_script_interval_seconds=30"), 65, "30 is less than 60"),
        (("set", "gpx", "cache_clear=1"), 66, "did you mean 'gpu'?"),
        (("set", "../x", "cache_clear=1"), 65, "is no name of a worker group"),
        (("show", "none"), 66, "there is no worker group 'none'"),
        (("edit", "none"), 66, "there is no worker group 'none'"),
        (("rm", "gpu", "none"), 66, "there is no worker group 'none'"),
        (("pause", "gpu", "none"), 66, "there is no worker group 'none'"),
        (("export", "none"), 66, "there is no worker group 'none'"),
        (("validate", "none"), 66, "there is no worker group 'none'"),
        (("validate", "./none.yaml"), 66, "./none.yaml: No such file"),
        (("ls", "-o", "xml"), 2, "there is no output format 'xml'"),
    ],
)
def test_what_is_refused_changes_nothing(
    call: Call, gpu: Path, spool: Spool, words: tuple[str, ...], code: int, message: str
) -> None:
    before = gpu.read_text()
    found, out, err = call("group", *words)
    assert (found, out) == (code, "")
    assert message in err
    assert gpu.read_text() == before
    assert [file.name for file in gpu.parent.iterdir()] == ["gpu.yaml"]
    assert orders.paused_groups(spool.store) == {}


def test_a_change_of_a_wrong_file_is_refused(call: Call, gpu: Path) -> None:
    """With the line that is wrong, and how to get at it."""
    gpu.write_text("worker_tags: [gpu]\nx: 1\n")
    code, _, err = call("group", "set", "gpu", "cache_clear=1")
    assert code == 78
    assert f"{gpu}:2: unknown key 'x'" in err
    assert call("group", "rm", "gpu")[0] == 0


def test_ls(call: Call, gpu: Path, spool: Spool) -> None:
    """Groups with a file, and those that only workers know of; who is missing, what waits."""
    tags = ["gpu", "gpu-large", "bash"]
    beat = {"state": "busy", "job": "x", "tags": tags, "groups": ["gpu", "extra"]}
    spool.join("wk-1", beat)
    spool.join("wk-2", {"state": "idle", "tags": ["odd"], "group": "old"})
    for tag in ("gpu", "gpu-large", "odd", "elsewhere"):
        spool.submit(Job(kind="command", argv=("true",)), tag=tag)
    path_of(spool, "bad").write_text("a: b")
    assert call("group", "set", "gpu", "min_alive_workers_alert_threshold=2")[0] == 0
    assert call("group", "pause", "old", "--reason", "why not")[1] == "old  paused\n"
    found = {one["group"]: one for one in json.loads(call("group", "ls", "-o", "json")[1])}
    assert list(found) == ["bad", "default", "extra", "gpu", "old"]
    keys = ("state", "workers", "threshold", "tags", "waiting", "running")
    facts = {name: tuple(one[key] for key in keys) for name, one in found.items()}
    assert facts["gpu"] == ("too-few", 1, 2, ["gpu", "gpu-large"], 2, 1)
    assert facts["old"] == ("paused", 1, None, ["odd"], 1, 0)
    assert facts["extra"] == ("ok", 1, None, ["bash"], 0, 1)
    assert facts["default"][:2] == ("no-worker", 0)
    assert facts["bad"][0] == "wrong-file"
    assert "bad.yaml:1: unknown key 'a'" in found["bad"]["error"]
    assert found["old"]["paused"]["reason"] == "why not"
    titles, *rows = call("group", "ls")[1].splitlines()
    assert titles.split() == ["GROUP", "WORKERS", "STATE", "TAGS", "WAITING", "RUNNING"]
    assert rows[3].split() == ["gpu", "1/2", "too-few", "gpu,gpu-large", "2", "1"]
    wide = call("group", "ls", "-o", "wide")[1]
    assert "unknown key 'a'" in wide
    assert ": why not" in wide
    assert call("group", "ls", "-o", "id")[1].split() == list(found)
    assert len(call("group", "ls", "-o", "tsv")[1].splitlines()) == 6


def test_pause_and_resume(call: Call, gpu: Path, spool: Spool) -> None:
    assert gpu.exists()
    assert call("group", "pause", "gpu")[1] == "gpu  paused\n"
    assert call("group", "pause", "gpu")[1] == "gpu  was paused already\n"
    assert list(orders.paused_groups(spool.store)) == ["gpu"]
    assert call("group", "resume", "gpu")[1] == "gpu  resumed\n"
    assert call("group", "resume", "gpu")[1] == "gpu  was not paused\n"


def test_rm_asks_where_workers_are(call: Call, gpu: Path, spool: Spool) -> None:
    spool.join("wk-1", {"tags": ["gpu"], "groups": ["gpu"]})
    code, _, err = call("group", "rm", "gpu")
    assert code == 2
    assert "gpu has 1 live worker" in err
    assert call("group", "rm", "gpu", "-n")[1] == "gpu  would be removed\n"
    assert gpu.exists()
    text = gpu.read_text()
    code, out, _ = call("group", "rm", "gpu", "-y")
    assert code == 0
    assert not gpu.exists()
    assert Path(out.split()[-1]).read_text() == text


def test_validate(call: Call, gpu: Path, tmp_path: Path) -> None:
    """For a person a line, for a pipeline an exit code; what is odd is said, and is no fault."""
    assert call("group", "validate")[:2] == (0, "gpu  ok\n")
    (tmp_path / "new.yaml").write_text("worker_tags: [a]\npriority_tags: {b: 1}\n")
    code, out, err = call("group", "validate", "new.yaml")
    assert (code, out) == (0, "new.yaml  ok\n")
    assert "b is not among worker_tags" in err
    gpu.write_text("worker_tags: [a]\nworker_tag: [b]\n")
    code, out, err = call("group", "validate", "gpu", "./new.yaml", "-q")
    assert (code, out) == (1, "")
    assert f"{gpu}:2: unknown key 'worker_tag'\n  did you mean 'worker_tags'?" in err
    code, out, _ = call("group", "validate", "-o", "json")
    assert code == 1
    assert json.loads(out)[0]["valid"] is False


def test_edit_saves_what_is_right(call: Call, gpu: Path, edit: Edit, tmp_path: Path) -> None:
    edit("text = '# mine\\n' + text.replace('gpu-large', 'small')")
    assert call("group", "edit", "gpu")[1] == "gpu  changed\n"
    assert gpu.read_text() == "# mine\n# Worker group gpu.\nworker_tags: [gpu, small]\n"
    edit("pass")
    code, out, err = call("group", "edit", "gpu")
    assert (code, out) == (0, "")
    assert "nothing was changed" in err
    assert not list(tmp_path.glob("**/wmctl-edit-*"))


def test_edit_never_saves_what_is_wrong(call: Call, gpu: Path, edit: Edit) -> None:
    """Without a terminal there is nobody to ask; the text is kept."""
    before = gpu.read_text()
    edit("text = 'worker_tag: [precious]'")
    code, _, err = call("group", "edit", "gpu")
    assert code == 78
    assert "gpu.yaml:1: unknown key 'worker_tag'" in err
    assert gpu.read_text() == before
    kept = Path(err.split(" is in ")[1].strip())
    assert kept.read_text() == "worker_tag: [precious]"


def test_edit_loses_neither_text_where_two_edit(
    call: Call, gpu: Path, spool: Spool, edit: Edit
) -> None:
    """Somebody else saved while the editor was open."""
    edit(
        f"pathlib.Path({str(gpu)!r}).write_text('worker_tags: [theirs]')\n"
        "text = 'worker_tags: [mine]'"
    )
    code, _, err = call("group", "edit", "gpu")
    assert code == 1
    assert "somebody else changed" in err
    assert gpu.read_text() == "worker_tags: [theirs]"
    kept = Path(err.rpartition(" is in ")[2].strip())
    assert kept.read_text() == "worker_tags: [mine]"
    assert kept.with_suffix(".theirs.yaml").read_text() == "worker_tags: [theirs]"
    assert groups.load(spool.store, "gpu") is not None


def test_edit_of_a_group_that_is_removed_meanwhile(call: Call, gpu: Path, edit: Edit) -> None:
    edit(f"pathlib.Path({str(gpu)!r}).unlink()\ntext = 'worker_tags: [mine]'")
    code, _, err = call("group", "edit", "gpu")
    assert code == 1
    assert "somebody removed the group gpu" in err
    assert not gpu.exists()
    assert Path(err.rpartition(" is in ")[2].strip()).read_text() == "worker_tags: [mine]"


def talk(words: list[str], environ: dict[str, str], answers: list[tuple[str, str]]) -> str:
    """Run `wmctl` on a terminal and answer each question when it comes; all that was seen."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wmctl", *words], env=environ,
        stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    seen, told = "", 0
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([main], [], [], 1)[0]:
            try:
                seen += os.read(main, 65536).decode()
            except OSError:
                break
        if answers and answers[0][0] in seen[told:]:
            told = len(seen)
            os.write(main, f"{answers.pop(0)[1]}\n".encode())
    os.close(main)
    assert process.wait(60) == 0, seen
    assert not answers, seen
    return seen


def test_edit_asks_as_visudo_does(gpu: Path, edit: Edit, tmp_path: Path) -> None:
    """First it is wrong, then somebody else was quicker, then it is saved."""
    edit(
        f"here = pathlib.Path({str(tmp_path / 'times')!r})\n"
        "times = len(here.read_text()) if here.exists() else 0\n"
        "here.write_text('x' * (times + 1))\n"
        "if times == 1:\n"
        f"    pathlib.Path({str(gpu)!r}).write_text('worker_tags: [theirs]')\n"
        "text = ['oops', 'worker_tags: [mine]', 'worker_tags: [mine, theirs]'][times]"
    )
    question = "e[x]it without saving [e] "
    seen = talk(
        ["group", "edit", "gpu"], dict(os.environ),
        [(question, "Q"), (question, "e"), (question, "")],
    )  # fmt: skip
    assert "a wrong file is never saved" in seen
    assert "somebody else changed" in seen
    assert "gpu.theirs.yaml" in seen
    assert gpu.read_text() == "worker_tags: [mine, theirs]"


WINDMILL = """\
- name: default
  config:
    worker_tags: [deno, "on"]
    init_bash: ""
    periodic_script_bash: null
- name: worker__gpu
  config:
    worker_tags:
      - gpu
    priority_tags:
      gpu: 100
    init_bash: |
      nvidia-smi
    env_vars_static: {A: "1"}
    env_vars_allowlist: [B]
    dedicated_worker: prod:f/a/b
    min_alive_workers_alert_threshold: 1
    native_mode: true
    future_key: {deep: [1, two, null, 1.5]}
    autoscaling:
      enabled: true
      min_workers: 0
      max_workers: 5
      dec_scale_occupancy_rate: 0.25
      integration: {type: script, path: f/scale, tag: bash}
- name: native
- name: alert__job_queue_waiting
  config:
    alerts: []
"""


def test_import_and_export_keep_everything(call: Call, spool: Spool, tmp_path: Path) -> None:
    """Windmill's file in, the same file out, but for its prefix and for what says nothing."""
    (tmp_path / "instance_configs.yaml").write_text(WINDMILL)
    code, out, err = call("group", "import", "instance_configs.yaml")
    assert (code, out) == (0, "default  created\ngpu  created\nnative  created\n")
    assert "kept, but without effect here: future_key, native_mode, autoscaling" in err
    assert "alert__job_queue_waiting is no worker group and is left out" in err
    gpu = groups.load(spool.store, "gpu")
    assert gpu is not None
    assert gpu.autoscaling is not None
    assert (gpu.init_bash, gpu.autoscaling["max_workers"]) == ("nvidia-smi\n", 5)
    assert gpu.windmill["future_key"] == {"deep": [1, "two", None, 1.5]}
    wanted = [row for row in yaml.safe_load(WINDMILL) if "alert" not in row["name"]]
    wanted[0]["config"] = {"worker_tags": ["deno", "on"]}
    wanted[1]["name"] = "gpu"
    wanted[2]["config"] = {}
    assert call("group", "export", "-o", "out.yaml")[0] == 0
    text = (tmp_path / "out.yaml").read_text()
    assert yaml.safe_load(text) == wanted
    assert call("group", "export")[1] == text
    (tmp_path / "again.yaml").write_text(text)
    code, out, _ = call("group", "import", "again.yaml")
    assert (code, out) == (0, "default  the same\ngpu  the same\nnative  the same\n")
    (tmp_path / "as.json").write_text(json.dumps(wanted))
    assert call("group", "import", "as.json", "-n")[1].count("the same") == 3


def test_import_asks_before_it_replaces(call: Call, gpu: Path, tmp_path: Path) -> None:
    before = gpu.read_text()
    (tmp_path / "w.yaml").write_text("- {name: gpu, config: {worker_tags: [x]}}\n- name: b\n")
    code, _, err = call("group", "import", "w.yaml")
    assert code == 2
    assert "1 group would be replaced: gpu" in err
    assert gpu.read_text() == before
    assert [file.name for file in gpu.parent.iterdir()] == ["gpu.yaml"]
    assert call("group", "import", "w.yaml", "-n")[1] == "gpu  changed\nb  created\n"
    assert call("group", "import", "w.yaml", "-y")[0] == 0
    assert "worker_tags: [x]" in gpu.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: gpu", "w.yaml:1: the file must be a list"),
        ("- config: {}", "w.yaml: a row has no name"),
        ("- {name: a}\n- {name: worker__a}", "w.yaml:2: the group a stands twice"),
        ("- name: a/b", "w.yaml:1: 'a/b' is no name of a worker group"),
        ("- name: ok\n- name: a\n  config:\n    worker_tags: x", "w.yaml:4: config.worker_tags"),
        ("- name: ok\n- name: a\n  config: {periodic_script_bash: df}", "group a:"),
        ("- [a]", "must be a mapping"),
    ],
)
def test_a_wrong_import_changes_nothing(
    call: Call, gpu: Path, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "w.yaml").write_text(text)
    code, _, err = call("group", "import", "w.yaml", "-y")
    assert code == 78
    assert message in err
    assert [file.name for file in gpu.parent.iterdir()] == ["gpu.yaml"]


def test_config_show_knows_what_the_group_says(
    call: Call, gpu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is between wmctl's own variables and Windmill's."""
    monkeypatch.setenv("WORKER_GROUP", "gpu")
    monkeypatch.setenv("WORKER_TAGS", "own")
    monkeypatch.setenv("INIT_SCRIPT", "own init")

    def shown(key: str) -> tuple[object, str]:
        items = json.loads(call("config", "show", "-o", "json")[1])
        return next((one["value"], one["origin"]) for one in items if one["key"] == key)

    assert shown("worker.tags") == (["gpu", "gpu-large"], f"group gpu ({gpu}:2)")
    assert shown("worker.init_script") == ("own init", "INIT_SCRIPT")
    monkeypatch.setenv("WMCTL_WORKER_TAGS", "mine")
    assert shown("worker.tags") == (["mine"], "WMCTL_WORKER_TAGS")
    gpu.write_text("init_bash: x")
    assert shown("worker.init_script") == ("x", f"group gpu ({gpu}:1)")
    gpu.write_text("init_bash: [x]")
    assert shown("worker.init_script") == ("own init", "INIT_SCRIPT")
    assert f"{gpu}:1: init_bash" in call("config", "show")[2]


def test_doctor_says_what_is_wrong(call: Call, gpu: Path, spool: Spool) -> None:
    """A worker that cannot read its group's file has no other place where it is seen for good."""
    path_of(spool, "bad").write_text("a: b")
    path_of(spool, "odd").write_text("worker_tags: []")
    gpu.with_name("new.yml").write_text("")
    found = json.loads(call("doctor", "-o", "json")[1])
    told = [(one["status"], one["detail"]) for one in found if one["check"] == "groups"]
    assert [status for status, _ in told] == ["fault", "note", "note", "ok"]
    assert "bad.yaml:1: unknown key 'a'" in told[0][1]
    assert "no worker could start" in told[1][1]
    assert "new.yml is read by nobody" in told[2][1]
    assert told[3][1] == "with a file: gpu, odd"


def test_without_a_spool(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only asks makes none; who creates a group does."""
    monkeypatch.delenv("WMCTL_SPOOL")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert call("group", "ls", "-o", "json")[:2] == (0, "[]\n")
    assert call("group", "validate")[0] == 0
    assert call("group", "export")[:2] == (0, "[]\n")
    assert call("group", "show", "gpu")[0] == 78
    assert not (tmp_path / "state").exists()
    assert call("group", "create", "gpu")[0] == 0
    assert (tmp_path / "state/wmctl/spool/groups/gpu.yaml").exists()
