"""Runs TypeScript scripts run by Deno."""

from collections.abc import Callable

from wmctl.plugin import Runner, hookimpl
from wmctl_deno.runner import DenoRunner


@hookimpl
def wmctl_register_runners(register: Callable[[Runner], None]) -> None:
    """Tell wmctl about the runner of this plugin."""
    register(DenoRunner())
