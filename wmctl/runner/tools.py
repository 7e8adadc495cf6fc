"""Where the programs are that runners need: settings, wmctl's own environment, PATH.

Only looks; nothing is started here except, on rare paths, an interpreter asked for its version.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from wmctl.errors import RunnerUnavailable
from wmctl.runner.quiet import run_quietly

#: Prints the version and the interpreter itself: behind a virtual environment, behind a shim.
_PROBE = (
    "import sys; print('.'.join(map(str, sys.version_info[:3])),"
    " getattr(sys, '_base_executable', None) or sys.executable)"
)


class Interpreter(NamedTuple):
    """A Python on this machine that is nobody's virtual environment."""

    path: Path
    version: tuple[int, int, int]

    def __str__(self) -> str:
        """Its version."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Tools:
    """The programs and settings of this machine that runners ask for."""

    #: Environment and configuration by variable name (DENO_PATH, DENO_FLAGS, GOPROXY…).
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The scripts folder of the environment that wmctl runs in.
    own_scripts: Path | None = None
    #: PATH
    search_path: str = os.defpath
    #: Where programs were found before: a job must not cost a walk along PATH.
    _found: dict[tuple[str, bool], Path] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], configured: Mapping[str, str] | None = None
    ) -> "Tools":
        """What `environ` says; `configured` (names as in the environment) wins over it."""
        return cls(
            values={**environ, **(configured or {})},
            own_scripts=_own_scripts(),
            search_path=environ.get("PATH") or os.defpath,
        )

    def value(self, variable: str) -> str:
        """A setting, "" where there is none."""
        return self.values.get(variable, "")

    def find(self, program: str, variable: str, *, own: bool = True) -> Path | None:
        """The program that `variable` names, else the one in the own scripts folder, else on PATH.

        A path that was set but cannot be executed gives None: nothing else is used in its place.
        """
        explicit = self.value(variable)
        if explicit and "/" in explicit:
            return Path(explicit) if _executable(explicit) else None
        name = explicit or program
        key = (name, own and not explicit)
        known = self._found.get(key)
        if known is None or not _executable(str(known)):
            known = next(self._all(*key), None)
            if known is not None:
                self._found[key] = known
        return known

    def problem(self, program: str, variable: str, install: str, *, own: bool = True) -> str | None:
        """None if `find` finds it; else one sentence for people with what to do about it.

        `install` is a command, or the name of a package that brings the program along.
        """
        if self.find(program, variable, own=own):
            return None
        explicit = self.value(variable)
        if explicit:
            return f"{variable} is {explicit}, which is not a program that can be executed"
        command = install if " " in install else f"{sys.executable} -m pip install {install}"
        return f"{program} was not found; install it with: {command} (or set {variable})"

    def need(self, program: str, variable: str, install: str, *, own: bool = True) -> Path:
        """As `find`; RunnerUnavailable, saying what `problem` says, where there is none."""
        found = self.find(program, variable, own=own)
        if found is None:
            raise RunnerUnavailable(self.problem(program, variable, install, own=own) or program)
        return found

    def python(self) -> Path | None:
        """The interpreter of Python jobs: PYTHON_PATH, else the base one, never that of a venv."""
        if self.value("PYTHON_PATH"):
            return self.find("python3", "PYTHON_PATH", own=False)
        base = _base_executable()
        if base is not None:
            return base
        found = self.interpreters()
        return found[0].path if found else None

    def interpreters(self) -> tuple[Interpreter, ...]:
        """Every Python here: the one of Python jobs first, then those on PATH, newest first."""
        first: list[Interpreter] = []
        explicit = self.find("python3", "PYTHON_PATH", own=False)
        for path in (explicit if self.value("PYTHON_PATH") else None, _base_executable()):
            first += _probed(path) if path else []
        rest = [found for path in self._pythons() for found in _probed(path)]
        rest.sort(key=lambda found: found.version, reverse=True)
        return tuple({found.path: found for found in first + rest}.values())

    def _all(self, program: str, own: bool) -> Iterator[Path]:  # noqa: FBT001 - from a key
        folders = [str(self.own_scripts)] if own and self.own_scripts else []
        for folder in folders + self.search_path.split(os.pathsep):
            # An empty or relative entry means the current folder, which is anybody's.
            if folder.startswith("/") and _executable(f"{folder}/{program}"):
                yield Path(folder, program)

    def _pythons(self) -> Iterator[Path]:
        for folder in self.search_path.split(os.pathsep):
            try:
                names = os.listdir(folder) if folder.startswith("/") else []
            except OSError:
                continue
            for name in names:
                if re.fullmatch(r"python3(\.\d+)?", name) and _executable(f"{folder}/{name}"):
                    yield Path(folder, name)


def _executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _own_scripts() -> Path:
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix, "bin")
    import sysconfig  # costs milliseconds and is needed only outside of a virtual environment

    return Path(sysconfig.get_path("scripts"))


def _base_executable() -> Path | None:
    path = getattr(sys, "_base_executable", None) or sys.executable
    return Path(path) if path and _executable(path) else None


def _probed(path: Path) -> list[Interpreter]:
    """[interpreter], or nothing where it does not run (a shim of a version that is not there)."""
    if path == _base_executable():
        return [Interpreter(path, sys.version_info[:3])]
    try:
        return _probe(str(path), path.stat().st_mtime_ns)
    except OSError:
        return []


@lru_cache(maxsize=64)
def _probe(path: str, _mtime: int) -> list[Interpreter]:
    code, output = run_quietly([path, "-I", "-S", "-c", _PROBE], timeout=10)
    words = output.strip().split(" ", 1)
    if code != 0 or len(words) != 2 or not re.fullmatch(r"3\.\d+\.\d+", words[0]):
        return []
    major, minor, micro = map(int, words[0].split("."))
    real = words[1] if _executable(words[1]) else path
    return [Interpreter(Path(real), (major, minor, micro))]
