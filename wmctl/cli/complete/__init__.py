"""What comes next on a command line, for the shells' completion. Imports as little as it can.

`wmctl __complete SHELL WORD…` prints an answer a line; typer is not imported, the commands are
read from a table that is made from them (`commands.json`).
"""
