"""One parser under atheris: `python -m tests.faults.fuzzers PARSER [--planted] -runs=N CORPUS`.

A process of its own, since atheris ends it. Each parser may answer with a value or with the errors
that it declares; what it gave back, it must be able to take again. `CORPUS` is only read.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wmctl"]):
    from wmctl.cli.args import parse_args
    from wmctl.cli.exits import UsageError
    from wmctl.config.files import read
    from wmctl.errors import BadInput, ConfigError, MalformedJob
    from wmctl.spool import strict
    from wmctl.spool.job import from_json
    from wmctl.spool.name import decode_tag, encode_tag, is_newer, parse
    from wmctl.spool.workers import BEAT_SIZE, encode_beat
    from wmctl.worker import identity
    from wmctl.worker.rescuer import _parse


def name(data: bytes) -> None:
    """Names of job files, in a queue and elsewhere."""
    file = os.fsdecode(data)
    for tag in (None, "bash"):
        found = parse(file, tag)
        if found is not None:
            assert (found.file if tag is None else found.queued) == file
            assert not is_newer(file)


def tag(data: bytes) -> None:
    """Folder names of tags, and tags."""
    folder = os.fsdecode(data)
    with contextlib.suppress(BadInput):
        assert encode_tag(decode_tag(folder)) == folder
    with contextlib.suppress(BadInput):
        assert decode_tag(encode_tag(folder)) == folder


def job(data: bytes) -> None:
    """Job files."""
    try:
        found = from_json(data)
    except MalformedJob:
        return
    assert from_json(found.to_json()) == found


def json(data: bytes) -> None:
    """JSON, read strictly: bytes and text."""
    for text in (data, data.decode("utf-8", "surrogateescape")):
        for halves in (False, True):
            try:
                value = strict.loads(text, halves=halves)
            except BadInput:
                continue
            assert strict.loads(strict.dumps(value), halves=halves) == value


def config(data: bytes) -> None:
    """Configuration files."""
    path = Path(f"/dev/shm/wmctl-fuzz-{os.getpid()}")
    path.write_bytes(data)
    try:
        with contextlib.suppress(ConfigError):
            read(path)
    finally:
        path.unlink()


def args(data: bytes) -> None:
    """`-a` and `-d`, without files."""
    words = [word for word in data.decode("utf-8", "replace").split("\n") if "@" not in word]
    with contextlib.suppress(UsageError, BadInput):
        parse_args(words[1:], words[0] if words else None)


def beat(data: bytes) -> None:
    """Beats, as a rescuer reads them."""
    content = _parse(data)
    identity.proven_dead(Path("/nonexistent"), "wk-x", content)
    assert len(encode_beat("wk-x", dict(content))) == BEAT_SIZE


PARSERS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (name, tag, job, json, config, args, beat)
}


def planted(parser: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """A parser with a mistake, for the control: it cannot bear two equal bytes."""

    def broken(data: bytes) -> None:
        parser(data)
        if len(data) > 4 and data[2] == data[3] and data[0] < data[1]:
            raise KeyError(data[2])

    return broken


def main() -> None:
    """Run; never returns."""
    word, *options = sys.argv[1:]
    parser = PARSERS[word]
    if "--planted" in options:
        options.remove("--planted")
        parser = planted(parser)
    atheris.Setup([sys.argv[0], *options], parser)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
