"""What `submit` and `run` can be told about a job: what it becomes, what is refused, said."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import Wmctl
from tests.host import eventually
from wmctl.cli import caveats, exits, progress, recent, run, submission, submit
from wmctl.cli.exits import KeyTaken, NoWorker, UsageError
from wmctl.cli.joboptions import JobOptions
from wmctl.cli.session import Session
from wmctl.errors import BadInput, JobNotFound
from wmctl.spool import Entry, Job, Spool
from wmctl.spool.fskind import FileSystem
from wmctl.spool.name import parse_due

Queue = Callable[..., list[str]]


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    """The spool of this process, and nothing else of the machine's."""
    for name in list(os.environ):
        if name.startswith(("WMCTL_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WMCTL_SPOOL", str(tmp_path / "spool"))
    monkeypatch.chdir(tmp_path)
    return Spool.create(tmp_path / "spool")


def prepare(command: list[str] | None = None, **options: Any) -> tuple[Session, submission.Ready]:
    """As the command line does it: a script in bash unless a command is given."""
    if command is None:
        options = {"code": "echo hi", "lang": "bash"} | options
    session = Session(command)
    return session, submission.prepare(session, JobOptions(**options))


@pytest.fixture
def queue(spool: Spool) -> Queue:
    """Submit; the ids that are given out."""
    del spool

    def go(command: list[str] | None = None, **options: Any) -> list[str]:
        session, ready = prepare(command, **options)
        return [job.id for job in submission.submit(session, ready)]

    return go


def entry_of(spool: Spool, job_id: str) -> Entry:
    found = spool.locate(job_id)
    assert found is not None
    return found


def job_of(spool: Spool, job_id: str) -> Job:
    return spool.job(entry_of(spool, job_id))


def test_both_commands_have_all_options() -> None:
    """From one table, in one order."""
    commands = [typer.main.get_command(module.app) for module in (submit, run)]
    for command in commands:
        names = [param.name for param in command.params]
        assert names[: len(JobOptions._fields)] == list(JobOptions._fields)
        assert {"spool", "quiet", "wait_timeout"} <= set(names)


def test_what_a_job_becomes(spool: Spool, queue: Queue) -> None:
    """Every option is in the job, or in its name."""
    [job_id] = queue(
        name="etl", label=["team=blue", "nightly"], env=["A=b=c", "EMPTY="], retries=3,
        backoff="10s..5m", key="k", timeout="1h30m", priority=7, tag="gpu",
    )  # fmt: skip
    job, entry = job_of(spool, job_id), entry_of(spool, job_id)
    assert (job.name, job.labels, job.key) == ("etl", ("team=blue", "nightly"), "k")
    assert (job.retries, job.backoff, job.timeout) == (3, (10.0, 300.0), 5400.0)
    assert job.env == {"A": "b=c", "EMPTY": ""}
    assert (entry.name.priority, entry.name.tag, entry.state) == (7, "gpu", "queued")


def test_times(spool: Spool, queue: Queue) -> None:
    """A length of time counts on the file server's clock; a moment is one whoever looks."""
    [soon] = queue(at="+1h")
    late = spool.now() / 1e9 + 3600
    assert parse_due(entry_of(spool, soon).name.due).timestamp() == pytest.approx(late, abs=60)
    [fixed] = queue(at="2099-01-01T09:00:00+01:00")
    assert entry_of(spool, fixed).name.due == "20990101T080000.000000Z"


def test_one_backoff_is_always_the_same(spool: Spool, queue: Queue) -> None:
    [job_id] = queue(retries=1, backoff="30s")
    assert job_of(spool, job_id).backoff == (30.0, 30.0)


def test_variables_from_here(spool: Spool, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-e K` takes the value; a command keeps what it has of the environment anyway."""
    monkeypatch.setenv("MINE", "1")
    monkeypatch.setenv("PATH", "/bin")
    [job_id] = queue(["true"], env=["MINE", "PATH=/other"])
    assert {"MINE": "1", "PATH": "/other"}.items() <= job_of(spool, job_id).env.items()
    with pytest.raises(UsageError, match="not set here"):
        queue(["true"], env=["NOBODYS"])


def test_held(spool: Spool, queue: Queue) -> None:
    [job_id] = queue(hold=True)
    assert entry_of(spool, job_id).state == "held"


def test_after(spool: Spool, queue: Queue) -> None:
    """Ids in all spellings, each with how that job is to end; it waits suspended."""
    [ok] = queue(name="ok")
    [etl] = queue(name="etl", key="night")
    after = [ok[-8:], f"{ok}:any", "name:ok", "name:etl:fail", "key:night"]
    [job_id] = queue(after=after)
    assert entry_of(spool, job_id).state == "suspended"
    assert [(item["id"], item["on"]) for item in job_of(spool, job_id).after] == [
        (ok, "ok"), (ok, "any"), (ok, "ok"), (etl, "fail"), (etl, "ok"),
    ]  # fmt: skip
    with pytest.raises(JobNotFound):
        queue(after=["deadbeef"])
    with pytest.raises(UsageError, match="not a way to end"):
        queue(after=[f"{ok}:well"])


def test_max_running(spool: Spool, queue: Queue, tmp_path: Path) -> None:
    """One key for the batch, another one for the next."""
    (tmp_path / "lines").write_text("a\nb\n")
    ids = [queue(["echo"], each="lines", max_running=2) for _ in range(2)]
    jobs = [[job_of(spool, job_id) for job_id in batch] for batch in ids]
    assert {job.concurrent_limit for batch in jobs for job in batch} == {2}
    first, second = ({job.concurrency_key for job in batch} for batch in jobs)
    assert (len(first), len(second)) == (1, 1)
    assert first != second


def test_keys(spool: Spool, queue: Queue) -> None:
    """What comes out where the key is held, in each of the ways."""
    [first] = queue(key="k")
    assert queue(key="k") == [first]
    assert queue(key="k", if_exists="return") == [first]
    assert queue(key="k", if_exists="skip") == []
    with pytest.raises(KeyTaken, match=first) as caught:
        queue(key="k", if_exists="error")
    assert exits.of_error(caught.value, job_codes=False) == exits.CANNOT_CREATE == 73
    assert exits.of_error(caught.value, job_codes=True) == 73
    [second] = queue(key="k", if_exists="queue")
    [third] = queue(key="k", if_exists="replace")
    assert entry_of(spool, second).state == "canceled"
    assert queue(key="k", workspace="other") not in ([first], [third])


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"backoff": "5s"}, "needs --retries"),
        ({"backoff": "5m..5s", "retries": 1}, "not less than the first"),
        ({"backoff": "x", "retries": 1}, "--backoff: 'x'"),
        ({"if_exists": "skip"}, "needs --key"),
        ({"key": "k", "if_exists": "maybe"}, "there is no 'maybe'"),
        ({"key": ""}, "--key"),
        ({"max_running": 2}, "--each"),
        ({"key": "k", "each": "-"}, "for one job"),
        ({"label": ["=x"]}, "has no name"),
        ({"label": ["a\nb"]}, "-L"),
        ({"env": ["=x"]}, "has no name"),
        ({"env": ["X=\udcff"]}, "not text"),
        ({"at": "2001-01-01"}, "in the past"),
    ],
)
def test_what_makes_no_sense(spool: Spool, queue: Queue, options: Any, what: str) -> None:
    """Refused, with the option's name, before anything is queued."""
    with pytest.raises(UsageError, match=what):
        queue(**options)
    assert list(spool.entries()) == []


def test_nobody_serves_the_tag(spool: Spool, capsys: pytest.CaptureFixture[str]) -> None:
    """Said of jobs that could run now, whoever reads it; --require-worker makes it an error."""
    worker = {"tags": ["bash"], "host": "h"}
    for options, told in (({}, True), ({"at": "+1h"}, False), ({"hold": True}, False)):
        caveats.warn_unserved(*prepare(**options))
        assert ("no live worker serves the tag 'bash'" in capsys.readouterr().err) == told
    session, ready = prepare()
    with pytest.raises(NoWorker, match="nothing was queued") as caught:
        caveats.must_be_served(session, ready)
    assert exits.of_error(caught.value, job_codes=False) == exits.UNAVAILABLE == 69
    spool.join("alone", {**worker, "only": "x"})
    spool.join("other", {**worker, "tags": ["gpu"]})
    caveats.warn_unserved(session, ready)
    assert "no live worker" in capsys.readouterr().err
    spool.join("drains", {**worker, "state": "paused"})
    caveats.warn_unserved(session, ready)
    assert "claims nothing now; see: wmctl why bash" in capsys.readouterr().err
    spool.join("mine", worker)
    caveats.warn_unserved(session, ready)
    caveats.must_be_served(session, ready)
    assert capsys.readouterr().err == ""


def test_a_submit_reads_few_beats(spool: Spool, capsys: pytest.CaptureFixture[str]) -> None:
    """Of hundreds of workers it does not know that nobody serves the tag, and says nothing."""
    for number in range(60):
        spool.join(f"w{number}", {"tags": ["gpu"]})
    session, ready = prepare()
    caveats.warn_unserved(session, ready)
    assert capsys.readouterr().err == ""
    with pytest.raises(NoWorker):
        caveats.must_be_served(session, ready)


def test_little_space(
    spool: Spool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning, never a refusal; the floor is a setting."""
    del spool
    for floor, told in (("100%", True), ("0", False), ("100%,1", False)):
        monkeypatch.setenv("WMCTL_MIN_FREE", floor)
        caveats.warn(*prepare(["true"]))
        assert ("little space is left" in capsys.readouterr().err) == told, floor


def test_a_folder_that_others_may_not_have() -> None:
    """Only where the spool is shared over the network and the folder is not."""
    disk, nfs = FileSystem("ext4", network=False), FileSystem("nfs", network=True)
    note = caveats.folder_note("/home/ann", disk, nfs)
    assert note is not None
    assert "/home/ann, on a disk of this host (ext4)" in note
    assert [caveats.folder_note("/x", *pair) for pair in ((nfs, nfs), (disk, disk))] == [None, None]


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Standard error is a terminal; calls tell what it has been shown."""
    ours, theirs = pty.openpty()

    def shown() -> str:
        """What comes until it is quiet: the kernel hands it over a little later."""
        text = b""
        while select.select([ours], [], [], 0.3)[0]:
            text += os.read(ours, 1000)
        return text.decode()

    with open(theirs, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield shown
    os.close(ours)


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that is cleared in the end; none for a short submit."""
    with terminal(monkeypatch) as shown:
        for wanted in (True, False):
            quick = progress.Progress(wanted=wanted)
            quick()
            quick.end()
        assert shown() == ""
        monkeypatch.setattr(progress, "_PATIENCE", 0.0)
        long = progress.Progress(wanted=True)
        long()
        long.end()
        text = shown()
    assert text.startswith("\r1 queued, ")
    assert text.endswith("/s\x1b[K\r\x1b[K")
    assert progress.told(12_000, 1.5) == "12,000 queued, 8,000/s"


def test_no_progress_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    piped = progress.Progress(wanted=True)
    piped()
    piped.end()
    assert capsys.readouterr().err == ""


def test_a_dry_run_writes_nothing(wmctl: Wmctl, fresh: Path) -> None:
    """No spool is made; the job is printed as it would be queued."""
    done = wmctl(
        "submit", "-n", "-c", 'n="$1"', "-l", "bash", "-a", "n=1", "--at", "@4102444800", "-t", "x",
        env={"TZ": "UTC"},
    )  # fmt: skip
    assert (done.returncode, fresh.exists()) == (0, False)
    assert done.stderr.startswith("wmctl: runs at Fri 2100-01-01 00:00:00 UTC, in ")
    job = json.loads(done.stdout)
    assert job["schema"] == "wmctl.job-request/1"
    assert (job["tag"], job["due"]) == ("x", "2100-01-01T00:00:00.000Z")
    assert (job["args"], job["argv"], job["code"]) == ({"n": "1"}, [], 'n="$1"')
    done = wmctl("run", "-n", "--each", "-", "--", "echo", "{}", stdin="a\nb\n")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["argv"] for line in lines] == [["echo", "a"], ["echo", "b"]]
    assert not fresh.exists()


def test_quiet_and_at_1(
    wmctl: Wmctl, environ: dict[str, str], spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-q prints nothing, and yet the job is the last that was submitted; a holder's is not."""
    del spool
    home = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    done = wmctl("submit", "-q", "--key", "k", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [entry] = home.entries()
    other = wmctl("submit", "-q", "--", "true")
    assert other.returncode == 0
    assert wmctl("submit", "--key", "k", "--", "true").stdout == f"{entry.id}\n"
    monkeypatch.setenv("HOME", environ["HOME"])
    assert recent.recall(str(home.path), 2) == entry.id


def test_wait_shows_the_log_of_what_failed(
    wmctl: Wmctl, environ: dict[str, str], tmp_path: Path
) -> None:
    """As chronic does; the exit code is the job's, also of a script that got a variable."""
    home = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    waiting = [
        subprocess.Popen(
            [sys.executable, "-m", "wmctl", "submit", "-w", "-q", "-l", "bash", "-e", "X=told",
             "-c", code],
            env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for code in ('echo "$X" >&2; exit 7', 'echo "$X"')
    ]  # fmt: skip
    eventually(lambda: len(list(home.entries(["queued"]))) == 2)
    assert wmctl("worker", "start", "--burst", "-q").returncode == 0
    (bad_out, bad), (good_out, good) = (process.communicate() for process in waiting)
    assert [process.returncode for process in waiting] == [7, 0]
    assert (bad_out, good_out, good) == ("", "", "")
    assert bad.splitlines()[0] == "told"
    assert "failure" in bad


def test_wait_runs_out(wmctl: Wmctl) -> None:
    done = wmctl("submit", "-w", "--wait-timeout", "100ms", "--", "true")
    assert done.returncode == 75
    assert len(done.stdout.split()) == 1
    assert wmctl("submit", "--wait-timeout", "1s", "--", "true").returncode == 2


def test_run_leaves_the_holder_of_a_key_alone(environ: dict[str, str], tmp_path: Path) -> None:
    """It shows what comes of that job; Ctrl-C cancels only what run has submitted itself."""
    home = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    holder = home.submit(Job(language="bash", code="echo hi", key="k"), tag="nobodys")
    process = subprocess.Popen(
        [sys.executable, "-m", "wmctl", "run", "-t", "nobodys", "--key", "k", "--", "true"],
        env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert holder in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert entry_of(home, holder).state == "queued"


def test_run_waits_for_another_job(wmctl: Wmctl, environ: dict[str, str]) -> None:
    """It is woken although no worker is there to do it; hold makes no sense for it."""
    home = Spool.open(f"{environ['HOME']}/.local/state/wmctl/spool")
    first = wmctl("run", "-N", "first", "--", "true")
    assert first.returncode == 0
    done = wmctl("run", "--after", "name:first", "--", "echo", "second")
    assert (done.returncode, done.stdout) == (0, "second\n")
    done = wmctl("run", "--after", "name:first:fail", "--", "echo", "never")
    assert (done.returncode, done.stdout) == (143, "")
    assert wmctl("run", "--hold", "--", "true").returncode == 2
    assert len(list(home.entries())) == 3


def test_two_at_once_for_one_key(wmctl: Wmctl, environ: dict[str, str], tmp_path: Path) -> None:
    """Two hosts' cron at the same second: one job."""
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "wmctl", "submit", "--key", "night", "--", "true"],
            env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ids = {process.communicate()[0].strip() for process in both}
    assert len(ids) == 1
    assert wmctl("ps", "-o", "id").stdout.split() == list(ids)


def test_bad_lines_are_not_hidden_by_a_batch(spool: Spool, queue: Queue, tmp_path: Path) -> None:
    """A batch with options stops at a wrong line as any other does."""
    (tmp_path / "lines").write_text('{"n": 1}\n{broken\n')
    with pytest.raises(BadInput, match="line 2"):
        queue(code='n="$1"', each="lines", max_running=1, label=["a=b"])
    assert len(list(spool.entries())) == 0
