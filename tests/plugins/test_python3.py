"""The Python runner with the real base interpreter."""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from wmctl.plugin import BadInput, Completed, Failed, Interpreter, Job, Tools
from wmctl.testing import RunnerContract, run_job
from wmctl_python3.runner import Python3Runner
from wmctl_python3.versions import wanted

#: A stand-in for a newer Python: says that it is one, and runs the real one.
NEWER = f"""#!/bin/sh
case "$*" in *base_executable*) echo 3.99.1 "$0"; exit;; esac
echo "run by $0"
exec {sys.executable} "$@"
"""

DECORATED = """
import functools

def decorator(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

@decorator
def main(x, y=2):
    return [x, y]
"""


class TestPython3(RunnerContract):
    """Python follows the contract, and Windmill's rules for args and results."""

    runner = Python3Runner()
    value = "def main():\n    return {'b': 'first', 'a': 'second'}"
    echo = "def main(x: str):\n    return x"
    default = "def main(x='seven'):\n    return x"
    fails = "def main():\n    raise ValueError('intentional error')"
    exits = "import sys\ndef main():\n    sys.exit(7)"
    big = "def main():\n    for _ in range(20000):\n        print('x' * 100)\n    return 'done'"
    environment = "import os\ndef main():\n    return dict(os.environ)"
    folder = "import os\ndef main():\n    open('left.txt', 'w').close()\n    return os.getcwd()"
    sleeps = (
        "import time\ndef main():\n"
        "    with open('ready', 'w') as file:\n        file.write('yes\\n')\n    time.sleep(600)"
    )
    broken = "def main(:\n    pass"
    error_name = "ValueError"
    variable = "PYTHON_PATH"

    @pytest.mark.parametrize(
        ("code", "args", "expected"),
        [
            ("def main(a, b=2): return [a, b]", {"b": None, "z": 1}, [None, 2]),
            ("def main(a, /, b=2, *, c=3): return [a, b, c]", {"a": 1, "c": 4}, [1, 2, 4]),
            ("def main(a=5, /): return a", {}, 5),
            ("def main(a=5): return a", {"a": "<function call>"}, 5),
            ("def main(**kwargs): return kwargs", {"q": 1, "p": None}, {"q": 1, "p": None}),
            ("def main(a, **more): return [a, more]", {"a": 1, "b": 2}, [1, {"b": 2}]),
            ("async def main(x=41): return x + 1", {}, 42),
            ("main = lambda x=3: x", {"x": 4}, 4),
            (
                "class C:\n    def __call__(self, x, y=1): return [x, y]\nmain = C()",
                {"x": 0},
                [0, 1],
            ),
            (
                "def main(): return 1\ndef other(x): return x",
                {"_ENTRYPOINT_OVERRIDE": "other"},
                None,
            ),
            (
                DECORATED,
                {"x": 1, "unknown": 5},
                [1, 2],
            ),
        ],
    )
    def test_args(self, cache: Path, code: str, args: dict[str, Any], expected: object) -> None:
        """By name; defaults when absent or null; unknown names ignored."""
        assert self.result(cache, code, args) == expected

    @pytest.mark.parametrize(
        ("annotation", "value", "expected"),
        [
            ("bytes", base64.b64encode(b"raw").decode(), "bytes:b'raw'"),
            ("'bytes'", "cmF3", "bytes:b'raw'"),
            ("bytes | None", "cmF3", "bytes:b'raw'"),
            (
                "Optional[datetime.datetime]",
                "2026-01-02T03:04:05Z",
                "datetime:2026-01-02 03:04:05+00:00",
            ),
            ("datetime.datetime", "2026-01-02 03:04", "datetime:2026-01-02 03:04:00"),
            ("datetime.date", "2026-01-02", "date:2026-01-02"),
            ("datetime.date", "02-01-2026", "date:2026-01-02"),
            ("datetime.date", "2/1/2026", "date:2026-01-02"),
            ("datetime.date", "2026-01-02T03:04:05.000Z", "date:2026-01-02"),
            ("datetime.date", None, "NoneType:None"),
            ("list[bytes]", "cmF3", "str:cmF3"),
            ("str", "2026-01-02", "str:2026-01-02"),
        ],
    )
    def test_types(self, cache: Path, annotation: str, value: str | None, expected: str) -> None:
        """bytes, datetime and date are what the parameter says."""
        code = (
            "import datetime\nfrom typing import Optional\n"
            f"def main(x: {annotation}): return f'{{type(x).__name__}}:{{x}}'"
        )
        assert self.result(cache, code, {"x": value}) == expected

    def test_a_value_of_the_wrong_form_names_its_parameter(self, cache: Path) -> None:
        """Not just `invalid isoformat string`."""
        code = "from datetime import date\ndef main(day: date): return day"
        outcome = self.run(cache, code, {"day": "soon"}).outcome
        assert isinstance(outcome, Failed)
        assert "'day'" in outcome.error["message"]

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("None", None),
            ("b'raw'", "cmF3"),
            ("{'x': b'raw', 'y': {'z': 1}}", {"x": "cmF3", "y": {"z": 1}}),
            ("[float('nan'), float('inf'), -float('inf'), 1.5]", [None, None, None, 1.5]),
            ("['NaN', 'Infinity', '-Infinity: NaN', float('nan'), '\"NaN']",
             ["NaN", "Infinity", "-Infinity: NaN", None, '"NaN']),
            ("['\\0', 'a\\0b', '\\\\u0000']", [None, "a\0b", "\\u0000"]),
            ("__import__('datetime').date(2026, 1, 2)", "2026-01-02"),
            ("[1704067200000, 9007199254740993, 1.0]", [1704067200000, 9007199254740993, 1.0]),
            ("(i for i in ('one', ' two'))", "one two"),
        ],
    )  # fmt: skip
    def test_results(self, cache: Path, value: str, expected: object) -> None:
        """What JSON has no word for is turned into something it has."""
        assert self.result(cache, f"def main(): return {value}") == expected

    def test_a_table_is_its_rows(self, cache: Path) -> None:
        """Recognised by the name of its class, so that no library needs to be imported."""
        code = (
            "class DataFrame:\n    def rows(self): return [(1, 'a')]\n"
            "def main(): return DataFrame()"
        )
        assert self.result(cache, code) == [[1, "a"]]

    def test_postprocessing_can_be_skipped(self, cache: Path) -> None:
        """Then NaN stays what it is, which is no JSON."""
        code = "# skip_result_postprocessing\ndef main(): return float('nan')"
        outcome = self.run(cache, code).outcome
        assert isinstance(outcome, Failed)
        assert outcome.error["name"] == "BadResult"
        assert "NaN" in outcome.error["message"]

    def test_an_error_tells_all_but_the_wrapper(self, cache: Path) -> None:
        """message, name, stack from the script on, and what the exception carries."""
        code = (
            "class Odd(Exception):\n    def __init__(self, n):\n        super().__init__('odd')\n"
            "        self.n = n\ndef inner():\n    raise Odd(3)\ndef main():\n    inner()"
        )
        ran = self.run(cache, code)
        assert isinstance(ran.outcome, Failed)
        error = ran.outcome.error
        assert list(error) == ["message", "name", "stack", "extra"]
        assert (error["message"], error["name"], error["extra"]) == ("odd", "Odd", {"n": 3})
        assert "line 8, in main" in error["stack"]
        assert "wrapper" not in error["stack"]
        assert ran.log.endswith("Odd: odd\n")

    @pytest.mark.parametrize(
        ("call", "code", "message"),
        [
            ("sys.exit(3)", 3, "3"),
            ("sys.exit(256)", 1, "256"),
            ("sys.exit('why')", 1, "why"),
            ("sys.exit()", 1, ""),
            ("os.abort()", 134, "SIGABRT"),
            ("os._exit(9)", 9, "exit code 9"),
        ],
    )
    def test_every_way_to_end(self, cache: Path, call: str, code: int, message: str) -> None:
        """Any exception fails the job; so does a process that ends in the middle."""
        outcome = self.run(cache, f"import os, sys\ndef main(): {call}").outcome
        assert isinstance(outcome, Failed)
        assert outcome.exit_code == code
        assert message in outcome.error["message"]

    def test_a_missing_main_is_said_so(self, cache: Path) -> None:
        """In Windmill's words."""
        for code in ("x = 1", "main = 3"):
            outcome = self.run(cache, code).outcome
            assert isinstance(outcome, Failed)
            assert outcome.error["message"] == "main function is missing"

    def test_a_script_that_does_not_parse_fails_as_a_job_too(self, cache: Path) -> None:
        """For jobs that came without a check."""
        outcome = self.run(cache, self.broken).outcome
        assert isinstance(outcome, Failed)
        assert outcome.error["name"] == "SyntaxError"
        assert "def main(:" in outcome.error["stack"]

    def test_sees_nothing_of_wmctl(self, cache: Path) -> None:
        """Not its environment, not its packages, and no arguments."""
        code = (
            "import sys, importlib.util as u\ndef main():\n"
            "    return [sys.prefix == sys.base_prefix, sys.argv[1:], sys.stdin.read(),\n"
            "            sys.path, u.find_spec('wmctl') is not None]"
        )
        *first, path, wmctl = self.result(cache, code)
        assert first == [True, [], ""]
        # Without a virtual environment wmctl lives in the base interpreter, in plain sight.
        if sys.prefix != sys.base_prefix:
            assert not [folder for folder in path if folder.startswith(sys.prefix)]
            assert wmctl is False

    @pytest.mark.parametrize(
        ("path", "name", "file"),
        [
            ("f/my-folder/My Script", "f.my_folder.my_script", "f/my_folder/my_script.py"),
            ("u/me@example.com/2nd", "u.me.example.com._2nd", "u/me/example/com/_2nd.py"),
            ("json/../../x", "tmp.x", "tmp/x.py"),
            ("../../../etc/x", "etc.x", "etc/x.py"),
            (None, "tmp.main", "tmp/main.py"),
            ("f/" + "\u017e" * 190, "tmp.main", "tmp/main.py"),
        ],
    )
    def test_the_path_becomes_the_modules_name(
        self, cache: Path, path: str | None, name: str, file: str
    ) -> None:
        """Cleaned, and never outside of the job's folder."""
        code = "import os\ndef main(): return [__name__, os.path.relpath(__file__)]"
        ran = run_job(self.runner, job=Job(language="python3", code=code, path=path), cache=cache)
        assert ran.outcome == Completed([name, file])

    def test_a_version_comment_picks_an_interpreter(self, cache: Path, tmp_path: Path) -> None:
        """Or the job fails, naming what was found."""
        newer = tmp_path / "python3.99"
        newer.write_text(NEWER)
        newer.chmod(0o755)
        tools = Tools(search_path=f"{tmp_path}:/usr/bin:/bin")
        body = "def main(): return 1"
        found = self.run(cache, f"# py: >=3.99\n{body}", tools=tools)
        assert found.outcome == Completed(1)
        assert f"run by {newer}" in found.log
        assert "run by" not in self.run(cache, f"# py: >=3.8\n{body}", tools=tools).log
        missing = self.run(cache, f"# py: ==3.98\n{body}", tools=tools).outcome
        assert isinstance(missing, Failed)
        assert "3.99.1" in missing.error["message"]
        assert sys.version.split()[0] in missing.error["message"]

    def test_text_for_another_version_is_not_parsed_with_this_one(self, tools: Tools) -> None:
        """The submitter's Python may be older than the script's."""
        self.runner.check("# py: >=3.99\ndef main(: pass", {}, tools)
        with pytest.raises(BadInput, match="line 1"):
            self.runner.check("def main(: pass", {}, tools)
        with pytest.raises(BadInput, match="does not parse"):
            self.runner.check("x = '\0'", None, tools)
        with pytest.raises(BadInput, match="does not parse"):
            self.runner.check("(" * 5000 + ")" * 5000, None, tools)


