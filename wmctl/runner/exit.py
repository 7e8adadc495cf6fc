"""How a process ended."""

from typing import NamedTuple


class Exit(NamedTuple):
    """How a process ended. Exactly one of `code` and `signal` is set."""

    code: int | None
    signal: int | None = None
    #: Why wmctl killed it: "timeout", "canceled", "lost", "stopped"; None if it ended by itself.
    killed: str | None = None
    #: The limit in seconds that was passed, with `killed == "timeout"`.
    limit: float | None = None
    #: The end of what it wrote (standard output, and standard error where they are joined).
    tail: str = ""

    @property
    def ok(self) -> bool:
        """Ended by itself with code 0."""
        return self.code == 0 and self.killed is None

    @property
    def status(self) -> int:
        """The exit code a shell would show: 124 after a timeout, 128+n after signal n."""
        if self.killed == "timeout":
            return 124
        return 128 + self.signal if self.signal else self.code or 0
