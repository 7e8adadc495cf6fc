"""Job ids on the command line: whole, a unique ending or beginning, `@1`, `name:…`, `key:…`, `-`.

`@1` is the job that this user submitted last to this spool, `-` stands for ids on standard input.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from wmctl.cli import inputs, recent
from wmctl.cli.jobview import JobView, view
from wmctl.errors import BadInput, JobNotFound, MalformedJob
from wmctl.spool import OUTCOMES, WAITING, Entry, Job, Spool


def words_of(ids: Iterable[str]) -> Iterator[str]:
    """The ids, those of standard input in the place of `-`."""
    for word in ids:
        if word == "-":
            yield from inputs.text_of(inputs.read_stdin("ids"), "ids").split()
        else:
            yield word


def find(spool: Spool, word: str) -> Entry:
    """The one job that a word of the command line names."""
    kind, colon, text = word.partition(":")
    if word.startswith("@"):
        return spool.find(_recalled(spool, word))
    if colon and kind == "name":
        return _only(spool, word, lambda job: job.name == text)
    if colon and kind == "key":
        return _only(spool, word, lambda job: job.key == text)
    return spool.find(word)


def find_all(spool: Spool, ids: Iterable[str]) -> list[Entry]:
    """The jobs, none where `-` is empty; JobNotFound at the first one that is not there."""
    return [find(spool, word) for word in words_of(ids)]


def find_view(spool: Spool, word: str) -> JobView:
    """One job with everything that is known about it."""
    found = view(spool, find(spool, word))
    if found is None:
        raise JobNotFound(f"job {word} has just been pruned")
    return found


def _recalled(spool: Spool, word: str) -> str:
    if not re.fullmatch(rf"@[1-{recent.KEPT}]", word):
        raise BadInput(
            f"{word[:60]!r} is not one of @1 to @{recent.KEPT}",
            hint="@1 is the job that you submitted last, @2 the one before",
        )
    found = recent.recall(str(spool.path), int(word[1:]))
    if found is None:
        number = int(word[1:])
        what = "no job" if number == 1 else f"fewer than {number} jobs"
        raise JobNotFound(
            f"{word}: you have submitted {what} to {spool.path} from this account",
            hint="wmctl ps -a lists all jobs",
        )
    return found


def _only(spool: Spool, word: str, fits: Callable[[Job], bool]) -> Entry:
    """The unfinished job that fits; where there is none, the one that was submitted last."""
    found = list(_fitting(spool, spool.entries(WAITING), fits))
    if len({entry.id for entry in found}) > 1:
        some = ", ".join(sorted({entry.id for entry in found})[:4])
        raise BadInput(
            f"{word!r} fits {len(found)} unfinished jobs: {some}", hint="give the id of one of them"
        )
    if found:
        return found[0]
    ended = sorted(spool.entries(OUTCOMES), key=lambda entry: entry.id, reverse=True)
    last = next(_fitting(spool, ended, fits), None)
    if last is None:
        raise JobNotFound(f"no job {word}", hint="wmctl ps -a lists all jobs")
    return last


def _fitting(
    spool: Spool, entries: Iterable[Entry], fits: Callable[[Job], bool]
) -> Iterator[Entry]:
    for entry in entries:
        try:
            if fits(spool.job(entry)):
                yield entry
        except (FileNotFoundError, MalformedJob):
            continue  # it moved on, or nobody can read it
