"""What every runner must do, as tests: subclass `RunnerContract` and give it a few scripts.

    class TestHello(RunnerContract):
        runner = HelloRunner()
        value = "…"

Each test runs real processes through the runner, as a worker would.
"""

import os
import select
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from wmctl.errors import BadInput, RunnerUnavailable
from wmctl.runner.base import DirectRunner, ProcessRunner
from wmctl.runner.environment import RESERVED
from wmctl.runner.outcome import Canceled, Completed, Failed
from wmctl.runner.stop import Stop
from wmctl.runner.tools import Tools
from wmctl.testing.inline import Ran, run_job

#: Seconds for a job to begin, compilers on a busy machine included.
PATIENCE = 300.0
#: What shells, interpreters and libraries set themselves.
_OF_THE_TOOLS = {"_", "SHLVL", "PWD", "OLDPWD", "LC_CTYPE"}
_UNICODE = 'žluťoučký 🐎 "two" \'one\' $HOME `ls` $(ls) ; \\ {"a": 1} * end'


class RunnerContract:
    """Subclass it, name the subclass `Test…`, set every attribute that has no value here."""

    runner: ClassVar[ProcessRunner | DirectRunner]
    #: Takes nothing, returns the object {"b": "first", "a": "second"}.
    value: ClassVar[str]
    #: Takes a text `x` and returns it.
    echo: ClassVar[str]
    #: Takes a text `x`, by default "seven", and returns it.
    default: ClassVar[str]
    #: Fails with the message "intentional error".
    fails: ClassVar[str]
    #: Ends its own process with exit code 7.
    exits: ClassVar[str]
    #: Writes 20,000 lines of 100 characters, then returns the text "done".
    big: ClassVar[str]
    #: Returns its environment: an object, or a text with a line NAME=value for each variable.
    environment: ClassVar[str]
    #: Writes a file `left.txt` without naming a folder, and returns the path of its working folder.
    folder: ClassVar[str]
    #: Writes a line into the file `ready` in its working folder, then sleeps for ten minutes.
    sleeps: ClassVar[str]
    #: Does not parse; None if that is only found out by running it.
    broken: ClassVar[str | None] = None
    #: The name of the error of `fails`.
    error_name: ClassVar[str] = "Error"
    #: The variable that names the runner's tool; None if it needs none.
    variable: ClassVar[str | None] = None
    #: Variables that the runner itself adds to the environment.
    adds: ClassVar[frozenset[str]] = frozenset()

    _caches: ClassVar[dict[type, Path]] = {}

    @pytest.fixture
    def cache(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Build-once folders, shared by the tests of a class."""
        if type(self) not in self._caches:
            self._caches[type(self)] = tmp_path_factory.mktemp("cache")
        return self._caches[type(self)]

    @pytest.fixture
    def tools(self) -> Tools:
        """The tools of this machine; a missing one fails the tests."""
        return Tools.from_environment(os.environ)

    def run(
        self, cache: Path, code: str, args: Mapping[str, Any] | None = None, **options: Any
    ) -> Ran:
        """One job of this runner."""
        options.setdefault("timeout", PATIENCE)
        return run_job(self.runner, code, args, cache=cache, **options)

    def result(self, cache: Path, code: str, args: Mapping[str, Any] | None = None) -> Any:
        """The result of a job that must succeed."""
        ran = self.run(cache, code, args)
        assert isinstance(ran.outcome, Completed), ran
        return ran.outcome.result

    def test_is_healthy_with_its_tool(self, tools: Tools) -> None:
        """The tool is here; nothing below can be right without it."""
        assert self.runner.health(tools) is None

    def test_returns_a_value_with_its_keys_in_order(self, cache: Path) -> None:
        """Keys come back in the order the script gave them."""
        result = self.result(cache, self.value)
        assert result == {"b": "first", "a": "second"}
        assert list(result) == ["b", "a"]

    def test_passes_args_unharmed(self, cache: Path) -> None:
        """Quotes, dollars and emoji are text and nothing else."""
        assert self.result(cache, self.echo, {"x": _UNICODE}) == _UNICODE

    def test_uses_defaults_and_ignores_unknown_names(self, cache: Path) -> None:
        """Windmill is lenient with args that arrive."""
        assert self.result(cache, self.default, {"unknown": 1}) == "seven"
        assert self.result(cache, self.default, {"x": "eight"}) == "eight"

    def test_tells_what_failed(self, cache: Path) -> None:
        """A failure is an error object and an exit code, never an exception."""
        outcome = self.run(cache, self.fails).outcome
        assert isinstance(outcome, Failed)
        assert outcome.exit_code != 0
        assert outcome.error["name"] == self.error_name
        assert "intentional error" in outcome.error["message"]
        assert outcome.result == {"error": dict(outcome.error)}

    def test_keeps_the_exit_code(self, cache: Path) -> None:
        """What the program chose is what people see."""
        outcome = self.run(cache, self.exits).outcome
        assert isinstance(outcome, Failed)
        assert outcome.exit_code == 7

    def test_survives_much_output(self, cache: Path) -> None:
        """Two megabytes of log neither block nor get lost."""
        ran = self.run(cache, self.big)
        assert ran.outcome == Completed("done")
        assert sum(len(line) == 100 for line in ran.log.splitlines()) == 20_000

    def test_shows_only_what_is_allowed_of_the_host(self, cache: Path, tools: Tools) -> None:
        """The environment is built from nothing."""
        environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"}
        host = {**environ, "HOST_SECRET": "secret", "WANTED": "yes"}
        ran = self.run(
            cache, self.environment, environ=host, allow=frozenset({"WANTED"}), tools=tools
        )
        assert isinstance(ran.outcome, Completed), ran
        seen = _variables(ran.outcome.result)
        assert seen["WANTED"] == "yes"
        assert set(seen) - {*environ, *RESERVED, "WANTED", *_OF_THE_TOOLS, *self.adds} == set()
        assert set(seen) >= set(RESERVED)
        assert seen["WM_WORKSPACE"] == "default"
        assert seen["WM_ATTEMPT"] == "1"
        assert seen["WM_TOKEN"] == ""

    def test_works_in_a_folder_of_the_jobs_own(self, cache: Path) -> None:
        """The working folder is the job's, so nothing is left behind."""
        folders: list[Path] = []
        ran = self.run(cache, self.folder, watch=folders.append)
        assert isinstance(ran.outcome, Completed), ran
        assert Path(ran.outcome.result).resolve() == folders[0].resolve()
        assert not (Path.cwd() / "left.txt").exists()
        assert not folders[0].exists()

    def test_can_be_canceled(self, cache: Path) -> None:
        """A running job ends when it is told to, and says that it was canceled."""
        assert isinstance(self.canceled(cache).outcome, Canceled)

    def test_is_held_to_its_time(self, cache: Path) -> None:
        """Exit code 124, and the limit in the message."""
        self.canceled(cache)  # what is to be built is built
        outcome = self.run(cache, self.sleeps, timeout=0.5).outcome
        assert isinstance(outcome, Failed)
        assert (outcome.exit_code, outcome.error["name"]) == (124, "Timeout")
        assert outcome.error["message"] == "duration > 0.5 s"

    def test_names_a_tool_that_is_missing(self, cache: Path) -> None:
        """health() says what to do, plan() raises RunnerUnavailable and nothing else."""
        if self.variable is None:
            assert self.runner.health(Tools()) is None
            return
        tools = Tools({self.variable: "/nonexistent/tool"})
        problem = self.runner.health(tools)
        assert problem is not None
        assert self.variable in problem
        with pytest.raises(RunnerUnavailable):
            self.run(cache, self.value, tools=tools)

    def test_checks_args_at_submit(self, tools: Tools) -> None:
        """Missing and unknown names are refused before they become a job."""
        self.runner.check(self.value, None, tools)
        self.runner.check(self.value, {}, tools)
        self.runner.check(self.default, {}, tools)
        self.runner.check(self.echo, {"x": "here"}, tools)
        with pytest.raises(BadInput, match="'x' is missing"):
            self.runner.check(self.echo, {}, tools)
        with pytest.raises(BadInput, match="'y' is unknown"):
            self.runner.check(self.echo, {"x": "here", "y": 1}, tools)

    def test_checks_the_text_at_submit(self, tools: Tools) -> None:
        """What cannot be parsed is refused before it becomes a job."""
        if self.broken is not None:
            with pytest.raises(BadInput, match="does not parse"):
                self.runner.check(self.broken, None, tools)

    def canceled(self, cache: Path) -> Ran:
        """A job of `sleeps` that is canceled once it has begun."""
        stop = Stop()
        threads: list[threading.Thread] = []

        def watch(folder: Path) -> None:
            # A pipe in place of the file: opening it to write is the event that is waited for.
            os.mkfifo(folder / "ready")
            handle = os.open(folder / "ready", os.O_RDONLY | os.O_NONBLOCK)
            threads.append(threading.Thread(target=_cancel_when_ready, args=(handle, stop)))
            threads[0].start()

        try:
            return self.run(cache, self.sleeps, stop=stop, watch=watch)
        finally:
            threads[0].join()


def _cancel_when_ready(handle: int, stop: Stop) -> None:
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(PATIENCE * 1000)
        stop.request("canceled")
    finally:
        os.close(handle)


def _variables(result: Any) -> dict[str, str]:
    if isinstance(result, str):
        pairs = (line.partition("=") for line in result.splitlines())
        return {name: value for name, _, value in pairs}
    return dict(result)
