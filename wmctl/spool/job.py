"""A job as it was submitted: one immutable JSON object. Pure, no disk.

What changes (state, due time, priority, tag, attempts) is never in here: the folder and the file
name say it. Field by field: docs/reference/spool-format.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from wmctl.errors import BadInput, MalformedJob
from wmctl.spool import strict
from wmctl.spool.ids import is_id

#: Caps in bytes (spool-format.md): a job file; code or args before they move to a blob; a blob.
JOB_CAP = 1 << 20
INLINE_CAP = 32 << 10
BLOB_CAP = 64 << 20
NAME_CAP = 200

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_WORKSPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,48}[A-Za-z0-9_-])?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
DEFAULT_WORKSPACE = "default"
#: The ends of a job that another may wait for (`--after ID:fail`): the outcomes that each means.
ENDS = {
    "ok": ("success", "skipped"),
    "fail": ("failure", "canceled"),
    "any": ("success", "skipped", "failure", "canceled"),
}
AFTER_CAP = 1000
CONCURRENT_CAP = 10_000
#: Seconds; 30 years, as of a timeout.
_SPAN_CAP = 10**9


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to run and with what. Times are RFC 3339 UTC texts, durations seconds."""

    #: `script` (code in a language) or the name of a runner that needs none, such as `command`.
    kind: str = "script"
    language: str | None = None
    code: str | None = None
    #: sha256 of the blob that holds the code, where it is too long for the job file.
    code_blob: str | None = None
    #: A command and its words; kind `command` only.
    argv: tuple[str, ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict)
    args_blob: str | None = None
    #: For people: a file name, `-c`, or what `--name` said.
    name: str = ""
    workspace: str = DEFAULT_WORKSPACE
    #: Windmill path of the script (`f/folder/name`), if it has one.
    path: str | None = None
    #: Seconds the job may run; None = only the worker's own maximum.
    timeout: float | None = None
    #: How often a failure of the program itself is tried again.
    retries: int = 0
    #: Seconds until the first retry, doubled each time, and the most; None = 10 s to 5 min.
    backoff: tuple[float, float] | None = None
    #: `{"id": …, "on": "ok" | "any" | "fail"}`: it waits, suspended, until all of these have ended.
    after: tuple[Mapping[str, str], ...] = ()
    #: Submitted held: it waits for a person's unhold.
    hold: bool = False
    #: Of the jobs with one key no more than so many run at once, whichever hosts run them; with a
    #: window, one that ended counts for so many seconds more. Without a key that of its path.
    concurrency_key: str | None = None
    concurrent_limit: int | None = None
    concurrency_time_window_s: int | None = None
    #: A success of the same job that is not older than so many seconds answers this one.
    cache_ttl: int | None = None
    #: So many seconds after its end nothing of it is left.
    delete_after_secs: int | None = None
    #: Working folder, umask and variables of the submitter (kind `command`).
    cwd: str | None = None
    umask: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    created_at: str | None = None
    created_by: str | None = None
    created_on: str | None = None
    #: The job that this one is a step of, and the topmost one.
    parent: str | None = None
    root: str | None = None
    step_id: str | None = None
    flow_path: str | None = None
    schedule_path: str | None = None
    retry_of: str | None = None
    key: str | None = None
    labels: tuple[str, ...] = ()
    #: Keys of later minor versions, kept as they came.
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def runner(self) -> str:
        """The name of the runner that runs it: the language of a script, else the kind."""
        return (self.language or "") if self.kind == "script" else self.kind

    @property
    def waits(self) -> bool:
        """Whether other jobs decide when it may start."""
        return bool(self.after) or self.concurrent_limit is not None

    @property
    def slots_key(self) -> str | None:
        """The key whose slots it needs to run; None of a job without a limit.

        A key of its own means what it says in every workspace, as in Windmill.
        """
        if self.concurrent_limit is None:
            return None
        return self.concurrency_key or f"{self.workspace}/{self.path}"

    @property
    def window(self) -> int:
        """Seconds for which a slot is held beyond its job's end."""
        return self.concurrency_time_window_s or 0

    @property
    def entrance(self) -> str:
        """The folder that it comes to when it is submitted."""
        return "held" if self.hold else "suspended" if self.waits else "queue"

    @property
    def blobs(self) -> tuple[str, ...]:
        """The blobs that this job refers to."""
        return tuple(sha for sha in (self.code_blob, self.args_blob) if sha is not None)

    def but(self, **changes: Any) -> Self:
        """The same job with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> bytes:
        """The job file's content: compact JSON, a line feed at its end; defaults left out."""
        content: dict[str, Any] = {}
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                content[name] = list(value) if isinstance(value, tuple) else value
        try:
            return (strict.dumps({**content, **self.extra}) + "\n").encode()
        except (ValueError, TypeError, RecursionError) as error:
            raise BadInput(f"the job cannot be written as JSON: {error}") from None


def from_json(text: bytes) -> Job:
    """The job of a job file's content; MalformedJob where it is none."""
    try:
        content = strict.loads_object(text, "job file")
        known = {name: content.pop(name) for name in list(content) if name in _DEFAULTS}
        for name in ("argv", "labels"):
            if name in known:
                known[name] = _texts(name, known[name])
        for name in ("after", "backoff"):
            if isinstance(known.get(name), list):
                known[name] = tuple(known[name])
        return _read(known, content)
    except BadInput as error:
        raise MalformedJob(error.message) from None


