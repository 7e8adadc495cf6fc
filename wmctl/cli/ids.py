"""Job ids on the command line: whole, or a unique ending or beginning; `-` is standard input."""

from collections.abc import Iterable, Iterator

from wmctl.cli import inputs
from wmctl.cli.jobview import JobView, view
from wmctl.errors import JobNotFound
from wmctl.spool import Entry, Spool


def words_of(ids: Iterable[str]) -> Iterator[str]:
    """The ids, those of standard input in the place of `-`."""
    for word in ids:
        if word == "-":
            yield from inputs.text_of(inputs.read_stdin("ids"), "ids").split()
        else:
            yield word


def find_all(spool: Spool, ids: Iterable[str]) -> list[Entry]:
    """The jobs, none where `-` is empty; JobNotFound at the first one that is not there."""
    return [spool.find(word) for word in words_of(ids)]


def find_view(spool: Spool, word: str) -> JobView:
    """One job with everything that is known about it."""
    found = view(spool, spool.find(word))
    if found is None:
        raise JobNotFound(f"job {word} has just been pruned")
    return found
