"""From a claim to an outcome, with the real bash, in this process."""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worker.bench import Bench, script
from wmctl.errors import BadInput, RunnerUnavailable, SpoolError
from wmctl.runner.base import RunContext
from wmctl.runner.outcome import Completed, Failed, Retry
from wmctl.runner.stop import Stop
from wmctl.spool import Claim, Spool
from wmctl.testing.faults import Call, FailingDisk
from wmctl.worker.execute import Executor, Ran
from wmctl.worker.records import checked

ME = "wk-default-test-00000"


class Shop:
    """An executor and what it works with."""

    def __init__(self, bench: Bench, **options: Any) -> None:
        self.bench = bench
        self.options = bench.options(**options)
        self.executor = Executor(bench.spool, self.options, ME, bench.witness)
        self.stop = Stop()

    def claim(self, code: str = ":", **fields: Any) -> Claim:
        return self.bench.claimed(ME, code=code, **fields)

    def run(self, code: str = ":", **fields: Any) -> Ran:
        return self.executor.run(self.claim(code, **fields), self.stop)

    @property
    def folder(self) -> Path:
        return self.options.work / ME

    def log(self, ran: Ran) -> str:
        assert ran.context is not None
        entry = self.bench.entry(ran.context.id)
        return self.bench.spool.log_paths(entry)[0].read_text()


@pytest.fixture
def shop(bench: Bench) -> Shop:
    return Shop(bench)


def failure(ran: Ran) -> Failed:
    assert isinstance(ran.outcome, Failed), ran
    return ran.outcome


def test_a_job_runs_and_leaves_its_result_and_its_log(shop: Shop) -> None:
    ran = shop.run("echo one\necho two >&2\necho '{\"a\":[1]}' > result.json")
    assert ran.outcome == Completed({"a": [1]})
    assert ran.killed is None
    assert shop.log(ran) == "one\ntwo\n"


def test_the_job_folder_is_private_and_complete_and_goes(shop: Shop) -> None:
    ran = shop.run(
        'x="$1"\nstat -c "%a %n" . shared args.json; cat args.json; echo; pwd; touch shared/a',
        args={"x": "ž"},
    )
    mode, shared, args, content, where = shop.log(ran).splitlines()
    assert (mode, shared, args) == ("700 .", "700 shared", "600 args.json")
    assert json.loads(content) == {"x": "ž"}
    assert ran.context is not None
    assert where == str(shop.folder / ran.context.id)
    assert list(shop.folder.iterdir()) == []


def test_the_job_folder_does_not_depend_on_the_umask(bench: Bench) -> None:
    old = os.umask(0)
    try:
        ran = Shop(bench).run("stat -c %a . shared args.json .. | tr '\\n' ' '")
    finally:
        os.umask(old)
    assert ran.outcome == Completed("700 700 600 700")


def test_what_an_earlier_attempt_left_is_not_seen(shop: Shop) -> None:
    taken = shop.claim("ls -A; mkdir -p mine")
    left = shop.folder / taken.id
    (left / "sub").mkdir(parents=True)
    (left / "left.txt").write_text("old")
    shop.executor.run(taken, shop.stop)
    log = shop.bench.spool.log_paths(shop.bench.entry(taken.id))[0].read_text()
    assert log.splitlines() == ["args.json", "main.sh", "shared"]
    assert not left.exists()


def test_a_job_folder_can_be_kept(bench: Bench) -> None:
    shop = Shop(bench, keep_job_dir=True)
    ran = shop.run("echo kept > file")
    assert ran.context is not None
    assert (shop.folder / ran.context.id / "file").read_text() == "kept\n"


def test_a_cleaned_up_tmp_does_not_stop_the_worker(shop: Shop) -> None:
    """Cleaners of /tmp remove what nobody used for days, as the folder of an idle worker."""
    assert isinstance(shop.run().outcome, Completed)
    for folder in (shop.folder, shop.options.work):
        folder.rmdir()
    assert isinstance(shop.run().outcome, Completed)
    assert shop.options.work.stat().st_mode & 0o777 == 0o700


def test_folders_that_a_job_made_unreadable_go_too(bench: Bench) -> None:
    """As Go's module cache does; tried as an ordinary user, whom the modes concern."""

    def attempt() -> bool:
        become_nobody(bench.folder)
        bench.spool = Spool.open(bench.spool.path)
        shop = Shop(bench)
        ran = shop.run("mkdir -p a/b && touch a/b/c a/d && chmod 500 a/b && chmod 0 a")
        return isinstance(ran.outcome, Completed) and not any(shop.folder.iterdir())

    assert in_child(attempt)


