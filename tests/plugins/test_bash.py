"""The bash runner with the real bash."""

from pathlib import Path

import pytest

from wmctl.plugin import BadInput, Completed, Failed, Tools
from wmctl.testing import RunnerContract
from wmctl_bash.runner import BashRunner


class TestBash(RunnerContract):
    """Bash follows the contract, and Windmill's rules for parameters and results."""

    runner = BashRunner()
    value = """echo '{"b": "first", "a": "second"}' > result.json"""
    echo = 'x="$1"\nprintf "%s\\n" "$x"'
    default = 'x="${1:-seven}"\necho "$x"'
    fails = "echo intentional error >&2\nexit 1"
    exits = "exit 7"
    big = 'line=$(printf "%0100d" 0)\nfor ((i = 0; i < 20000; i++)); do echo $line; done\necho done'
    environment = "env > result.out"
    folder = "touch left.txt\npwd"
    sleeps = "echo yes > ready\nsleep 600"
    broken = "if true; then\n  echo\n"
    error_name = "ExecutionErr"
    variable = "BASH_PATH"

    def test_passes_values_by_position(self, cache: Path) -> None:
        """Texts unquoted, the rest as JSON, absent ones empty, in the order of the numbers."""
        code = 'c="$3"\na="$1"\nb="${2}"\nd="${4:-four}"\necho "$a|$b|$c|$d|$#"'
        args = {"a": {"k": [1, None]}, "c": None}
        assert self.result(cache, code, args) == '{"k":[1,null]}||null|four|4'

    def test_only_lines_that_begin_with_the_name_are_parameters(self) -> None:
        """What functions do with their own parameters is their business."""
        code = 'first="$1"\nf() {\n  inner="$2"\n}\nlast="${2:-x}" # a comment\nno=$3\nz="$0"'
        assert str(BashRunner().signature(code)) == "script(first, last=…)"

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("echo '[1.50, \"x\"]' > result.json; echo ignored", [1.5, "x"]),
            (": > result.json; echo text > result.out; echo ignored", "text\n"),
            (": > result.out; echo '  last one  '", "last one"),
            ("echo one; echo; ", ""),
            ("true", ""),
            ("printf 'no newline'", "no newline"),
            ("echo out; echo err >&2", "err"),
        ],
    )
    def test_three_places_for_the_result(self, cache: Path, code: str, expected: object) -> None:
        """result.json, else result.out, else the last line of the output."""
        assert self.result(cache, code) == expected

    def test_stops_at_the_first_failure_and_names_the_right_line(self, cache: Path) -> None:
        """`set -e` comes first and does not move the lines."""
        ran = self.run(cache, "#!/bin/bash\necho before\nnot_a_program\necho after")
        assert isinstance(ran.outcome, Failed)
        assert ran.outcome.exit_code == 127
        assert "line 3" in ran.log
        assert "after" not in ran.log
        assert "exit code 127" in ran.outcome.error["message"]
        assert "line 3" in ran.outcome.error["message"]

    def test_a_signal_is_named(self, cache: Path) -> None:
        """128 plus the number, as a shell would show it."""
        outcome = self.run(cache, "kill -9 $$").outcome
        assert isinstance(outcome, Failed)
        assert outcome.exit_code == 137
        assert "SIGKILL" in outcome.error["message"]

    def test_a_value_too_long_for_a_program_is_refused_in_words(self, cache: Path) -> None:
        """The kernel's limit; args.json has no such limit."""
        outcome = self.run(cache, self.echo, {"x": "x" * (128 << 10)}).outcome
        assert isinstance(outcome, Failed)
        assert "args.json" in outcome.error["message"]
        shorter = "x" * ((128 << 10) - 1)
        assert self.result(cache, self.echo, {"x": shorter}) == shorter
        with_nul = self.run(cache, self.echo, {"x": "a\0b"}).outcome
        assert isinstance(with_nul, Failed)

    def test_a_result_that_is_no_json_fails_the_job(self, cache: Path) -> None:
        """What was written on purpose and is wrong is not passed over."""
        outcome = self.run(cache, "echo '{' > result.json").outcome
        assert isinstance(outcome, Failed)
        assert outcome.error["name"] == "BadResult"

    def test_the_syntax_check_runs_nothing(self, tmp_path: Path, tools: Tools) -> None:
        """Neither the script nor what BASH_ENV names."""
        BashRunner().check(f"touch {tmp_path}/ran", None, tools)
        assert not (tmp_path / "ran").exists()
        with pytest.raises(BadInput, match="line 4"):
            BashRunner().check("echo\n\n\n)", None, tools)

    def test_bash_is_started_directly(self, cache: Path) -> None:
        """One process, nothing around it."""
        assert self.result(cache, 'echo "$0"') == "./main.sh"
        assert self.result(cache, "[[ $- == *e* ]] && echo yes") == "yes"

    def test_labels(self, cache: Path) -> None:
        """`wm_labels` of the result become the job's labels."""
        code = """echo '{"wm_labels": ["x", "y"]}' > result.json"""
        assert self.run(cache, code).outcome == Completed({"wm_labels": ["x", "y"]}, 0, ("x", "y"))


def test_an_arg_without_a_parameter_tells_how_to_declare_one() -> None:
    """People who come from other languages do not know."""
    with pytest.raises(BadInput, match="'who' is unknown") as refused:
        BashRunner().check("echo $1", {"who": "ann"}, Tools())
    assert refused.value.hint is not None
    assert 'name="$1" or name="${1:-default}"' in refused.value.hint
    BashRunner().check('who="$1"', {"who": "ann"}, Tools())
