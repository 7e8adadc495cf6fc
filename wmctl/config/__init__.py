"""Settings: frozen values and where each came from. Read once by the command line, passed down.

First found wins: FORCE_WORKER_TAGS, flags, WMCTL_* variables, (group files of the spool: see
`served`), Windmill's variables, the project's .wmctl.yaml, the user's, the system's, built in.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wmctl.config.files import merged, project_file, read
from wmctl.config.keys import BY_NAME, FORCED, KEYS, Found, Key, xdg
from wmctl.config.values import Floor, words
from wmctl.errors import BadInput, ConfigError

SYSTEM_FILE = Path("/etc/wmctl/config.yaml")
BUILT_IN = "built in"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WorkerSettings:
    """What workers are started with. Durations in seconds, sizes in bytes."""

    #: The first one's settings win; tags are those of all.
    groups: tuple[str, ...]
    #: None = the default tags of all runners that can run here.
    tags: tuple[str, ...] | None
    count: int
    timeout: float
    max_jobs: int | None
    grace: float | None
    kill_grace: float
    oom_score_adj: int
    keep_job_dir: bool
    disable_concurrency_limit: bool
    env: tuple[str, ...]
    max_log_size: int
    init_script: str | None
    periodic_script: str | None
    periodic_interval: int | None
    python_paths: tuple[str, ...] | None
    pip_local: tuple[str, ...] | None
    #: Where each of these came from: `tags` -> `WORKER_TAGS`.
    origins: Mapping[str, str]
    #: Those that win over a group's file: FORCE_WORKER_TAGS, options, WMCTL_* variables.
    above: frozenset[str]

    @property
    def group(self) -> str:
        """The first of its groups, which gives it its name."""
        return self.groups[0]


class Settings(NamedTuple):
    """All settings of one command."""

    spool: Path
    cache: Path
    workspace: str
    #: True: inside the spool.
    journal: Path | bool
    min_free: Floor
    custom_tags: tuple[str, ...]
    #: Programs by the name of their variable (`DENO_PATH`), only those that were set.
    tools: Mapping[str, str]
    worker: WorkerSettings
    #: Where each value came from, by key: a variable, `file:line`, a flag, or `built in`.
    origins: Mapping[str, str]
    values: Mapping[str, Any]
    #: What the user should be told, such as a file that was not read.
    notes: tuple[str, ...] = ()

    @property
    def spool_is_default(self) -> bool:
        """True where nobody named a spool: this one may be made if it is not there."""
        return self.origins["spool"] == BUILT_IN


def load(
    flags: Mapping[str, str | None] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    system: Path = SYSTEM_FILE,
) -> Settings:
    """The settings of this process. `flags`: key -> text of an option, None where not given."""
    environ = os.environ if environ is None else environ
    folder = _here() if folder is None else folder
    files, notes = _files(environ, folder, system)
    above = [
        _variables({key: name for name, key in FORCED.items()}, environ, folder),
        _flags(flags or {}, folder),
        _variables({key.name: f"WMCTL_{key.variable}" for key in KEYS}, environ, folder),
    ]
    below = [
        _variables({key.name: key.variable for key in KEYS if key.windmill}, environ, folder),
        *files,
        {key.name: Found(key.default(environ), BUILT_IN) for key in KEYS},
    ]
    return _settings(merged([*above, *below]), frozenset(merged(above)), notes)


def _settings(
    found: Mapping[str, Found], above: frozenset[str], notes: tuple[str, ...]
) -> Settings:
    values = {name: item.value for name, item in found.items()}
    sections: dict[str, dict[str, Any]] = {"": {}, "tools": {}, "worker": {}}
    for name, value in values.items():
        section, dot, rest = name.partition(".")
        sections[section if dot else ""][rest if dot else name] = value
    return Settings(
        **sections[""],
        tools={
            BY_NAME[f"tools.{name}"].variable: str(program)
            for name, program in sections["tools"].items()
            if program is not None
        },
        worker=_worker(sections["worker"], found, above),
        origins={name: item.origin for name, item in found.items()},
        notes=notes,
        values=values,
    )


def _worker(
    values: dict[str, Any], found: Mapping[str, Found], above: frozenset[str]
) -> WorkerSettings:
    return WorkerSettings(
        groups=values.pop("group"),
        **values,
        origins={name: found[f"worker.{name}"].origin for name in ("group", *values)},
        above=frozenset(name.removeprefix("worker.") for name in above),
    )


def _flags(flags: Mapping[str, str | None], folder: Path) -> dict[str, Found]:
    return {
        name: Found(_parse(BY_NAME[name], text, "the option", folder), "option")
        for name, text in flags.items()
        if text is not None
    }


def _variables(
    names: Mapping[str, str], environ: Mapping[str, str], folder: Path
) -> dict[str, Found]:
    """Key -> value for each variable that is set; an empty one counts as not set."""
    return {
        name: Found(_parse(BY_NAME[name], environ[variable], variable, folder), variable)
        for name, variable in names.items()
        if environ.get(variable)
    }


def _parse(key: Key, text: str, origin: str, folder: Path) -> Any:
    try:
        if key.many:
            return tuple(key.parse(word) for word in words(text, key.separator))
        return _absolute(key.parse(text), folder)
    except BadInput as error:
        raise ConfigError(f"{origin} ({key.name}): {error.message}", hint=error.hint) from None


def _files(
    environ: Mapping[str, str], folder: Path, system: Path
) -> tuple[list[dict[str, Found]], tuple[str, ...]]:
    """The files that are there, nearest first; WMCTL_CONFIG replaces the project's and user's."""
    named = environ.get("WMCTL_CONFIG")
    note = None
    if named:
        paths = [folder / named]
    else:
        project, note = project_file(folder)
        user = xdg(environ, "XDG_CONFIG_HOME", ".config") / "wmctl/config.yaml"
        paths = [path for path in (project, user) if path is not None and os.path.exists(path)]
    paths += [system] if os.path.exists(system) else []
    layers = [
        {
            name: Found(_absolute(item.value, path.parent), item.origin)
            for name, item in read(path).items()
        }
        for path in paths
    ]
    return layers, (note,) if note else ()


def _absolute(value: Any, folder: Path) -> Any:
    return folder / value if isinstance(value, Path) else value


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
