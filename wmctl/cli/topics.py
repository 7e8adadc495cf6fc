"""Help that belongs to no single command: `wmctl help exit-codes` and the others.

What the code knows (exit codes, settings, formats, options) is taken from there.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping

from wmctl.cli import exits
from wmctl.config.keys import FORCED, KEYS

_WIDTH = 79
_INDENT = 22


def text_of(name: str) -> str:
    """The text of a topic, in plain lines."""
    return "\n".join(TOPICS[name]()) + "\n"


def _exit_codes() -> Iterator[str]:
    intro, _, rest = (exits.__doc__ or "").partition("\n| code |")
    table, _, after = rest.partition("\n\n")
    yield from _filled(intro.strip())
    yield ""
    rows = [line.strip("| ").partition(" | ") for line in table.splitlines() if "---" not in line]
    yield from _rows((code, text) for code, _, text in rows if code.isdigit())
    yield ""
    yield from _filled(after)


_FORMATS = {
    "table": "for people: on a terminal cut to its width, in a pipe whole",
    "json": "one JSON document; a list is an array with one object a line",
    "jsonl": "one JSON object a line, given out as they are found",
    "tsv": "tab-separated, with a line of titles; \\t, \\n and \\\\ stand for themselves",
    "id": "ids, workers or names only, one a line: wmctl ps -o id | wmctl cancel -",
}


def _formats() -> Iterator[str]:
    yield from _filled(
        "Commands that print data take -o FORMAT; each one's --help says which formats it has."
    )
    yield ""
    yield from _rows(_FORMATS.items())
    yield ""
    yield from _filled("ps also has wide, a table with more columns, and name, the names alone.")
    yield ""
    yield from _filled(
        "Data goes to standard output, everything else to standard error. What machines read is"
        " never cut, coloured or boxed, and no variable of the environment changes it. Each JSON"
        ' object says what it is in its first key: "schema":"wmctl.job/1". Keys are only ever'
        " added while the number stays. Times are RFC 3339 in UTC with a Z, durations are seconds"
        " as numbers, what is not known is null. The keys of an object are its columns in tsv, and"
        " new ones come last."
    )  # fmt: skip
    yield ""
    yield from _filled(
        "A table is for people: its columns may change with any version. Its colours go with"
        " NO_COLOR, CLICOLOR=0 or TERM=dumb; with CLICOLOR_FORCE or FORCE_COLOR a pipe gets them."
    )


DURATIONS = {
    "90, 90s": "seconds",
    "10m, 2h, 1d, 1w": "minutes, hours, days of 24 hours, weeks; 10 minutes is the same as 10m",
    "1h30m": "parts are added up",
    "1.5h, 500ms": "with a fraction, and milliseconds",
    "1:30:00": "hours, minutes, seconds",
    "PT1H30M": "ISO 8601",
}
MOMENTS = {
    "+5m, 5m, in 5m": "so long from now",
    "16:30": "the next time that the clock says so, by the local time zone (TZ)",
    "tomorrow 09:00": "tomorrow by the local time zone",
    "friday 18:00": "the next friday",
    "2099-11-24T09:00": "local time",
    "2099-11-24T09:00Z": "UTC; +02:00 and the like are taken too (RFC 3339)",
    "@4099680000": "seconds since 1970",
}


def _times() -> Iterator[str]:
    yield from _filled("A duration (--timeout, --wait-timeout, --older-than and others):")
    yield ""
    yield from _rows(DURATIONS.items())
    yield ""
    yield from _filled("A time (--at):")
    yield ""
    yield from _rows(MOMENTS.items())
    yield ""
    yield from _filled(
        "A time in the past is refused, and so is what cannot be read as one. What was understood"
        " is printed on standard error. On a screen wmctl shows ages (3m12s, 2h05m, 4d), in JSON"
        " RFC 3339 in UTC."
    )


def _environment() -> Iterator[str]:
    yield from _filled(
        "An option wins over the variable, the variable over the files .wmctl.yaml (here or"
        " above), the user's and the system's config.yaml. wmctl config show --origin says what"
        " counts and where it comes from."
    )
    yield ""
    yield from _rows(_settings())
    yield ""
    yield from _rows(_OTHERS.items())
    yield ""
    yield from _filled("A job finds these, and of the worker's own variables only a few:")
    yield ""
    yield from _rows(_IN_JOBS.items())


def _settings() -> Iterator[tuple[str, str]]:
    """The variables of each setting; Windmill's own names without the prefix."""
    forced = {key: name for name, key in FORCED.items()}
    for key in KEYS:
        names = [f"WMCTL_{key.variable}", *([key.variable] if key.windmill else [])]
        names += [forced[key.name]] if key.name in forced else []
        yield ", ".join(names), f"{key.help} ({key.name})"