def become_nobody(folder: Path) -> None:
    """Give a folder to an ordinary user and be that user."""
    if os.geteuid():
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def in_child(function: Callable[[], bool]) -> bool:
    """What the function says in a process of its own."""
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            status = 0 if function() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_missing_runner_is_a_failure_that_names_those_there_are(shop: Shop) -> None:
    outcome = failure(shop.run(language="cobol", code="x"))
    assert outcome.error["name"] == "NoRunner"
    assert "cobol" in outcome.error["message"]
    assert "bash, command" in outcome.error["message"]
    assert outcome.exit_code == 127


def _raise(error: Exception) -> Callable[[RunContext], Any]:
    def run(ctx: RunContext) -> Any:
        del ctx
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "name", "code"),
    [
        (ValueError("oh"), "RunnerError", 125),
        (KeyError("oh"), "RunnerError", 125),
        (AssertionError("oh"), "RunnerError", 125),
        (FileNotFoundError(errno.ENOENT, "oh"), "RunnerError", 125),
        (PermissionError(errno.EACCES, "oh"), "RunnerError", 125),
        (OSError("oh"), "RunnerError", 125),
        (TimeoutError("oh"), "RunnerError", 125),
        (BadInput("oh"), "BadJob", 1),
        (RunnerUnavailable("oh", hint="install it"), "RunnerUnavailable", 127),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_runner_that_breaks_fails_its_job_only(
    bench: Bench, error: Exception, name: str, code: int
) -> None:
    bench.direct("broken", _raise(error))
    shop = Shop(bench)
    outcome = failure(shop.run(kind="broken"))
    assert outcome.error["name"] == name
    assert "oh" in outcome.error["message"]
    assert outcome.exit_code == code
    assert isinstance(shop.run().outcome, Completed)


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM, errno.EAGAIN]
)
def test_a_machine_that_cannot_is_not_the_jobs_fault(bench: Bench, number: int) -> None:
    bench.direct("full", _raise(OSError(number, os.strerror(number))))
    with pytest.raises(OSError, match=r"."):
        Shop(bench).run(kind="full")
    assert not list((bench.work / ME).iterdir())


def test_once_it_has_run_it_does_not_run_again(bench: Bench) -> None:
    """Trouble after the process ended is a failure, or its effects would come twice."""

    class FullAfterwards:
        name, tag, extensions = "after", "bash", ()

        def plan(self, ctx: RunContext) -> Any:
            plan = bench.runners["bash"].plan(ctx)
            ctx.execute(plan)
            raise OSError(errno.ENOSPC, "full")

    bench.runners["after"] = FullAfterwards()
    outcome = failure(Shop(bench).run(kind="after"))
    assert outcome.error["name"] == "RunnerError"


@pytest.mark.parametrize("given", [None, 7, "success", {"a": 1}])
def test_a_runner_that_gives_no_outcome_fails_its_job(bench: Bench, given: object) -> None:
    bench.direct("odd", lambda _: given)
    outcome = checked(Shop(bench).run(kind="odd").outcome)
    assert isinstance(outcome, Failed)
    assert outcome.error["name"] == "RunnerError"


def test_a_direct_runners_outcome_is_the_jobs(bench: Bench) -> None:
    bench.direct("again", lambda _: Retry(5.0))
    assert Shop(bench).run(kind="again").outcome == Retry(5.0)


def test_a_blob_that_is_missing_is_a_failure(shop: Shop) -> None:
    taken = shop.claim("x" * 40_000)
    Path(shop.bench.spool.store.blob(taken.job.blobs[0])).unlink()
    outcome = failure(shop.executor.run(taken, shop.stop))
    assert outcome.error["name"] == "BadJob"
    assert "missing" in outcome.error["message"]
    assert outcome.exit_code == 125


def test_args_in_a_blob_that_are_no_json_are_a_failure(shop: Shop) -> None:
    taken = shop.claim("x" * 40_000)
    job = taken.job.but(args_blob=taken.job.code_blob)
    outcome = failure(
        shop.executor.run(Claim(taken.worker, taken.name, taken.path, job, 0), shop.stop)
    )
    assert outcome.error["name"] == "BadJob"


