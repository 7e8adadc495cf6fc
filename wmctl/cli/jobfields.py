"""The rarer options of `submit` and `run`, turned into fields of a job."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wmctl.cli.exits import UsageError
from wmctl.cli.joboptions import JobOptions
from wmctl.cli.options import seconds
from wmctl.cli.session import Session
from wmctl.cli.source import is_text
from wmctl.config.values import duration, plain
from wmctl.errors import BadInput
from wmctl.plugin import Job
from wmctl.spool.job import ENDS, NAME_CAP
from wmctl.spool.keys import IF_EXISTS


def of(session: Session, options: JobOptions, job: Job) -> dict[str, Any]:
    """The fields; the jobs that it is to run after must be there."""
    if options.if_exists is not None and options.if_exists not in IF_EXISTS:
        raise UsageError(
            f"--if-exists: there is no {options.if_exists!r}", hint=f"use {', '.join(IF_EXISTS)}"
        )
    found: dict[str, Any] = {"env": {**job.env, **_env(options.env or (), os.environ)}}
    if options.key is not None:
        found["key"] = _text(options.key, "--key")
    if options.label:
        found["labels"] = tuple(_label(text) for text in options.label)
    if options.backoff is not None:
        found["backoff"] = _backoff(options.backoff)
    if options.max_running is not None:
        # Of this batch alone; nobody else will think of it.
        found["concurrency_key"] = os.urandom(12).hex()
        found["concurrent_limit"] = options.max_running
    found |= _limit(session, options)
    if options.cache_ttl is not None:
        found["cache_ttl"] = _whole(options.cache_ttl, "--cache-ttl", least=1)
    if options.delete_after is not None:
        found["delete_after_secs"] = _whole(options.delete_after, "--delete-after")
    if options.after:
        found["after"] = tuple(_after(session, options.after))
    return found


def _limit(session: Session, options: JobOptions) -> dict[str, Any]:
    """How many of its kind may run at once, or start in some time."""
    window, key = options.concurrency_window, options.concurrency_key
    if options.concurrent_limit is None:
        for option, text in (("--concurrency-window", window), ("--concurrency-key", key)):
            if text is not None:
                raise UsageError(f"{option} says more about a limit: it needs --concurrent-limit N")
        return {}
    if options.max_running is not None:
        raise UsageError(
            "--max-running is a limit of this batch alone: not with --concurrent-limit"
        )
    found: dict[str, Any] = {"concurrent_limit": options.concurrent_limit}
    if window is not None:
        found["concurrency_time_window_s"] = _whole(window, "--concurrency-window", least=1)
    if key is not None:
        found["concurrency_key"] = _text(key, "--concurrency-key")
    else:
        found["concurrency_key"] = _file_key(session.settings.workspace, options.file)
    return found


def _file_key(workspace: str, file: str | None) -> str:
    """The key of a script that is a file: workspace and whole path."""
    if file in {None, "-"}:
        raise UsageError(
            "--concurrent-limit counts the jobs of one script file, and this is none",
            hint="say which jobs it is about: --concurrency-key NAME",
        )
    key = f"{workspace}:{os.path.abspath(file or '')}"
    if len(key) <= NAME_CAP and is_text(key):
        return key
    from hashlib import sha256  # of few, and costly

    return sha256(key.encode(errors="surrogateescape")).hexdigest()


def _whole(text: str, option: str, least: int = 0) -> int:
    """Whole seconds, as job files have them."""
    try:
        length = duration(text)
    except BadInput as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None
    if length != int(length) or not least <= length <= 10**9:
        raise UsageError(
            f"{option}: {text!r} is not a whole number of seconds from {least} to 30 years",
            hint="write 10, 10s, 5m or 1h",
        )
    return int(length)


def _text(text: str, option: str) -> str:
    try:
        return plain(text)
    except BadInput as error:
        raise UsageError(f"{option}: {error.message}") from None


def _label(text: str) -> str:
    if not text.partition("=")[0]:
        raise UsageError(f"-L {text!r} has no name", hint="write -L name=value")
    return _text(text, "-L")


def _env(words: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """`K=V`, or `K` with its value from here."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise UsageError(f"-e {word!r} has no name", hint="write -e NAME=value, or -e NAME")
        if not equals:
            if name not in environ:
                raise UsageError(f"-e {name}: it is not set here", hint=f"write -e {name}=value")
            value = environ[name]
        if not is_text(name + value):
            raise UsageError(f"-e {name}: its value is not text in UTF-8")
        found[name] = value
    return found


def _backoff(text: str) -> tuple[float, float]:
    """`10s..5m`: the first wait and the longest; of one duration they are the same."""
    first, dots, most = text.partition("..")
    least = seconds(first, "--backoff")
    longest = seconds(most, "--backoff") if dots else least
    if longest < least:
        raise UsageError(
            f"--backoff {text}: the second time is the longest, so not less than the first",
            hint=f"write --backoff {most}..{first}",
        )
    return least, longest


def _after(session: Session, words: Iterable[str]) -> Iterator[Mapping[str, str]]:
    from wmctl.cli.ids import find, words_of  # costly, and only for this

    for word in words:
        text, on = _split(word)
        ids = list(words_of([text]))
        if not ids:
            raise UsageError("--after -: there are no ids on standard input")
        for job_id in ids:
            yield {"id": find(session.spool, job_id).id, "on": on}


def _split(word: str) -> tuple[str, str]:
    """An id in any spelling, and how that job is to end."""
    text, colon, on = word.rpartition(":")
    # `name:ok` is the job that is called ok.
    if colon and on in ENDS and text not in {"name", "key"}:
        return text, on
    if not colon or word.startswith(("name:", "key:")):
        return word, "ok"
    raise UsageError(
        f"--after {word}: {on!r} is not a way to end", hint=f"after the id comes {', '.join(ENDS)}"
    )
