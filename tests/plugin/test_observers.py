"""Observer hooks: called with what they ask for, and unable to harm."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy
import pytest

from tests.plugin.fakes import module, source
from wmctl.plugin import Completed, Job, hookimpl
from wmctl.plugin.manager import Plugins
from wmctl.plugin.observers import Observers

JOB = Job(language="bash", code=":")


@dataclass(frozen=True)
class Worker:
    """A worker as observers see it."""

    name: str = "wk-default-host-abcde"
    group: str = "default"
    tags: tuple[str, ...] = ("bash",)


@dataclass(frozen=True)
class Running:
    """A job as observers see it."""

    id: str = "0193a5c0-7b1e-7abc-8def-0123456789ab"
    tag: str = "bash"
    attempt: int = 1
    worker: str = "wk-default-host-abcde"
    job: Job = JOB


RECORDER = """
from wmctl.plugin import hookimpl
seen = []

@hookimpl
def wmctl_worker_start(worker):
    seen.append(("start", worker.name))

@hookimpl
def wmctl_worker_stop():
    seen.append(("stop",))

@hookimpl
def wmctl_job_start(job):
    seen.append(("job", job.attempt))

@hookimpl
def wmctl_job_end(outcome, job):
    seen.append(("end", job.tag, outcome.result))
"""


def seen_by(name: str) -> list[Any]:
    """What the recorder module has recorded."""
    found: list[Any] = __import__(name).seen
    return found


def everything(observers: Observers) -> None:
    """All four hooks once."""
    observers.worker_start(Worker())
    observers.job_start(Running())
    observers.job_end(Running(), Completed(result=7))
    observers.worker_stop(Worker())


WRAPPER = """
import pluggy

@pluggy.HookimplMarker("wmctl")(wrapper=True)
def wmctl_job_start():
    return (yield)
"""

ALL = [("start", "wk-default-host-abcde"), ("job", 1), ("end", "bash", 7), ("stop",)]


def test_each_hook_gets_the_parameters_it_names(folder: Path) -> None:
    """In any order, and some may be left out."""
    module(folder, "recorder", RECORDER)
    observers = Observers(Plugins([source("recorder")]))
    everything(observers)
    assert observers.broken == []
    assert seen_by("recorder") == ALL


@pytest.mark.parametrize("what", ["RuntimeError('no')", "SystemExit(1)", "StopIteration"])
def test_an_observer_that_raises_harms_nobody(
    folder: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are called, and the log names the plugin."""
    text = "from wmctl.plugin import hookimpl\n" + "".join(
        f"@hookimpl(tryfirst=True)\ndef wmctl_{hook}():\n    raise {what}\n"
        for hook in ("worker_start", "worker_stop", "job_start", "job_end")
    )
    module(folder, "bad", text)
    module(folder, "recorder", RECORDER)
    caplog.set_level(logging.WARNING, "wmctl.plugin")
    everything(Observers(Plugins([source("bad", distribution="evil"), source("recorder")])))
    assert seen_by("recorder") == ALL
    assert len(caplog.messages) == 4
    assert all(text.startswith("plugin bad (evil 1.0): wmctl_") for text in caplog.messages)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("@hookimpl\ndef wmctl_job_start(no_such): pass", "no_such"),
        ("@hookimpl\ndef wmctl_no_such_hook(): pass", "wmctl_no_such_hook is not known"),
        (
            WRAPPER,
            "wrappers are not called",
        ),
    ],
)
def test_hooks_that_do_not_fit_are_broken(folder: Path, text: str, part: str) -> None:
    """All hooks of such a plugin are left out, so that it does not half work."""
    module(folder, "bad", f"{RECORDER}\n{text}\n")
    observers = Observers(Plugins([source("bad", distribution="evil")]))
    everything(observers)
    (fault,) = observers.broken
    assert fault.source.distribution == "evil"
    assert part in fault.problem
    assert seen_by("bad") == []


def test_an_optional_hook_of_a_later_version_is_fine(folder: Path) -> None:
    """The control of the test above."""
    module(
        folder,
        "new",
        "from wmctl.plugin import hookimpl\n@hookimpl(optionalhook=True)\ndef wmctl_x(): pass\n",
    )
    assert Observers(Plugins([source("new")])).broken == []


def test_the_mark_is_pluggys_own() -> None:
    """Written out to save an import; this test is what keeps the two the same."""

    def ours() -> None: ...
    def theirs() -> None: ...

    hookimpl(ours)
    pluggy.HookimplMarker("wmctl")(theirs)
    assert vars(ours) == vars(theirs)
    hookimpl(tryfirst=True, optionalhook=True)(ours)
    pluggy.HookimplMarker("wmctl")(theirs, tryfirst=True, optionalhook=True)
    assert vars(ours) == vars(theirs)


def test_which_hooks_a_plugin_implements(folder: Path) -> None:
    """For `plugin ls`."""
    module(folder, "recorder", RECORDER)
    plugins = Plugins([source("recorder")])
    observers = Observers(plugins)
    assert observers.hooks(plugins.all()[0].module) == [
        "wmctl_job_end", "wmctl_job_start", "wmctl_worker_start", "wmctl_worker_stop",
    ]  # fmt: skip
