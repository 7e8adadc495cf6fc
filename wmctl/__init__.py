"""wmctl: Windmill's workers and worker groups without a server; a folder is the queue.

Nothing is imported here, so that `import wmctl` stays cheap.
"""

__version__ = "0.1.0"
