"""Where units of systemd are, which of them are ours, and what systemctl does with them."""

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import join

from wmctl.cli import exits, output
from wmctl.cli.service_unit import MARK
from wmctl.cli.tables import Item
from wmctl.config.keys import xdg
from wmctl.errors import WmctlError
from wmctl.runner.quiet import run_quietly

SCHEMA = "wmctl.service/1"
_SYSTEM = Path("/etc/systemd/system")
#: Seconds that systemctl may take: it is asked to wait for nothing.
_PATIENCE = 60.0


def folder(*, system: bool) -> Path:
    """Where units are, of the machine or of a user's own manager."""
    if system:
        return _SYSTEM
    return xdg(os.environ, "XDG_CONFIG_HOME", ".config") / "systemd" / "user"


def write(path: Path, text: str, *, yes: bool, quiet: bool) -> None:
    """Put a unit there; WmctlError if a different one is, and nobody said `yes`."""
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise exits.NoSuchFile(f"cannot read {path}: {error}") from None
    if old == text:
        if not quiet:
            output.line(output.safe(f"{path} is there already"))
        return
    if old is not None and not yes:
        for line in _difference(old, text):
            output.plain_note(output.safe(line))
        raise WmctlError(
            f"{path} is there already, and different; nothing was done", hint="-y replaces it"
        )
    _put(path, text)
    if not quiet:
        output.line(output.safe(f"wrote {path}"))


def _difference(old: str, new: str) -> Iterator[str]:
    lines = (old.splitlines(), new.splitlines())
    return difflib.unified_diff(*lines, "now", "new", n=1, lineterm="")


def _put(path: Path, text: str) -> None:
    """By one rename: systemd may read at any moment."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o644)
        aside.rename(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        hint = "with --user it needs no root" if isinstance(error, PermissionError) else None
        raise exits.OutputFailed(f"cannot write {path}: {error.strerror}", hint=hint) from None


def systemctl(system: bool, *words: str) -> list[str]:
    """The command line."""
    return ["systemctl", *([] if system else ["--user"]), *words]


def finish(commands: Sequence[list[str]], *, now: bool, quiet: bool) -> None:
    """Run what is left to do, or say what it is."""
    if not now:
        if not quiet:
            output.note("to be done yet:", hint="\n  ".join(map(join, commands)))
        return
    for command in commands:
        code, text = run_quietly(command, timeout=_PATIENCE, env=_bus())
        if code:
            raise WmctlError(
                f"{join(command)} ended with {code}: {' '.join(text.split())}",
                hint="then by hand: " + "; ".join(map(join, commands)),
            )
        if not quiet:
            output.line(join(command))


def _bus() -> dict[str, str]:
    """How a user's systemctl finds the user's manager."""
    names = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    return {name: os.environ[name] for name in names if name in os.environ}


def own() -> Iterator[tuple[Path, bool]]:
    """The units that we have written, and whether they are the machine's."""
    for system in (False, True):
        for path in sorted(folder(system=system).glob("*.service")):
            if is_own(path):
                yield path, system


def is_own(path: Path) -> bool:
    """Whether we have written it."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip() == MARK
    except (OSError, UnicodeDecodeError):
        return False


def facts(path: Path, *, system: bool) -> Item:
    """A unit as JSON; null: systemctl does not know."""

    def asked(word: str) -> str | None:
        _, text = run_quietly(systemctl(system, word, path.name), env=_bus())
        found = text.strip()
        return found if found.isalpha() else None

    return {
        "schema": SCHEMA,
        "unit": path.name,
        "of": "system" if system else "user",
        "active": asked("is-active"),
        "enabled": asked("is-enabled"),
        "path": str(path),
    }
