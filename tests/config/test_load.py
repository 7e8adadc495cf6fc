"""Settings: which source wins, where each value came from, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wmctl import config
from wmctl.config import Settings
from wmctl.config.keys import KEYS
from wmctl.errors import ConfigError

Load = Callable[..., Settings]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def load(home: Path, tmp_path: Path) -> Load:
    """Load settings from `environ`, `flags` and the files under `tmp_path`."""
    (tmp_path / "project/deep").mkdir(parents=True)
    assert home.is_dir()

    def load(environ: dict[str, str] | None = None, **flags: str) -> Settings:
        return config.load(
            flags, environ=environ or {}, folder=tmp_path / "project/deep",
            system=tmp_path / "etc.yaml",
        )  # fmt: skip

    return load


def write(path: Path, text: str) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_built_in(load: Load, home: Path) -> None:
    """Without any source."""
    settings = load()
    assert settings.spool == home / ".local/state/wmctl/spool"
    assert settings.cache == home / ".cache/wmctl"
    assert settings.spool_is_default
    assert (settings.workspace, settings.tools) == ("default", {})
    assert (settings.worker.tags, settings.worker.count) == (None, 1)
    assert set(settings.origins) == {key.name for key in KEYS}
    assert set(settings.origins.values()) == {"built in"}


def test_xdg_folders_count_only_if_absolute(load: Load, home: Path) -> None:
    """As the specification says."""
    assert load({"XDG_STATE_HOME": "/state"}).spool == Path("/state/wmctl/spool")
    assert load({"XDG_STATE_HOME": "state"}).spool == home / ".local/state/wmctl/spool"


def test_the_order_of_sources(load: Load, home: Path, tmp_path: Path) -> None:
    """From the weakest to the strongest, each wins over all before it."""
    environ: dict[str, str] = {}
    system = write(tmp_path / "etc.yaml", "worker: {tags: [system]}\n")
    assert load(environ).worker.tags == ("system",)
    assert load(environ).origins["worker.tags"] == f"{system}:1"
    user = write(home / ".config/wmctl/config.yaml", "\nworker:\n  tags:\n  - user\n")
    assert load(environ).worker.tags == ("user",)
    assert load(environ).origins["worker.tags"] == f"{user}:3"
    project = write(tmp_path / "project/.wmctl.yaml", "worker: {tags: [project]}\n")
    assert load(environ).worker.tags == ("project",)
    assert load(environ).origins["worker.tags"] == f"{project}:1"
    environ["WORKER_TAGS"] = "windmill"
    assert load(environ).origins["worker.tags"] == "WORKER_TAGS"
    environ["WMCTL_WORKER_TAGS"] = "own,two"
    assert load(environ).worker.tags == ("own", "two")
    assert load(environ, **{"worker.tags": "flag"}).worker.tags == ("flag",)
    environ["FORCE_WORKER_TAGS"] = "forced"
    forced = load(environ, **{"worker.tags": "flag"})
    assert forced.worker.tags == ("forced",)
    assert forced.origins["worker.tags"] == "FORCE_WORKER_TAGS"


def test_windmills_variables(load: Load) -> None:
    """They mean what they mean there; an empty one is not set."""
    settings = load({
        "WORKER_GROUP": "gpu", "NUM_WORKERS": "3", "TIMEOUT": "900", "KEEP_JOB_DIR": "true",
        "WHITELIST_ENVS": "A,B", "MAX_LOG_SIZE": "1000", "DENO_PATH": "/opt/deno",
        "GO_PATH": "go1.25", "WORKER_TAGS": "", "EXIT_AFTER_N_JOBS": "5",
    })  # fmt: skip
    worker = settings.worker
    assert (worker.group, worker.count, worker.timeout) == ("gpu", 3, 900.0)
    assert (worker.keep_job_dir, worker.env, worker.max_log_size) == (True, ("A", "B"), 1000)
    assert (worker.tags, worker.max_jobs) == (None, 5)
    assert settings.tools == {"DENO_PATH": "/opt/deno", "GO_PATH": "go1.25"}


def test_paths_are_relative_to_where_they_stand(load: Load, tmp_path: Path) -> None:
    """A file's to the file, a variable's and an option's to the current folder."""
    write(tmp_path / "project/.wmctl.yaml", "spool: sp\n")
    assert load().spool == tmp_path / "project/sp"
    assert load({"WMCTL_SPOOL": "sp"}).spool == tmp_path / "project/deep/sp"
    assert load(spool="sp").spool == tmp_path / "project/deep/sp"
    assert not load(spool="sp").spool_is_default


