"""Runs Go scripts."""

from collections.abc import Callable

from wmctl.plugin import Runner, hookimpl
from wmctl_go.runner import GoRunner


@hookimpl
def wmctl_register_runners(register: Callable[[Runner], None]) -> None:
    """Tell wmctl about the runner of this plugin."""
    register(GoRunner())
