"""What a plugin may use: everything in this module, nothing else of wmctl's.

These names stay what they are within a major version. A plugin is a module named by an entry point
of group `wmctl`; the functions in it that are marked with `hookimpl` and named like a hook of
`wmctl.plugin.spec` are called. docs/how-to/add-a-runner.md walks through a complete one.
"""

from wmctl.errors import BadInput, RunnerUnavailable
from wmctl.plugin.marks import hookimpl
from wmctl.runner.base import DirectRunner, Plan, ProcessRunner, RunContext, Runner
from wmctl.runner.cache import build_once
from wmctl.runner.exit import Exit
from wmctl.runner.outcome import (
    Canceled,
    Completed,
    Failed,
    Outcome,
    Retry,
    Skipped,
    Suspended,
    failed,
)
from wmctl.runner.quiet import run_quietly
from wmctl.runner.results import exit_outcome, last_line, outcome_of
from wmctl.runner.signature import Parameter, Signature
from wmctl.runner.source import blanked, closing, split_list
from wmctl.runner.tools import Interpreter, Tools
from wmctl.spool.job import Job
from wmctl.spool.strict import dumps as json_text

__all__ = [
    "BadInput",
    "Canceled",
    "Completed",
    "DirectRunner",
    "Exit",
    "Failed",
    "Interpreter",
    "Job",
    "Outcome",
    "Parameter",
    "Plan",
    "ProcessRunner",
    "Retry",
    "RunContext",
    "Runner",
    "RunnerUnavailable",
    "Signature",
    "Skipped",
    "Suspended",
    "Tools",
    "blanked",
    "build_once",
    "closing",
    "exit_outcome",
    "failed",
    "hookimpl",
    "json_text",
    "last_line",
    "outcome_of",
    "run_quietly",
    "split_list",
]
