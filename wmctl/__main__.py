"""`python -m wmctl` and the `wmctl` script."""

import gc
import sys


def main() -> int:
    """Run the command line of this process; the exit code."""
    # Starting up allocates much and frees little: collecting all the while is a tenth of it.
    gc.set_threshold(50_000, 20, 20)
    from wmctl.cli import streams  # `import wmctl.__main__` alone stays free

    streams.prepare()
    if sys.argv[1:2] == ["__complete"]:
        from wmctl.cli.complete import main as complete  # at each TAB: no typer, no commands

        return complete.run(sys.argv[2:])
    from wmctl.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
