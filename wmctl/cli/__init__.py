"""The command line: the composition root, the only layer that knows all others.

One file per noun; each command parses, calls one function and prints through `output`. Commands
are imported only when they are used.
"""
