"""The text of a systemd unit that keeps workers running. Pure: no file, no process."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from wmctl.errors import BadInput

#: The first line of each: by it `wmctl service ls` and `rm` know their own.
MARK = "# Written by wmctl service."
#: After a grace, seconds in which the supervisor ends by itself.
_REST = 60
#: The exit codes of which a new start makes nothing better: the command line makes no sense.
_HOPELESS = 2
_RESTART = 75


class Unit(NamedTuple):
    """What is to run, and for whom."""

    #: The words that start wmctl, absolute.
    program: tuple[str, ...]
    spool: str
    #: What jobs find programs by.
    path: str
    groups: tuple[str, ...] = ("default",)
    #: None: one, or one for each slot of the group.
    workers: int | None = None
    tags: tuple[str, ...] = ()
    #: As it was written, and in seconds; None: a stop waits for jobs as long as they take.
    grace: tuple[str, float] | None = None
    #: Of the whole machine; else of a user's own manager.
    system: bool = False
    user: str | None = None

    def text(self) -> str:
        """The unit file."""
        named = ", ".join(self.groups)
        return "\n".join([
            MARK,
            "[Unit]",
            f"Description=wmctl workers of {_plain(named)} on {_plain(self.spool)}",
            *self._after(),
            "# However often it breaks, it is started again.",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=exec",
            *([f"User={_plain(self.user)}"] if self.user else []),
            f"ExecStart={_line(self._words())}",
            f"Environment={_line([f'WMCTL_SPOOL={self.spool}'], command=False)}",
            f"Environment={_line([f'PATH={self.path}'], command=False)}",
            "# 75: the configuration has changed, start anew. 2: the command line is wrong.",
            "Restart=on-failure",
            f"RestartForceExitStatus={_RESTART}",
            f"RestartPreventExitStatus={_HOPELESS}",
            "RestartSec=5",
            "# A stop is TERM to the supervisor alone: its workers finish the jobs in hand.",
            "KillMode=mixed",
            "KillSignal=SIGTERM",
            f"TimeoutStopSec={self._patience()}",
            "# A job that memory runs out for fails; the workers go on.",
            "OOMPolicy=continue",
            "",
            "[Install]",
            f"WantedBy={'multi-user' if self.system else 'default'}.target",
            "",
        ])  # fmt: skip

    def _after(self) -> list[str]:
        """A user's manager cannot mount anything, nor wait for the network."""
        if not self.system:
            return []
        return [
            f"RequiresMountsFor={_line([self.spool], command=False)}",
            "Wants=network-online.target",
            "After=network-online.target",
        ]

    def _words(self) -> list[str]:
        words = [*self.program, "worker", "start"]
        words += ["-n", str(self.workers)] if self.workers else []
        words += ["--group", ",".join(self.groups)] if self.groups != ("default",) else []
        words += ["--tags", ",".join(self.tags)] if self.tags else []
        return [*words, "--grace", self.grace[0]] if self.grace else words

    def _patience(self) -> str:
        return "infinity" if self.grace is None else str(int(self.grace[1]) + _REST)


def file_name(groups: Sequence[str], name: str | None) -> str:
    """`wmctl.service`, of a group `wmctl-gpu.service`."""
    stem = name or "-".join(["wmctl", *(group for group in groups if group != "default")])
    stem = stem.removesuffix(".service")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", stem, re.ASCII) or stem.startswith((".", "-")):
        raise BadInput(f"{stem!r} is no name of a unit", hint="letters, digits and _ . - only")
    return f"{stem}.service"


def _line(words: Sequence[str], *, command: bool = True) -> str:
    """Words as systemd reads them: % and, in commands, $ stand for something else."""
    return " ".join(_quoted(word.replace("$", "$$") if command else word) for word in words)


def _quoted(word: str) -> str:
    text = _plain(word).replace("\\", "\\\\").replace('"', '\\"')
    return text if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$-]+", text, re.ASCII) else f'"{text}"'


def _plain(text: str) -> str:
    if not text.isprintable():
        raise BadInput(f"{text!r} cannot stand in a unit: it holds a control character")
    return text.replace("%", "%%")
