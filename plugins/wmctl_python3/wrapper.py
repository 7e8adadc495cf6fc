"""Calls a script's main with the job's args; copied into the job's folder and run there.

Runs in the job's interpreter (3.8 or newer), sees nothing of wmctl, and imports little: its imports
are part of the time of every job. Leaves result.json, or error.json and an exit code that is not 0.
"""

from __future__ import annotations

import json
import os
import sys

# The module typing costs as much as all of this; checkers of types know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.getcwd()
#: The flag of a code object that takes **kwargs.
VARKEYWORDS = 8
DATE_PATTERNS = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%m-%d-%Y", "%m/%d/%Y")


def run(module: str, raw: bool) -> int:
    """Import the script, call its entry, leave the result; the exit code."""
    try:
        with open(os.path.join(FOLDER, "args.json"), encoding="utf-8") as file:
            args = json.load(file)
        entry = args.pop("_ENTRYPOINT_OVERRIDE", None) or "main"
        __import__(module)
        function = getattr(sys.modules[module], entry, None)
        if not callable(function):
            raise ValueError(entry + " function is missing")
        leave("result.json", text(plain(awaited(call(function, args))), raw))
    except BaseException as error:
        leave_error(error, getattr(sys.modules.get(module), "__file__", None))
        code = getattr(error, "code", 1) if isinstance(error, SystemExit) else 1
        return (code & 255 or 1) if isinstance(code, int) else 1
    return 0


def call(function: Any, args: dict[str, Any]) -> Any:
    """Match the args to the parameters by name: defaults, absent, null, unknown, converted."""
    args = {name: value for name, value in args.items() if value != "<function call>"}
    parameters, takes_all = parameters_of(function)
    ordered, named = [], dict(args) if takes_all else {}
    for name, only_positional, optional, default, annotation in parameters:
        value = args.get(name)
        named.pop(name, None)
        if value is None and optional:
            if only_positional:
                ordered.append(default)
            continue
        value = converted(name, value, kind_of(annotation))
        if only_positional:
            ordered.append(value)
        else:
            named[name] = value
    return function(*ordered, **named)


def parameters_of(function: Any) -> tuple[list[Any], bool]:
    """[(name, positional only, has a default, default, annotation)], whether it has **kwargs."""
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    if type(inner).__name__ != "function":
        return inspected(inner)
    code = inner.__code__
    try:
        annotations = inner.__annotations__
    except Exception:  # evaluated on demand by newer versions, and may fail there
        annotations = {}
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(inner.__kwdefaults__ or {})
    values = inner.__defaults__ or ()
    defaults.update(zip(names[code.co_argcount - len(values) : code.co_argcount], values))
    found = [
        (
            name,
            at < code.co_posonlyargcount,
            name in defaults,
            defaults.get(name),
            annotations.get(name),
        )
        for at, name in enumerate(names)
    ]
    return found, bool(code.co_flags & VARKEYWORDS)


def inspected(function: Any) -> tuple[list[Any], bool]:
    """As parameters_of, for what is callable but no plain function."""
    import inspect

    found, takes_all = [], False
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.VAR_KEYWORD:
            takes_all = True
        elif one.kind is not one.VAR_POSITIONAL:
            optional = one.default is not one.empty
            annotation = None if one.annotation is one.empty else one.annotation
            only_positional = one.kind is one.POSITIONAL_ONLY
            found.append((one.name, only_positional, optional, one.default, annotation))
    return found, takes_all


def kind_of(annotation: Any) -> str:
    """'bytes', 'datetime', 'date' or '' for the type that was written, also if it may be None."""
    if annotation is None:
        return ""
    if isinstance(annotation, str):
        words = annotation.replace("Optional[", "").replace("]", "").split("|")
        kinds = [word.strip().rpartition(".")[2] for word in words]
    else:
        kinds = [
            getattr(kind, "__name__", "")
            for kind in getattr(annotation, "__args__", None) or [annotation]
            if getattr(kind, "__module__", "") in ("builtins", "datetime")
        ]
        if getattr(annotation, "__origin__", None) in (list, tuple, dict, set, frozenset):
            return ""
    kinds = [kind for kind in kinds if kind not in ("None", "NoneType")]
    return kinds[0] if len(kinds) == 1 and kinds[0] in ("bytes", "datetime", "date") else ""


