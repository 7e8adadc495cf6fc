"""The one list of settings: name in files, variables, how the text is read, what is built in."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wmctl.config import values


class Found(NamedTuple):
    """A value and where it stands: `file:line`, or the name of a variable."""

    value: Any
    origin: str


class Key(NamedTuple):
    """One setting."""

    #: Its name in files; the part before the dot is the section.
    name: str
    help: str
    parse: Callable[[str], Any]
    #: Its variable without `WMCTL_`; Windmill's own name where Windmill has one.
    variable: str
    #: True if Windmill's workers read the variable too (without `WMCTL_`).
    windmill: bool = False
    #: Written as a list in files, in variables with `separator` between its members.
    many: bool = False
    separator: str = ","
    #: The built-in value; a function of the environment where it depends on that.
    default: Callable[[Mapping[str, str]], Any] = lambda _: None


def _always(value: Any) -> Callable[[Mapping[str, str]], Any]:
    return lambda _: value


def xdg(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    """A folder of the XDG specification: only an absolute path in the variable counts."""
    path = environ.get(variable, "")
    return Path(path) if path.startswith("/") else Path(os.path.expanduser(f"~/{otherwise}"))


def _spool(environ: Mapping[str, str]) -> Path:
    return xdg(environ, "XDG_STATE_HOME", ".local/state") / "wmctl/spool"


def _cache(environ: Mapping[str, str]) -> Path:
    return xdg(environ, "XDG_CACHE_HOME", ".cache") / "wmctl"


KEYS: tuple[Key, ...] = (
    Key("spool", "the folder that is the queue", values.folder, "SPOOL", default=_spool),
    Key("cache", "what runners build once", values.folder, "CACHE", default=_cache),
    Key("workspace", "the workspace of new jobs", values.plain, "WORKSPACE",
        default=_always("default")),
    Key("journal", "write down what happens to jobs: 1, or a folder", values.folder_or_no,
        "JOURNAL", default=_always(False)),
    Key("min_free", "warn at submit if less of the spool's disk is free", values.floor, "MIN_FREE",
        default=_always(values.Floor())),
    Key("custom_tags", "tags that jobs may have, where the spool has no tags.yaml", values.plain,
        "CUSTOM_TAGS", windmill=True, many=True, default=_always(())),
    Key("tools.bash", "bash: path, or name on PATH", values.program, "BASH_PATH", windmill=True),
    Key("tools.python", "the Python of Python jobs", values.program, "PYTHON_PATH",
        windmill=True),
    Key("tools.deno", "deno: path, or name on PATH", values.program, "DENO_PATH", windmill=True),
    Key("tools.go", "go: path, or name on PATH", values.program, "GO_PATH", windmill=True),
    Key("tools.uv", "uv: path, or name on PATH", values.program, "UV_PATH", windmill=True),
    Key("worker.group", "the worker group, or several: a,b", values.group_names, "WORKER_GROUP",
        windmill=True, default=_always(("default",))),
    Key("worker.tags", "the tags that workers serve", values.plain, "WORKER_TAGS",
        windmill=True, many=True),
    Key("worker.count", "how many workers", values.count, "NUM_WORKERS", windmill=True,
        default=_always(1)),
    Key("worker.timeout", "the longest a job may run", values.positive, "TIMEOUT", windmill=True,
        default=_always(604800.0)),
    Key("worker.max_jobs", "a worker ends after so many jobs", values.count, "EXIT_AFTER_N_JOBS",
        windmill=True),
    Key("worker.grace", "how long a drain waits for jobs before it stops them", values.duration,
        "GRACE"),
    Key("worker.kill_grace", "time to end for a job that is stopped", values.duration,
        "KILL_GRACE", default=_always(10.0)),
    Key("worker.oom_score_adj", "jobs are killed before others if memory runs out",
        values.oom_score, "JOB_OOM_SCORE_ADJ", windmill=True, default=_always(1000)),
    Key("worker.keep_job_dir", "do not remove job folders", values.yes_or_no, "KEEP_JOB_DIR",
        windmill=True, default=_always(False)),
    Key("worker.disable_concurrency_limit", "run jobs whatever their concurrency limits say",
        values.yes_or_no, "DISABLE_CONCURRENCY_LIMIT", windmill=True, default=_always(False)),
    Key("worker.env", "variables of the worker that jobs get", values.plain, "WHITELIST_ENVS",
        windmill=True, many=True, default=_always(())),
    Key("worker.max_log_size", "bytes of a job's log that are kept", values.size, "MAX_LOG_SIZE",
        windmill=True, default=_always(16 << 20)),
    Key("worker.init_script", "what bash runs before a worker's first job", values.script,
        "INIT_SCRIPT", windmill=True),
    Key("worker.periodic_script", "what bash runs at a worker's start and at each interval",
        values.script, "PERIODIC_BASH_SCRIPT", windmill=True),
    Key("worker.periodic_interval", "seconds between two runs of it, 60 or more", values.interval,
        "PERIODIC_BASH_SCRIPT_INTERVAL_SECONDS", windmill=True),
    Key("worker.python_paths", "where Python jobs look for modules besides", values.plain,
        "ADDITIONAL_PYTHON_PATHS", windmill=True, many=True, separator=":"),
    Key("worker.pip_local", "patterns of packages that Python jobs do not have installed",
        values.plain, "PIP_LOCAL_DEPENDENCIES", windmill=True, many=True),
)  # fmt: skip

BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
SECTIONS = frozenset(key.name.partition(".")[0] for key in KEYS if "." in key.name)
#: Wins before everything else, flags too, as in Windmill.
FORCED = {"FORCE_WORKER_TAGS": "worker.tags"}
