"""Calls the observer hooks. An observer can never harm: what it raises is logged, not passed on."""

import logging
from collections.abc import Callable
from typing import Any

import pluggy

from wmctl.plugin import spec
from wmctl.plugin.manager import Fault, Plugins
from wmctl.plugin.marks import PROJECT
from wmctl.plugin.spec import JobInfo, WorkerInfo
from wmctl.runner.outcome import Outcome

_logger = logging.getLogger("wmctl.plugin")


class Observers:
    """The hooks of all plugins that load; one method for each observer hook.

    Plugins whose hooks do not fit the specification are left out and named in `broken`.
    """

    def __init__(self, plugins: Plugins) -> None:
        self.broken: list[Fault] = []
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(spec)
        self._titles: dict[str, str] = {}
        for plugin in plugins.all():
            if plugin.module is not None:
                self._add(plugin.module, Fault(plugin.source, ""))

    def worker_start(self, worker: WorkerInfo) -> None:
        """A worker is about to look for its first job."""
        self._tell("wmctl_worker_start", worker=worker)

    def worker_stop(self, worker: WorkerInfo) -> None:
        """A worker leaves."""
        self._tell("wmctl_worker_stop", worker=worker)

    def job_start(self, job: JobInfo) -> None:
        """A job is about to run."""
        self._tell("wmctl_job_start", job=job)

    def job_end(self, job: JobInfo, outcome: Outcome) -> None:
        """A job's attempt is over."""
        self._tell("wmctl_job_end", job=job, outcome=outcome)

    def hooks(self, module: object) -> list[str]:
        """The names of the hooks that a plugin implements."""
        return sorted(caller.name for caller in self._manager.get_hookcallers(module) or [])

    def _add(self, module: object, plugin: Fault) -> None:
        name = f"{plugin.source.distribution}:{plugin.source.name}"
        self._titles[name] = str(plugin.source)
        try:
            self._manager.register(module, name=name)
            problem = self._misfit(module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
            problem = " ".join(str(error).split())
        if problem:
            if self._manager.get_plugin(name) is not None:
                self._manager.unregister(name=name)
            self.broken.append(plugin._replace(problem=problem))

    def _misfit(self, module: object) -> str | None:
        for caller in self._manager.get_hookcallers(module) or []:
            for hook in caller.get_hookimpls():
                if hook.plugin is not module:
                    continue
                if not caller.has_spec() and not hook.optionalhook:
                    return f"hook {caller.name} is not known to this version of wmctl"
                if hook.wrapper or hook.hookwrapper:
                    return f"hook {caller.name}: wrappers are not called"
        return None

    def _tell(self, hook: str, **facts: Any) -> None:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        for observer in reversed(caller.get_hookimpls()):
            known = {name: facts[name] for name in observer.argnames if name in facts}
            self._call(observer.function, known, hook, observer.plugin_name)

    def _call(
        self, function: Callable[..., object], facts: dict[str, Any], hook: str, name: str
    ) -> None:
        try:
            function(**facts)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
            _logger.warning(
                "plugin %s: %s failed: %s: %s",
                self._titles.get(name, name), hook, type(error).__name__, error,
            )  # fmt: skip
