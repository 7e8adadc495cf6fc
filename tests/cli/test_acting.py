"""cancel, kill, retry, hold, unhold, queue: in this process, on a real spool."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from wmctl.cli.selector import Selector
from wmctl.spool import Claim, Job, Spool
from wmctl.testing.spool_contract import claim

WORKER = "wk-default-test-00000"


def submit(spool: Spool, code: str = ":", tag: str = "bash", **fields: Any) -> str:
    return spool.submit(Job(**{"language": "bash", "code": code, **fields}), tag=tag)


def claimed(spool: Spool, job_id: str) -> Claim:
    taken = claim(spool, WORKER, spool.find(job_id))
    assert taken is not None
    return taken


def ended(spool: Spool, outcome: str = "failure", **fields: Any) -> str:
    job_id = submit(spool, **fields)
    assert spool.finish(claimed(spool, job_id), outcome, {"exit_code": 1, "result": None})
    return job_id


def state(spool: Spool, job_id: str) -> str:
    return spool.find(job_id).state


def job(spool: Spool, job_id: str) -> Job:
    return spool.job(spool.find(job_id))


# Choosing.


@pytest.mark.parametrize("verb", ["cancel", "retry", "kill", "hold", "unhold"])
def test_each_verb_wants_ids_or_a_selector(call: Call, verb: str) -> None:
    code, out, err = call(verb)
    assert (code, out) == (2, "")
    assert "which jobs" in err
    assert call(verb, "0123456789", "-t", "bash")[0] == 2


@pytest.mark.parametrize("verb", ["cancel", "retry", "kill", "hold", "unhold"])
def test_a_selector_that_fits_nothing_is_no_error(call: Call, verb: str) -> None:
    """As in cron: nothing to do is well."""
    code, out, err = call(verb, "-t", "none")
    assert (code, out, err) == (0, "", "wmctl: no job fits\n")


@pytest.mark.parametrize("verb", ["cancel", "retry", "kill", "hold", "unhold", "show"])
def test_an_unknown_id_is_66(call: Call, verb: str) -> None:
    assert call(verb, "0193a5c0-7b1e-7abc-8def-0123456789ab")[0] == 66


def test_many_need_a_yes_where_nobody_can_be_asked(call: Call, spool: Spool) -> None:
    jobs = [submit(spool, tag="a"), submit(spool, tag="a")]
    other = submit(spool, tag="b")
    code, out, err = call("cancel", "-t", "a")
    assert (code, out) == (2, "")
    assert "2 jobs" in err
    assert "-y" in err
    assert {state(spool, one) for one in jobs} == {"queued"}
    code, out, _ = call("cancel", "-t", "a", "-n")
    assert code == 0
    assert all(one in out for one in jobs)
    assert other not in out
    assert {state(spool, one) for one in jobs} == {"queued"}
    assert call("cancel", "-t", "a", "-y")[0] == 0
    assert {state(spool, one) for one in jobs} == {"canceled"}
    assert state(spool, other) == "queued"
    assert call("cancel", "-t", "b")[0] == 0  # one alone is not asked about


@pytest.mark.parametrize(("answer", "after"), [("y\n", "canceled"), ("n\n", "queued")])
def test_on_a_terminal_it_asks(spool: Spool, tmp_path: Path, answer: str, after: str) -> None:
    jobs = [submit(spool), submit(spool)]
    master, slave = pty.openpty()
    env = os.environ | {"WMCTL_SPOOL": str(spool.path), "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "wmctl", "cancel", "-t", "bash"],
        stdin=slave, stdout=slave, stderr=slave, env=env,
    )  # fmt: skip
    os.write(master, answer.encode())
    assert process.wait(60) == 0
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert "cancel 2 jobs? [y/N]" in shown
    assert {state(spool, one) for one in jobs} == {after}


def test_a_repeated_id_is_acted_upon_once(call: Call, spool: Spool) -> None:
    job_id = submit(spool)
    code, out, _ = call("cancel", job_id, job_id[-8:])
    assert (code, out) == (0, f"{job_id}  canceled\n")


# cancel


def test_cancel_of_what_has_ended_says_so_and_is_no_error(call: Call, spool: Spool) -> None:
    job_id = ended(spool, "success")
    code, out, _ = call("cancel", job_id)
    assert code == 0
    assert "had already ended (success)" in out
    assert call("cancel", "-q", job_id) == (0, "", "")


def test_cancel_without_a_state_leaves_finished_jobs_alone(call: Call, spool: Spool) -> None:
    old, new = ended(spool), submit(spool)
    code, out, _ = call("cancel", "-a")
    assert code == 0
    assert new in out
    assert old not in out


def test_a_reason_is_kept(call: Call, spool: Spool) -> None:
    job_id = submit(spool)
    call("cancel", job_id, "--reason", "wrong input")
    assert spool.cancel_reason(job_id)["reason"] == "wrong input"


# kill


@pytest.mark.parametrize("text", ["usr1", "SIGUSR1", "10", "USR1"])
def test_a_signal_has_many_names(call: Call, spool: Spool, text: str) -> None:
    taken = claimed(spool, submit(spool))
    code, out, _ = call("kill", "-s", text, taken.id)
    assert code == 0
    assert out == f"{taken.id}  its worker has been told to send USR1\n"
    assert [found.name for found in spool.signals_for(WORKER, taken)] == ["USR1"]


@pytest.mark.parametrize("text", ["nope", "0", "-1", "1000", ""])
def test_what_is_no_signal_is_refused(call: Call, spool: Spool, text: str) -> None:
    taken = claimed(spool, submit(spool))
    assert call("kill", f"--signal={text}", taken.id)[0] == 2
    assert spool.signals_for(WORKER, taken) == []


def test_a_job_that_does_not_run_takes_no_signal(call: Call, spool: Spool) -> None:
    waiting, over, running = submit(spool), ended(spool), claimed(spool, submit(spool))
    code, out, err = call("kill", waiting, over, running.id)
    assert code == 1
    assert f"job {waiting} is queued" in err
    assert f"job {over} is failure" in err
    assert running.id in out
    assert not list((spool.path / "control/signal").glob(f"{waiting}*"))


# retry


def test_retry_is_a_new_job_like_the_old_one(call: Call, spool: Spool) -> None:
    fields: dict[str, Any] = {
        "name": "nightly", "timeout": 60.0, "retries": 2, "env": {"A": "b"}, "labels": ("k=v",),
        "args": {"n": 1}, "key": "k", "workspace": "research", "backoff": (1.0, 2.0),
    }  # fmt: skip
    old = spool.submit(
        Job(language="bash", code="exit 1", **fields), tag="gpu", priority=7
    )  # fmt: skip
    assert spool.finish(claimed(spool, old), "failure", {"exit_code": 1, "result": None})
    code, out, _ = call("retry", old)
    assert code == 0
    new = spool.find(out.strip())
    assert (new.state, new.name.tag, new.name.priority) == ("queued", "gpu", 7)
    again = spool.job(new)
    assert again.retry_of == old
    assert again.key is None
    for name, value in fields.items():
        if name != "key":
            assert getattr(again, name) == value
    assert call("retry", "@1")[0] == 65  # which has not ended
    code, out, _ = call("retry", "--keep-key", old)
    assert job(spool, out.strip()).key == "k"
    code, _, err = call("retry", "--keep-key", old)
    assert code == 73
    assert "holds the key" in err


def test_retry_forgets_what_the_old_one_waited_for(call: Call, spool: Spool) -> None:
    first = ended(spool, "success")
    old = submit(spool, after=({"id": first, "on": "ok"},), parent=first, root=first)
    assert spool.finish(claimed(spool, old), "failure", {"exit_code": 1, "result": None})
    again = job(spool, call("retry", old)[1].strip())
    assert (again.after, again.hold, again.parent, again.root) == ((), False, None, None)


def test_retry_brings_its_blobs_back(call: Call, spool: Spool) -> None:
    """Prune may have taken them to the trash by now."""
    old = ended(spool, code="# " + "x" * 40_000)
    blob = next((spool.path / "blobs").iterdir())
    blob.rename(spool.path / "trash" / f"blob-{blob.name}")
    new = call("retry", old)[1].strip()
    assert blob.exists()
    assert len(spool.code(job(spool, new))) == 40_002
    blob.unlink()
    code, out, err = call("retry", old)
    assert (code, out) == (65, "")
    assert "is missing" in err


@pytest.mark.parametrize("where", ["queued", "running", "held"])
def test_what_has_not_ended_is_not_retried(call: Call, spool: Spool, where: str) -> None:
    fine, job_id = ended(spool), submit(spool)
    if where == "running":
        claimed(spool, job_id)
    elif where == "held":
        spool.hold(spool.find(job_id), "me")
    code, out, err = call("retry", fine, job_id)
    assert (code, out) == (65, "")  # not even the one that could be
    assert f"is {where}" in err
    assert "wmctl " in err


def test_failed_ones_are_chosen(call: Call, spool: Spool) -> None:
    failures = [ended(spool, tag="a"), ended(spool, tag="a")]
    ended(spool, "success", tag="a")
    ended(spool, "canceled", tag="a")
    for words in (["--failed"], ["-t", "a"]):
        code, out, _ = call("retry", *words, "-y")
        assert code == 0
        made = [job(spool, one).retry_of for one in out.split()]
        assert made == failures


def editor(tmp_path: Path, text: str) -> str:
    path = tmp_path / "editor.py"
    path.write_text(f"import sys, pathlib\ncode, rest = map(pathlib.Path, sys.argv[1:])\n{text}\n")
    return f"{sys.executable} {path}"


def test_edit_changes_code_and_the_rest(
    call: Call, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ended(spool, code='n="$1"\nexit 1\n', args={"n": 1})
    change = (
        "assert code.suffix == '.sh'\ncode.write_text('n=\"$1\"\\nexit 0\\n')\n"
        "rest.write_text(rest.read_text().replace('\"bash\"', '\"gpu\"').replace('1', '2'))"
    )
    monkeypatch.setenv("VISUAL", editor(tmp_path, change))
    code, out, err = call("retry", "--edit", old)
    assert code == 0, err
    new = spool.find(out.strip())
    assert new.name.tag == "gpu"
    assert (spool.job(new).code, spool.job(new).args) == ('n="$1"\nexit 0\n', {"n": 2})


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("pass", 0, "nothing was changed"),
        ("code.write_text('')", 0, "nothing was changed"),
        ("rest.write_text('{')", 65, "not JSON"),
        ("rest.write_text('{\"tga\": 1}')", 65, "'tga' cannot be changed"),
        ("rest.write_text('{\"priority\": 101}')", 65, "priority"),
        ("rest.write_text('{\"argv\": []}')", 65, "cannot be changed"),
        ("code.write_text('if')", 65, "does not parse"),
        ("sys.exit(3)", 78, "ended with exit code 3"),
    ],
)
def test_an_edit_that_comes_to_nothing_queues_nothing(
    call: Call, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    change: str, code: int, told: str,
) -> None:  # fmt: skip
    old = ended(spool, code="exit 1\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(tmp_path, change))
    found, out, err = call("retry", "--edit", old)
    assert (found, out) == (code, "")
    assert told in err
    assert list(spool.entries(["queued"])) == []


# hold, unhold, queue


def test_hold_and_unhold(call: Call, spool: Spool) -> None:
    job_id = submit(spool)
    assert call("hold", job_id, "--reason", "ask ann") == (0, f"{job_id}  held\n", "")
    reason = spool.reason(spool.find(job_id))
    assert reason is not None
    assert (reason["reason"], reason["message"]) == ("person", "ask ann")
    assert call("hold", job_id)[1] == f"{job_id}  was held already\n"
    assert call("unhold", job_id) == (0, f"{job_id}  queued\n", "")
    assert call("unhold", job_id) == (0, f"{job_id}  not held: it is queued\n", "")


def test_what_runs_or_has_ended_is_not_held(call: Call, spool: Spool) -> None:
    running, over = claimed(spool, submit(spool)), ended(spool)
    code, out, err = call("hold", running.id, over)
    assert (code, out) == (1, "")
    assert "kill -s STOP" in err
    assert "wmctl retry" in err


def test_a_tag_is_paused_and_resumed(call: Call, spool: Spool) -> None:
    assert call("queue", "pause", "gpu", "a/b", "--reason", "upgrade")[0] == 0
    assert {tag: why["reason"] for tag, why in spool.pauses().items()} == dict.fromkeys(
        ("gpu", "a/b"), "upgrade"
    )
    assert "paused already" in call("queue", "pause", "gpu")[1]
    assert call("queue", "resume", "gpu", "a/b")[0] == 0
    assert call("queue", "resume", "gpu") == (0, "gpu  was not paused\n", "")
    assert spool.pauses() == {}


def test_a_selector_without_filters_is_none() -> None:
    assert not Selector().given
