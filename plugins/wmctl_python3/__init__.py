"""Runs Python scripts."""

from collections.abc import Callable

from wmctl.plugin import Runner, hookimpl
from wmctl_python3.runner import Python3Runner


@hookimpl
def wmctl_register_runners(register: Callable[[Runner], None]) -> None:
    """Tell wmctl about the runner of this plugin."""
    register(Python3Runner())