_OTHERS = {
    "WMCTL_CONFIG": "a file to read in place of .wmctl.yaml and the user's",
    "WMCTL_DEBUG": "1: a fault of wmctl's own is shown with its traceback",
    "XDG_STATE_HOME, XDG_CACHE_HOME, XDG_CONFIG_HOME": "where the default spool, the cache and"
    " the user's config.yaml are",
    "NO_COLOR, CLICOLOR, CLICOLOR_FORCE, FORCE_COLOR, TERM": "colours of tables",
    "TMPDIR": "where job folders are made",
}

_IN_JOBS = {
    "WM_JOB_ID": "the job's id",
    "WM_ATTEMPT": "1 at the first start",
    "WM_TAG, WM_WORKER, WM_WORKER_GROUP": "where it runs",
    "WM_WORKSPACE": "its workspace",
    "WM_SCHEDULED_FOR": "when it was to start at the earliest",
}


def _selectors() -> Iterator[str]:
    yield from _filled("A job is named by")
    yield ""
    yield from _rows([
        ("ID", "its whole id, or an ending or beginning of four digits or more that no other has"),
        ("@1", "the job that you submitted last to this spool; @2 the one before, up to @9"),
        ("name:TEXT", "its name (-N): the unfinished one; if there is none, the newest"),
        ("key:TEXT", "its key (--key), likewise"),
        ("-", "ids on standard input: wmctl ps -o id -t gpu | wmctl cancel -"),
    ])  # fmt: skip
    yield ""
    yield from _filled(
        "Jobs are chosen by options, in ps and in the commands that act on jobs. Of one option"
        " that is given several times any may fit; of several options each must."
    )
    yield ""
    yield from _rows(_selecting())
    yield ""
    yield from _filled(
        "More than one job that is to be changed is asked for on a terminal; elsewhere -y must be"
        " given. -n shows the jobs and changes none."
    )


def _selecting() -> Iterator[tuple[str, str]]:
    """The options that `ps` shares with `cancel`; those of all commands left out."""
    from wmctl.cli.manual import tree  # it imports commands

    shown, acting = (tree.one(name) for name in ("ps", "cancel"))
    common = {"--spool", "--help", "--output"}
    for option in shown.options:
        if option in acting.options and not common & set(option.names):
            yield " ".join(filter(None, (", ".join(option.names), option.value))), option.help


TOPICS: Mapping[str, Callable[[], Iterator[str]]] = {
    "exit-codes": _exit_codes,
    "formats": _formats,
    "times": _times,
    "environment": _environment,
    "selectors": _selectors,
}


def _filled(text: str) -> list[str]:
    lines: list[str] = []
    for part in text.replace("`", "").strip().split("\n\n"):
        lines += ["", *textwrap.wrap(part, _WIDTH, break_on_hyphens=False)]
    return lines[1:]


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Two columns; a first cell that is too long for its column has a line of its own."""
    table = list(rows)
    wide = min(max((len(first) for first, _ in table), default=0) + 4, _INDENT)
    indent = " " * wide
    for first, text in table:
        lead = f"  {first}".ljust(wide)
        if lead.endswith(first):
            yield from textwrap.wrap(
                first, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
            lead = indent
        yield from textwrap.wrap(
            text.replace("`", ""), _WIDTH, initial_indent=lead, subsequent_indent=indent,
            break_on_hyphens=False,
        )  # fmt: skip
