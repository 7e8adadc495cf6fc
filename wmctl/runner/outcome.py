"""How a job ended, as data. A failing script is an outcome; an exception means wmctl failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Completed:
    """The job did what it should; `result` is its JSON value."""

    result: Any = None
    exit_code: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The program failed. `error` is Windmill's shape: name, message, stack and more."""

    error: Mapping[str, Any]
    exit_code: int = 1
    labels: tuple[str, ...] = ()

    @property
    def result(self) -> dict[str, Any]:
        """The result value that stands for the error."""
        return {"error": dict(self.error)}


@dataclass(frozen=True)
class Canceled:
    """Somebody asked for it to stop, and it did."""

    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Skipped:
    """There was nothing to do."""

    reason: str | None = None


@dataclass(frozen=True)
class Suspended:
    """It waits for children, an event or a time; no worker is held."""

    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Retry:
    """Put back to be run again `delay` seconds from now; counted as one more try."""

    delay: float = 0.0


Outcome = Completed | Failed | Canceled | Skipped | Suspended | Retry


def failed(name: str, message: str, *, exit_code: int = 1, **more: Any) -> Failed:
    """A `Failed` with the usual error shape."""
    return Failed({"name": name, "message": message, **more}, exit_code)