def test_a_named_file_replaces_project_and_user(load: Load, tmp_path: Path) -> None:
    """WMCTL_CONFIG; if it is not there, that is an error."""
    write(tmp_path / "project/.wmctl.yaml", "workspace: project\n")
    write(tmp_path / "project/deep/mine.yaml", "cache: /c\n")
    assert load({"WMCTL_CONFIG": "mine.yaml"}).workspace == "default"
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        load({"WMCTL_CONFIG": "none.yaml"})


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("workspce: a\n", ":1: unknown key 'workspce'", "workspace"),
        ("worker:\n  tag: [a]\n", ":2: unknown key 'worker.tag'", "worker.tags"),
        ("worker: 3\n", ":1: worker must be a mapping", ""),
        ("- a\n", ":1: the file must be a mapping", ""),
        ("worker:\n  tags: a\n", ":2: worker.tags: must be a list", "tags: [a, b]"),
        ("spool: [a]\n", ":1: spool: must be a single value", ""),
        ("spool:\n", ":1: spool: has no value", "remove the line"),
        ("workspace: a\nworkspace: b\n", ":2: 'workspace' stands twice", ""),
        ("worker: {count: many}\n", ":1: worker.count: 'many' is not a whole number", ""),
        ("workspace: &a b\ncache: *a\n", ":1: anchors and aliases are not allowed", ""),
        ("workspace: !!python/name:os.system a\n", ":1: tags (!…) are not allowed", ""),
        ("workspace: [\n", ":2: ", ""),
        ("[a]: b\n", ":1: a key must be a text", ""),
        ("spool: " + "[" * 100 + "\n", ":1: nested deeper than 8", ""),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    load: Load, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    """And with the nearest known key, where there is one."""
    path = write(tmp_path / "project/.wmctl.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.message.startswith(f"{path}{message}")
    assert hint in (caught.value.hint or "")


def test_scalars_stay_what_was_written(load: Load, tmp_path: Path) -> None:
    """YAML would make True, 3.1 and 5400 of these."""
    write(tmp_path / "project/.wmctl.yaml", "workspace: 3.10\nworker: {tags: [on, 1:30, 0x1]}\n")
    settings = load()
    assert settings.workspace == "3.10"
    assert settings.worker.tags == ("on", "1:30", "0x1")


def test_an_empty_file_is_fine(load: Load, tmp_path: Path) -> None:
    """Nothing is set by it."""
    write(tmp_path / "project/.wmctl.yaml", "# nothing yet\n")
    assert load().workspace == "default"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(
    load: Load, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A FIFO must not hang the command."""
    make(tmp_path / "project/.wmctl.yaml")
    with pytest.raises(ConfigError, match="is not a regular file"):
        load()


def test_a_huge_file_is_refused(load: Load, tmp_path: Path) -> None:
    """A configuration is not that long."""
    write(tmp_path / "project/.wmctl.yaml", "#" * (300 << 10))
    with pytest.raises(ConfigError, match="longer than"):
        load()


def test_a_file_that_anybody_may_write_is_not_read(load: Load, tmp_path: Path) -> None:
    """It could name programs to run. Named by WMCTL_CONFIG it is the user's own choice."""
    path = write(tmp_path / "project/.wmctl.yaml", "workspace: evil\n")
    path.chmod(0o666)
    settings = load()
    assert settings.workspace == "default"
    assert str(path) in settings.notes[0]
    assert load({"WMCTL_CONFIG": str(path)}).workspace == "evil"
    path.chmod(0o644)
    assert load().workspace == "evil"
    assert load().notes == ()


def test_a_wrong_variable_is_named(load: Load) -> None:
    """As the source of the trouble."""
    with pytest.raises(ConfigError, match=r"^NUM_WORKERS \(worker.count\): 'x' is not"):
        load({"NUM_WORKERS": "x"})
