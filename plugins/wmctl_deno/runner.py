"""TypeScript by Deno: `export async function main`, args by name."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmctl.plugin import (
    Outcome,
    Plan,
    RunContext,
    Signature,
    Tools,
    build_once,
    outcome_of,
)
from wmctl_deno.signature import signature

_WRAPPER = Path(__file__).with_name("wrapper.ts")
_TOOL = ("deno", "DENO_PATH", "deno")
_OVERRIDE = "_ENTRYPOINT_OVERRIDE"
#: Settings of the worker that Deno needs to reach registries; passed on where they are set.
_SETTINGS = ("DENO_AUTH_TOKENS", "DENO_CERT", "DENO_TLS_CA_STORE", "NPM_CONFIG_REGISTRY")


class DenoRunner:
    """Runs `deno run` on a wrapper that imports the script."""

    name = "deno"
    tag = "deno"
    extensions: tuple[str, ...] = (".deno.ts", ".ts")

    def health(self, tools: Tools) -> str | None:
        """None if there is a deno."""
        return tools.problem(*_TOOL)

    def signature(self, code: str, entry: str = "main") -> Signature | None:
        """The parameters of main; None where they cannot be read from the text."""
        return signature(code, entry)

    def check(self, code: str, args: Mapping[str, Any] | None, tools: Tools) -> None:
        """Refuse args that main does not name; TypeScript that does not parse fails as a job."""
        found = signature(code, _entry(args or {}))
        if args is not None and found:
            found.check({name: args[name] for name in args if name != _OVERRIDE})

    def plan(self, ctx: RunContext) -> Plan | Outcome:
        """Put script and wrapper into the cache, once: what Deno compiles is kept by path."""
        deno = ctx.tools.need(*_TOOL)
        wrapper = _wrapper(ctx.code, _entry(ctx.args))
        key = hashlib.sha256(f"{wrapper}\0{ctx.code}".encode(errors="replace")).hexdigest()

        def write(staging: Path) -> None:
            (staging / "wrapper.ts").write_text(wrapper, encoding="utf-8")
            (staging / "main.ts").write_text(
                ctx.code, encoding="utf-8", errors="replace", newline=""
            )

        folder = build_once(ctx.cache / "scripts" / key, write)
        return Plan(
            argv=[str(deno), "run", *_flags(ctx.tools), str(folder / "wrapper.ts")],
            env=_environment(ctx),
            outcome=lambda exit_: outcome_of(
                exit_, ctx.folder / "result.json", error_file=ctx.folder / "error.json"
            ),
        )


def _entry(args: Mapping[str, Any]) -> str:
    entry = args.get(_OVERRIDE)
    return entry if isinstance(entry, str) and entry else "main"


def _wrapper(code: str, entry: str) -> str:
    """The wrapper with the parameters of the entry written into it."""
    found = signature(code, entry)
    if found is None:
        return _WRAPPER.read_text(encoding="utf-8")
    listed = json.dumps([[parameter.name, parameter.kind] for parameter in found.parameters])
    return _WRAPPER.read_text(encoding="utf-8").replace("| null = null;", f"| null = {listed};", 1)


def _flags(tools: Tools) -> list[str]:
    """No files that happen to lie in a folder above; DENO_FLAGS in place of all permissions."""
    permissions = shlex.split(tools.value("DENO_FLAGS")) or ["-A"]
    return ["--no-check", "--no-prompt", "--no-config", "--no-lock", "--quiet", *permissions]


def _environment(ctx: RunContext) -> dict[str, str]:
    passed = {name: ctx.tools.value(name) for name in _SETTINGS if ctx.tools.value(name)}
    return {
        "DENO_DIR": str(ctx.cache / "dir"),
        "DENO_NO_UPDATE_CHECK": "1",
        "DENO_NO_PROMPT": "1",
        "NO_COLOR": "1",
        **passed,
        **ctx.env,
    }
