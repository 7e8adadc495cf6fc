"""The worker: claim, prepare, run, finish, one job at a time; and the supervisor above it.

Takes what it needs as arguments (a spool, runners, observers), so that it can be embedded and
tested without plugins and without a command line.
"""
