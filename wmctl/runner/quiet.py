"""Short questions to a tool (does this parse, which version are you), outside of any job."""

import os
from collections.abc import Mapping, Sequence

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
