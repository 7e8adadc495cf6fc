"""Tools outside of any job: short questions (does this parse, which version), or our own place."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

#: All that such a tool needs of the environment. Nothing that makes a shell run code (BASH_ENV).
_NAMES = ("HOME", "PATH", "TMPDIR")


def run_quietly(
    argv: Sequence[str],
    stdin: str = "",
    timeout: float = 10.0,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a tool to its end: (exit code, output and errors together).

    A tool that cannot be started gives 127, one that does not end in time 124; `env` is added to
    a minimal environment.
    """
    import subprocess  # slow to import, and needed on rare paths only

    minimal = {name: os.environ[name] for name in _NAMES if name in os.environ}
    try:
        done = subprocess.run(
            list(argv),
            input=stdin.encode(errors="replace"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env={**minimal, "LC_ALL": "C.UTF-8", **(env or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]} did not end within {timeout:g} s"
    except (OSError, ValueError) as error:
        return 127, f"{argv[0]} could not be started: {error}"
    return done.returncode, done.stdout.decode(errors="replace")


def converse(argv: Sequence[str]) -> int:
    """A program that talks with the user, an editor say; its exit code, 127 if there is none."""
    import subprocess  # as above

    try:
        return subprocess.run(list(argv), check=False).returncode
    except (OSError, ValueError):
        return 127


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Put a program in the place of this process; OSError if it cannot be started."""
    # Python ignores it; a shell script at the end of a pipe must not.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - no shell is wanted
    finally:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