def test_a_jobs_own_timeout_ends_it_with_124(shop: Shop) -> None:
    ran = shop.run("sleep 600", timeout=0.05)
    assert failure(ran).exit_code == 124
    assert failure(ran).error["name"] == "Timeout"
    assert ran.killed == "timeout"
    assert "has run for 0.05 s, its limit: asked to end" in shop.log(ran)


def test_the_workers_maximum_counts_where_it_is_shorter(bench: Bench) -> None:
    shop = Shop(bench, timeout=0.05)
    ran = shop.run("sleep 600", timeout=900.0)
    assert failure(ran).exit_code == 124
    assert "has run for 0.05 s, its limit: asked to end" in shop.log(ran)


def _when_started(bench: Bench, act: Callable[[], None]) -> str:
    """Bash that tells us, through a pipe, that it runs; then `act` is called."""
    pipe = bench.folder / "started"
    os.mkfifo(pipe)

    def wait() -> None:
        pipe.read_text()
        act()

    threading.Thread(target=wait, daemon=True).start()
    return f"echo > {pipe}; "


@pytest.mark.parametrize("why", ["canceled", "stopped", "lost"])
def test_a_running_job_can_be_stopped(shop: Shop, why: str) -> None:
    started = _when_started(shop.bench, lambda: shop.stop.request(why))
    ran = shop.run(f"{started} trap '' INT; sleep 600 & setsid sleep 601 & wait")
    assert ran.killed == why


def test_a_job_that_was_stopped_before_it_began_does_not_begin(shop: Shop) -> None:
    shop.stop.request("canceled")
    ran = shop.run(f"touch {shop.bench.folder}/ran")
    assert ran.killed == "canceled"
    assert not (shop.bench.folder / "ran").exists()


def test_a_result_above_the_cap_is_a_clear_failure(shop: Shop) -> None:
    outcome = failure(shop.run("head -c 17000000 /dev/zero | tr '\\0' 1 > result.json"))
    assert outcome.error["name"] == "ResultTooLarge"


def test_an_overlong_log_is_cut_and_counted(bench: Bench) -> None:
    shop = Shop(bench, log_cap=20_000)
    ran = shop.run("echo first; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last")
    log = shop.log(ran)
    assert log.startswith("first\n")
    assert log.endswith("last\n")
    assert len(log) < 21_000
    assert ran.log_dropped >= 80_000


def test_a_command_has_its_two_streams_told_apart(shop: Shop) -> None:
    taken = shop.claim(kind="command", argv=("bash", "-c", "echo out; sleep 0.05; echo err >&2"))
    shop.executor.run(taken, shop.stop)
    log, errors = shop.bench.spool.log_paths(shop.bench.entry(taken.id))
    start, end = map(int, errors.read_text().split())
    assert log.read_bytes()[start:end] == b"err\n"


def test_the_job_knows_who_it_is(shop: Shop) -> None:
    taken = shop.claim("echo $WM_JOB_ID $WM_TAG $WM_WORKER $WM_WORKER_GROUP $WM_ATTEMPT")
    ran = shop.executor.run(taken, shop.stop)
    assert ran.outcome == Completed(f"{taken.id} bash {ME} default 1")


def test_observers_hear_of_the_start(shop: Shop) -> None:
    ran = shop.run()
    assert ran.context is not None
    assert ("job_start", ran.context.id) in shop.bench.witness.seen


def test_a_log_that_cannot_be_opened_is_the_disks_fault(bench: Bench) -> None:
    disk = _RefusingLogs()
    bench_spool = Spool.open(bench.spool.path, disk=disk)
    executor = Executor(bench_spool, bench.options(), ME, bench.witness)
    taken = bench.claimed(ME, code=f"touch {bench.folder}/ran")
    with pytest.raises(SpoolError):
        executor.run(taken, Stop())
    assert not (bench.folder / "ran").exists()


class _RefusingLogs(FailingDisk):
    """Opens no log."""

    def __init__(self) -> None:
        super().__init__(0, errno.ENOSPC, forever=True, only=("create",))

    def around(self, call: Call, go: Callable[[], Any]) -> Any:
        return super().around(call, go) if "/logs/" in "".join(call.paths) else go()


def test_the_job_file_alone_says_what_runs(shop: Shop) -> None:
    assert shop.claim("echo a").job == script("echo a")
