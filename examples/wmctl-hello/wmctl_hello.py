"""Runs `.hello` scripts: a text in which `{name}` stands for the arg of that name."""

import re
from collections.abc import Callable

from wmctl import plugin

CAT = ("cat", "CAT_PATH", "apt-get install coreutils")


class HelloRunner:
    """Fills in the args and lets `cat` say it; the last line is the result."""

    name = tag = "hello"
    extensions: tuple[str, ...] = (".hello",)

    def health(self, tools: plugin.Tools) -> str | None:
        return tools.problem(*CAT)

    def signature(self, code: str) -> plugin.Signature:
        names = dict.fromkeys(re.findall(r"\{(\w+)\}", code))
        return plugin.Signature(tuple(map(plugin.Parameter, names)), "hello")

    def check(self, code: str, args: dict | None, tools: plugin.Tools) -> None:
        if args is not None:
            self.signature(code).check(args)

    def plan(self, ctx: plugin.RunContext) -> plugin.Plan:
        text = re.sub(r"\{(\w+)\}", lambda match: str(ctx.args.get(match[1], "")), ctx.code)
        (ctx.folder / "greeting").write_text(text)
        return plugin.Plan([str(ctx.tools.need(*CAT)), "greeting"], ctx.env, outcome=said)


def said(end: plugin.Exit) -> plugin.Outcome:
    return plugin.outcome_of(end, default=plugin.last_line(end.tail))


@plugin.hookimpl
def wmctl_register_runners(register: Callable[[plugin.Runner], None]) -> None:
    register(HelloRunner())
