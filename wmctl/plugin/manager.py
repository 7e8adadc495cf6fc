"""Loads plugins one by one; a broken one is named, never fatal. Only the command line calls this.

The order is fixed: wmctl's own, then by distribution and name. Whoever is first keeps a name, an
extension or a default tag; whoever comes later and wants it counts as broken. So no more needs to
be loaded than the plugins up to the one that answers a question.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wmctl.errors import BadInput, PluginError
from wmctl.plugin.checks import check_runner, resolve
from wmctl.plugin.discover import Source, sources
from wmctl.plugin.marks import is_marked
from wmctl.runner.base import Runner

#: What only one plugin can have: ("runner" | "extension" | "tag" | "entry point", its text).
Claim = tuple[str, str]


class Command(NamedTuple):
    """A command that a plugin adds."""

    name: str
    help: str
    loader: Callable[[], Any]
    source: Source


class Fault(NamedTuple):
    """What is wrong with a plugin."""

    source: Source
    problem: str

    def __str__(self) -> str:
        return f"plugin {self.source}: {self.problem}"


@dataclass
class Plugin:
    """One loaded plugin and what it brings."""

    source: Source
    #: The module or object with the hooks; None if it could not be loaded.
    module: Any = None
    runners: list[Runner] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


class Plugins:
    """The installed plugins. Loads them lazily; `all()` loads what is left."""

    def __init__(self, found: list[Source] | None = None) -> None:
        self._waiting = sources() if found is None else list(found)
        self._loaded: list[Plugin] = []
        self._faults: list[Fault] = []
        self._runners: dict[str, Runner] = {}
        self._owners: dict[Claim, Source] = {}
        self._commands: dict[str, Command] | None = None

    def all(self) -> list[Plugin]:
        """Every plugin, loaded; also those that are broken (their `module` is None)."""
        self._load_until(lambda: False)
        return list(self._loaded)

    def broken(self) -> list[Fault]:
        """What is wrong with which plugin; loads all."""
        self.all()
        return list(self._faults)

    def runners(self) -> Mapping[str, Runner]:
        """All runners by name; loads all plugins."""
        self.all()
        return dict(self._runners)

    def runner_for_language(self, language: str) -> Runner:
        """The runner with this name, or whose file ending it is without the dot (`-l py`)."""
        for wanted in (self._by_name, self._by_ending):
            runner = wanted(language)
            if runner is not None:
                return runner
        raise BadInput(f"no runner for language {language!r}", hint=self._what_there_is())

    def runner_for_file(self, name: str) -> Runner:
        """The runner whose extension is the longest that the file name ends with."""
        endings = _endings(name)
        found = self._at_once(endings)
        if found is None:
            self.all()
            found = next(filter(None, map(self._by_extension, endings)), None)
        if found is None:
            what = f"the ending {endings[-1]!r}" if endings else "a file without an ending"
            raise BadInput(f"{name}: no runner takes {what}", hint=self._what_there_is())
        return found

    def commands(self, reserved: frozenset[str] = frozenset()) -> Mapping[str, Command]:
        """The commands that plugins add; `reserved` names are wmctl's own."""
        if self._commands is None:
            self._commands = {}
            for plugin in self.all():
                self._collect_commands(plugin, self._commands, reserved)
        return self._commands

    def _at_once(self, endings: list[str]) -> Runner | None:
        """The answer, if no plugin that is not loaded yet could give a better one."""
        if not endings:
            return None
        self._load_until(lambda: self._by_extension(endings[0]) is not None)
        return self._by_extension(endings[0])

    def _by_name(self, name: str) -> Runner | None:
        # wmctl's own still come first; among them, the likely one does.
        self._waiting.sort(key=lambda source: (not source.own, source.own and source.name != name))
        self._load_until(lambda: name in self._runners)
        return self._runners.get(name)

    def _by_ending(self, name: str) -> Runner | None:
        return self._by_extension(f".{name}")

    def _by_extension(self, extension: str) -> Runner | None:
        for runner in self._runners.values():
            if extension in runner.extensions:
                return runner
        return None

    def _what_there_is(self) -> str:
        known = ", ".join(
            " ".join([runner.name, *runner.extensions]) for runner in self._runners.values()
        )
        hint = f"there are: {known}; name one with -l" if known else "no runner is installed"
        broken = ", ".join(sorted({fault.source.name for fault in self._faults}))
        return f"{hint}; broken: {broken} (see: wmctl plugin ls)" if broken else hint

    def _load_until(self, done: Callable[[], bool]) -> None:
        while self._waiting and not done():
            plugin = Plugin(self._waiting.pop(0))
            self._loaded.append(plugin)
            try:
                self._load(plugin)
            except PluginError as error:
                self._fault(plugin.source, error.message)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises
                problem = f"cannot be loaded: {type(error).__name__}: {error}"
                self._fault(plugin.source, problem)

    def _load(self, plugin: Plugin) -> None:
        source = plugin.source
        owner = self._owners.setdefault(("entry point", source.name), source)
        if owner is not source:
            raise PluginError(f"entry point {source.name!r} is already that of {owner}")
        module = resolve(source.value)
        brought = _brought(module)
        for runner in brought:
            check_runner(runner)
        claims = list(_claims(brought))
        if clashes := self._clashes(claims, source):
            raise PluginError("; ".join(clashes))
        self._owners.update(dict.fromkeys(claims, source))
        self._runners.update({runner.name: runner for runner in brought})
        plugin.module, plugin.runners = module, brought

    def _clashes(self, claims: list[Claim], source: Source) -> list[str]:
        """What a plugin wants that somebody before it has, or that it wants twice itself."""
        return [
            f"{kind} {name!r} is already that of {self._owners.get((kind, name), source)}"
            for kind, name in claims
            if (kind, name) in self._owners or (kind != "tag" and claims.count((kind, name)) > 1)
        ]

    def _collect_commands(
        self, plugin: Plugin, known: dict[str, Command], reserved: frozenset[str]
    ) -> None:
        source = plugin.source

        def register(name: str, help: str, loader: Callable[[], Any]) -> None:
            if name in reserved or name in known:
                owner = "wmctl" if name in reserved else str(known[name].source)
                self._fault(source, f"command {name!r} is already that of {owner}")
            else:
                known[name] = Command(name, help, loader, source)
                plugin.commands.append(known[name])

        hook = getattr(plugin.module, "wmctl_register_commands", None)
        if is_marked(hook):
            try:
                hook(register=register)  # type: ignore[misc]
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises
                self._fault(source, f"wmctl_register_commands: {type(error).__name__}: {error}")

    def _fault(self, source: Source, problem: str) -> None:
        self._faults.append(Fault(source, problem))


def _claims(runners: list[Runner]) -> Iterator[Claim]:
    """What runners want for themselves alone; runners of one plugin may share a default tag."""
    for runner in runners:
        yield "runner", runner.name
        yield "tag", runner.tag
        for extension in runner.extensions:
            yield "extension", extension


def _brought(module: Any) -> list[Runner]:
    """The runners that a plugin registers."""
    brought: list[Runner] = []
    hook = getattr(module, "wmctl_register_runners", None)
    if is_marked(hook):
        hook(register=brought.append)  # type: ignore[misc]
    return brought


def _endings(name: str) -> list[str]:
    """The endings of a file name, longest first: `.b.ts`, `.ts` of `a.b.ts`."""
    parts = name.rpartition("/")[2].lstrip(".").split(".")
    return ["." + ".".join(parts[start:]) for start in range(1, len(parts))]
