"""`wmctl version`."""

import sys

from wmctl import __version__
from wmctl.cli import output
from wmctl.cli.group import one_command
from wmctl.cli.options import Output, check_format
from wmctl.spool.name import MAJOR


def version(format: Output = "table") -> None:
    """Print the version of wmctl and of the spool format it writes."""
    check_format(format, "table", "json")
    if format == "json":
        facts = {
            "schema": "wmctl.version/1",
            "version": __version__,
            "spool_format": MAJOR,
            "python": sys.version.split()[0],
        }
        output.line(output.dumps(facts))
    else:
        output.line(f"wmctl {__version__} (spool format {MAJOR}, Python {sys.version.split()[0]})")


app = one_command(version, "wmctl version", "wmctl version -o json")