@pytest.mark.parametrize(
    ("comment", "fitting", "other"),
    [
        ("# py312", [(3, 12, 0), (3, 12, 9)], [(3, 11, 9), (3, 13, 0)]),
        ("#py: >=3.12", [(3, 12, 0), (3, 13, 1)], [(3, 11, 9)]),
        ("# py: >=3.11,<3.13", [(3, 11, 0), (3, 12, 9)], [(3, 13, 0), (3, 10, 2)]),
        ("# py: ==3.12", [(3, 12, 7)], [(3, 13, 0)]),
        ("# py: 3.12.*", [(3, 12, 7)], [(3, 13, 0)]),
        ("# py: ==3.12.1", [(3, 12, 1)], [(3, 12, 2)]),
        ("# py: ~=3.11", [(3, 11, 0), (3, 14, 0)], [(3, 10, 9)]),
        ("# py: ~=3.11.4", [(3, 11, 4), (3, 11, 9)], [(3, 12, 0), (3, 11, 3)]),
        ("# py: !=3.12, >3.10", [(3, 11, 0), (3, 13, 0)], [(3, 12, 5), (3, 10, 9)]),
        ("# py: <=3.11", [(3, 11, 9), (3, 10, 0)], [(3, 12, 0)]),
        ('# /// script\n# requires-python = ">=3.12"\n# ///', [(3, 12, 0)], [(3, 11, 0)]),
        ("# py: soon", [], [(3, 12, 0)]),
    ],
)
def test_version_comments(
    comment: str, fitting: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    """A version of fewer parts means all that begin with it."""
    asked = wanted(f"{comment}\nimport os\n")
    assert asked is not None
    assert all(map(asked.fits, fitting))
    assert not any(map(asked.fits, other))


def test_which_interpreter_is_chosen() -> None:
    """The usual one if it fits, else the newest; `py_select_latest` always the newest."""
    found = [Interpreter(Path(f"/{minor}"), (3, minor, 0)) for minor in (11, 14, 12)]

    def chosen(comment: str) -> str:
        asked = wanted(comment)
        assert asked is not None
        return str(asked.choose(found) and asked.choose(found).path)  # type: ignore[union-attr]

    assert chosen("# py: >=3.10") == "/11"
    assert chosen("# py: >=3.12") == "/14"
    assert chosen("# py: ~=3.12.0") == "/12"
    assert chosen("# py_select_latest") == "/14"
    assert chosen("# py313") == "None"
    assert wanted("import os\n# py312") is None


@pytest.mark.parametrize(
    "code",
    [
        "print('hi')",
        "if __name__ == '__main__':\n    print('hi')",
        "def run(): main = 1",
        "class A:\n    def main(self): pass",
        "def Main(): pass",
        "def preprocessor(): pass",
        "import main_loop",
        "",
    ],
)
def test_a_script_without_a_main_is_refused(code: str) -> None:
    """It would only fail later; the hint says what it may have been meant for."""
    with pytest.raises(BadInput, match="the script has no function main") as refused:
        Python3Runner().check(code, {}, Tools())
    assert refused.value.hint == "to run it as it is: wmctl run -- python3 FILE"


@pytest.mark.parametrize(
    "code",
    [
        "def main(): pass",
        "async def main(): pass",
        "class main: pass",
        "main = print",
        "main: object = print",
        "(main := print)",
        "a, main = 1, print",
        "for main in [print]: pass",
        "with open('x') as main: pass",
        "try:\n    from fast import main\nexcept ImportError:\n    def main(): pass",
        "if 1:\n    def main(): pass",
        "import app.cli as main",
        "import main.inner",
        "from app import run as main",
        "from app import *",
        "match print:\n    case main: pass",
        "def make():\n    global main\n    main = print\nmake()",
        "globals()['main'] = print",
        "exec('def main(): pass')",
        "import sys\nsetattr(sys.modules[__name__], 'main', print)",
        "def __getattr__(name): return print",
        "# py: 2.7\nprint 'hi'",
    ],
)
def test_what_may_have_a_main_is_not(code: str) -> None:
    """Only what certainly has none is refused."""
    Python3Runner().check(code, None, Tools())


def test_another_entry_takes_the_place_of_main() -> None:
    """As the args say; the others' names are no matter then."""
    check, code = Python3Runner().check, "def preprocessor(x): pass"
    check(code, {"_ENTRYPOINT_OVERRIDE": "preprocessor", "x": 1}, Tools())
    with pytest.raises(BadInput, match="no function other"):
        check(code, {"_ENTRYPOINT_OVERRIDE": "other"}, Tools())
    with pytest.raises(BadInput, match="no function main"):
        check(code, {"x": 1}, Tools())


@pytest.mark.parametrize(
    ("annotation", "takes"),
    [
        ("int", "int"), ("float", "float"), ("bool", "bool"), ("list", "list"), ("dict", "dict"),
        ("list[str]", "list"), ("dict[str, int]", "dict"), ("str", ""), ("object", ""),
        ("int | str", ""), ("Optional[int]", ""), ("'int'", ""), ("a.int", ""), ("tuple[int]", ""),
    ],
)  # fmt: skip
def test_types_that_a_text_can_never_be(annotation: str, takes: str) -> None:
    """Only those that are plainly written."""
    for code in (f"def main(x: {annotation}): pass", f"def main(*, x: {annotation} = 1): pass"):
        found = Python3Runner().signature(code)
        assert found is not None
        assert [one.takes for one in found.parameters] == [takes]
