"""The Go runner with the real go. The first build of a run compiles the standard library."""

from pathlib import Path
from typing import Any

import pytest

from wmctl.plugin import BadInput, Completed, Failed, RunnerUnavailable, Tools
from wmctl.testing import RunnerContract
from wmctl_go.runner import GoRunner
from wmctl_go.signature import signature


def go(parameters: str, body: str, *imports: str, returns: str = "(interface{}, error)") -> str:
    """A script with this main."""
    lines = [f'import "{name}"' for name in imports]
    head = "\n".join(["package inner", *lines])
    return f"{head}\n\nfunc main({parameters}) {returns} {{\n\t{body}\n}}\n"


class TestGo(RunnerContract):
    """Go follows the contract, and Windmill's rules for args and results."""

    runner = GoRunner()
    value = go(
        "", 'return R{"first", "second"}, nil', returns="(R, error)"
    ) + '\ntype R struct {\n\tB string `json:"b"`\n\tA string `json:"a"`\n}\n'  # fmt: skip
    echo = go("x string", "return x, nil", returns="(string, error)")
    default = go("x *string", 'if x == nil {\n\t\treturn "seven", nil\n\t}\n\treturn *x, nil')
    fails = go("", 'return nil, errors.New("intentional error")', "errors")
    exits = go("", "os.Exit(7)\n\treturn nil, nil", "os")
    big = go(
        "",
        'for i := 0; i < 20000; i++ {\n\t\tfmt.Println(strings.Repeat("x", 100))\n\t}\n'
        '\treturn "done", nil',
        "fmt",
        "strings",
    )
    environment = go("", 'return strings.Join(os.Environ(), "\\n"), nil', "os", "strings")
    folder = go("", 'os.WriteFile("left.txt", nil, 0o600)\n\treturn os.Getwd()', "os",
                returns="(string, error)")  # fmt: skip
    sleeps = go(
        "",
        'os.WriteFile("ready", []byte("yes\\n"), 0o600)\n\ttime.Sleep(10 * time.Minute)\n'
        "\treturn nil, nil",
        "os",
        "time",
    )
    variable = "GO_PATH"

    @pytest.mark.parametrize(
        ("code", "args", "expected"),
        [
            (go("derp string", 'fmt.Println("printed")\n\treturn "hello " + derp, nil', "fmt",
                returns="(string, error)"), {"derp": "world"}, "hello world"),
            (go('a, b int, c struct{ X []float64; Y string `json:"why"` }',
                "return []interface{}{a + b, c.X, c.Y}, nil"),
             {"a": 1, "b": 2, "c": {"X": [1.5], "why": "<&>"}}, [3, [1.5], "<&>"]),
            (go("n int, s string, l []int, m map[string]interface{}, when time.Time",
                "return []interface{}{n, s, l == nil, m, when.Year()}, nil", "time"),
             {"when": "2026-01-02T03:04:05Z", "m": {"k": None}}, [0, "", True, {"k": None}, 2026]),
            (go("x int64", "return x", returns="int64"), {"x": 9007199254740993}, 9007199254740993),
            (go("", "return nil", returns="error"), {}, None),
            (go("", "", returns=""), {}, None),
            (go("", "return 1, 2, nil", returns="(int, int, error)"), {}, [1, 2]),
            (go("words ...string", "return len(words)", returns="int"), {"words": ["a", "b"]}, 2),
            (go("Name string", "return Name", returns="string"),
             {"name": "other case"}, "other case"),
            (go("json string", "return json + fmt(os)", returns="string")
             + '\nvar os = "!"\nfunc fmt(s string) string { return s }\n', {"json": "own names"},
             "own names!"),
        ],
    )  # fmt: skip
    def test_values(self, cache: Path, code: str, args: dict[str, Any], expected: object) -> None:
        """Structs, several names of one type, any form of return, zero where nothing was given."""
        assert self.result(cache, code, args) == expected

    def test_errors(self, cache: Path) -> None:
        """An error goes to the output and to the error object; a panic tells its stack."""
        ran = self.run(cache, self.fails)
        assert ran.log.endswith("intentional error\n")
        assert isinstance(ran.outcome, Failed)
        assert ran.outcome.exit_code == 1
        panics = self.run(cache, go("n int", "return []int{1}[n], nil"), {"n": 5}).outcome
        assert isinstance(panics, Failed)
        assert panics.exit_code == 2
        assert "index out of range" in panics.error["message"]
        assert "inner/main.go:4" in panics.error["stack"]
        unfit = self.run(cache, go("n int", "return n, nil"), {"n": "text"}).outcome
        assert isinstance(unfit, Failed)
        assert "parameter n" in unfit.error["message"]

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            (go("", "return nothing, nil"), "inner/main.go:4:9: undefined: nothing"),
            ("package main\nfunc main() {}", "package inner"),
            ("package inner\nfunc other() {}", "main function is missing"),
            ("package inner\nfunc main( {", "inner/main.go:2"),
        ],
    )
    def test_what_does_not_build_fails_with_the_compilers_words(
        self, cache: Path, code: str, message: str
    ) -> None:
        """File and line are the script's own."""
        outcome = self.run(cache, code).outcome
        assert isinstance(outcome, Failed)
        assert outcome.error["name"] == "BuildError"
        assert message in outcome.error["message"]

    def test_a_binary_is_built_once(self, cache: Path) -> None:
        """The second run starts no compiler; another code is another binary."""
        code = go("n int", "return n * 3, nil")
        self.result(cache, code, {"n": 1})
        binaries = sorted((cache / "go" / "bin").glob("[0-9a-f]*/job"))
        before = [path.stat().st_mtime_ns for path in binaries]
        assert self.result(cache, code, {"n": 2}) == 6
        assert sorted((cache / "go" / "bin").glob("[0-9a-f]*/job")) == binaries
        assert [path.stat().st_mtime_ns for path in binaries] == before
        assert not list((cache / "go" / "bin").glob(".staging-*"))

    def test_a_go_that_does_not_work_is_named(self, cache: Path, tmp_path: Path) -> None:
        """There is a program, but it is no Go."""
        program = tmp_path / "go"
        program.write_text("#!/bin/sh\necho broken installation\nexit 1\n")
        program.chmod(0o755)
        with pytest.raises(RunnerUnavailable, match="broken installation"):
            self.run(cache, self.value, tools=Tools({"GO_PATH": str(program)}))

    def test_completed_says_nothing_of_the_build(self, cache: Path) -> None:
        """A job's log is the job's, once the standard library is compiled."""
        code = go("", "return 1, nil")
        self.run(cache, code)
        ran = self.run(cache, code)
        assert ran.outcome == Completed(1)
        assert ran.log == ""


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", "main()"),
        ("a string", "main(a)"),
        ("a, b string, c int", "main(a, b, c)"),
        ("a *int, rest ...string", "main(a=…, rest=…)"),
        ("f func(int, string) (int, error), m map[string]struct{ X, Y int }",
         "main(f, m)"),
        ('\n\ta string, // one, of two\n\tb struct {\n\t\tC int `json:"c,omitempty"`\n\t},\n',
         "main(a, b)"),
        ("string, int", "None"),
        ("[]string", "None"),
    ],
)  # fmt: skip
def test_signatures(parameters: str, expected: str) -> None:
    """Read from the text; None where the parameters have no names."""
    code = f"package inner\n\n/*\nfunc main(no int) {{}}\n*/\nfunc main({parameters}) error {{}}\n"
    assert str(signature(code)) == expected


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("package main\nfunc main() {}", "must say `package inner`, not `package main`"),
        ("func main() {}", "must say `package inner`"),
    ],
)
def test_another_package_is_refused(code: str, part: str) -> None:
    """A whole program is no script."""
    with pytest.raises(BadInput, match=part) as refused:
        GoRunner().check(code, None, Tools())
    assert refused.value.hint is not None
    GoRunner().check("package inner\nfunc main() {}", {}, Tools())