def _read(known: Mapping[str, Any], extra: Mapping[str, Any]) -> Job:
    """A checked job. A frozen dataclass's own __init__ takes twice as long as all the checks."""
    job = object.__new__(Job)
    vars(job).update({**_DEFAULTS, "args": {}, "env": {}, "extra": extra, **known})
    _check(job)
    return job


_DEFAULTS: dict[str, Any] = {
    item.name: item.default_factory() if callable(item.default_factory) else item.default
    for item in fields(Job)
    if item.name != "extra"
}


def check_workspace(workspace: str) -> None:
    """BadInput unless the text can name a workspace."""
    if not isinstance(workspace, str) or not _WORKSPACE.fullmatch(workspace):
        raise BadInput(
            f"workspace {str(workspace)[:60]!r} is not allowed: 1 to 50 of A-Z a-z 0-9 _ . -,"
            " beginning with a letter or digit, not ending in a dot"
        )


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadInput(f"{name} must be a list of texts")
    return tuple(value)


def _check(job: Job) -> None:
    _check_words(job)
    _check_texts(job)
    _check_numbers(job)
    _check_waiting(job)
    if not isinstance(job.args, Mapping):
        raise BadInput("args must be a JSON object")
    for name in ("parent", "root", "retry_of"):
        value = getattr(job, name)
        if value is not None and not (isinstance(value, str) and is_id(value)):
            raise BadInput(f"{name} {value!r} is not a job id")
    for sha in job.blobs:
        if not isinstance(sha, str) or not _SHA256.fullmatch(sha):
            raise BadInput(f"{str(sha)[:80]!r} does not name a blob")


def _check_words(job: Job) -> None:
    if not isinstance(job.kind, str) or not _WORD.fullmatch(job.kind):
        raise BadInput(f"kind {job.kind!r} is not a runner's name")
    script = job.kind == "script"
    named = isinstance(job.language, str) and _WORD.fullmatch(job.language)
    if not named and (script or job.language is not None):
        raise BadInput(f"a script needs a language, not {job.language!r}")
    if script and (job.code is None) == (job.code_blob is None):
        raise BadInput("a script needs code or code_blob, and not both")
    if job.kind == "command" and not job.argv:
        raise BadInput("a command needs argv")
    if any("\0" in word for word in job.argv):
        raise BadInput("a word of argv holds a NUL character")
    check_workspace(job.workspace)


def _check_texts(job: Job) -> None:
    for name in (
        "code", "name", "path", "cwd", "created_at", "created_by", "created_on", "step_id",
        "flow_path", "schedule_path", "key", "concurrency_key",
    ):  # fmt: skip
        value = getattr(job, name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadInput(f"{name} must be a text")
        if name not in {"code", "cwd"} and value and len(value) > NAME_CAP:
            raise BadInput(f"{name} is longer than {NAME_CAP} characters")
    if not isinstance(job.name, str):
        raise BadInput("name must be a text")
    if job.cwd is not None and (not job.cwd.startswith("/") or "\0" in job.cwd):
        raise BadInput(f"cwd {job.cwd!r} is not an absolute path")
    env = job.env
    if not isinstance(env, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) and key and "=" not in key
        and "\0" not in key + value
        for key, value in env.items()
    ):  # fmt: skip
        raise BadInput("env must map variable names to texts")


def _check_numbers(job: Job) -> None:
    timeout = job.timeout
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < 1e9
    ):
        raise BadInput(f"timeout {timeout!r} is not a number of seconds above 0")
    for name, most in (("retries", 10_000), ("umask", 0o777)):
        value = getattr(job, name)
        if value is None and name == "umask":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise BadInput(f"{name} {value!r} is not a whole number from 0 to {most}")


def _check_waiting(job: Job) -> None:
    _check_after(job.after)
    if not isinstance(job.hold, bool):
        raise BadInput("hold must be true or false")
    if job.backoff is not None and not _is_backoff(job.backoff):
        raise BadInput(
            "backoff must be two numbers of seconds, the first above 0, the second not less"
        )
    for name in ("concurrency_time_window_s", "cache_ttl", "delete_after_secs"):
        value = getattr(job, name)
        if value is not None and (type(value) is not int or not 0 <= value <= _SPAN_CAP):
            raise BadInput(f"{name} {value!r} is not a whole number of seconds from 0 on")
    limit = job.concurrent_limit
    if limit is None:
        for name in ("concurrency_key", "concurrency_time_window_s"):
            if getattr(job, name) is not None:
                raise BadInput(f"{name} needs a concurrent_limit")
    elif not job.concurrency_key and not job.path:
        raise BadInput("concurrent_limit needs a concurrency_key, or a path to make one of")
    if limit is not None and (
        isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= CONCURRENT_CAP
    ):
        raise BadInput(
            f"concurrent_limit {limit!r} is not a whole number from 1 to {CONCURRENT_CAP}"
        )


def _is_backoff(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value):
        return False
    return bool(0 < value[0] <= value[1] < 1e9)


def _check_after(after: object) -> None:
    if not isinstance(after, tuple) or len(after) > AFTER_CAP:
        raise BadInput(f"after must be a list of at most {AFTER_CAP}")
    for one in after:
        if not isinstance(one, Mapping) or set(one) != {"id", "on"}:
            raise BadInput("each item of after must have an id and an on, nothing else")
        if not isinstance(one["id"], str) or not is_id(one["id"]):
            raise BadInput(f"after: {one['id']!r} is not a job id")
        if one["on"] not in ENDS:
            raise BadInput(f"after: on is one of {', '.join(ENDS)}, not {one['on']!r}")


#: Stands for a job whose file was not read, or cannot be read now.
UNREAD = Job(kind="unread")
