"""Which jobs are meant: the options with which commands choose jobs, and the choice itself."""

import inspect
import re
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, NamedTuple

import typer

from wmctl.cli.exits import UsageError
from wmctl.cli.jobview import JobView, labels_of, view
from wmctl.config.values import duration
from wmctl.errors import BadInput
from wmctl.spool import STATES, WAITING, Entry, Spool
from wmctl.spool.ids import created

_Words = list[str] | None

#: The options: parameter, short and long name, what stands for its value, and its line of help.
_MANY = (
    ("state", "-s", "--state", "STATE", "Only jobs in this state."),
    ("tag", "-t", "--tag", "TAG", "Only this tag."),
    ("name", "-N", "--name", "NAME", "Only this name; * and ? stand for any characters."),
    ("label", "-L", "--label", "K=V", "Only with this label; K alone: whatever its value."),
    ("user", "-u", "--user", "USER", "Only jobs of this user."),
    ("key", "", "--key", "KEY", "Only with this key."),
    ("workspace", "", "--workspace", "ID", "Only of this workspace."),
)
_ONE = (
    ("since", "--since", "TIME", "Only submitted since then: 30m, 2d, 2026-11-23T09:00."),
    ("older_than", "--older-than", "DURATION", "Only submitted longer ago than this."),
)

#: What other tools call a state.
_MEANT = {
    "failed": "failure", "error": "failure", "done": "success", "finished": "success",
    "completed": "success", "succeeded": "success", "ok": "success", "cancelled": "canceled",
    "killed": "canceled", "pending": "queued", "waiting": "queued", "scheduled": "queued",
    "active": "running", "started": "running", "bad": "quarantined",
}  # fmt: skip