def converted(name: str, value: Any, kind: str) -> Any:
    """A text as what the parameter's type says."""
    if not kind or not isinstance(value, str):
        return value
    try:
        if kind == "bytes":
            import base64

            return base64.b64decode(value)
        return moment(value, kind)
    except ValueError as error:
        raise ValueError(f"parameter {name!r} is not a {kind}: {error}") from None


def moment(value: str, kind: str) -> Any:
    """ISO first; a date may also be day-month-year and the like."""
    from datetime import date, datetime

    # Versions before 3.11 do not know the Z.
    iso = value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value
    if kind == "datetime":
        return datetime.fromisoformat(iso)
    try:
        return date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(iso).date()
    except ValueError:
        for pattern in DATE_PATTERNS:
            try:
                return datetime.strptime(value, pattern).date()
            except ValueError:
                continue
        raise


def awaited(value: Any) -> Any:
    """What an async main gives in the end; what a generator gives is streamed and joined."""
    if hasattr(value, "__await__"):
        import asyncio

        async def wait() -> Any:
            return await value

        value = asyncio.run(wait())
    if type(value).__name__ == "generator":
        return "".join(streamed(chunk) for chunk in value)
    if type(value).__name__ == "async_generator":
        import asyncio

        async def collect() -> str:
            return "".join([streamed(chunk) async for chunk in value])

        value = asyncio.run(collect())
    return value


def streamed(chunk: Any) -> str:
    """Windmill's marker for a part of a result; line feeds are escaped."""
    part = str(chunk)
    sys.stdout.write("WM_STREAM: " + part.replace("\n", "\\n") + "\n")
    return part


def plain(value: Any) -> Any:
    """Tables as rows, bytes as base64 (in a dict one level down)."""
    if type(value).__name__ == "DataFrame":
        return value.rows() if hasattr(value, "rows") else value.values.tolist()
    if isinstance(value, dict):
        return {key: as_text(one) for key, one in value.items()}
    return as_text(value)


def as_text(value: Any) -> Any:
    """Bytes as base64."""
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode("ascii")
    return value


def text(value: Any, raw: bool = False) -> str:
    """JSON; what is not a number becomes null, and so does a text of nothing but NUL."""
    try:
        found = json.dumps(value, default=str, ensure_ascii=False, allow_nan=raw)
        if raw or "\\u0000" not in found:
            return found
    except ValueError:
        found = json.dumps(value, default=str, ensure_ascii=False)
    import re

    pattern = r'"(?:\\u0000)+"(?!:)|("(?:[^"\\]|\\.)*")|-?Infinity|NaN'
    return re.sub(pattern, lambda match: match.group(1) or "null", found)


def leave_error(error: BaseException, script: str | None) -> None:
    """The error object for wmctl, the traceback for the log."""
    import traceback

    start = error.__traceback__
    while start and start.tb_frame.f_code.co_filename != script:
        start = start.tb_next
    if not start:
        start = error.__traceback__
        while start and start.tb_frame.f_code.co_filename == __file__:
            start = start.tb_next
    stack = "".join(traceback.format_exception(type(error), error, start))
    sys.stderr.write(stack)
    found = {"message": str(error), "name": type(error).__name__, "stack": stack}
    try:
        extra = json.loads(text(vars(error)))
    except Exception:  # attributes that cannot be told are not worth a second error
        extra = None
    if extra:
        found["extra"] = extra
    if os.environ.get("WM_FLOW_STEP_ID"):
        found["step_id"] = os.environ["WM_FLOW_STEP_ID"]
    leave("error.json", json.dumps(found))


def leave(name: str, content: str) -> None:
    """Write a file for wmctl, wherever the script has gone."""
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content.encode("utf-8"))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    del sys.argv[1:]
    sys.exit(run(arguments[0], "raw" in arguments[1:]))
