"""`python -m tests.benchmarks [NAME …]`: all figures, or those named."""

import sys

from . import bash, claims, cli, idle, nfs, submit, views

ALL = {
    "submit": submit, "cli": cli, "bash": bash, "idle": idle, "claims": claims, "nfs": nfs,
    "views": views,
}  # fmt: skip


def main() -> None:
    """Run them in turn."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"no figure named {', '.join(unknown)}; there are {', '.join(ALL)}")
    for name in names:
        print(f"## {name}: {ALL[name].__doc__.splitlines()[0]}")
        ALL[name].main()
        print()


main()