class Selector(NamedTuple):
    """A choice of jobs. Of one filter any value may fit, of several filters each must."""

    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    #: Seconds since 1970 between which the job was submitted, by the clock of who submitted it.
    since: float | None = None
    until: float | None = None
    all: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was said about the jobs at all."""
        return self != Selector()

    def views(self, spool: Spool, default: Collection[str] = WAITING) -> Iterator[JobView]:
        """The jobs that fit, oldest first, each once; `default`: the states if none were said."""
        states = self.states or (STATES if self.all else tuple(default))
        for entry in spool.in_order(states, since=self.since):
            if self._may_fit(entry):
                found = view(spool, entry)
                if found is not None and found.entry.state in states and self._fits(found):
                    yield found

    def _may_fit(self, entry: Entry) -> bool:
        """What the name says, before any file is read."""
        if self.tags and entry.name.tag not in self.tags:
            return False
        if self.since is None and self.until is None:
            return True
        moment = created(entry.id).timestamp()
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment <= self.until
        )

    def _fits(self, found: JobView) -> bool:
        """What the job file says; one that cannot be read fits where nothing of it is asked."""
        if not (self.names or self.labels or self.users or self.keys or self.workspaces):
            return True
        job = found.job
        if job is None:
            return False
        labels = labels_of(found)
        return (
            (not self.names or any(_called(job.name, wanted) for wanted in self.names))
            and (not self.users or job.created_by in self.users)
            and (not self.keys or job.key in self.keys)
            and (not self.workspaces or job.workspace in self.workspaces)
            and all(any(_labeled(label, wanted) for label in labels) for wanted in self.labels)
        )


def selecting(
    function: Callable[..., Any], *, without: Collection[str] = (), all_help: str = ""
) -> Callable[..., Any]:
    """The function with the options of a selector in the place of its parameter `selector`.

    `without`: options (as `state`, `since`, `all`) that mean something else in this command.
    """
    signature = inspect.signature(function, eval_str=True)
    options = [one for one in _parameters(all_help) if one.name not in without]
    parameters = [
        other
        for one in signature.parameters.values()
        for other in (
            options
            if one.name == "selector"
            else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        )
    ]
    names = [one.name for one in options]

    def called(**given: Any) -> Any:
        said = {name: given.pop(name) for name in names}
        return function(**given, selector=_selector(**said))

    called.__name__, called.__doc__ = function.__name__, function.__doc__
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _parameters(all_help: str) -> Iterator[inspect.Parameter]:
    for name, short, long, metavar, text in _MANY:
        words = [word for word in (short, long) if word]
        yield _option(name, _Words, None, typer.Option(*words, metavar=metavar, help=text))
    for name, long, metavar, text in _ONE:
        yield _option(name, str | None, None, typer.Option(long, metavar=metavar, help=text))
    yield _option("failed", bool, False, typer.Option("--failed", help="The same as -s failure."))
    text = all_help or "Also jobs that are finished."
    yield _option("all_", bool, False, typer.Option("-a", "--all", help=text))


def _option(name: str, kind: Any, default: Any, info: Any) -> inspect.Parameter:
    annotation = Annotated[kind, info]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)


def _selector(
    *,
    state: _Words = None,
    tag: _Words = None,
    name: _Words = None,
    label: _Words = None,
    user: _Words = None,
    key: _Words = None,
    workspace: _Words = None,
    since: str | None = None,
    older_than: str | None = None,
    failed: bool = False,
    all_: bool = False,
) -> Selector:
    states = [*(state or ()), *(("failure",) if failed else ())]
    for wanted in states:
        if wanted not in STATES:
            raise UsageError(f"there is no state {wanted!r}", hint=_nearest(wanted))
    return Selector(
        tuple(states), tuple(tag or ()), tuple(name or ()), tuple(label or ()), tuple(user or ()),
        tuple(key or ()), tuple(workspace or ()),
        None if since is None else moment(since, "--since"),
        None if older_than is None else time.time() - _seconds(older_than, "--older-than"),
        all_,
    )  # fmt: skip


def entries_of(
    spool: Spool, words: list[str] | None, selector: Selector, verb: str, default: Collection[str]
) -> Iterator[Entry]:
    """The jobs that a command reads of: those of the ids, or those that fit."""
    if bool(words) == selector.given:
        raise UsageError(
            "give ids or a selector, not both" if words else "which jobs?",
            hint=f"wmctl {verb} ID…, or a selector as in: wmctl {verb} -t TAG",
        )
    if words:
        from wmctl.cli import ids  # a list of jobs needs it not

        yield from ids.find_all(spool, words)
    else:
        yield from (found.entry for found in selector.views(spool, default))


def moment(text: str, option: str) -> float:
    """Seconds since 1970 of a time in the past: so long ago, or a date and time (here)."""
    word = text.strip()
    try:
        if re.fullmatch(r"@\d{1,11}(\.\d+)?", word):
            return float(word[1:])
        if re.match(r"\d{4}-\d\d-\d\d", word):
            return datetime.fromisoformat(word).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {text!r} is not a time", hint=_TIMES) from None
    return time.time() - _seconds(word, option)


_TIMES = "write 30m, 2h, 1d, 2026-11-23, 2026-11-23T09:00, 2026-11-23T08:00Z or @1795444416"


def _seconds(text: str, option: str) -> float:
    try:
        return duration(text)
    except BadInput as error:
        hint = _TIMES if option == "--since" else error.hint
        raise UsageError(f"{option}: {error.message}", hint=hint) from None


def _called(name: str, wanted: str) -> bool:
    return name == wanted or fnmatchcase(name, wanted)


def _labeled(label: str, wanted: str) -> bool:
    return label == wanted or ("=" not in wanted and label.startswith(f"{wanted}="))


def _nearest(word: str) -> str:
    """The state that was meant, or all of them."""
    from wmctl.config.nearest import nearest  # only on the way out

    meant = _MEANT.get(word.lower()) or nearest(word, STATES)
    states = f"states: {', '.join(STATES)}"
    return f"did you mean {meant}? {states}" if meant else states
