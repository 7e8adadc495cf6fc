"""The mark that makes a function a hook implementation. The same as pluggy's own marker sets.

Written out here so that a plugin can be imported without pluggy: `wmctl submit` needs a runner but
no hook calls, and pluggy would be a quarter of its start-up.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])

#: pluggy's project name; its markers set the attribute `<project>_impl`.
PROJECT = "wmctl"


@overload
def hookimpl(function: Function) -> Function: ...
@overload
def hookimpl(
    *, tryfirst: bool = False, trylast: bool = False, optionalhook: bool = False
) -> Callable[[Function], Function]: ...
def hookimpl(
    function: Function | None = None,
    *,
    tryfirst: bool = False,
    trylast: bool = False,
    optionalhook: bool = False,
) -> Function | Callable[[Function], Function]:
    """Mark a plugin's function as the implementation of the hook whose name it has.

    `tryfirst` and `trylast` order the calls among plugins; `optionalhook` permits a name that this
    version of wmctl does not know.
    """
    options = {
        "wrapper": False,
        "hookwrapper": False,
        "optionalhook": optionalhook,
        "tryfirst": tryfirst,
        "trylast": trylast,
        "specname": None,
    }

    def mark(marked: Function) -> Function:
        setattr(marked, f"{PROJECT}_impl", options)
        return marked

    return mark if function is None else mark(function)


def is_marked(function: object) -> bool:
    """True for a function that `hookimpl` (or pluggy's own marker) has marked."""
    return isinstance(getattr(function, f"{PROJECT}_impl", None), dict)
