"""Runs bash scripts and plain commands."""

from collections.abc import Callable

from wmctl.plugin import Runner, hookimpl
from wmctl_bash.command import CommandRunner
from wmctl_bash.runner import BashRunner


@hookimpl
def wmctl_register_runners(register: Callable[[Runner], None]) -> None:
    """Tell wmctl about the runners of this plugin."""
    register(BashRunner())
    register(CommandRunner())
