"""Reading logs that grow, and which part was standard error."""

from pathlib import Path

import pytest

from wmctl.cli.logfile import LogReader, Piece
from wmctl.spool import Entry, Name, Spool
from wmctl.spool.ids import new_id


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool.create(tmp_path / "spool")


def entry(job_id: str, claims: int = 1) -> Entry:
    """A running job."""
    return Entry(Name("20261123T140700.123456Z", 0, job_id, "bash", claims), "running", "/nowhere")


def append(path: Path, data: bytes) -> None:
    """Add to a file, as a worker does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def test_streams_are_told_apart(spool: Spool) -> None:
    """By ranges that are there before their bytes."""
    running = entry(new_id())
    log, errors = spool.log_paths(running)
    reader = LogReader(spool, split=True)
    assert list(reader.read(running)) == []
    append(log, b"out")
    assert list(reader.read(running)) == [Piece(False, b"out")]
    append(errors, b"3 8\n")
    assert list(reader.read(running)) == []
    append(log, b"er")
    assert list(reader.read(running)) == [Piece(True, b"er")]
    append(log, b"rormore")
    append(errors, b"12 1")
    assert list(reader.read(running)) == [Piece(True, b"ror"), Piece(False, b"more")]
    append(errors, b"4\n")
    append(log, b"e!out")
    assert list(reader.read(running)) == [Piece(True, b"e!"), Piece(False, b"out")]


def test_without_split_all_is_one(spool: Spool) -> None:
    """A script's log goes to standard error as a whole."""
    running = entry(new_id())
    log, errors = spool.log_paths(running)
    append(errors, b"0 3\n")
    append(log, b"errout")
    assert list(LogReader(spool, split=False).read(running)) == [Piece(True, b"errout")]


def test_the_next_attempt_begins_anew_after_the_rest_of_the_last(spool: Spool) -> None:
    """A job that was lost and runs again writes another file."""
    job_id = new_id()
    reader = LogReader(spool, split=False)
    append(spool.log_paths(entry(job_id, 1))[0], b"first")
    assert list(reader.read(entry(job_id, 1))) == [Piece(True, b"first")]
    append(spool.log_paths(entry(job_id, 1))[0], b" rest")
    append(spool.log_paths(entry(job_id, 2))[0], b"second")
    assert list(reader.read(entry(job_id, 2))) == [Piece(True, b" rest"), Piece(True, b"second")]
    # A cancel raises the number and writes no log: what was there stays the last.
    assert list(reader.read(entry(job_id, 3))) == []
