"""The job log: order, marks, cap, full disks."""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wmctl.runner import log as log_module
from wmctl.runner.log import LogFile


class Files:
    """A log in a folder, and what a reader finds there."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "job.log"
        self.err = folder / "job.err"

    def open(self, cap: int = log_module.CAP) -> LogFile:
        return LogFile(create(self.log), self.open_errors, cap)

    def open_errors(self) -> int:
        return create(self.err)

    def text(self) -> bytes:
        return self.log.read_bytes()

    def ranges(self) -> list[tuple[int, int]]:
        if not self.err.exists():
            return []
        lines = self.err.read_text().splitlines(keepends=True)
        assert all(line.endswith("\n") for line in lines)
        return [(int(start), int(end)) for start, end in (line.split() for line in lines)]

    def streams(self) -> tuple[bytes, bytes]:
        """What a reader takes for standard output and for standard error."""
        text, error, at = self.text(), b"", 0
        out = b""
        for start, end in self.ranges():
            assert at <= start < end <= len(text)
            out += text[at:start]
            error += text[start:end]
            at = end
        return out + text[at:], error


def create(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_output_is_in_the_file_at_once_and_without_nul_bytes(files: Files) -> None:
    log = files.open()
    log.write(b"one\0 two")
    assert files.text() == b"one two"
    log.write(b"\0\0")
    log.write(b" three\n")
    assert files.text() == b"one two three\n"
    log.close()
    assert (log.dropped, log.error, files.err.exists()) == (0, None, False)


def test_standard_error_is_marked(files: Files) -> None:
    log = files.open()
    log.write(b"out\n")
    log.write(b"bad\n", error=True)
    log.write(b"worse\n", error=True)
    log.write(b"more\n")
    assert files.streams() == (b"out\nmore\n", b"bad\nworse\n")
    log.close()


def test_a_range_is_written_before_its_bytes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def spy(name: str, real: Callable[..., int]) -> Callable[..., int]:
        def called(*args: object) -> int:
            calls.append(name)
            return real(*args)

        return called

    monkeypatch.setattr(os, "write", spy("bytes", os.write))
    monkeypatch.setattr(os, "pwrite", spy("range", os.pwrite))
    log = files.open()
    log.write(b"out\n")
    log.write(b"bad\n", error=True)
    log.close()
    assert calls == ["bytes", "range", "bytes"]


def test_a_line_of_wmctl_stands_alone_and_is_not_the_jobs(files: Files) -> None:
    log = files.open()
    log.line("first")
    log.write(b"half a li")
    log.line("in\nbetween \udcff")
    log.write(b"ne\n")
    log.line("last")
    log.close()
    assert files.text().splitlines() == [
        b"wmctl: first",
        b"half a li",
        rb"wmctl: in between \udcff",
        b"ne",
        b"wmctl: last",
    ]
    assert files.streams()[0] == b"half a line\n"
    assert log.tail() == "half a line\n"


def test_tail_is_the_last_lines_of_standard_output(files: Files) -> None:
    log = files.open()
    log.write(b"built\n")
    log.begin()
    assert log.tail() == ""
    log.write(b"a\nb\xff\nc")
    log.write(b"not this\n", error=True)
    assert log.tail() == "a\nb\ufffd\nc"
    assert log.tail(limit=5) == "b\ufffd\nc"[-4:]
    assert log.tail(limit=4) == "c"
    log.write(b"x" * 100)
    assert log.tail(limit=10) == "x" * 10
    log.close()


def test_tail_needs_bounded_memory(files: Files) -> None:
    log = files.open()
    for number in range(100_000):
        log.write(b"line %d\n" % number)
    assert log.tail().endswith("line 99999\n")
    assert log.tail().startswith("line ")
    assert len(log.tail()) <= log_module.LAST
    assert sum(len(data) for _, data in log._last.pieces) <= log_module.LAST + (128 << 10)
    log.close()


def test_beyond_the_cap_the_beginning_and_the_end_are_kept(files: Files) -> None:
    cap = 8000
    log = files.open(cap)
    text = b"".join(b"line %d\n" % number for number in range(10_000))
    for at in range(0, len(text), 777):
        log.write(text[at : at + 777])
    assert files.text() == text[: cap // 2]
    log.close()
    head, marker, tail = files.text().partition(b"\n[wmctl: %d bytes left out]\n" % log.dropped)
    assert marker
    assert text.startswith(head)
    assert text.endswith(b"\n" + tail)
    assert len(head) + len(tail) + log.dropped == len(text)
    assert cap - 100 <= len(files.text()) <= cap + 1024


def test_at_the_cap_nothing_is_left_out(files: Files) -> None:
    log = files.open(8000)
    log.write(b"x" * 5000)
    log.write(b"y" * 3000)
    log.close()
    assert files.text() == b"x" * 5000 + b"y" * 3000
    assert log.dropped == 0


def test_one_huge_write_is_cut_too(files: Files) -> None:
    log = files.open(8000)
    log.write(b"x" * 100_000, error=True)
    log.close()
    assert log.dropped == 92_000
    assert files.streams()[0] == b""
    assert len(files.text()) <= 8000 + 1024


def streams_of(writes: list[tuple[bool, bytes]], error: bool) -> bytes:
    return b"".join(data for kind, data in writes if kind is error).replace(b"\0", b"")


writes = st.lists(st.tuples(st.booleans(), st.binary(max_size=400)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(writes=writes, cap=st.sampled_from([64, 1000, 100_000]))
def test_both_streams_are_prefix_and_suffix_of_what_was_written(
    writes: list[tuple[bool, bytes]], cap: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = Files(tmp_path_factory.mktemp("log"))
    log = files.open(cap)
    for error, data in writes:
        log.write(data, error=error)
    log.close()
    wrote = (streams_of(writes, False), streams_of(writes, True))
    whole = b"".join(data for _, data in writes).replace(b"\0", b"")
    if len(whole) <= cap:
        assert files.streams() == wrote
        assert log.dropped == 0
    else:
        marker = b"[wmctl: %d bytes left out]\n" % log.dropped
        head, found, tail = files.text().partition(marker)
        assert found
        assert whole.startswith((head, head[:-1]))
        assert whole.endswith(tail)
        out, err = files.streams()
        assert len(out) + len(err.replace(b"\n" + marker, b"")) <= cap + len(marker)


def test_the_waiting_end_needs_bounded_memory(files: Files) -> None:
    """Single bytes of alternating streams are the worst that can come."""
    log = files.open(1 << 20)
    log.write(b"x" * (600 << 10))
    for _ in range(50_000):
        log.write(b"o")
        log.write(b"e", error=True)
    assert len(log._waiting.pieces) <= log_module._PIECES
    log.close()
    assert log.dropped > 0


def test_ranges_do_not_outgrow_the_log(files: Files) -> None:
    cap = 64 << 10
    log = files.open(cap)
    for _ in range(20_000):
        log.write(b"e", error=True)
    assert files.err.stat().st_size <= cap // 8 + 32
    log.close()
    assert files.streams() == (b"", b"e" * 20_000)


def test_a_full_disk_is_survived_and_told(tmp_path: Path) -> None:
    log = LogFile(os.open("/dev/full", os.O_RDWR), lambda: create(tmp_path / "err"))
    log.line("lost")
    log.write(b"also lost\n")
    assert log.tail() == "also lost\n"
    log.close()
    assert log.error is not None
    assert log.dropped == len("wmctl: lost\n" + "also lost\n")
    assert (tmp_path / "err").read_bytes() == b""


def test_what_a_full_disk_refused_comes_later_in_order(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RETRY", 0.0)
    full = os.open("/dev/full", os.O_RDWR)
    log = LogFile(full, files.open_errors)
    log.write(b"one\n")
    log.write(b"two\n", error=True)
    real = create(files.log)
    os.dup2(real, full)  # there is space again
    os.close(real)
    log.write(b"three\n")
    assert files.text() == b"one\ntwo\nthree\n"
    assert files.streams()[1] == b"two\n"
    log.close()
    assert log.dropped == 0


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_half_done_write_leaves_no_wrong_range(files: Files) -> None:
    log = files.open()
    log.write(b"o" * 50)
    with file_size_limit(80):
        log.write(b"e" * 100, error=True)
    assert log.error is not None
    assert files.streams() == (b"o" * 50, b"e" * 30)
    log.close()
    assert files.streams() == (b"o" * 50, b"e" * 100)
    assert log.dropped == 0


def test_a_half_written_range_is_taken_back(files: Files) -> None:
    log = files.open()
    log.write(b"ab", error=True)
    with file_size_limit(6):
        log.write(b"cd", error=True)
    assert files.ranges() == [(0, 2)]
    log.write(b"out")
    log.close()
    assert files.streams() == (b"out", b"abcd")


def test_without_a_sidecar_the_bytes_are_kept_in_the_end(files: Files) -> None:
    def refuse() -> int:
        raise PermissionError(13, "no")

    log = LogFile(create(files.log), refuse)
    log.write(b"bad\n", error=True)
    log.write(b"out\n")
    log.close()
    assert files.text() == b"bad\nout\n"
    assert log.dropped == 0


def test_closing_twice_and_writing_after_it(files: Files) -> None:
    log = files.open()
    log.close()
    log.close()
    log.write(b"late")
    assert log.dropped == 4


def test_threads_do_not_break_each_others_lines(files: Files) -> None:
    log = files.open()

    def talk(word: str) -> None:
        for _ in range(500):
            log.line(word)

    threads = [threading.Thread(target=talk, args=(word * 30,)) for word in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert set(files.text().split()) == {b"wmctl:", b"a" * 30, b"b" * 30, b"c" * 30}
    assert files.streams()[0] == b""
