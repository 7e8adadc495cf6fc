"""One root for every error that wmctl raises on purpose; the bottom layer, everybody may import it.

An error carries a sentence (what was wrong and where) and, where there is one, a hint (what to do
next). Which exit code belongs to which class is decided in `wmctl.cli.exits` alone.
"""


class WmctlError(Exception):
    """wmctl cannot do what was asked."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(WmctlError):
    """A setting, a configuration file or the spool's own settings are wrong."""


class BadInput(WmctlError):
    """What was given cannot be a job: bad JSON, bad script, args that do not fit."""


class PluginError(WmctlError):
    """A plugin could not be loaded or broke the rules of its hook."""


class RunnerUnavailable(WmctlError):
    """The tool that a runner needs is not on this machine."""


class SpoolError(WmctlError):
    """The spool's disk refused an operation."""


class SpoolNotFound(SpoolError):
    """The folder that was named is not a spool."""


class SpoolBusy(SpoolError):
    """The spool is full, read-only or does not answer; try again later."""


class SpoolFormat(SpoolError):
    """The spool was written by a newer wmctl."""


class JobNotFound(WmctlError):
    """No job has this id."""


class MalformedJob(BadInput):
    """A job file was read whole and is not a job; `reason` is one word for machines."""

    def __init__(self, message: str, *, reason: str = "malformed", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class WorkerGone(WmctlError):
    """The worker's own folder is gone: it was declared dead and starts anew, newly named."""
