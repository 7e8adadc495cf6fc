"""What may stand in the place of the last word of a command line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from wmctl.cli.complete import table
from wmctl.cli.complete.table import Node

#: Answers that leave the work to the shell.
FILES, FOLDERS, PROGRAMS = ":files", ":folders", ":programs"
_STATES = (
    "queued", "running", "suspended", "held", "quarantined",
    "success", "failure", "canceled", "skipped",
)  # fmt: skip
_UNFINISHED = _STATES[:5]
_WORKER_STATES = (
    "starting", "init", "idle", "busy", "draining", "paused", "stale", "dead",
)  # fmt: skip
#: The states of the jobs that a command can do something about; of the others, all.
_WORTH = {
    "cancel": _UNFINISHED,
    "kill": ("running",),
    "hold": ("queued", "suspended"),
    "unhold": ("held",),
    "retry": ("failure", "canceled", "success", "skipped"),
    "quarantine show": ("quarantined",),
    "quarantine release": ("quarantined",),
    "quarantine rm": ("quarantined",),
}
_SIGNALS = ("TERM", "INT", "HUP", "KILL", "USR1", "USR2", "STOP", "CONT", "QUIT")

#: A word and what it is.
Answer = tuple[str, str]


class Line(NamedTuple):
    """What the words before the last one say."""

    path: str
    node: Node
    #: The option that waits for its value.
    option: Node | None
    used: frozenset[str]
    arguments: int
    spool: str | None
    #: True after `--`.
    tail: bool


def answers(words: Sequence[str], *, described: bool) -> list[Answer]:
    """The answers for the last word; `described`: the shell shows what each is."""
    *before, last = words or [""]
    known = table.load()
    # bash has words of their own for what stands around an =.
    if last == "=" and before:
        last = ""
    elif before and before[-1] == "=":
        before.pop()
    line = _read(known, before)
    name, equals, text = last.partition("=")
    if equals and name.startswith("--") and line.option is None and not line.tail:
        option = _option(line.node, name)
        found = _values(line._replace(option=option), text, described=described) if option else []
        return [(word if word[0] == ":" else f"{name}={word}", about) for word, about in found]
    return list(_fitting(_candidates(line, last, described=described), last))


def _fitting(found: Iterable[Answer], text: str) -> Iterator[Answer]:
    return ((word, about) for word, about in found if word.startswith((text, ":")))


def _read(known: dict[str, Node], words: Iterable[str]) -> Line:
    line = Line("", known[""], None, frozenset(), 0, None, tail=False)
    for word in words:
        if line.tail:
            line = line._replace(arguments=line.arguments + 1)
        elif line.option is not None:
            spool = word if "--spool" in line.option["names"] else line.spool
            line = line._replace(option=None, spool=spool)
        elif word == "--":
            line = line._replace(tail=True, arguments=0)
        elif word.startswith("-") and word != "-":
            line = _with_option(line, word)
        elif word in line.node["commands"]:
            path = f"{line.path} {word}".strip()
            line = line._replace(path=path, node=known[path], used=frozenset())
        else:
            line = line._replace(arguments=line.arguments + 1)
    return line


def _with_option(line: Line, word: str) -> Line:
    name, equals, value = word.partition("=")
    option = _option(line.node, name)
    if option is None:
        return line
    if equals:
        return line._replace(spool=value if name == "--spool" else line.spool)
    used = line.used if option.get("many") else line.used | {option["names"][-1]}
    return line._replace(option=option if option["value"] else None, used=used)


def _option(node: Node, name: str) -> Node | None:
    return next((one for one in node["options"] if name in one["names"]), None)


def _candidates(line: Line, text: str, *, described: bool) -> Iterable[Answer]:
    if line.tail:
        runs = line.path in {"submit", "run"} and not line.arguments
        return [(PROGRAMS if runs else FILES, "")]
    if line.option is not None:
        return _values(line, text, described=described)
    if text.startswith("-") and (text != "-" or not line.node["arguments"]):
        return _options(line)
    if line.node["commands"]:
        # What is no command of wmctl's own is a plugin's, or a program of PATH.
        return [(FILES, "")] if line.arguments else _commands(line)
    arguments = line.node["arguments"]
    at = min(line.arguments, len(arguments) - 1)
    if at < 0 or (line.arguments > at and not arguments[at][1]):
        return _options(line)
    return [*_of_kind(line, arguments[at][0], text, described=described),
            *(_options(line) if text == "-" else ())]  # fmt: skip


def _options(line: Line) -> Iterator[Answer]:
    for option in line.node["options"]:
        if option["names"][-1] not in line.used:
            yield option["names"][-1], option["help"]


def _commands(line: Line) -> list[Answer]:
    found = list(line.node["commands"].items())
    if not line.path:
        from wmctl.cli.external import names  # PATH is looked at for the first word only

        found += [(name, "a program of PATH") for name in names()]
    return found


def _values(line: Line, text: str, *, described: bool) -> Iterable[Answer]:
    option = line.option or {}
    names = option["names"]
    if choices := option.get("choices"):
        return [(word, "") for word in choices if word.startswith(text)]
    if "--workspace" in names:
        return []  # its ID is not a job's
    for name, kind in (("--tag", "TAG"), ("--tags", "TAGS"), ("--state", "STATE")):
        if name in names:
            return _of_kind(line, kind, text, described=described)
    return _of_kind(line, option["value"], text, described=described)


def _of_kind(line: Line, kind: str, text: str, *, described: bool) -> Iterable[Answer]:
    """The words of a kind, as the help names it; nothing where it can be anything."""
    from wmctl.cli.complete import live  # not every answer needs the spool

    words = set(kind.split("|"))
    found: list[Answer] = [(word, "") for word in kind.split("|") if word.islower()]
    if "STATE" in words:
        of_jobs = line.path != "worker ls"
        found += [(state, "") for state in (_STATES if of_jobs else _WORKER_STATES)]
    if words & {"SIG", "SIGNAL"}:
        found += [(name, "") for name in _SIGNALS]
    if words & {"ID", "JOB"} or kind.startswith("ID["):
        states = _WORTH.get(line.path, _STATES)
        found += live.ids(line.spool, states, text, described=described)
    if "GROUP" in words:
        found += [(group, "") for group in live.groups(line.spool)]
    if "WORKER" in words:
        found += live.workers(line.spool, described=described)
    if words & {"TAG", "FROM", "TO"}:
        found += [(tag, "") for tag in live.tags(line.spool)]
    if "TAGS" in words:
        done, comma, _ = text.rpartition(",")
        found += [(f"{done}{comma}{tag}", "") for tag in live.tags(line.spool)]
    if words & {"COMMAND", "TOPIC"}:
        found += table.load()[""]["commands"].items()
        found += [(topic, "") for topic in live.topics()]
    if "FOLDER" in words or "DIR" in words:
        found.append((FOLDERS, ""))
    if "FILE" in words:
        found.append((FILES, ""))
    return found
