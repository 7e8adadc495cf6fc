"""`wmctl status` for people: on a terminal one screen, however much is the matter."""

from collections.abc import Iterator, Sequence

from wmctl.cli import output, tables
from wmctl.cli.confirm import counted
from wmctl.cli.lists import age
from wmctl.cli.tables import Column, Item

_COLOURS = {"good": "green", "degraded": "yellow", "down": "red"}
_MORE = "wmctl status | less"
#: Of a terminal's lines, those of the shell, and the fewest that tags and problems get.
_PROMPT, _LEAST = 2, 6


def screen(facts: Item) -> Iterator[str]:
    """Its lines; into a pipe nothing is left out."""
    columns, lines = _size()
    head = list(_head(facts))
    room = lines - _PROMPT - sum(_height(text, columns) for text in head)
    below = _told(facts["problems"], "!") + _told(facts["notes"], "-")
    rows = sorted((one for one in facts["tags"] if _has_jobs(one)), key=_rank)
    share = max(room - 1 - sum(_height(text, columns) for part in below for text in part), _LEAST)
    shown = rows if len(rows) + 2 <= share else rows[: share - 3]
    yield from head
    if shown:
        yield ""
        yield from tables.lines(sorted(shown, key=lambda one: str(one["tag"])), _COLUMNS)
        room -= len(shown) + 2
    if len(shown) < len(rows):
        yield f"... and {len(rows) - len(shown)} more: {_MORE}"
        room -= 1
    if below:
        yield ""
        yield from _fitting(below, max(room - 1, _LEAST), columns)


def _size() -> tuple[int, int]:
    """Columns and lines; without end where nobody looks at a screen."""
    from shutil import get_terminal_size  # typer has it already

    if not output.on_terminal():
        return 10**9, 10**9
    found = get_terminal_size((80, 24))
    return found.columns, found.lines


def _height(text: str, columns: int) -> int:
    return max(-(-tables.width(text) // columns), 1)


def _told(items: Sequence[Item], sign: str) -> list[tuple[str, str]]:
    return [
        (output.safe(f"{sign} {one['text']}"), output.safe(f"    {one['fix']}")) for one in items
    ]


def _fitting(parts: Sequence[tuple[str, str]], room: int, columns: int) -> Iterator[str]:
    for number, part in enumerate(parts):
        room -= sum(_height(text, columns) for text in part)
        left = len(parts) - number
        if room < (1 if left > 1 else 0) and number:
            yield f"... and {left} more: {_MORE}"
            return
        yield from part


def _rank(tag: Item) -> tuple[int, str]:
    return -tag["waiting"] - tag["running"], str(tag["tag"])


def _head(facts: Item) -> Iterator[str]:
    word = facts["status"]
    yield f"{output.colour(word, _COLOURS[word])}: {output.safe(_sentence(facts))}"
    yield ""
    where = facts["spool"]
    space = ""
    if where["free_bytes"] is not None:
        space = f", {where['free_bytes'] / (1 << 30):,.1f} GiB free"
    yield f"spool    {output.safe(where['path'])} ({where['file_system']}{space})"
    states = ", ".join(f"{count} {state}" for state, count in facts["workers"]["states"].items())
    dead = facts["workers"]["dead"]
    alive = f"{facts['workers']['alive']} alive" + (f": {states}" if states else "")
    yield f"workers  {output.safe(alive)}" + (f"; {dead} dead" if dead else "")
    if facts["groups"]:
        yield f"groups   {output.safe(', '.join(map(_group, facts['groups'])))}"
    yield (
        f"jobs     {facts['waiting']} waiting, {facts['later']} for later,"
        f" {facts['running']} running, {facts['suspended']} suspended, {facts['held']} held,"
        f" {facts['quarantined']} quarantined"
    )
    yield (
        f"ended    {facts['ended_last_hour']} in the last hour,"
        f" {facts['failures_last_hour']} of them in failure"
    )


def _group(one: Item) -> str:
    """`gpu 3`; where an alert asks for some `gpu 3 (min 4)`."""
    more = [f"min {one['threshold']}"] if one["threshold"] else []
    more += ["paused"] if one["paused"] else []
    return f"{one['group']} {one['alive']}" + (f" ({', '.join(more)})" if more else "")


def _sentence(facts: Item) -> str:
    """The first line: what is the matter, or that nothing is."""
    waits = facts["waiting"] + facts["later"] + facts["suspended"]
    if facts["status"] == "down":
        return "no worker is alive, and " + (
            f"{counted(waits, 'job waits', 'jobs wait')}" if waits else "nothing waits"
        )
    if facts["problems"]:
        return str(facts["problems"][0]["text"])
    return f"{counted(facts['workers']['alive'], 'worker')}, {facts['running']} running" + (
        f", {counted(waits, 'job waits', 'jobs wait')}" if waits else ", nothing waits"
    )


def _has_jobs(tag: Item) -> bool:
    return bool(tag["waiting"] or tag["later"] or tag["running"] or tag["paused"])


def _oldest(tag: Item) -> str:
    return "" if tag["oldest_wait"] is None else age(tag["oldest_wait"])


_COLUMNS = (
    Column("TAG", lambda tag: tag["tag"], shrink=1),
    Column("WAITING", lambda tag: str(tag["waiting"])),
    Column("LATER", lambda tag: str(tag["later"])),
    Column("RUNNING", lambda tag: str(tag["running"])),
    Column("OLDEST", _oldest),
    Column("WORKERS", lambda tag: str(tag["workers"])),
    Column("REASON", lambda tag: tag["reason"] or ""),
)
