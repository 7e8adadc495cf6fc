"""What the commands are, as data, and the pages that are written from it.

`python -m wmctl.cli.manual` writes them all: docs/reference/cli.md, docs/man, and the table that
completion reads. Tests say when one of them is older than the commands.
"""
