"""Python scripts: `main` gets the args by name, in an interpreter that sees nothing of wmctl."""

import ast
import os
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmctl.plugin import (
    BadInput,
    Outcome,
    Parameter,
    Plan,
    RunContext,
    RunnerUnavailable,
    Signature,
    Tools,
    failed,
    outcome_of,
)
from wmctl_python3.entry import may_have, takes
from wmctl_python3.versions import annotations, wanted

_WRAPPER = Path(__file__).with_name("wrapper.py")
_INSTALL = "apt-get install python3"
#: Bytes of a folder's or module's name; the disk takes no more than 255.
_PART_CAP = 200
_OVERRIDE = "_ENTRYPOINT_OVERRIDE"


class Python3Runner:
    """Runs `python -u -m wrapper` in the job's folder."""

    name = "python3"
    tag = "python3"
    extensions: tuple[str, ...] = (".py",)

    def health(self, tools: Tools) -> str | None:
        """None if there is an interpreter besides that of wmctl's own environment."""
        if tools.python():
            return None
        return tools.problem("python3", "PYTHON_PATH", _INSTALL, own=False)

    def signature(self, code: str, entry: str = "main") -> Signature | None:
        """The parameters of the last `def main`; None if main is made in another way or missing."""
        body = _parse(code).body if _readable_here(code) else []
        found = [
            node
            for node in body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry
        ]
        return _signature(found[-1]) if found else None

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """Refuse what does not parse here, has no main, or has one that the args do not fit.

        What asks for another version of Python is not looked into.
        """
        if not _readable_here(code):
            return
        tree = _parse(code)
        entry = (args or {}).get(_OVERRIDE) or "main"
        if not isinstance(entry, str):
            return
        if not may_have(tree, entry):
            raise BadInput(
                f"the script has no function {entry[:60]}",
                hint="to run it as it is: wmctl run -- python3 FILE",
            )
        signature = self.signature(code, entry)
        if args is not None and signature:
            signature.check({name: args[name] for name in args if name != _OVERRIDE})

    def plan(self, ctx: RunContext) -> Plan | Outcome:
        """Put the script where its path says, the wrapper beside it."""
        python = _interpreter(ctx.code, ctx.tools)
        if isinstance(python, Outcome):
            return python
        parts = _module(ctx.job.path)
        script = ctx.folder.joinpath(*parts).with_suffix(".py")
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(ctx.code, encoding="utf-8", errors="surrogatepass", newline="")
        (ctx.folder / "wrapper.py").write_bytes(_WRAPPER.read_bytes())
        raw = ["raw"] if "skip_result_postprocessing" in annotations(ctx.code) else []
        return Plan(
            argv=[str(python), "-u", "-m", "wrapper", ".".join(parts), *raw],
            env=_environment(ctx),
            outcome=lambda exit_: outcome_of(
                exit_, ctx.folder / "result.json", error_file=ctx.folder / "error.json"
            ),
        )


def _environment(ctx: RunContext) -> Mapping[str, str]:
    """With the places of modules that the worker's group names, after the job's own."""
    if not ctx.python_paths:
        return ctx.env
    own = ctx.env.get("PYTHONPATH")
    return {**ctx.env, "PYTHONPATH": os.pathsep.join([*([own] if own else []), *ctx.python_paths])}


def _interpreter(code: str, tools: Tools) -> Path | Outcome:
    version = wanted(code)
    if version is None:
        python = tools.python()
        if python is None:
            raise RunnerUnavailable(Python3Runner().health(tools) or "no python3 was found")
        return python
    found = tools.interpreters()
    chosen = version.choose(found)
    if chosen:
        return chosen.path
    there = ", ".join(f"{one} ({one.path})" for one in found) or "none"
    problem = "is not a version" if version.broken else "is not on this host"
    return failed("PythonVersionNotFound", f"Python {version.text!r} {problem}; found: {there}")


def _module(path: str | None) -> tuple[str, ...]:
    """Folders and module name for a Windmill path, cleaned as Windmill does; `tmp` without one."""
    text = (path or "").replace("-", "_").replace("@", ".").replace(" ", "_")
    parts = [
        f"_{part}" if part[0].isdigit() else part for part in re.split(r"[/.\0]+", text) if part
    ]
    if not parts or max(len(part.encode(errors="replace")) for part in parts) > _PART_CAP:
        return "tmp", "main"
    folders, last = parts[:-1], parts[-1].lower()
    # A folder named like a module of the standard library could not be imported from.
    if not folders or folders[0] in sys.stdlib_module_names:
        return "tmp", last
    return *folders, last


def _readable_here(code: str) -> bool:
    version = wanted(code)
    return version is None or version.fits(sys.version_info[:3])


def _parse(code: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise BadInput(f"the script does not parse: {where}{error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadInput(f"the script does not parse: {error or 'nested too deeply'}") from None


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    names = function.args
    positional = names.posonlyargs + names.args
    without = len(positional) - len(names.defaults)
    parameters = [
        Parameter(one.arg, at < without, takes=takes(one.annotation))
        for at, one in enumerate(positional)
    ]
    parameters += [
        Parameter(one.arg, default is None, takes=takes(one.annotation))
        for one, default in zip(names.kwonlyargs, names.kw_defaults, strict=True)
    ]
    return Signature(tuple(parameters), function.name, open=names.kwarg is not None)
