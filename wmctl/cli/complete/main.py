"""`wmctl __complete SHELL WORD…`: the entry that the shells' scripts call at each TAB."""

import sys
from collections.abc import Sequence

from wmctl.cli import output


def run(words: Sequence[str]) -> int:
    """Print the answers; whatever goes wrong, a TAB says nothing of it."""
    try:
        shell, *rest = words
        described = shell in {"zsh", "fish"}
        from wmctl.cli.complete.answer import answers  # within what is caught

        for word, about in answers(rest, described=described):
            text = output.safe(f"{word}\t{about}" if described and about else word, keep="\t")
            output.line(text)
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - see above
        return 1
    return 0
