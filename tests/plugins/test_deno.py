"""The Deno runner with the real deno."""

from pathlib import Path
from typing import Any

import pytest

from wmctl.plugin import Completed, Failed, Tools
from wmctl.testing import RunnerContract
from wmctl_deno.runner import DenoRunner
from wmctl_deno.signature import signature

#: What looks like main and is not, and then main.
MANY = """
// function main(no)
/* function main(no) */
const s = 'function main(no)'
class C { function main(no) {} }
function main(
  yes: string,
) {}
"""


class TestDeno(RunnerContract):
    """Deno follows the contract, and Windmill's rules for args and results."""

    runner = DenoRunner()
    value = "export async function main() { return { b: 'first', a: 'second' } }"
    echo = "export async function main(x: string) { return x }"
    default = "export function main(x: string = 'seven') { return x }"
    fails = "export function main() {\n  throw new Error('intentional error')\n}"
    exits = "export function main() { Deno.exit(7) }"
    big = (
        "export function main() {\n"
        "  for (let i = 0; i < 20000; i++) console.log('x'.repeat(100))\n  return 'done'\n}"
    )
    environment = "export function main() { return Deno.env.toObject() }"
    folder = "export function main() { Deno.writeTextFileSync('left.txt', ''); return Deno.cwd() }"
    sleeps = (
        "export async function main() {\n  Deno.writeTextFileSync('ready', 'yes\\n')\n"
        "  await new Promise((done) => setTimeout(done, 600_000))\n}"
    )
    variable = "DENO_PATH"
    adds = frozenset({"DENO_DIR", "DENO_NO_UPDATE_CHECK", "DENO_NO_PROMPT", "NO_COLOR"})

    @pytest.mark.parametrize(
        ("code", "args", "expected"),
        [
            ("(a: Date) { return [typeof a, a.getTime()] }", {"a": "1970-01-01T00:00:01Z"},
             ["object", 1000]),
            ("(a?: Date | null, b = 2) { return [a ?? 'none', b] }", {}, ["none", 2]),
            ("(a: number, b: {c: string, d: [number, string]}) { return [b.d, a] }",
             {"b": {"d": [1, "x"]}, "a": 1}, [[1, "x"], 1]),
            ("() { return 2n ** 70n }", {}, "1180591620717411303424"),
            ("() { return { a: [1n], b: undefined, c: NaN } }", {},
             {"a": ["1"], "b": None, "c": None}),
            ("() {}", {}, None),
            ("() { return null }", {}, None),
            ("(name: string, count: number) { return `Hello ${name}, count: ${count}` }",
             {"count": 42, "name": "World"}, "Hello World, count: 42"),
            ("() { await new Promise((r) => setTimeout(r, 5)); return 'async completed' }", {},
             "async completed"),
        ],
    )  # fmt: skip
    def test_values(self, cache: Path, code: str, args: dict[str, Any], expected: object) -> None:
        """Date, BigInt, undefined, defaults."""
        assert self.result(cache, f"export async function main{code}", args) == expected

    def test_other_forms_of_main(self, cache: Path) -> None:
        """A constant, an async iterable, another entry."""
        assert self.result(cache, "export const main = async (x: number) => x + 1", {"x": 1}) == 2
        streams = "export async function* main() { yield 'one\\n'; yield 'two' }"
        ran = self.run(cache, streams)
        assert ran.outcome == Completed("one\ntwo")
        assert "WM_STREAM: one\\n\n" in ran.log
        two = "export function main() {}\nexport function other(x: Date) { return x.getTime() }"
        args = {"x": "1970-01-01T00:00:01Z", "_ENTRYPOINT_OVERRIDE": "other"}
        assert self.result(cache, two, args) == 1000

    @pytest.mark.parametrize(
        ("code", "name", "message"),
        [
            ("export function main() { throw new TypeError('bad') }", "TypeError", "bad"),
            ("export function main() { throw 'a text' }", "Error", "a text"),
            ("throw new RangeError('at import')", "RangeError", "at import"),
            ("export function main( {", "TypeError", "SyntaxError"),
            ("export const x = 1", "Error", "main function is missing"),
        ],
    )
    def test_errors(self, cache: Path, code: str, name: str, message: str) -> None:
        """Whenever it is thrown, it has a message, a name, and a stack that begins at home."""
        outcome = self.run(cache, code).outcome
        assert isinstance(outcome, Failed)
        assert outcome.exit_code == 1
        assert list(outcome.error) == ["message", "name", "stack"]
        assert outcome.error["name"] == name
        assert message in outcome.error["message"]
        assert "wrapper.ts" not in outcome.error["stack"]

    def test_configuration_in_a_folder_above_means_nothing(self, cache: Path) -> None:
        """Jobs live under a folder that everybody can write to."""

        def watch(folder: Path) -> None:
            (folder / "deno.json").write_text("this is no JSON")
            (folder / "package.json").write_text("nor is this")

        assert isinstance(self.run(cache, self.value, watch=watch).outcome, Completed)

    def test_flags_of_the_worker_replace_the_permissions(self, cache: Path, tools: Tools) -> None:
        """DENO_FLAGS, as Windmill's workers have it; a denial is an error, not a question."""
        flags = "--allow-read --allow-write --allow-env=WM_FLOW_STEP_ID"
        strict = Tools({"DENO_FLAGS": flags}, tools.own_scripts, tools.search_path)
        code = "export function main() { return Deno.env.get('HOME') ?? 'none' }"
        outcome = self.run(cache, code, tools=strict).outcome
        assert isinstance(outcome, Failed)
        assert outcome.error["name"] == "NotCapable"
        assert isinstance(self.run(cache, self.value, tools=strict).outcome, Completed)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("export async function main(a: string, b: number = 3, c?: {x: 1}) {}",
         "main(a, b=…, c=…)"),
        ("function main(m: Map<string, number[]>, f: (x: number, y: string) => void) {}",
         "main(m, f)"),
        ("function main<T extends Map<string, T>>(x: T, y: Array<T>= []) {}", "main(x, y=…)"),
        ("function main(m = new Map<string, number>(), n = 1 < 2, o: string) {}",
         "main(m=…, n=…, o)"),
        ("function main(a = `x${`,${')'}`}`, /* b, */ c = ',)', d: 'x' | \"y, z\") {}",
         "main(a=…, c=…, d)"),
        ("const re = /[/\"'`]function main(x)/;\nfunction main(y: undefined | string) {}",
         "main(y=…)"),
        (MANY, "main(yes)"),
        ("function main(a: string): void\nfunction main(a: string, b?: number) {}", "main(a, b=…)"),
        ("export const main = async function (a: number) {}", "main(a)"),
        ("export const main: (a: string) => void = (a) => {}", "None"),
        ("export default { run }", "None"),
        ("function main({ a, b }: { a: string, b: string }) {}", "None"),
        ("function main(...rest: string[]) {}", "None"),
        ("function main(a: string", "None"),
        ("function mainly(x) {}\nobj.main(3)\nfunction main() {}", "main()"),
        ("const half = total / 2; const s = a / b;\nfunction main(x: string) {}", "main(x)"),
    ],
)  # fmt: skip
def test_signatures(code: str, expected: str) -> None:
    """Read from the text; None where it is too clever, and then args are not checked."""
    assert str(signature(code)) == expected


def test_dates_are_found_in_unions() -> None:
    """And nowhere else."""
    found = signature("function main(a: Date, b?: null | Date, c: Date[], d: { e: Date }) {}")
    assert found is not None
    assert [parameter.kind for parameter in found.parameters] == ["Date", "Date", "", ""]
