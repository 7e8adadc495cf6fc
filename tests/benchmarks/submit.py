"""Start-up: `wmctl submit` against `python -c "import typer"`; push.sh against nq."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wmctl.spool import Spool

from .measure import median_ms, paired, ratio, table

RUNS = 25
PUSH = Path(__file__).parents[2] / "examples/push.sh"


def main() -> None:
    """Each row is a pair of commands, run in turn."""
    folder = Path(tempfile.mkdtemp(prefix="wmctl-bench-"))
    env = {
        **os.environ,
        "WMCTL_SPOOL": f"{folder}/spool",
        "HOME": str(folder),
        "NQDIR": str(folder),
    }
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
    Spool.create(folder / "spool")
    script = folder / "true.sh"
    script.write_text("true\n")
    wmctl = Path(sys.executable).with_name("wmctl")
    rows = [
        ("wmctl submit", [wmctl, "submit", "-c", ":", "-l", "bash"],
         [sys.executable, "-c", "import typer"], "1.8", {}),
    ]  # fmt: skip
    if shutil.which("nq"):
        rows += [
            (
                "push.sh, SYNC=0",
                ["sh", PUSH, "bash", script],
                ["nq", "-q", "true"],
                "3",
                {"SYNC": "0"},
            ),
            ("push.sh, durable", ["sh", PUSH, "bash", script], ["nq", "-q", "true"], "6", {}),
        ]
    try:
        table([_row(*row, env) for row in rows])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(what, ours, theirs, target, more, env):
    def run(command):
        return lambda: subprocess.run(command, env={**env, **more}, check=True, capture_output=True)

    pairs = paired(run(ours), run(theirs), RUNS)
    return what, median_ms(pairs, 0), median_ms(pairs, 1), f"{ratio(pairs):.2f} (target {target})"


if __name__ == "__main__":
    main()
