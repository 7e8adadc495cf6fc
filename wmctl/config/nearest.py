"""The word that was meant, of those that are known; the one place that guesses."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like this one; None where none is much like it."""
    by_case = {name.lower(): name for name in known}
    if not by_case:
        return None
    from difflib import get_close_matches  # only on the way out

    found = get_close_matches(word.lower(), by_case, 1, cutoff)
    return by_case[found[0]] if found else None
