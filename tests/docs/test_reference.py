"""The reference pages say what the code says: exit codes, settings, variables, fields."""

import dataclasses
import inspect
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.console import ROOT
from wmctl import config, errors, plugin
from wmctl.cli import exits
from wmctl.config import groups
from wmctl.config.groups import Group
from wmctl.config.keys import FORCED, KEYS
from wmctl.config.remarks import TWINS
from wmctl.config.served import resolve
from wmctl.config.shared import Document
from wmctl.spool.settings import Settings
from wmctl.testing import RunnerContract

REFERENCE = ROOT / "docs" / "reference"


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the tables under a heading; rows of titles are left out."""
    section = page.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    lines = [*section.partition("\n## ")[0].splitlines(), ""]
    found = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line, following in pairwise(lines)
        if line.startswith("| ") and not following.startswith("|---")
    ]
    assert found, f"{page}: nothing under {heading}"
    return found


def first(cell: str) -> str | None:
    """The first word in backquotes."""
    words = re.findall(r"`([^`]+)`", cell)
    return words[0] if words else None


# Exit codes.

CODES = REFERENCE / "exit-codes.md"


def test_every_exit_code_is_in_the_table() -> None:
    codes = {
        value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)
    }
    assert {int(row[0]) for row in table(CODES, "The codes")} == codes


def test_errors_and_their_codes() -> None:
    classes = {
        name: found
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.WmctlError)
    }
    told = {first(row[0]): row[1:] for row in table(CODES, "From an error to a code")}
    assert set(told) == set(classes)
    for name, found in classes.items():
        code = exits.of_error(found("x"), job_codes=False)
        of_jobs = exits.of_error(found("x"), job_codes=True)
        assert told[name] == [str(code), str(of_jobs)], name


# Settings.

CONFIGURATION = REFERENCE / "configuration.md"


def test_every_key_is_in_the_table_with_its_variables_and_default() -> None:
    told = {first(row[0]): row[1:] for row in table(CONFIGURATION, "Keys")}
    assert list(told) == [key.name for key in KEYS]
    for key in KEYS:
        variable, windmills, default, _ = told[key.name]
        assert first(variable) == f"WMCTL_{key.variable}", key.name
        assert first(windmills) == (key.variable if key.windmill else None), key.name
        built_in = key.default({"XDG_STATE_HOME": "/state", "XDG_CACHE_HOME": "/cache"})
        text = first(default)
        if text is None:
            assert built_in in {None, ()}, key.name
        else:
            text = text.replace("$XDG_STATE_HOME", "/state").replace("$XDG_CACHE_HOME", "/cache")
            assert key.parse(text) == built_in, key.name


GROUPS = REFERENCE / "groups.md"


def test_every_key_of_a_group_is_in_the_table() -> None:
    """With the variable that says the same, and whether it takes a restart."""
    told = {first(row[0]): row for row in table(GROUPS, "Keys")}
    assert list(told) == list(groups.SCHEMA.fields)
    variables = {key.name.removeprefix("worker."): key.variable for key in KEYS}
    for name, key in {**TWINS, "tags": "worker_tags", "env": "env_vars_allowlist"}.items():
        assert first(told[key][4]) == variables[name], key
    base = {"periodic_script_bash": "x", "periodic_script_interval_seconds": 60}
    settings = config.load(environ={}).worker
    start = resolve(settings, [Group(name="default", **base)], ["bash"])
    changed = {
        "init_bash": "y", "cache_clear": 1, "periodic_script_bash": "z",
        "periodic_script_interval_seconds": 70, "dedicated_workers": ("w:f/a",),
        "worker_tags": ("a",), "priority_tags": {"bash": 1}, "env_vars_static": {"A": "1"},
        "additional_python_paths": ("/a",), "pip_local_dependencies": ("a",),
        "env_vars_allowlist": ("A",), "slots": ({"A": "1"},),
    }  # fmt: skip
    for key, value in changed.items():
        after = resolve(settings, [Group(name="default", **(base | {key: value}))], ["bash"])
        assert after != start, key
        restarts = after.restart_key != start.restart_key
        assert told[key][3] == ("restart" if restarts else "live"), key


def test_the_example_of_a_group_is_read() -> None:
    [example] = re.findall(
        r"^```yaml\n(.*?)^```$", GROUPS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    found = groups.parse("gpu", Document(example.encode(), "", "groups.md"))
    assert found.worker_tags == ("gpu", "gpu-large")
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in found.slots] == ["0", "1"]


def test_the_example_file_is_read(tmp_path: Path) -> None:
    page = CONFIGURATION.read_text(encoding="utf-8")
    [example] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / ".wmctl.yaml").write_text(example)
    settings = config.load(environ={}, folder=tmp_path, system=tmp_path / "none")
    assert settings.spool == Path("/srv/jobs")
    assert (settings.worker.count, settings.worker.timeout) == (4, 5400.0)
    assert settings.worker.tags == ("bash", "python3", "gpu")
    assert settings.tools == {"PYTHON_PATH": "/usr/bin/python3.12"}


def test_the_order_of_places(tmp_path: Path) -> None:
    """As the page numbers them; each place wins over all that come after it."""
    system, project, user = tmp_path / "system.yaml", tmp_path / "project", tmp_path / "user"
    files = {
        f"{project}/.wmctl.yaml": project / ".wmctl.yaml",
        f"{user}/wmctl/config.yaml": user / "wmctl" / "config.yaml",
        str(system): system,
    }
    places = ["FORCE_WORKER_TAGS", "option", "WMCTL_WORKER_TAGS", "WORKER_TAGS", *files, "built in"]
    for index, winner in enumerate(places):
        there = places[index:]
        for place, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("worker:\n  tags: [x]\n" if place in there else "")
        environ = {"XDG_CONFIG_HOME": str(user)}
        environ |= {place: "x" for place in there if place.endswith("TAGS")}
        flags = {"worker.tags": "x" if "option" in there else None}
        settings = config.load(flags, environ=environ, folder=project, system=system)
        assert settings.origins["worker.tags"].removesuffix(":2") == winner
    numbered = re.findall(r"^\d\. .*$", CONFIGURATION.read_text(encoding="utf-8"), re.MULTILINE)
    # The worker group's file is in the spool: tests/config/test_served.py has its place.
    assert len(numbered) == len(places) + 1


def test_every_setting_of_a_spool_is_in_the_table() -> None:
    told = {first(row[0]): row[2] for row in table(CONFIGURATION, "The spool's own settings")}
    fields = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert list(told) == list(fields)
    for name, default in fields.items():
        text = re.split(r"[; ]", told[name].replace("`", ""))[0]
        assert type(default)(text) == default, name


def test_every_variable_that_is_read_is_on_the_page() -> None:
    page = CONFIGURATION.read_text(encoding="utf-8")
    named = set(FORCED)
    for folder in ("wmctl", "plugins"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            named |= set(re.findall(r'environ\.get\("([A-Z_]+)"', text))
            named |= set(re.findall(r'tools\.value\("([A-Z_]+)"', text))
            for listed in re.findall(r"^_SETTINGS = \((.*?)\)$", text, re.MULTILINE | re.DOTALL):
                named |= set(re.findall(r'"([A-Z_]+)"', listed))
    named -= {"PATH", "TERM", "WM_FLOW_STEP_ID"}  # everybody's; a job's own
    assert {"WMCTL_CONFIG", "WMCTL_DEBUG", "GOPROXY", "DENO_FLAGS", "WINDMILL_DIR"} <= named
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


# Plugins.

PLUGINS = REFERENCE / "plugins.md"


@pytest.mark.parametrize("name", ["RunContext", "Plan", "Exit", "Signature", "Parameter"])
def test_every_field_is_on_the_page_with_its_default(name: str) -> None:
    told = {first(row[0]): row[1] for row in table(PLUGINS, name)}
    fields = _fields(getattr(plugin, name))
    assert list(told) == list(fields)
    if name == "RunContext":
        return
    for field, default in fields.items():
        if default is dataclasses.MISSING:
            assert told[field] == "", field
        else:
            shown = getattr(default, "__name__", None) or str(default) or '""'
            assert told[field].strip("`") == shown, field


def _fields(found: type) -> dict[str, object]:
    if dataclasses.is_dataclass(found):
        return {field.name: field.default for field in dataclasses.fields(found)}
    defaults = found._field_defaults  # type: ignore[attr-defined]
    return {name: defaults.get(name, dataclasses.MISSING) for name in found._fields}  # type: ignore[attr-defined]


def test_every_name_of_the_plugin_api_is_on_the_page() -> None:
    page = PLUGINS.read_text(encoding="utf-8")
    assert [name for name in plugin.__all__ if not re.search(rf"\b{name}\b", page)] == []
    methods = {first(row[0]).partition("(")[0] for row in table(PLUGINS, "Tools")}
    public = {name for name, found in vars(plugin.Tools).items() if inspect.isfunction(found)}
    assert methods == {name for name in public if not name.startswith("_")}
    runner = {first(row[0]).partition("(")[0] for row in table(PLUGINS, "Runner")}
    assert runner == {
        *(name for name in vars(plugin.Runner) if not name.startswith("_")),
        "plan", "run", "signature",
    }  # fmt: skip


def test_every_attribute_of_the_contract_is_explained() -> None:
    told = [first(row[0]) for row in table(ROOT / "docs/how-to/add-a-runner.md", "5. Test it")]
    assert told == [name for name in RunnerContract.__annotations__ if not name.startswith("_")]
